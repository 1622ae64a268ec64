"""Which function builds the module of which operation."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from metanas.spaces.operation import Inputs, Settings

Builder = Callable[[Inputs, Settings], nn.Module]
"""Input shapes (no batch axis) and settings to a module that takes one tensor ``(batch, *shape)`` per input."""

_BUILDERS: dict[str, Builder] = {}


def builds(*names: str) -> Callable[[Builder], Builder]:
    """Decorator that makes a function the builder of the operations ``names``.

    The function may draw initial weights from PyTorch's default generator, as modules do by themselves:
    :func:`metanas.networks.build_network` seeds it for every node and puts it back afterwards. A module with an
    attribute ``takes_mask = True`` is called with a keyword ``mask``: bool ``(batch, time)``, true where a token stands
    and false at padding, or None where nothing is padded.

    Raises:
        ValueError: if another function builds such an operation already.

    Example:
        >>> from torch import nn
        >>> from metanas.networks import builds
        >>> from metanas.spaces.operation import Operation, register_operation, same_shape
        >>> _ = register_operation(Operation("softsign", same_shape))
        >>> @builds("softsign")
        ... def softsign(inputs, settings):
        ...     return nn.Softsign()
    """

    def register(builder: Builder) -> Builder:
        for name in names:
            known = _BUILDERS.setdefault(name, builder)
            if known is not builder:
                raise ValueError(f"the operation {name!r} has a builder already; choose another name")
        return builder

    return register


def module_of(name: str, inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of operation ``name`` for inputs of these shapes.

    Raises:
        ValueError: if nothing builds that operation.
    """
    if name not in _BUILDERS:
        raise ValueError(f"nothing builds the operation {name!r}; register a builder with metanas.networks.builds({name!r})")
    return _BUILDERS[name](inputs, settings)


def builders() -> tuple[Builder, ...]:
    """All registered builders."""
    return tuple(_BUILDERS.values())
