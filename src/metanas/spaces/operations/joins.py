"""Where paths meet: ``add()``, ``concat()`` along channels, and ``residual()``.

``residual`` takes (main, shortcut) and gives main's shape: a shortcut of another shape passes a bias-free projection
(strided 1x1 convolution, or dense for vectors) as in He et al. 2016, section 3.3, option B.
"""

from math import prod

from metanas.spaces.operation import Inputs, Operation, Settings, register_operation
from metanas.spaces.shape import Shape


def _add(inputs: Inputs, settings: Settings) -> Shape:
    if any(shape != inputs[0] for shape in inputs):
        raise ValueError(f"add takes inputs of one shape, not {list(inputs)}")
    return inputs[0]


def _concat(inputs: Inputs, settings: Settings) -> Shape:
    if any(shape[1:] != inputs[0][1:] for shape in inputs):
        raise ValueError(f"concat takes inputs that differ in channels only, not {list(inputs)}")
    return (sum(shape[0] for shape in inputs), *inputs[0][1:])


def _residual(inputs: Inputs, settings: Settings) -> Shape:
    main, shortcut = inputs
    if len(main) != len(shortcut):
        raise ValueError(f"residual takes inputs of one rank, not {list(inputs)}")
    if len(main) > 1 and main[1:] != shortcut[1:]:
        stride = projection_stride(main, shortcut)
        if any(-(-b // stride) != a for a, b in zip(main[1:], shortcut[1:], strict=True)):
            raise ValueError(f"residual can't reach {main} from {shortcut} by one stride")
    return main


def projection_stride(main: Shape, shortcut: Shape) -> int:
    """The smallest stride that may bring all axes of ``shortcut`` after the channels to those of ``main`` (1 for vectors).

    An axis that is short already (2 becomes 1 by any larger stride) says little, so the largest quotient decides.
    """
    return max((-(-b // a) for a, b in zip(main[1:], shortcut[1:], strict=True)), default=1)


def _projection(inputs: Inputs, settings: Settings) -> int:
    main, shortcut = inputs
    return 0 if main == shortcut else main[0] * shortcut[0]


def _projection_flops(inputs: Inputs, settings: Settings) -> int:
    return 2 * _projection(inputs, settings) * prod(inputs[0][1:])


register_operation(Operation("add", _add, commutative=True, join=True))
register_operation(Operation("concat", _concat, join=True))
register_operation(Operation("residual", _residual, _projection, _projection_flops, join=True))
