"""Spaces: graphs with open choices. What strategies need of a space is derived here, once for all spaces."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metanas.errors import InputError
from metanas.spaces.architecture import Architecture
from metanas.spaces.closing import OpenNode, close
from metanas.spaces.decision import ALWAYS, Decision, Value
from metanas.spaces.graph import Graph, Node
from metanas.spaces.limits import Limits as Limits
from metanas.spaces.listing import Listing
from metanas.spaces.shape import TaskShape

RECIPE = "recipe."
"""Decisions whose names start so belong to the training recipe, the others to the graph."""

_TRIES = 100


@dataclass(frozen=True, eq=False)
class Space:
    """A graph with open choices, for the shapes of one task.

    Args:
        name: of the space, the same for every task.
        shape: of the task.
        decisions: in order; each one's condition refers to earlier ones only.
        nodes: the open graph in topological order, ending in the network's output; empty for choices without a network.
        plain: choices of the plain baseline network; decisions that it doesn't name take their middle (ordered) or first option.
        limits: hard limits; architectures beyond them are not in the space.
        motif: what repeats in the network (a cell), as open nodes that end in its output; encodings look at it alone. Empty: the
            whole network.
        listed: where given, the space holds these architectures alone; see :meth:`only`.

    Example:
        >>> space = make_space("mlp", TaskShape("table", (4,), 3, numeric=4)).within(parameters=500)
        >>> space.graph(space.sample(np.random.default_rng(0))).parameters <= 500
        True
    """

    name: str
    shape: TaskShape
    decisions: tuple[Decision, ...]
    nodes: tuple[OpenNode, ...] = ()
    plain: Mapping[str, Value] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    motif: tuple[OpenNode, ...] = ()
    listed: tuple[Architecture, ...] = ()

    def within(self, *, parameters: int | None = None, flops: int | None = None) -> Space:
        """This space without the networks above the limits.

        Raises:
            InputError: if no network keeps them.
        """
        limits = self.limits.tightened(Limits(parameters, flops))
        if not self.listed:
            narrowed = replace(self, limits=limits)
            narrowed._shrink(self.baseline)
            return narrowed
        admitted = tuple(a for a in self.listed if limits.admit(self.graph(a)))
        if not admitted:
            raise InputError(self._too_tight(min((self.graph(a) for a in self.listed), key=lambda graph: graph.size), limits))
        return replace(self, limits=limits, listed=admitted)

    def only(self, architectures: Sequence[Architecture]) -> Space:
        """This space with nothing but ``architectures`` in it, e.g. those that a table has measured.

        What would lead to another one leads to the most similar of these: the one with the fewest other choices.

        Raises:
            ValueError: if there are none.
        """
        if not architectures:
            raise ValueError("a space needs at least one architecture")
        return replace(self, listed=tuple(architectures))

    def starting_at(self, architecture: Architecture) -> Space:
        """This space with another plain network. What was worked out about its list is kept, for that takes time."""
        started = copy.copy(self)
        vars(started).update(plain=architecture.as_dict, baseline=architecture)
        return started

    def narrowed(self, options: Mapping[str, Sequence[Value]]) -> Space:
        """This space with fewer options: the same decisions, so that its architectures are valid in this space, too. Limits stay.

        Args:
            options: decision name to the options that are left of it, in any order.

        Raises:
            InputError: if there is no such decision or option, if none is left, or if no network of the limits or the list is.
        """
        known = {d.name: d.options for d in self.decisions}
        for name, kept in options.items():
            if not kept or not set(kept) <= set(known.get(name, ())):
                there = f"can be narrowed to some of {list(known[name])}" if name in known else f"is no decision of space {self.name!r}"
                raise InputError(f"{name!r} {there}{f', not to {list(kept)}' if name in known else ''}")
        decisions = tuple(replace(d, options=tuple(o for o in d.options if o in options.get(d.name, d.options))) for d in self.decisions)
        plain = {name: option for name, option in self.plain.items() if option in options.get(name, (option,))}
        listed = tuple(a for a in self.listed if all(option in options.get(name, (option,)) for name, option in a.choices))
        if self.listed and not listed:
            raise InputError(f"none of the {len(self.listed)} listed architectures of space {self.name!r} has these options alone")
        fewer = replace(self, decisions=decisions, plain=plain, listed=listed)
        fewer.baseline  # noqa: B018 - refuses what no network keeps
        return fewer

    # -- architectures -------------------------------------------------------------------------------------------------

    def architecture(self, choices: Mapping[str, Value]) -> Architecture:
        """The architecture of ``choices``; choices of inactive decisions are dropped.

        Raises:
            ValueError: if an active decision is missing, has an unknown option, or a name is no decision of this space.
        """
        known = {decision.name for decision in self.decisions}
        if unknown := sorted(set(choices) - known):
            raise ValueError(f"space {self.name!r} has no decision {unknown[0]!r}")
        active: dict[str, Value] = {}
        for decision in self.decisions:
            if decision.when.holds(active):
                if choices.get(decision.name) not in decision.options:
                    raise ValueError(f"{choices.get(decision.name)!r} is no option of {decision.name!r}: {list(decision.options)}")
                active[decision.name] = choices[decision.name]
        return Architecture(self.name, tuple(active.items()))

    def validate(self, architecture: Architecture) -> None:
        """Refuse architectures of other spaces, with inactive or missing choices, or beyond the limits.

        Raises:
            ValueError: saying what is wrong.
        """
        if architecture.space != self.name:
            raise ValueError(f"an architecture of space {architecture.space!r}, not {self.name!r}")
        if self.architecture(architecture.as_dict) != architecture:
            raise ValueError("the architecture holds choices that are not active")
        if not self.admits(architecture):
            raise ValueError("the architecture is beyond the space's limits")

    def admits(self, architecture: Architecture) -> bool:
        """Whether the architecture keeps the limits."""
        if self.listed:
            return architecture.key in self._listing.rows
        return self.limits == Limits() or self.limits.admit(self.graph(architecture))

    def active(self, architecture: Architecture) -> list[Decision]:
        """The decisions that are open in ``architecture``, in order."""
        return [d for d in self.decisions if d.name in architecture.as_dict]

    @cached_property
    def baseline(self) -> Architecture:
        """The space's plain network, shrunk step by step where it is beyond the limits."""
        plain = self._complete(dict(self.plain))
        return self._listing.nearest(plain) if self.listed else self._shrink(plain)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """An architecture with every active choice drawn uniformly, within the limits; of a listed space one of the list."""
        if self.listed:
            return self.listed[int(rng.integers(len(self.listed)))]
        for _ in range(_TRIES):
            drawn = self._complete({}, rng)
            if self.admits(drawn):
                return drawn
        return self._shrink(drawn, rng)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """``architecture`` with one choice changed to another option; decisions that become active are drawn.

        The same architecture comes back only if no single change keeps the limits.
        """
        changes = [(d, o) for d in self.active(architecture) for o in d.options if o != architecture[d.name]]
        weights = np.array([1.0 / (len(d.options) - 1) for d, _ in changes])
        for index in _order(weights, rng):
            decision, option = changes[index]
            mutant = self._complete({**architecture.as_dict, decision.name: option}, rng)
            if self.listed:
                mutant = self._listing.nearest(mutant, decision.name, apart_from=architecture, rng=rng) or architecture
            if mutant != architecture and self.admits(mutant):
                return mutant
        return architecture

    def enumerate(self, most: int) -> Iterator[Architecture]:
        """All architectures within the limits, in order of their choices, if the space has at most ``1000 * most`` of them before
        the limits; else none, for there are too many to walk through."""
        if self.listed:
            yield from self.listed
            return
        if self.count() > 1000 * most:
            return
        partial: list[dict[str, Value]] = [{}]
        while partial:
            active = partial.pop()
            decision = next((d for d in self._after(active) if d.when.holds(active)), None)
            if decision is None:
                architecture = Architecture(self.name, tuple(active.items()))
                if self.admits(architecture):
                    yield architecture
            else:
                partial += [{**active, decision.name: option} for option in reversed(decision.options)]

    def _after(self, active: Mapping[str, Value]) -> tuple[Decision, ...]:
        """The decisions that come after the last one in ``active``."""
        if not active:
            return self.decisions
        last = list(active)[-1]
        return self.decisions[next(i for i, d in enumerate(self.decisions) if d.name == last) + 1 :]

    def crossover(self, first: Architecture, second: Architecture, rng: np.random.Generator) -> Architecture:
        """Each active choice from one of the parents at random (drawn where neither has it), within the limits."""
        for _ in range(_TRIES):
            picked = {}
            for decision in self.decisions:
                donors = [p.as_dict[decision.name] for p in (first, second) if decision.name in p.as_dict]
                if donors:
                    picked[decision.name] = donors[int(rng.integers(len(donors)))]
            child = self._complete(picked, rng)
            if self.listed:
                return self._listing.nearest(child, rng=rng)
            if self.admits(child):
                return child
        return first

    def edits(self, architecture: Architecture) -> list[tuple[str, Value]]:
        """All (decision, new option) pairs whose :meth:`edit` keeps the limits."""
        pairs = [(d.name, o) for d in self.active(architecture) for o in d.options if o != architecture[d.name]]
        if self.listed:
            return [pair for pair in pairs if self._listing.has(*pair)]
        return [pair for pair in pairs if self.admits(self.edit(architecture, *pair))]

    def edit(self, architecture: Architecture, decision: str, option: Value) -> Architecture:
        """``architecture`` with one choice changed; decisions that become active take the baseline's option.

        In a listed space: the most similar of the list that has this choice; ``architecture`` itself if none has.
        """
        edited = self._complete({**architecture.as_dict, decision: option})
        if self.listed:
            return self._listing.nearest(edited, decision, apart_from=architecture) or architecture
        return edited

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """All architectures one :meth:`edit` away, within the limits."""
        return (self.edit(architecture, *pair) for pair in self.edits(architecture))

    # -- numbers -------------------------------------------------------------------------------------------------------

    @cached_property
    def encoding_names(self) -> tuple[str, ...]:
        """What each number of :meth:`encode` means."""
        names: list[str] = []
        for d in self.decisions:
            names += [d.name] if d.ordered else [f"{d.name}={option}" for option in d.options]
            names += [f"{d.name} is open"] if d.when != ALWAYS else []
        return tuple(names)

    def encode(self, architecture: Architecture) -> NDArray[np.float64]:
        """A vector in [0, 1]: ordered choices by rank, others one-hot, a 1 where a conditional decision is active."""
        vector: list[float] = []
        for d in self.decisions:
            chosen = architecture.as_dict.get(d.name)
            if d.ordered:
                vector.append(d.options.index(chosen) / max(1, len(d.options) - 1) if chosen is not None else 0.0)
            else:
                vector += [float(option == chosen) for option in d.options]
            if d.when != ALWAYS:
                vector.append(float(chosen is not None))
        return np.array(vector)

    def count(self) -> int:
        """Number of architectures, limits not counted; of a listed space the length of its list.

        Sums over the decisions in order, remembering only choices that later conditions refer to.
        """
        if self.listed:
            return len(self.listed)
        states: dict[tuple[tuple[str, Value], ...], int] = {(): 1}
        for position, decision in enumerate(self.decisions):
            needed = {name for later in self.decisions[position + 1 :] for name, _ in later.when.terms}
            fresh: dict[tuple[tuple[str, Value], ...], int] = {}
            for state, ways in states.items():
                choices = dict(state)
                options: list[Value | None] = list(decision.options) if decision.when.holds(choices) else [None]
                for option in options:
                    extended = choices if option is None else {**choices, decision.name: option}
                    key = tuple((n, v) for n, v in extended.items() if n in needed)
                    fresh[key] = fresh.get(key, 0) + ways
            states = fresh
        return sum(states.values())

    # -- graphs --------------------------------------------------------------------------------------------------------

    def graph(self, architecture: Architecture) -> Graph:
        """The graph with every choice closed as ``architecture`` says, without nodes that the output doesn't depend on."""
        return Graph(self.shape, close(self.nodes, architecture.as_dict))

    def motif_graph(self, architecture: Architecture) -> Graph:
        """The graph that encodings look at: of the motif where there is one, else of the whole network.

        What computes nothing but zeros is taken out of a motif. Where the space has no nodes at all (choices without a network), every
        choice is a node of its own, in order. Only the nodes have a meaning here, not their shapes and costs.
        """
        if self.motif:
            return Graph(self.shape, close(self.motif, architecture.as_dict, fold_zeros=True))
        if self.nodes:
            return self.graph(architecture)
        sources = ("input", *(name for name, _ in architecture.choices))
        chain = zip(architecture.choices, sources, strict=False)
        return Graph(self.shape, tuple(Node(name, name, (("option", option),), (source,)) for (name, option), source in chain))

    def recipe(self, architecture: Architecture) -> dict[str, float]:
        """The choices of the training recipe, by name."""
        return {name.removeprefix(RECIPE): float(value) for name, value in architecture.choices if name.startswith(RECIPE)}

    # -- listed, completing and shrinking --------------------------------------------------------------------------------------

    @cached_property
    def _listing(self) -> Listing:
        return Listing(self.decisions, self.listed)

    def _complete(self, choices: Mapping[str, Value], rng: np.random.Generator | None = None) -> Architecture:
        """The active part of ``choices``; what is missing is drawn, or taken from the plain network without ``rng``."""
        active: dict[str, Value] = {}
        for d in self.decisions:
            if d.when.holds(active):
                if d.name in choices:
                    active[d.name] = choices[d.name]
                elif rng is None:
                    active[d.name] = self.plain.get(d.name, d.options[(len(d.options) - 1) // 2] if d.ordered else d.options[0])
                else:
                    active[d.name] = d.options[int(rng.integers(len(d.options)))]
        return Architecture(self.name, tuple(active.items()))

    def _shrink(self, architecture: Architecture, rng: np.random.Generator | None = None) -> Architecture:
        """``architecture`` with ordered choices lowered one step at a time until it keeps the limits, others only where that is not enough.

        Without ``rng`` each step is the mildest that is enough (the most parameters and FLOPs left), or where none is enough the
        largest, so that the costliest layers give way first; with ``rng`` it is a random one.
        """
        while not self.admits(architecture):
            graph = self.graph(architecture)
            smaller = self._smaller(architecture, graph, ordered=True) or self._smaller(architecture, graph, ordered=False)
            if not smaller:
                raise InputError(self._too_tight(graph))
            if rng is not None:
                architecture = smaller[int(rng.integers(len(smaller)))][1]
                continue
            enough = [(left, step) for left, step in smaller if self.admits(step)]
            architecture = max(enough, key=lambda s: s[0])[1] if enough else min(smaller, key=lambda s: s[0])[1]
        return architecture

    def _smaller(self, architecture: Architecture, graph: Graph, *, ordered: bool) -> list[tuple[float, Architecture]]:
        """What one choice leads to that costs less than ``graph``, with the share of the cost that is left."""
        found: list[tuple[float, Architecture]] = []
        for d in self.active(architecture):
            for option in _lower(d, architecture[d.name]) if d.ordered == ordered else ():
                step = self.edit(architecture, d.name, option)
                after = self.graph(step)
                if after.parameters <= graph.parameters and after.flops <= graph.flops and after.size < graph.size:
                    found.append((after.parameters / max(1, graph.parameters) + after.flops / max(1, graph.flops), step))
        return found

    def _too_tight(self, smallest: Graph, limits: Limits | None = None) -> str:
        asked, limits = [], limits or self.limits
        if limits.parameters is not None and smallest.parameters > limits.parameters:
            asked.append(f"{limits.parameters:,} parameters (the smallest network found has {smallest.parameters:,})")
        if limits.flops is not None and smallest.flops > limits.flops:
            asked.append(f"{limits.flops:,} FLOPs (the smallest network found needs {smallest.flops:,})")
        return f"no network of space {self.name!r} keeps the limit of {' and '.join(asked)}; raise the limit or choose another space"


def _lower(decision: Decision, chosen: Value) -> tuple[Value, ...]:
    """Options that may make a network smaller: the next lower one of an ordered decision, any other of an unordered one."""
    if decision.name.startswith(RECIPE):
        return ()
    if not decision.ordered:
        return tuple(option for option in decision.options if option != chosen)
    rank = decision.options.index(chosen)
    return decision.options[max(0, rank - 1) : rank]


def _order(weights: NDArray[np.float64], rng: np.random.Generator) -> list[int]:
    """A random order of the indices of ``weights``, drawn without replacement in proportion to them."""
    if not len(weights):
        return []
    return [int(i) for i in rng.choice(len(weights), size=len(weights), replace=False, p=weights / weights.sum())]
