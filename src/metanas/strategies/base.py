"""What all strategies share: the space, the objective, a generator of their own, and not asking for the same twice."""

from __future__ import annotations

import difflib
import inspect
import math
import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import Prior, State, Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal, TaskDescription
from metanas.spaces import Architecture, Space
from metanas.strategies.guarded import Guarded

UNSEEN_TRIES = 50
"""How often in a row a strategy may propose a known architecture before an unseen one is drawn instead."""


@dataclass(frozen=True)
class Brief:
    """All that a strategy is given.

    Args:
        space: where to search.
        objective: what is good.
        fidelities: how thoroughly candidates may be evaluated, rising; a strategy of one fidelity uses the last.
        seed: of its generator.
        task: what may be known of the task, or None.
        prior: what earlier searches taught, or None.
        plain_first: whether the first proposal must be the plain network, whatever the prior prefers. So it is inside a wrapper, which has
            the first one evaluated most thoroughly, for all else to be measured against.
    """

    space: Space
    objective: Objective
    fidelities: tuple[Fidelity, ...]
    seed: int = 0
    task: TaskDescription | None = None
    prior: Prior | None = None
    plain_first: bool = False


@dataclass(frozen=True)
class Known:
    """What a strategy was told of an architecture.

    Args:
        architecture: it.
        values: one number per goal, larger is better; all minus infinity if it failed or breaks a limit.
        effort: passes over the training data that it got; of several evaluations the one with the most effort counts, then the latest.
    """

    architecture: Architecture
    values: tuple[float, ...]
    effort: float

    @property
    def value(self) -> float:
        """The first goal's."""
        return self.values[0]

    @property
    def good(self) -> bool:
        """Whether it has a value at all."""
        return math.isfinite(self.value)


