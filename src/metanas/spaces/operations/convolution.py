"""``conv(channels, kernel, stride=1, bias=True)`` and ``sep_conv`` (depthwise, then pointwise; no bias in between).

Both work on ``(channels, time)`` and ``(channels, height, width)``; odd kernels, padded so that a length ``n`` becomes
``ceil(n / stride)``. The kernel is the same on every axis.
"""

from math import prod

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape


def strided(shape: Shape, stride: int) -> Shape:
    """The axes of ``shape`` after the first, divided by ``stride`` and rounded up."""
    return tuple(-(-length // stride) for length in shape[1:])


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if len(shape) not in (2, 3):
        raise ValueError(f"a convolution takes (channels, time) or (channels, height, width), not shape {shape}")
    if integer(settings, "kernel") % 2 == 0:
        raise ValueError(f"a convolution's kernel must be odd, not {settings['kernel']}")
    return (integer(settings, "channels"), *strided(shape, integer(settings, "stride", 1)))


def _taps(inputs: Inputs, settings: Settings) -> int:
    return int(integer(settings, "kernel") ** (len(inputs[0]) - 1))


def _conv_parameters(inputs: Inputs, settings: Settings) -> int:
    return integer(settings, "channels") * (inputs[0][0] * _taps(inputs, settings) + integer(settings, "bias", 1))


def _conv_flops(inputs: Inputs, settings: Settings) -> int:
    return 2 * prod(_shape(inputs, settings)) * inputs[0][0] * _taps(inputs, settings)


def _sep_parameters(inputs: Inputs, settings: Settings) -> int:
    pointwise = integer(settings, "channels") * (inputs[0][0] + integer(settings, "bias", 1))
    return inputs[0][0] * _taps(inputs, settings) + pointwise


def _sep_flops(inputs: Inputs, settings: Settings) -> int:
    out = _shape(inputs, settings)
    return 2 * prod(out[1:]) * inputs[0][0] * (_taps(inputs, settings) + out[0])


register_operation(Operation("conv", _shape, _conv_parameters, _conv_flops, weighs_inputs=True))
register_operation(Operation("sep_conv", _shape, _sep_parameters, _sep_flops, weighs_inputs=True))
