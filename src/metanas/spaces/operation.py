"""Operations as data: what shape they give and what they cost. How they compute is in ``metanas.networks``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from metanas.spaces.decision import Value
from metanas.spaces.shape import Shape

Inputs = Sequence[Shape]
Settings = Mapping[str, Value]


def _none(inputs: Inputs, settings: Settings) -> int:
    return 0


@dataclass(frozen=True)
class Operation:
    """What the graph must know of an operation.

    Args:
        name: unique; nodes refer to it.
        shape: input shapes and settings to the output shape; raises ``ValueError`` for inputs that it can't take.
        parameters: input shapes and settings to the number of trained numbers.
        flops: input shapes and settings to floating-point operations of one example (two per multiply-add).
        commutative: whether the order of the inputs doesn't matter.
        join: takes any number of inputs; with a single one it passes it on, and its node vanishes from the graph.
        fixed: has no weights and no randomness, so that its output on the raw data may be computed once.
        zero: gives zeros whatever comes in; where paths meet they add nothing.
        weighs_inputs: has one input, whose channels enter through a weight matrix alone, so that channels that are absent and channels of
            zeros (with more weights) give the same.
    """

    name: str
    shape: Callable[[Inputs, Settings], Shape]
    parameters: Callable[[Inputs, Settings], int] = _none
    flops: Callable[[Inputs, Settings], int] = _none
    commutative: bool = False
    join: bool = False
    fixed: bool = False
    zero: bool = False
    weighs_inputs: bool = False


_OPERATIONS: dict[str, Operation] = {}


def register_operation(op: Operation) -> Operation:
    """Make ``op`` known to every graph; returns it.

    Raises:
        ValueError: if another operation has that name.
    """
    if _OPERATIONS.setdefault(op.name, op) is not op:
        raise ValueError(f"an operation named {op.name!r} exists already; choose another name")
    return op


def operation(name: str) -> Operation:
    """The operation of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in _OPERATIONS:
        raise ValueError(f"no operation named {name!r}; known: {', '.join(sorted(_OPERATIONS))}")
    return _OPERATIONS[name]


def traits(name: str) -> Operation:
    """The operation of that name, or a plain one where a motif names what no network is built of."""
    return _OPERATIONS.get(name) or Operation(name, same_shape)


def operations() -> tuple[str, ...]:
    """Names of all known operations."""
    return tuple(sorted(_OPERATIONS))


def integer(settings: Settings, name: str, default: int | None = None) -> int:
    """Setting ``name`` as an integer.

    Raises:
        ValueError: if it is missing and there is no default.
    """
    value = settings.get(name, default)
    if value is None:
        raise ValueError(f"setting {name!r} is missing")
    return int(value)


def same_shape(inputs: Inputs, settings: Settings) -> Shape:
    """The shape rule of operations with one input that keep its shape."""
    (shape,) = inputs
    return shape
