"""What learners share that meta-learn the weights and the logits of a supernet together; first order throughout.

Every inner step moves the weights of all options and the logits of all decisions by the gradient of one loss, with a step size for each
kind. Learners differ in the examples that the inner steps of training see, in the temperature of every step, and in the outer step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from metanas.errors import InputError
from metanas.interfaces import State
from metanas.meta.inner import Support
from metanas.meta.learner import Batch, EpisodeLearner, Tasks
from metanas.meta.outer import Outer
from metanas.meta.settings import MetaSettings
from metanas.meta.supernet_model import LOGITS, TEMPERATURE, SupernetModel
from metanas.meta.together import Model, Named
from metanas.networks.network import Network, build_network
from metanas.oneshot.optimisers import adam
from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import Graph
from metanas.tasks.data import Kind


@dataclass(frozen=True, eq=False)
class Decoded:
    """What comes of some tasks, ``(tasks,)`` each; scores are accuracies, or root mean squared errors.

    Args:
        architectures: the tasks' own.
        soft: scores of the mixture, as the last inner step had it.
        decoded: scores of the decoded networks with the adapted weights.
        alone: scores of the decoded networks adapted anew, each by itself, from the meta-learned weights.
    """

    architectures: tuple[Architecture, ...]
    soft: Tensor
    decoded: Tensor
    alone: Tensor


class SpaceLearner(EpisodeLearner):
    """A start for weights and logits, from which a task adapts both and decodes an architecture of its own.

    Besides the weights ``theta`` holds ``logits.<decision>`` and the ``temperature``, which is set and not learned; so do adapted weights,
    whose temperature is that of predictions.
    """

    takes: ClassVar[Literal["graph", "space"]] = "space"
    model: SupernetModel

    def __init__(self, model: Model, kind: Kind, settings: MetaSettings) -> None:
        if not isinstance(model, SupernetModel):
            raise InputError(f"the meta-learner {self.name!r} searches, so it takes a space and not a network; give a space")
        if settings.precision == "bfloat16":
            raise InputError(f"the meta-learner {self.name!r} computes in float32 or float64; leave out precision")
        super().__init__(model, kind, settings)

    @property
    def graph(self) -> Graph:
        """Of the space's plain network; it has the shapes of the tasks."""
        return self.model.graph

    # -- one task --------------------------------------------------------------------------------------------------------

    def decode(self, adapted: State) -> Architecture:
        """The architecture that an adapted task chooses: the likeliest option of every decision, within the space's limits."""
        return self.model.decode(adapted["weights"])

    def network(self, adapted: State) -> Network:
        """The decoded architecture as a network of its own, with the adapted weights."""
        mean, std = self.model.statistics
        network = build_network(self.model.space.graph(self.decode(adapted)), input_mean=mean, input_std=std, seed=0)
        network.load_state_dict(self.model.inherit(adapted["weights"], self.decode(adapted)))
        return network.to(self.model.device, self.model.dtype)

    def predict_decoded(self, adapted: State, x: Tensor) -> Tensor:
        """As :meth:`predict`, of the decoded network."""
        return self.predict({"weights": self._at(adapted["weights"], 0.0)}, x)

    # -- many tasks ------------------------------------------------------------------------------------------------------

    def evaluate(self, state: State, tasks: Tasks | Sequence[Any]) -> dict[str, Tensor]:
        """As of every learner, and ``decoded_accuracy`` (or ``decoded_rmse``): of the decoded networks with the adapted weights."""

        def both(piece: Batch, _: int) -> tuple[Tensor, Tensor, Tensor]:
            weights = self.adapted(state["theta"], piece)
            judged = self.judge(weights, piece, gradient=False)
            return judged.losses, judged.scores, self._scores(self._at(weights, 0.0), piece)

        columns = zip(*self._in_pieces(self._batch(tasks), both), strict=True)
        names = ("loss", self.score_name, f"decoded_{self.score_name}")
        return {name: torch.cat(column) for name, column in zip(names, columns, strict=True)}

    def compare(self, state: State, tasks: Tasks | Sequence[Any]) -> Decoded:
        """The mixtures, the networks decoded from them, and the same adapted anew by themselves, all on the tasks' queries."""

        def all_three(piece: Batch, _: int) -> Decoded:
            weights = self.adapted(state["theta"], piece)
            start = self.model.spread(state["theta"], len(piece))
            own = {name: weights[name] if name in self.model.logit_names else w for name, w in start.items()}
            steps = self.settings.steps_to_adapt
            again = self.descend(own, [self.support(piece)] * steps, [0.0] * steps)
            apart = ({name: weights[name][t] for name in self.model.logit_names} for t in range(len(piece)))
            views = (self._at(weights, self.soft(state["theta"])), self._at(weights, 0.0), self._at(again, 0.0))
            return Decoded(tuple(map(self.model.decode, apart)), *(self._scores(view, piece) for view in views))

        found = self._in_pieces(self._batch(tasks), all_three)
        scores = (torch.cat([getattr(part, name) for part in found]) for name in ("soft", "decoded", "alone"))
        return Decoded(tuple(a for part in found for a in part.architectures), *scores)

    # -- pieces of methods -----------------------------------------------------------------------------------------------

    def soft(self, theta: Named) -> float:
        """The temperature of an adapted task's last inner step."""
        return float(theta[TEMPERATURE])

    def outer_optimiser(self) -> Outer:
        """One for the weights, one for the logits."""
        weights, logits = self.outer_optimisers()
        return Apart(weights, logits, self.settings.logit_outer_rate / self.settings.outer_rate)

    def outer_optimisers(self) -> tuple[Outer, Outer]:
        """Of the weights and of the logits."""
        raise NotImplementedError

    def descend(self, weights: Named, supports: Iterable[Support], temperatures: Sequence[float], *, logits: bool = True) -> Named:
        """The weights after one step for each of ``supports``, at its temperature; without ``logits`` these stay as they are."""
        for support, temperature in zip(supports, temperatures, strict=True):
            weights = self._at(weights, temperature)
            fixed = {name: w for name, w in weights.items() if name == TEMPERATURE or (name.startswith(LOGITS) and not logits)}
            moving = {name: w for name, w in weights.items() if name not in fixed}
            rates = {name: self._rate(name, w, temperature) for name, w in moving.items()}
            weights = {**self.loop.step(moving, support, rates, fixed, twice=False).after, **fixed}
        return weights

    def _rate(self, name: str, w: Tensor, temperature: float) -> Tensor:
        """The logits' one is that of ``logits / temperature``, which the softmax sees: cold, they would be thrown about otherwise."""
        return w.new_tensor([self.settings.logit_inner_rate * temperature**2 if name.startswith(LOGITS) else self.settings.inner_rate])

    @staticmethod
    def _at(weights: Named, temperature: float) -> Named:
        return {**weights, TEMPERATURE: torch.full_like(weights[TEMPERATURE], temperature)}

    def _scores(self, weights: Named, piece: Batch) -> Tensor:
        return self.judge(weights, piece, gradient=False).scores


