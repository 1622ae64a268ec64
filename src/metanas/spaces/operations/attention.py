"""``transformer(heads, expansion, dropout=0.0)``: a pre-norm Transformer block on ``(channels, time)`` (Vaswani et al.
2017; normalisation before each half as in Xiong et al. 2020); ``positional(kind)``: adds sinusoids or a learned table.
"""

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation, same_shape
from metanas.spaces.shape import Shape


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if len(shape) != 2 or shape[0] % integer(settings, "heads"):
        raise ValueError(f"transformer takes (channels, time), channels a multiple of heads={settings['heads']}, not {shape}")
    return shape


def _parameters(inputs: Inputs, settings: Settings) -> int:
    c, e = inputs[0][0], integer(settings, "expansion")
    norms, attention, feed_forward = 4 * c, 4 * c * c + 4 * c, 2 * e * c * c + e * c + c
    return norms + attention + feed_forward


def _flops(inputs: Inputs, settings: Settings) -> int:
    (c, t), e = inputs[0], integer(settings, "expansion")
    return 2 * t * (4 * c * c + 2 * e * c * c) + 4 * t * t * c


def _table(inputs: Inputs, settings: Settings) -> int:
    return inputs[0][0] * inputs[0][1] if settings["kind"] == "learned" else 0


register_operation(Operation("transformer", _shape, _parameters, _flops))
register_operation(Operation("positional", same_shape, _table))
