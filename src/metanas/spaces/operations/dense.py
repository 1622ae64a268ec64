"""``dense(units, bias=True)``: a matrix product on a vector; ``flatten()``: any shape to a vector."""

from math import prod

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape


def _features(inputs: Inputs) -> int:
    (shape,) = inputs
    if len(shape) != 1:
        raise ValueError(f"dense takes a vector, not shape {shape}; put global_pool or flatten before it")
    return shape[0]


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    _features(inputs)
    return (integer(settings, "units"),)


def _parameters(inputs: Inputs, settings: Settings) -> int:
    return integer(settings, "units") * (_features(inputs) + integer(settings, "bias", 1))


def _flops(inputs: Inputs, settings: Settings) -> int:
    return 2 * integer(settings, "units") * _features(inputs)


def _flat(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    return (prod(shape),)


register_operation(Operation("dense", _shape, _parameters, _flops, weighs_inputs=True))
register_operation(Operation("flatten", _flat, fixed=True))
