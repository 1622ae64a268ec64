"""``embedding(size, vocabulary)``: token ids ``(time,)`` to ``(size, time)``; id 0 is padding and stays zero."""

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if len(shape) != 1:
        raise ValueError(f"embedding takes token ids (time,), not shape {shape}")
    return (integer(settings, "size"), shape[0])


def _parameters(inputs: Inputs, settings: Settings) -> int:
    return integer(settings, "size") * integer(settings, "vocabulary")


register_operation(Operation("embedding", _shape, _parameters))
