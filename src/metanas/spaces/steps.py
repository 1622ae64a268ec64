"""Steps: what a mixture is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metanas.spaces.coefficients import ONE, Coefficient, added, product
from metanas.spaces.decision import Value
from metanas.spaces.shape import Shape


class MisfitError(ValueError):
    """Choices that can't be left open together: what they lead to differs in shape."""


@dataclass(frozen=True)
class Sum:
    """A step: the weighted sum of earlier values; of none zeros.

    Args:
        out: number of the value that it gives.
        terms: numbers of the values and their coefficients.
        shape: of the value, without the batch axis.
    """

    out: int
    terms: tuple[tuple[int, Coefficient], ...]
    shape: Shape

    @property
    def reads(self) -> list[int]:
        """Numbers of the values that it needs."""
        return [n for n, _ in self.terms]


@dataclass(frozen=True)
class Apply:
    """A step: an operation.

    Args:
        out: number of the value that it gives.
        node: name of the node.
        op, settings: its operation.
        inputs: of every input the numbers of the values that stand side by side in it (of most inputs a single one).
        shapes: of the inputs.
        shape: of the value.
        parts: channels of what stands side by side in the input, where some of it may be absent; else empty.
    """

    out: int
    node: str
    op: str
    settings: tuple[tuple[str, Value], ...]
    inputs: tuple[tuple[int, ...], ...]
    shapes: tuple[Shape, ...]
    shape: Shape
    parts: tuple[int, ...] = ()

    @property
    def variant(self) -> tuple[str, str, tuple[tuple[str, Value], ...]]:
        """What owns the weights: node, operation and settings."""
        return (self.node, self.op, self.settings)

    @property
    def reads(self) -> list[int]:
        """Numbers of the values that it needs."""
        return [n for numbers in self.inputs for n in numbers]


Step = Sum | Apply


@dataclass(frozen=True)
class Mixture:
    """Steps in an order in which they can run; value 0 is the network's input, the last step's is its output."""

    steps: tuple[Step, ...]


def tidied(steps: Sequence[Step], out: int, options: Mapping[str, int]) -> tuple[Step, ...]:
    """The steps that ``out`` depends on; a sum that is used in one other sum alone becomes part of it."""
    needed, alive = {out}, []
    for step in reversed(steps):
        if step.out in needed:
            alive.append(step)
            needed.update(step.reads)
    alive.reverse()
    users: dict[int, list[Step]] = {}
    for step in alive:
        for source in set(step.reads):
            users.setdefault(source, []).append(step)
    sums: dict[int, Sum] = {}
    kept: list[Step] = []
    for step in alive:
        if isinstance(step, Sum):
            step = _inlined(step, sums, options)
            using = users.get(step.out, [])
            if len(using) == 1 and isinstance(using[0], Sum):
                sums[step.out] = step
                continue
        kept.append(step)
    return tuple(kept)


def _inlined(step: Sum, sums: dict[int, Sum], options: Mapping[str, int]) -> Sum:
    found: dict[int, list[Coefficient]] = {}
    for number, coefficient in step.terms:
        inner = sums[number].terms if number in sums else ((number, ONE),)
        for source, factor in inner:
            found.setdefault(source, []).append(product(coefficient, factor, options))
    return Sum(step.out, tuple((n, added(coefficients, options)) for n, coefficients in found.items()), step.shape)
