"""``periodic(numeric, frequencies, sigma)``: a vector's first ``numeric`` features ``x`` gain ``sin(2 pi c x)`` and
``cos(2 pi c x)`` for trained frequencies ``c`` (started from a normal distribution of deviation ``sigma``); the other
features pass unchanged. Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", eq. 3.
"""

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape


def _shape(inputs: Inputs, settings: Settings) -> Shape:
    (shape,) = inputs
    if len(shape) != 1 or integer(settings, "numeric") > shape[0]:
        raise ValueError(f"periodic takes a vector of at least numeric={settings['numeric']} features, not shape {shape}")
    return (shape[0] + 2 * _parameters(inputs, settings),)


def _parameters(inputs: Inputs, settings: Settings) -> int:
    return integer(settings, "numeric") * integer(settings, "frequencies")


register_operation(Operation("periodic", _shape, _parameters))
