"""What a supernet can leave open: a space narrowed to the choices under which all shapes stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from metanas.errors import InputError
from metanas.spaces.contexts import Contexts
from metanas.spaces.decision import Decision, Value
from metanas.spaces.mixture import mixture_of
from metanas.spaces.space import RECIPE, Limits, Space
from metanas.spaces.steps import MisfitError, Mixture, Sum

REGULARISING: Mapping[str, frozenset[str]] = {"dropout": frozenset({"rate"}), "transformer": frozenset({"dropout"})}
"""Settings, by operation, that act in training alone. Shared weights can't judge them: less is always better in training, and nothing
changes in evaluation."""

Choice = tuple[str, Value]
"""A decision's name and one of its options."""


def supernet_space(space: Space) -> tuple[Space, dict[str, Value]]:
    """``space`` narrowed to what a supernet can leave open.

    Open stay the choices of operations, settings, and the presence of nodes and edges, as far as every node keeps the shapes of its inputs,
    its weights and its output. What does not fit is closed at the plain network's choice, or loses single options; so do options that do
    what another one does. Closed are the training recipe and choices that act in training alone (dropout), too. Options are tried in turn:
    first those that leave everything as it is in the plain network, then those that bring more channels to where paths meet side by side;
    of both the ordered decisions first, which say how much there is (depths), each in the order of the space.

    Args:
        space: of any kind; limits and lists stay.

    Returns:
        The narrowed space, of which what is valid is valid in ``space``, too; and the decisions that were closed, with their choice (those
        that never come up in the narrowed space left out).

    Raises:
        InputError: if nothing can be left open, or the space has no network.
    """
    if not space.nodes:
        raise InputError(f"space {space.name!r} has choices but no network; a supernet needs one")
    plain = _plain(space)
    fits = _Fits(space, plain)
    structural = _structural(space)
    decisions = sorted((d for d in space.decisions if d.name in structural), key=lambda d: not d.ordered)
    choices = [(d.name, o) for d in decisions for o in d.options if o != plain[d.name]]
    if fits.together(choices):
        fits.added = choices
    else:
        choices = [choice for choice in choices if fits.alone(choice)]
        for wider in (False, True):
            fits.add([choice for choice in choices if choice not in fits.added], wider=wider)
    kept = fits.kept(fits.added)
    mixture = fits.mixture(fits.added)
    kept = _without_doubles(space, kept, mixture, plain)
    if all(len(options) == 1 for options in kept.values()):
        raise InputError(f"space {space.name!r} has no choice that a supernet could leave open: all of them change shapes")
    narrowed = replace(space, plain=plain).narrowed(kept)
    return narrowed, {name: now[0] for name, (before, now) in _changes(space, narrowed).items() if len(now) == 1}


def closed_in_words(space: Space, narrowed: Space) -> str:
    """What of ``space`` is closed in ``narrowed``, for people; empty if nothing is."""
    changes = _changes(space, narrowed)
    closed = [f"{name} = {now[0]}" for name, (_, now) in changes.items() if len(now) == 1]
    fewer = [
        f"{name} without {', '.join(str(o) for o in before if o not in now)}" for name, (before, now) in changes.items() if len(now) > 1
    ]
    parts = [f"closed: {', '.join(closed)}" if closed else "", f"narrowed: {', '.join(fewer)}" if fewer else ""]
    return "; ".join(part for part in parts if part)


def _changes(space: Space, narrowed: Space) -> dict[str, tuple[tuple[Value, ...], tuple[Value, ...]]]:
    """The options before and after of the decisions that lost some, those left out that never come up in ``narrowed``."""
    found, possible = {}, dict[str, tuple[Value, ...]]()
    for before, after in zip(space.decisions, narrowed.decisions, strict=True):
        if all(set(options) & set(possible.get(name, ())) for name, options in after.when.terms):
            possible[after.name] = after.options
            if len(before.options) > len(after.options):
                found[after.name] = (before.options, after.options)
    return found


