"""What stands side by side along the channels, where paths meet in a concatenation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metanas.spaces.coefficients import Coefficient
from metanas.spaces.contexts import Context
from metanas.spaces.shape import Shape
from metanas.spaces.steps import MisfitError


@dataclass(frozen=True)
class Part:
    """A tensor in the making: a weighted sum of values.

    Args:
        terms: numbers and coefficients; none for zeros.
        shape: without the batch axis.
        vanishes: whether a choice makes it zeros, which paths that meet leave out.
    """

    terms: tuple[tuple[int, Coefficient], ...]
    shape: Shape
    vanishes: bool = False


Parts = tuple[Part, ...]
"""What stands side by side along the channels; of most values one part."""

Placed = tuple[int, int, Part]
"""A part with the position of the edge that brings it, and its own among the parts that come by that edge."""
_Place = tuple[str, int, int]
"""A source, how many edges it came by before, and the position of the part among those of the edge."""


def is_zero(parts: Parts) -> bool:
    """Whether it is zeros in every context."""
    return not any(part.terms for part in parts)


def whole_shape(name: str, parts: Parts) -> Shape:
    """The shape of all parts of ``name``'s input together.

    Raises:
        MisfitError: if they differ in more than their channels.
    """
    first = parts[0].shape
    if any(part.shape[1:] != first[1:] for part in parts):
        raise MisfitError(f"what stands side by side in {name!r} has the shapes {[part.shape for part in parts]}")
    return first if len(parts) == 1 else (sum(part.shape[0] for part in parts), *first[1:])


def aligned(name: str, beside: Mapping[Context, Sequence[Placed]], sources: Sequence[str]) -> dict[Context, Parts]:
    """What a concatenation gives in each context.

    Where all contexts bring the same shapes, these, whatever edge they come by; else a place for what every source brings, with zeros
    where it is absent, in the order of the edges.

    Raises:
        MisfitError: if a source brings other shapes in other contexts.
    """
    if len({tuple(part.shape for _, _, part in placed) for placed in beside.values()}) <= 1:
        return {context: tuple(part for _, _, part in placed) for context, placed in beside.items()}
    named = {context: _by_source(placed, sources) for context, placed in beside.items()}
    order = _order(named.values(), beside.values())
    if any(sorted(found, key=order.index) != found for found in named.values()):  # edges of one source before and after another's
        named = {context: [("", p, i) for p, i, _ in placed] for context, placed in beside.items()}
        order = _order(named.values(), beside.values())
    filled = {c: {place: part for place, (_, _, part) in zip(named[c], placed, strict=True)} for c, placed in beside.items()}
    empty: dict[_Place, Part] = {}
    for found in filled.values():
        for place, part in found.items():
            if empty.setdefault(place, Part((), part.shape, vanishes=True)).shape != part.shape:
                raise MisfitError(f"an input of {name!r} has other shapes in other contexts")
    return {context: tuple(found.get(place, empty[place]) for place in order) for context, found in filled.items()}


def _by_source(placed: Sequence[Placed], sources: Sequence[str]) -> list[_Place]:
    """The places by what stands there: edges that exclude each other share one if they have the same source."""
    edges: dict[str, list[int]] = {}
    found = []
    for p, i, _ in placed:
        earlier = edges.setdefault(sources[p], [])
        earlier += [p] if p not in earlier else []
        found.append((sources[p], earlier.index(p), i))
    return found


def _order(named: Iterable[Sequence[_Place]], beside: Iterable[Sequence[Placed]]) -> list[_Place]:
    """All places, by the first edge that leads there."""
    first: dict[_Place, tuple[int, int]] = {}
    for found, placed in zip(named, beside, strict=True):
        for place, (p, i, _) in zip(found, placed, strict=True):
            first[place] = min(first.get(place, (p, i)), (p, i))
    return sorted(first, key=lambda place: first[place])
