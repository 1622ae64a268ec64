"""How much memory and work training a supernet takes, predicted without building it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from metanas.spaces.architecture import Architecture
from metanas.spaces.memory import bytes_of, kept_inside
from metanas.spaces.mixture import mixture_of
from metanas.spaces.narrowing import supernet_space
from metanas.spaces.operation import operation
from metanas.spaces.space import Space
from metanas.spaces.steps import Apply, Mixture, Step


def supernet_bytes(space: Space, batch: int, *, whole: bool) -> int:
    """Bytes that a step of a space's supernet takes besides the data.

    Args:
        space: narrowed as for :class:`Supernet`, which has the same arguments.
        batch: examples per step.
        whole: whether the step is one of a mixture of all options, or of one architecture, the largest.

    Raises:
        InputError: if nothing can be left open.
    """
    narrowed, _ = supernet_space(space)
    mixture = mixture_of(narrowed)
    return bytes_of(_parameters(mixture), _kept(mixture.steps) if whole else _largest(narrowed, mixture), batch)


def supernet_parameters(space: Space) -> int:
    """Trained numbers of a space's supernet.

    Raises:
        InputError: if nothing can be left open.
    """
    return _parameters(mixture_of(supernet_space(space)[0]))


def supernet_flops(space: Space) -> int:
    """FLOPs of a mixture of all options, for one example, forward.

    Raises:
        InputError: if nothing can be left open.
    """
    steps = mixture_of(supernet_space(space)[0]).steps
    return sum(operation(step.op).flops(step.shapes, dict(step.settings)) for step in steps if isinstance(step, Apply))


def _parameters(mixture: Mixture) -> int:
    variants = {step.variant: step for step in mixture.steps if isinstance(step, Apply)}
    return sum(operation(step.op).parameters(step.shapes, dict(step.settings)) for step in variants.values())


def _kept(steps: Sequence[Step]) -> int:
    """Numbers that one example leaves between and inside operations."""
    inside = sum(kept_inside(s.op, dict(s.settings), s.shape) for s in steps if isinstance(s, Apply))
    return inside + sum(prod(step.shape) for step in steps)


def _largest(space: Space, mixture: Mixture) -> int:
    """The same for the architecture that leaves most, found by taking one decision after the other to its largest option."""
    largest, most = space.baseline, _kept(_path(mixture, space, space.baseline))
    for d in space.decisions:
        for option in d.options if len(d.options) > 1 else ():
            if d.name in largest.as_dict and option != largest[d.name]:
                other = space.edit(largest, d.name, option)
                if (kept := _kept(_path(mixture, space, other))) > most:
                    largest, most = other, kept
    return most


def _path(mixture: Mixture, space: Space, architecture: Architecture) -> list[Step]:
    """The steps that give an architecture's values; a sum with one term is that term."""
    chosen = {(d.name, d.options.index(architecture[d.name])) for d in space.active(architecture)}
    stands: dict[int, int] = {0: 0}
    found: list[tuple[Step, list[int]]] = []
    for step in mixture.steps:
        stands[step.out] = step.out
        if isinstance(step, Apply):
            found.append((step, [stands[n] for numbers in step.inputs for n in numbers]))
            continue
        terms = [stands[n] for n, c in step.terms if any(chosen.issuperset(monomial) for monomial, _ in c)]
        if len(terms) == 1:
            stands[step.out] = terms[0]
        else:
            found.append((step, terms))
    needed, path = {stands[mixture.steps[-1].out]}, []
    for step, sources in reversed(found):
        if step.out in needed:
            needed.update(sources)
            path.append(step)
    return path
