"""What all one-shot methods share: a supernet as a pure function of weights and a mixture, training its weights, and a record of the way.

Notation of this room: ``w`` are the shared weights, ``a`` the choices (logits, a controller), L_train and L_val the mean losses of a batch
of training and validation examples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from metanas.errors import InputError
from metanas.evaluation.fast_convolution import keep_freed_memory, mixed_precision
from metanas.evaluation.loss import loss_function
from metanas.evaluation.recipe import BETAS
from metanas.interfaces import OneShot, State
from metanas.networks.supernet import Supernet
from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import Mixture
from metanas.oneshot.diagnosis import POINTS, UNDECIDED, Point, collapse, count_skips, is_collapsed, noted, skips
from metanas.oneshot.optimisers import Named, adam, clipped
from metanas.spaces import Architecture, Space
from metanas.spaces.architecture import digest
from metanas.spaces.narrowing import supernet_space

CLIP = 5.0
"""Largest norm of the gradient of all shared weights together (as DARTS' code has it)."""
ROUNDS = 20
"""Steps that each option of a decision should have had before inherited weights say which is better."""
_FADE = 0.05


class SupernetMethod(OneShot):
    """A method that trains a supernet, one step of its choices and one of its weights per update.

    A state has ``seed`` and ``step``, ``weights`` and their ``moments``, ``choices`` (whatever a method learns), the moving ``loss`` and
    ``validation_loss``, and the ``points`` of its way with ``messages`` in words. Nothing is drawn from generators that live on: random
    numbers are a function of the seed and the step.

    Collapse: fifty times on its way the choices are decoded and their skip connections counted. When these are two or more and half of
    those on offer, :meth:`messages` says so and :meth:`decode` gives an architecture from before first, the present one next: the last
    one, or the best where :func:`metanas.oneshot.search.settled` has compared them, with the weights that the last sound point had
    (``sound``; None before there is one).

    Args:
        brief: space and task.
        training: of the shared weights.

    Raises:
        InputError: if the space has nothing that a supernet could leave open, or the supernet would not fit in memory.
    """

    strategy: str | None = None
    """The strategy that searches on inherited weights for the answer; None where the choices themselves say it."""
    whole: bool = True
    """Whether a step computes all options (for the estimate of memory), not single paths."""
    graphs: int = 1
    """How many times what a pass keeps for its gradient a step holds at once (for the estimate of memory)."""
    collapses: bool = True
    """Whether skip connections may drive the other options out of the training; else a share of them says nothing."""
    judged: int = 0
    """How many decoded architectures are compared on inherited weights before one is the answer; 0 where decoding has the last word."""

    def __init__(self, brief: OneShotBrief, training: WeightTraining = WEIGHTS) -> None:
        self.brief, self.training = brief, training
        self.space = supernet_space(brief.space)[0]
        self.supernet = self._build(0).to(brief.device)
        self.decisions = tuple(d for d in self.space.decisions if len(d.options) > 1)
        self.skips = skips(self.space) if self.collapses else {}
        weights = None if brief.class_weights is None else torch.as_tensor(np.asarray(brief.class_weights), device=brief.device)
        self._train_loss = loss_function(brief.kind, brief.label_smoothing, weights)
        self._val_loss = loss_function(brief.kind)
        operations = {name for node in self.space.nodes for name in node.options}
        self._mixed = brief.kind == "classification" and bool(operations & {"conv", "sep_conv"}) and not operations & {"rnn", "lstm", "gru"}

    # -- what a method is ----------------------------------------------------------------------------------------------

    @abstractmethod
    def fresh_choices(self, rng: np.random.Generator) -> State:
        """The choices before any step."""

    @abstractmethod
    def learn_choices(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[State, float | None]:
        """The choices after a step, and the validation loss that was seen (None if none was)."""

    @abstractmethod
    def draw(self, choices: State, step: int, progress: float, rng: np.random.Generator) -> Mixture:
        """The mixture with which the shared weights are trained in a step."""

    @abstractmethod
    def candidates(self, state: State, n: int) -> list[Architecture]:
        """Up to ``n`` distinct architectures within the space's limits, best first, as the choices are now."""

    @abstractmethod
    def numbers(self, state: State) -> dict[str, float]:
        """What a method adds to :meth:`diagnosis`; an ``entropy`` in nats among it where choices are chances."""

    def begins(self) -> float:
        """The share of the schedule from which on the choices are learned."""
        return 0.0

    @classmethod
    def trained_space(cls, space: Space) -> Space:
        """The space that the supernet is of: ``space`` (narrowed), unless a method trains another with the same decisions."""
        return space

    # -- the loop ------------------------------------------------------------------------------------------------------

    def init(self, seed: int) -> State:
        """Fresh weights and choices."""
        keep_freed_memory()
        drawn = self._build(seed).to(self.brief.device).named_parameters()
        weights = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in drawn}
        choices = self.fresh_choices(np.random.default_rng([seed, 0]))
        empty: State = {"moments": {}, "loss": None, "validation_loss": None, "points": [], "messages": [], "sound": None}
        return {"space": self._key, "seed": seed, "step": 0, "weights": weights, "choices": choices, **empty}

    def update(self, state: State, batch: Mapping[str, Any]) -> State:
        """One step of the choices (from when they are learned) and one of the weights; ``state`` stays as it was."""
        step, progress = int(state["step"]), float(batch["progress"])
        rng = np.random.default_rng([state["seed"], 1 + step])
        devices = [torch.device(self.brief.device)] if torch.device(self.brief.device).type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(rng.integers(2**62)))  # dropout draws from the default generator
            choices, seen = self.learn_choices(state, batch, rng) if progress >= self.begins() else (state["choices"], None)
            mixture = self.draw(choices, step, progress, rng)
            gradients, loss = self.weight_gradients(state["weights"], mixture, batch)
        weights, moments = self.step(state["weights"], gradients, state["moments"], progress)
        new: State = {**state, "step": step + 1, "weights": weights, "moments": moments, "choices": choices}
        new["loss"] = _moving(state["loss"], float(loss))
        new["validation_loss"] = state["validation_loss"] if seen is None else _moving(state["validation_loss"], seen)
        return self._noted(new, progress)

    def step(self, weights: Named, gradients: Named, moments: State, progress: float) -> tuple[Named, State]:
        """The shared weights after one step against ``gradients``, and the optimiser's moments."""
        settings = self.training
        rate = settings.rate_at(progress)
        return adam(weights, clipped(gradients, CLIP), moments, rate=rate, betas=BETAS, decay=settings.decay, decoupled=True)

    def decode(self, state: State, n: int) -> list[Architecture]:
        """Up to ``n`` distinct architectures, best first; after a collapse the one from before it leads."""
        found = self.candidates(state, n + 1)
        if (way_out := self.way_out(state)) is not None:
            found = [self.space.architecture(way_out["architecture"]), *found]
        return list({a.key: a for a in found}.values())[:n]

    def learned(self, state: State) -> bool:
        """Whether the answers are more than chance: choices have been learned and are not all but open; where inherited weights decide,
        whether the options of every decision have had :data:`ROUNDS` steps each."""
        if self.strategy is not None or self.judged:
            return bool(state["step"] >= ROUNDS * max(len(d.options) for d in self.decisions))
        begun = bool(state["points"]) and state["points"][-1]["progress"] >= self.begins()
        return begun and self.numbers(state).get("entropy_share", 0.0) <= UNDECIDED

    def ways_out(self, state: State) -> list[Point]:
        """The points before a collapse that could be taken, the latest first; none without a collapse."""
        return collapse(state["points"], self.begins())[0]

    def way_out(self, state: State) -> Point | None:
        """The one of them that is taken: which was found the best (``state["way_out"]``, a step), else the last."""
        before = self.ways_out(state)
        return next((p for p in before if p["step"] == state.get("way_out")), before[0] if before else None)

    def diagnosis(self, state: State) -> dict[str, float]:
        """``step``, moving ``loss`` and ``validation_loss`` (once there are some), ``skips`` of the decoded architecture (how many, and as
        ``skip_share`` of those on offer), ``collapsed`` (0 or 1), and what the method adds, e.g. ``entropy`` (mean over the decisions,
        nats) and ``entropy_share`` (of the largest possible)."""
        _, after = collapse(state["points"], self.begins())
        return {**self._seen(state, self.candidates(state, 1)[0]), "collapsed": float(after is not None)}

    def history(self, state: State) -> list[dict[str, Any]]:
        """The diagnosis over time, at most fifty times, each with ``progress`` and the decoded ``architecture`` (choices)."""
        return [dict(point) for point in state["points"]]

    def messages(self, state: State) -> list[str]:
        """What happened on the way that a user should know, in words; the list only grows."""
        return list(state["messages"])

    def check(self, state: State) -> None:
        """Refuse a state of another method or space.

        Raises:
            InputError: saying so.
        """
        shapes = {name: tuple(value.shape) for name, value in self.supernet.named_parameters()}
        if state.get("space") != self._key or {name: tuple(v.shape) for name, v in state["weights"].items()} != shapes:
            raise InputError("the checkpoint is of another one-shot method or another space; give the folder of this search, or start anew")

    # -- the supernet as a function ------------------------------------------------------------------------------------

    def outputs(self, weights: Mapping[str, Tensor], mixture: Mixture, x: Tensor, *, exact: bool = False) -> Tensor:
        """Raw outputs ``(batch, outputs)``, in float32 or wider; ``exact`` keeps the weights' own precision throughout."""
        live = {name: value if value.dim() != 4 else value.contiguous(memory_format=torch.channels_last) for name, value in weights.items()}
        precision: AbstractContextManager[object] = mixed_precision(x.device.type) if self._mixed and not exact else nullcontext()
        with precision:
            raw: Tensor = functional_call(self.supernet, live, (x, mixture))
        return raw if raw.dtype == torch.float64 else raw.float()

    def weight_gradients(self, weights: Named, mixture: Mixture, batch: Mapping[str, Any]) -> tuple[Named, Tensor]:
        """The gradient of L_train in the weights that have a part in it, and L_train."""
        live = {name: value.detach().requires_grad_() for name, value in weights.items()}
        loss = self.training_loss(live, {name: value.detach() for name, value in mixture.items()}, batch)
        found = torch.autograd.grad(loss, list(live.values()), allow_unused=True)
        # As files have them: a state that was loaded must go on to the last bit like one that was kept.
        return {name: g.contiguous() for name, g in zip(live, found, strict=True) if g is not None}, loss.detach()

    def training_loss(self, weights: Named, mixture: Mixture, batch: Mapping[str, Any], *, exact: bool = False) -> Tensor:
        """L_train, with label smoothing and class weights."""
        return self._train_loss(self.outputs(weights, mixture, batch["x"], exact=exact), batch["y"])

    def validation_loss(self, weights: Named, mixture: Mixture, batch: Mapping[str, Any], *, exact: bool = False) -> Tensor:
        """L_val, without label smoothing or class weights."""
        return self._val_loss(self.outputs(weights, mixture, batch["x_val"], exact=exact), batch["y_val"])

    def path(self, architecture: Architecture) -> dict[str, Tensor]:
        """The mixture that is one architecture."""
        return {name: value.to(self.brief.device) for name, value in self.supernet.path(architecture).items()}

    def inherit(self, state: State, architecture: Architecture) -> Named:
        """The state of ``build_network(space.graph(architecture))`` with the shared weights, as copies.

        Raises:
            InputError: if the shared weights are of other networks than the space's (see :meth:`trained_space`).
            ValueError: if it is no architecture of :attr:`space`.
        """
        if self.trained_space(self.space).nodes != self.space.nodes:
            name = self.space.name
            raise InputError(
                f"this method's shared weights are not for the networks of space {name}, so none inherits them; choose another method"
            )
        return self.supernet.inherit(architecture, state["weights"])

    # -- inside --------------------------------------------------------------------------------------------------------

    def _build(self, seed: int) -> Supernet:
        brief = self.brief
        return Supernet(self.trained_space(self.space), input_mean=brief.input_mean, input_std=brief.input_std, seed=seed)

    @cached_property
    def _key(self) -> str:
        """Of method and space: what a checkpoint must be of."""
        decisions = [[d.name, list(d.options), [list(map(str, term)) for term in d.when.terms]] for d in self.space.decisions]
        return digest([type(self).__name__, self.space.name, self.space.shape.to_json(), decisions])

    def _seen(self, state: State, decoded: Architecture) -> dict[str, float]:
        losses = {name: state[name] for name in ("loss", "validation_loss") if state[name] is not None}
        chosen, offered = count_skips(decoded, self.skips)
        counts = {"skips": chosen, "skip_share": chosen / offered if offered else 0.0}
        return {"step": state["step"], **losses, **counts, **self.numbers(state)}

    def _noted(self, state: State, progress: float) -> State:
        """The state with a point of its way, where one is due."""
        if state["points"] and int(POINTS * progress) <= int(POINTS * state["points"][-1]["progress"]):
            return state
        decoded = self.candidates(state, 1)[0]
        point = {"progress": progress, **self._seen(state, decoded), "architecture": dict(decoded.as_dict)}
        points, messages = noted(state["points"], point, self.begins())
        new: State = {**state, "points": points, "messages": [*state["messages"], *messages]}
        return {**new, "sound": state["weights"]} if self.skips and not is_collapsed(point) else new


def _moving(old: float | None, new: float) -> float:
    return new if old is None else old + _FADE * (new - old)
