"""Meta-learners by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.meta.learner import EpisodeLearner
from metanas.meta.settings import MetaSettings, settings_of
from metanas.meta.supernet_model import SupernetModel
from metanas.meta.together import GraphModel, Model
from metanas.networks import Network
from metanas.spaces.graph import Graph
from metanas.spaces.space import Space
from metanas.tasks.data import Kind

_LEARNERS: dict[str, type[EpisodeLearner]] = {}
Learner = TypeVar("Learner", bound=type[EpisodeLearner])
_DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.float32}


def register_meta_learner(name: str) -> Callable[[Learner], Learner]:
    """Class decorator: ``--method name`` makes it.

    Raises:
        ValueError: if another class has that name.
    """

    def register(learner: Learner) -> Learner:
        known = _LEARNERS.setdefault(name, learner)
        if known.__qualname__ != learner.__qualname__:
            raise ValueError(f"a meta-learner named {name!r} exists already; choose another name")
        _LEARNERS[name] = learner
        learner.name = name
        return learner

    return register


def meta_learners() -> tuple[str, ...]:
    """Names of the known meta-learners."""
    return tuple(sorted(_LEARNERS))


def takes(name: str) -> Literal["graph", "space"]:
    """What the method is given: the graph of a network, or a space in which it chooses.

    Raises:
        InputError: if there is no such method.
    """
    return _class(name).takes


def default_settings(name: str, kind: Kind = "classification") -> MetaSettings:
    """A method's own settings for a kind of tasks.

    Raises:
        InputError: if there is no such method.
    """
    return settings_of(name, _class(name).defaults, {}, kind)


def make_meta_learner(
    name: str,
    subject: Graph | Network | Space,
    *,
    kind: Kind = "classification",
    input_mean: NDArray[np.float32] | None = None,
    input_std: NDArray[np.float32] | None = None,
    device: str = "cpu",
    **settings: Any,
) -> EpisodeLearner:
    """The meta-learner of that name for a network or, if it chooses the architecture, too, for a space.

    Args:
        name: one of :func:`meta_learners`.
        subject: graph of the network, or the network itself, of which the graph and the statistics of its inputs are taken; or a space, see
            :func:`takes`.
        kind: of the tasks.
        input_mean, input_std: of the inputs, one number per channel; None for 0 and 1.
        device: where weights and examples are to be.
        settings: see :class:`MetaSettings`; those that are not given are the method's own.

    Raises:
        InputError: if there is no such method, it takes something else, it has no such setting, a value is out of range, or the network
            can't be built.
    """
    learner = _class(name)
    chosen = settings_of(name, learner.defaults, settings, kind)
    if (learner.takes == "space") != isinstance(subject, Space):
        given, taken = ("space", "graph") if isinstance(subject, Space) else ("network", "space")
        raise InputError(f"the meta-learner {name!r} takes a {taken}, not a {given}; give one, or choose another method")
    if isinstance(subject, Network):
        input_mean, input_std = (b.detach().cpu().numpy() for b in (subject.input_mean, subject.input_std))
        subject = subject.graph
    options = (input_mean, input_std, device, _DTYPES[chosen.precision])
    model: Model
    try:
        if isinstance(subject, Space):
            model = SupernetModel(subject, *options)
        else:
            model = GraphModel(subject, *options, rounded=chosen.precision == "bfloat16")
    except ValueError as error:
        raise InputError(f"the network can't be meta-trained: {error}") from error
    return learner(model, kind, chosen)


def _class(name: str) -> type[EpisodeLearner]:
    if name not in _LEARNERS:
        near = difflib.get_close_matches(name, _LEARNERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(meta_learners())}"
        raise InputError(f"there is no meta-learner named {name!r}; {hint}")
    return _LEARNERS[name]
