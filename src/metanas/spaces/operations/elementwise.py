"""``identity()``, ``activation(kind)``, ``dropout(rate)``, ``batch_norm()``, ``layer_norm()`` (over channels)."""

from metanas.spaces.operation import Inputs, Operation, Settings, register_operation, same_shape

ACTIVATIONS = ("relu", "sigmoid", "tanh", "silu", "gelu")


def _affine(inputs: Inputs, settings: Settings) -> int:
    return 2 * inputs[0][0]


register_operation(Operation("identity", same_shape, join=True))
register_operation(Operation("activation", same_shape))
register_operation(Operation("dropout", same_shape))
register_operation(Operation("batch_norm", same_shape, _affine))
register_operation(Operation("layer_norm", same_shape, _affine))