class BaseStrategy(Strategy):
    """A strategy that proposes one architecture after the other.

    Starts with the space's baseline; then asks :meth:`propose`. Nothing is asked twice: a known architecture is given to
    :meth:`revisit`, and after :data:`UNSEEN_TRIES` of them in a row an unseen one is drawn instead. Ends when the space is exhausted.
    A prior's shortlist comes before that with the wrapper ``warm-start``, not here.

    Attributes:
        brief, space: what it was given.
        rng: its own generator.
        known: architecture key to what was told of it, in the order first told.
        pending: proposal id to architecture, of what was asked and not yet told.
    """

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.space = brief.space
        self.rng = np.random.default_rng(brief.seed)
        self.known: dict[str, Known] = {}
        self.pending: dict[int, Architecture] = {}
        self._asked = 0
        self._seen: set[str] = set()
        self._first: list[Architecture] = [self.space.baseline]

    def leave_plain(self) -> None:
        """Begin with :meth:`propose` instead of the plain network, unless the brief wants that first."""
        if not self.brief.plain_first:
            self._first = []

    @abstractmethod
    def propose(self) -> Architecture:
        """The next architecture, known or not."""

    def learn(self, told: Sequence[Known]) -> None:
        """Learn from results, which :attr:`known` has already taken in; in the order asked. Nothing, unless a strategy says otherwise."""

    def revisit(self, architecture: Architecture) -> None:
        """:meth:`propose` gave what was asked before: a chance to learn from it again, or to look elsewhere next time."""

    def memory(self) -> State:
        """What a strategy keeps besides :attr:`known`, as JSON values and arrays."""
        return {}

    def remember(self, state: State) -> None:
        """Take back :meth:`memory`."""

    # -- ask and tell --------------------------------------------------------------------------------------------------

    def ask(self, n: int) -> list[Proposal]:
        """Up to ``n`` proposals at the highest fidelity, none asked before; fewer when the space is exhausted."""
        proposals: list[Proposal] = []
        while len(proposals) < n and (architecture := self._next()) is not None:
            self._seen.add(architecture.key)
            self.pending[self._asked] = architecture
            proposals.append(Proposal(self._asked, architecture, self.brief.fidelities[-1], proposer=self.name))
            self._asked += 1
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Take results in, its own proposals' or others', and :meth:`learn` from them."""
        told = [self._take(evaluation) for evaluation in evaluations]
        if told:
            self.learn(told)

    def _take(self, evaluation: Evaluation) -> Known:
        proposal, objective = evaluation.proposal, self.brief.objective
        values = objective.values(evaluation)
        if not objective.feasible(evaluation) or not all(map(math.isfinite, values)):
            values = (-math.inf,) * len(values)
        told = Known(proposal.architecture, values, proposal.fidelity.effort)
        if self.pending.get(proposal.id) == proposal.architecture:
            del self.pending[proposal.id]
        self._seen.add(proposal.architecture.key)
        before = self.known.get(proposal.architecture.key)
        if before is None or told.effort >= before.effort:
            self.known[proposal.architecture.key] = told
        return told

    @property
    def taken(self) -> dict[str, Architecture]:
        """What was told or is still to be told, by key."""
        return {**{key: k.architecture for key, k in self.known.items()}, **{a.key: a for a in self.pending.values()}}

    @property
    def drawn(self) -> int:
        """Architectures that were told or are still to be told; what was asked and withdrawn doesn't count."""
        return len(self.known) + len(self.pending)

    def telling(self, most: int) -> list[str]:
        """Keys of what is known, in the order first told; where there are more than ``most``, half the best of them and half the latest."""
        keys = list(self.known)
        if len(keys) <= most:
            return keys
        best = sorted(keys, key=lambda key: self.known[key].value, reverse=True)[: most // 2]
        kept = {*best, *keys[-most // 2 :]}
        return [key for key in keys if key in kept]

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return next(name for name, cls in _STRATEGIES.items() if cls is type(self))

    def _next(self) -> Architecture | None:
        while self._first:
            architecture = self._first.pop(0)
            if architecture.key not in self._seen:
                return architecture
        for _ in range(UNSEEN_TRIES):
            architecture = self.propose()
            if not isinstance(architecture, Architecture):
                raise TypeError(f"propose gave {architecture!r:.40}, which is no architecture")
            if architecture.key not in self._seen:
                return architecture
            self.revisit(architecture)
        for _ in range(UNSEEN_TRIES):
            architecture = self.space.sample(self.rng)
            if architecture.key not in self._seen:
                return architecture
        return next((a for a in self.space.enumerate(most=len(self._seen) + 1) if a.key not in self._seen), None)

    def state(self) -> State:
        """Generator, what was asked and told, and what :meth:`memory` adds."""
        return {
            "rng": self.rng.bit_generator.state,
            "asked": self._asked,
            "seen": sorted(self._seen),
            "first": [a.to_json() for a in self._first],
            "known": [[k.architecture.to_json(), list(k.values), k.effort] for k in self.known.values()],
            "pending": [[i, a.to_json()] for i, a in self.pending.items()],
            **self.memory(),
        }

    def load(self, state: State) -> None:
        """Go on from :meth:`state`."""
        self.rng.bit_generator.state = state["rng"]
        self._asked, self._seen = state["asked"], set(state["seen"])
        self._first = [Architecture.from_json(a) for a in state["first"]]
        known = [Known(Architecture.from_json(a), tuple(values), effort) for a, values, effort in state["known"]]
        self.known = {k.architecture.key: k for k in known}
        self.pending = {i: Architecture.from_json(a) for i, a in state["pending"]}
        self.remember(state)


_STRATEGIES: dict[str, Any] = {}


def register_strategy(name: str) -> Callable[[Any], Any]:
    """Class decorator: ``--strategy name`` makes it with a :class:`Brief`; a wrapper also takes the inner strategy's factory."""

    def register(factory: Any) -> Any:
        known = _STRATEGIES.setdefault(name, factory)
        if _home(known) != _home(factory):  # the same again is fine: a module that is loaded anew, a cell of a notebook
            raise ValueError(f"a strategy named {name!r} exists already; choose another name")
        _STRATEGIES[name] = factory
        return factory

    return register


def _home(factory: Any) -> tuple[str, str | None]:
    """Where a factory was written: two files may each have a class of the same name."""
    return factory.__qualname__, getattr(sys.modules.get(factory.__module__), "__file__", None)


def strategies() -> tuple[str, ...]:
    """Names of the known strategies."""
    return tuple(sorted(_STRATEGIES))


def strategy_factory(name: str) -> Any | None:
    """What was registered under ``name``, a class or a function; None if nothing was."""
    return _STRATEGIES.get(name)


def source_module(name: str) -> str:
    """The name of the module in which strategy ``name`` stands."""
    return str(_STRATEGIES[name].__module__)


def own_files(name: str) -> tuple[str, ...]:
    """The files of the user's in which parts of strategy ``name`` stand; empty for a strategy of metanas."""
    homes = [source_module(part) for part in name.split(":") if part in _STRATEGIES]
    own = [home for home in homes if home.partition(".")[0] != __name__.partition(".")[0]]
    return tuple(getattr(sys.modules.get(home), "__file__", None) or f"<{home}>" for home in own)


def make_strategy(name: str, brief: Brief) -> Strategy:
    """The strategy of that name; ``wrapper:inner`` wraps another one, e.g. ``hyperband:random``.

    Faults of a strategy that is no part of metanas, then and later, are told as :class:`~metanas.errors.StrategyError`.

    Raises:
        InputError: if there is no such strategy, or something that is no wrapper is asked to wrap.
    """
    files = own_files(name)
    return Guarded(lambda: _made(name, brief), name, files, brief.space) if files else _made(name, brief)


def _made(name: str, brief: Brief) -> Strategy:
    outer, colon, inner = name.partition(":")
    if outer not in _STRATEGIES:
        near = difflib.get_close_matches(outer, _STRATEGIES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(strategies())}"
        raise InputError(f"there is no strategy named {outer!r}; {hint}")
    factory = _STRATEGIES[outer]
    if "inner" not in inspect.signature(factory).parameters:
        if colon:
            raise InputError(f"strategy {outer!r} wraps no other one; say --strategy {outer}")
        return factory(brief)  # type: ignore[no-any-return]
    if (colon and not inner) or outer in inner.split(":"):
        raise InputError(f"{name!r} names no strategy to wrap; say for example --strategy {outer}:evolution")
    wrapped = inner or "evolution"
    return factory(brief, lambda given: _made(wrapped, replace(given, plain_first=True)))  # type: ignore[no-any-return]
