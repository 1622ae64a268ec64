"""What all meta-learners over a network's weights share: states, batches of tasks in pieces, adapting and scoring."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import torch
from torch import Tensor

from metanas.errors import InputError
from metanas.evaluation.fast_convolution import keep_freed_memory
from metanas.interfaces import MetaLearner, State
from metanas.meta.batch import Batch as Batch
from metanas.meta.batch import Judged as Judged
from metanas.meta.batch import Outcome as Outcome
from metanas.meta.batch import Tasks as Tasks
from metanas.meta.inner import InnerLoop, Support
from metanas.meta.loss import loss_of
from metanas.meta.outer import Adam, Outer, annealed
from metanas.meta.parallel import in_threads, threads_to_share
from metanas.meta.settings import MetaSettings
from metanas.meta.together import GraphModel, Model, Named
from metanas.spaces.graph import Graph
from metanas.tasks.data import Kind
from metanas.tasks.few_shot import stack

TOGETHER = 4
"""Tasks in one piece on a CPU, or half of them where there are fewer than eight: more save nothing, one piece leaves cores idle."""
QUERIES_TOGETHER = 128
"""Queries that are computed together on a CPU, about; fewer only where one task has fewer."""

Result = TypeVar("Result")


def tasks_together(tasks: int, device: str, batching: str = "auto") -> int:
    """Of how many ``tasks`` a piece is that is computed together on a type of device."""
    fitting = max(1, min(TOGETHER, tasks // 2)) if device == "cpu" else tasks
    return {"loop": 1, "all": tasks}.get(batching, fitting)


class EpisodeLearner(MetaLearner):
    """A method that learns where to start from, so that a few gradient steps on a task's support serve its queries.

    A state has ``step`` (outer steps so far), ``theta`` (what is learned: weights by name and whatever a method adds), ``moments`` of the
    outer optimiser and ``last``: mean ``loss`` and ``accuracy`` (or ``rmse``) over the last batch's queries after adapting. Batch
    normalisation takes the statistics of the examples that are computed together, support or queries of one task (transductive, as in
    MAML's experiments).

    Args:
        model: the network as a function of its weights.
        kind: of the tasks.
        settings: of the method.

    Attributes:
        name: in the registry.
        takes: what it is made from: a graph, or a space.
        defaults: of the method's settings where they differ, and of those that not every method has.
    """

    name: ClassVar[str]
    takes: ClassVar[Literal["graph", "space"]] = "graph"
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, model: Model, kind: Kind, settings: MetaSettings) -> None:
        self.model, self.kind, self.settings = model, kind, settings
        self.loss = loss_of(kind)
        self.score_name = "accuracy" if kind == "classification" else "rmse"
        self.outer = self.outer_optimiser()

    # -- what a method is ----------------------------------------------------------------------------------------------

    @abstractmethod
    def outcome(self, theta: Named, batch: Batch, progress: float, draw: int) -> Outcome:
        """What some tasks say of the meta-parameters.

        Args:
            theta: meta-parameters.
            batch: a few tasks.
            progress: share of the training that is over.
            draw: a number of its own for these tasks in this step, for methods that draw at random.
        """

    @abstractmethod
    def adapted(self, theta: Named, batch: Batch) -> Named:
        """Weights ``(tasks, ...)`` in the model's shapes, adapted to the supports in as many steps as at test time."""

    def fresh(self, weights: Named) -> Named:
        """Meta-parameters from a network's fresh weights."""
        return weights

    def outer_optimiser(self) -> Outer:
        """Of the meta-parameters."""
        return Adam()

    @property
    def graph(self) -> Graph:
        """Of the network.

        Raises:
            AttributeError: if the model is of something else than a graph.
        """
        if not isinstance(self.model, GraphModel):
            raise AttributeError("this learner's model has no graph")
        return self.model.graph

    # -- the interface -------------------------------------------------------------------------------------------------

    def init(self, seed: int) -> State:
        """A fresh start."""
        keep_freed_memory()
        theta = self.fresh(self.model.init(seed))
        return {"step": 0, "seed": seed, "theta": theta, "moments": self.outer.init(theta), "last": {}}

    def update(self, state: State, tasks: Tasks | Sequence[Any], *, progress: float = 0.0) -> State:
        """One outer step over a batch of tasks; ``state`` stays as it was.

        Args:
            state: from :meth:`init` or an earlier update.
            tasks: stacked episodes, or a sequence of episodes of the same sizes.
            progress: share of the training that is over, in [0, 1]; what is annealed follows it.
        """
        batch, theta = self._batch(tasks), state["theta"]
        drawn = state["step"] * len(batch)
        rate = annealed(self.settings.outer_rate, self.settings.outer_end, progress)
        with threads_to_share() as threads:
            found = self._in_pieces(batch, lambda piece, first: self.outcome(theta, piece, progress, drawn + first), threads)
            gradient = {name: torch.stack([o.gradient[name] for o in found]).sum(0).div_(len(batch)) for name in theta}
            theta, moments = self.outer.step(theta, gradient, state["moments"], rate)
        losses, scores = torch.cat([o.losses for o in found]), torch.cat([o.scores for o in found])
        last = {"loss": float(losses.mean()), self.score_name: float(scores.mean())}
        return {**state, "step": state["step"] + 1, "theta": theta, "moments": moments, "last": last}

    def adapt(self, state: State, task: Tasks) -> State:
        """The network's weights adapted to one task's support: ``{"weights": {name: tensor}}``."""
        with torch.no_grad():
            weights = self.model.gather(self.adapted(state["theta"], self._batch([task])))
        return {"weights": {name: w[0] for name, w in weights.items()}}

    def predict(self, adapted: State, x: Tensor) -> Tensor:
        """Raw outputs ``(examples, outputs)`` of the adapted network for ``x`` ``(examples, *input)``: logits or standardised values."""
        with torch.no_grad():
            weights = self.model.spread(adapted["weights"], 1)
            return self.model.run(weights, self.model.inputs(x.unsqueeze(0))).outputs[0]

    def evaluate(self, state: State, tasks: Tasks | Sequence[Any]) -> dict[str, Tensor]:
        """``loss`` and ``accuracy`` (or ``rmse``) on each task's queries after adapting to its support, ``(tasks,)`` each."""
        judged = self._judged(state, tasks)
        return {"loss": torch.cat([j.losses for j in judged]), self.score_name: torch.cat([j.scores for j in judged])}

    def outputs(self, state: State, tasks: Tasks | Sequence[Any]) -> Tensor:
        """Raw outputs for each task's queries after adapting to its support, ``(tasks, queries, outputs)``."""
        return torch.cat([j.outputs for j in self._judged(state, tasks)])

    def check(self, state: State) -> None:
        """Refuse a state of another method or network.

        Raises:
            InputError: saying so.
        """
        expected = {name: tuple(p.shape) for name, p in self.fresh(self.model.init(0)).items()}
        theta = state.get("theta")
        if not isinstance(theta, Mapping) or {name: tuple(p.shape) for name, p in theta.items()} != expected:
            raise InputError(
                "the checkpoint is of another architecture or another method; use the one that it was trained with, or start anew"
            )

    # -- pieces of methods ---------------------------------------------------------------------------------------------

    @property
    def loop(self) -> InnerLoop:
        """The inner loop over the whole network."""
        return InnerLoop(self.model, self.loss)

    def support(self, batch: Batch) -> Support:
        """The tasks' supports."""
        return Support(self.model.inputs(batch.x_support), batch.y_support)

    def judge(self, weights: Named, batch: Batch, *, gradient: bool = True) -> Judged:
        """The tasks' query loss with these weights ``(tasks, ...)``, and its gradient; a few tasks at a time."""
        together = len(batch)
        if batch.x_query.device.type == "cpu" and self.settings.batching != "all":
            together = max(1, QUERIES_TOGETHER // max(1, batch.x_query.shape[1]))
        parts = []
        for first in range(0, len(batch), together):
            part = batch.part(first, first + together)
            own = {name: w[first : first + together] for name, w in weights.items()}
            ran = self.model.run(own, self.model.inputs(part.x_query))
            outputs = ran.outputs
            found = ran.gradient(self.loss.gradient(outputs, part.y_query)) if gradient else {}
            parts.append(Judged(found, self.loss.values(outputs, part.y_query), self.loss.score(outputs, part.y_query), outputs))
        whole = {name: torch.cat([p.gradient[name] for p in parts]) for name in parts[0].gradient}
        losses, scores, outputs = (torch.cat([getattr(p, what) for p in parts]) for what in ("losses", "scores", "outputs"))
        return Judged(whole, losses, scores, outputs)

    def summed(self, v: Mapping[str, Tensor]) -> Named:
        """Gradients ``(tasks, ...)`` in the model's shapes, summed over the tasks, in the shapes of the network."""
        return {name: w[0] for name, w in self.model.gather({name: w.sum(0, keepdim=True) for name, w in v.items()}).items()}

    # -- batches -------------------------------------------------------------------------------------------------------

    def _batch(self, tasks: Tasks | Sequence[Any]) -> Batch:
        tasks = stack(tasks) if isinstance(tasks, Sequence) else tasks
        x, y, x_query, y_query = (
            torch.as_tensor(a).to(self.model.device) for a in (tasks.x_support, tasks.y_support, tasks.x_query, tasks.y_query)
        )
        if y.is_floating_point():
            y, y_query = y.to(self.model.dtype), y_query.to(self.model.dtype)
        return Batch(x, y, x_query, y_query)

    def _in_pieces(self, batch: Batch, function: Callable[[Batch, int], Result], threads: int | None = None) -> list[Result]:
        """``function`` of a few tasks at a time and the number of the first; in so many threads, or as many as PyTorch may use."""
        if threads is None:
            with threads_to_share() as threads:
                return self._in_pieces(batch, function, threads)
        together = tasks_together(len(batch), self.model.device.type, self.settings.batching)

        def run(first: int) -> Result:
            with torch.no_grad():
                return function(batch.part(first, first + together), first)

        firsts = range(0, len(batch), together)
        return in_threads(run, firsts, threads if self.model.device.type == "cpu" else 1)

    def _judged(self, state: State, tasks: Tasks | Sequence[Any]) -> list[Judged]:
        theta = state["theta"]
        return self._in_pieces(self._batch(tasks), lambda piece, _: self.judge(self.adapted(theta, piece), piece, gradient=False))
