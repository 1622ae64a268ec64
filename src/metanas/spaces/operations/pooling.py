"""``max_pool``/``avg_pool(kernel, stride=1)``: a length ``n`` becomes ``ceil(n / stride)``; padding never counts.

The kernel is odd (centred), or equal to the stride. ``global_pool(kind)`` turns ``(channels, ...)`` into ``(channels,)``:
``avg``, ``max``, ``last`` (last time step), or ``both`` (average and maximum side by side, ``2 * channels``).
"""

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.operations.convolution import strided
from metanas.spaces.shape import Shape


def _pool(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    kernel, stride = integer(settings, "kernel"), integer(settings, "stride", 1)
    if len(shape) not in (2, 3):
        raise ValueError(f"pooling takes (channels, time) or (channels, height, width), not shape {shape}")
    if kernel % 2 == 0 and kernel != stride:
        raise ValueError(f"a pooling kernel must be odd or equal to the stride, not {kernel}")
    return (shape[0], *strided(shape, stride))


def _global(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if settings["kind"] == "last" and len(shape) != 2:
        raise ValueError(f"global_pool 'last' takes (channels, time), not shape {shape}")
    return (shape[0] * (2 if settings["kind"] == "both" else 1),)


register_operation(Operation("max_pool", _pool))
register_operation(Operation("avg_pool", _pool))
register_operation(Operation("global_pool", _global))