class Apart(Outer):
    """Weights and logits with an optimiser and a rate each; the temperature stays as it is.

    Args:
        weights, logits: the optimisers.
        ratio: of the logits' rate to that of the weights.
    """

    def __init__(self, weights: Outer, logits: Outer, ratio: float) -> None:
        self._parts, self._ratio = {"weights": weights, "logits": logits}, ratio

    def init(self, theta: Named) -> State:
        """Of both."""
        return {part: optimiser.init(self._of(part, theta)) for part, optimiser in self._parts.items()}

    def step(self, theta: Named, gradient: Named, state: State, rate: float) -> tuple[Named, State]:
        """New weights and logits."""
        new, states = dict(theta), {}
        for part, optimiser in self._parts.items():
            own = rate * (self._ratio if part == "logits" else 1.0)
            moved, states[part] = optimiser.step(self._of(part, theta), self._of(part, gradient), state[part], own)
            new.update(moved)
        return new, states

    @staticmethod
    def _of(part: str, tensors: Named) -> Named:
        return {n: t for n, t in tensors.items() if n != TEMPERATURE and n.startswith(LOGITS) == (part == "logits")}


class LogitAdam(Outer):
    """Adam as DARTS has it for logits: momentum of 0.5, and an L2 penalty.

    Args:
        decay: the penalty.
    """

    def __init__(self, decay: float = 1e-3) -> None:
        self._decay = decay

    def init(self, theta: Named) -> State:
        """Nothing yet."""
        return {}

    def step(self, theta: Named, gradient: Named, state: State, rate: float) -> tuple[Named, State]:
        """New logits and moments."""
        return adam(theta, gradient, state, rate=rate, betas=(0.5, 0.999), decay=self._decay)
