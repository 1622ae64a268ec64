"""``rnn``, ``lstm``, ``gru`` ``(units, bidirectional=False)``: ``(channels, time)`` to ``(units * directions, time)``.

Parameters as in PyTorch: per direction and gate, input and recurrent weights and two biases.
"""

from functools import partial

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if len(shape) != 2:
        raise ValueError(f"a recurrent layer takes (channels, time), not shape {shape}")
    return (integer(settings, "units") * _directions(settings), shape[1])


def _directions(settings: Settings) -> int:
    return 1 + integer(settings, "bidirectional", 0)


def _parameters(gates: int, inputs: Inputs, settings: Settings) -> int:
    units = integer(settings, "units")
    return _directions(settings) * gates * units * (inputs[0][0] + units + 2)


def _flops(gates: int, inputs: Inputs, settings: Settings) -> int:
    units = integer(settings, "units")
    return 2 * _directions(settings) * gates * units * (inputs[0][0] + units) * inputs[0][1]


for _name, _gates in GATES.items():
    register_operation(Operation(_name, _shape, partial(_parameters, _gates), partial(_flops, _gates), weighs_inputs=True))