class _Fits:
    """Collects options that can be left open together, beside those of the plain network."""

    def __init__(self, space: Space, plain: dict[str, Value]) -> None:
        self._space, self._plain = replace(space, plain=plain, limits=Limits(), listed=()), plain
        self._known = {d.name: d for d in space.decisions}
        self._contexts = Contexts()
        self.added: list[Choice] = []

    def kept(self, choices: Sequence[Choice]) -> dict[str, list[Value]]:
        """The options of every decision: the plain network's and ``choices``."""
        kept: dict[str, list[Value]] = {name: [option] for name, option in self._plain.items()}
        for name, option in choices:
            kept[name].append(option)
        return kept

    def mixture(self, choices: Sequence[Choice]) -> Mixture:
        """What comes of the plain network's options and ``choices``."""
        return mixture_of(self._space.narrowed(self.kept(choices)), self._contexts)

    def alone(self, choice: Choice) -> bool:
        """Whether ``choice`` can be left open beside the plain network; decisions that it opens may take another option for that."""
        if self.together([choice]):
            return True
        for name, option in self._opened(choice):
            before = self._plain[name]
            self._plain[name] = option
            if self.together([choice]):
                return True
            self._plain[name] = before
        return False

    def add(self, choices: Sequence[Choice], *, wider: bool) -> None:
        """Take what fits of ``choices``, as if each were tried in turn."""
        if not choices or self.together([*self.added, *choices], wider=wider):
            self.added += choices
        elif len(choices) > 1:
            half = len(choices) // 2
            self.add(choices[:half], wider=wider)
            self.add(choices[half:], wider=wider)

    def together(self, choices: Sequence[Choice], *, wider: bool = True) -> bool:
        """Whether ``choices`` can be left open together; without ``wider`` only if all channels that meet side by side are always there."""
        try:
            mixture = self.mixture(choices)
        except (MisfitError, InputError):
            return False
        return wider or not any(step.parts for step in mixture.steps if not isinstance(step, Sum))

    def _opened(self, choice: Choice) -> Iterator[Choice]:
        """Other options of the ordered decisions that are open with ``choice`` alone and nowhere in the plain network."""
        before = self._active(self._plain)
        chosen = {**self._plain, choice[0]: choice[1]}
        for name in self._active(chosen) - before:
            if self._known[name].ordered:
                yield from ((name, option) for option in self._known[name].options if option != self._plain[name])

    def _active(self, choices: Mapping[str, Value]) -> set[str]:
        active: dict[str, Value] = {}
        for d in self._space.decisions:
            if d.when.holds(active):
                active[d.name] = choices[d.name]
        return set(active)


def _plain(space: Space) -> dict[str, Value]:
    """The choice of every decision: the plain network's, where it is open there."""
    chosen: dict[str, Value] = {}
    for d in space.decisions:
        default = space.plain.get(d.name, d.options[(len(d.options) - 1) // 2] if d.ordered else d.options[0])
        chosen[d.name] = space.baseline.as_dict.get(d.name, default)
    return chosen


def _structural(space: Space) -> set[str]:
    """Decisions of the graph that act in evaluation, too."""
    found: set[str] = set()
    for node in space.nodes:
        for op, settings in node.options.items():
            found |= {v.name for k, v in settings.items() if isinstance(v, Decision) and k not in REGULARISING.get(op, ())}
        found |= {node.op.name} if isinstance(node.op, Decision) else set()
        if node.op not in REGULARISING:
            found |= {name for name, _ in node.when.terms}
        found |= {name for edge in node.inputs for name, _ in edge.when.terms}
    return {name for name in found if not name.startswith(RECIPE)}


def _without_doubles(space: Space, kept: dict[str, list[Value]], mixture: Mixture, plain: Mapping[str, Value]) -> dict[str, list[Value]]:
    """``kept`` without decisions on which nothing depends, and without options that do what an earlier one does."""
    sums = [dict(step.terms) for step in mixture.steps if isinstance(step, Sum)]
    left: dict[str, list[Value]] = {}
    for d in space.decisions:
        options = [o for o in d.options if o in kept[d.name]]
        used = [c for terms in sums for c in terms.values() if any(name == d.name for m, _ in c for name, _ in m)]
        if not used:
            left[d.name] = [plain[d.name]]
            continue
        alike = {max(pair) for pair in combinations(range(len(options)), 2) if _alike(d.name, pair, sums)}
        left[d.name] = [o for i, o in enumerate(options) if i not in alike]
    return left


def _alike(name: str, pair: tuple[int, int], sums: Sequence[Mapping[int, object]]) -> bool:
    """Whether nothing changes if two options change places."""
    first, second = pair
    swap = {(name, first): (name, second), (name, second): (name, first)}
    for terms in sums:
        for coefficient in terms.values():
            counts = dict(coefficient)  # type: ignore[call-overload]
            if any(counts.get(tuple(sorted(swap.get(f, f) for f in monomial))) != count for monomial, count in counts.items()):
                return False
    return True
