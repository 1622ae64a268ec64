"""Which spaces there are, and which one suits a kind of data."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from metanas.errors import InputError
from metanas.spaces.shape import DataKind, TaskShape
from metanas.spaces.space import Space

SpaceFactory = Callable[[TaskShape], Space]


@dataclass(frozen=True)
class _Entry:
    factory: SpaceFactory
    data: tuple[DataKind, ...]


_SPACES: dict[str, _Entry] = {}


def register_space(name: str, *data: DataKind) -> Callable[[SpaceFactory], SpaceFactory]:
    """Decorator that makes a function from a task's shapes to a space known as ``name``, for these kinds of data.

    The first space registered for a kind of data is its default.
    """

    def register(factory: SpaceFactory) -> SpaceFactory:
        known = _SPACES.setdefault(name, _Entry(factory, data))
        if known.factory.__qualname__ != factory.__qualname__:
            raise ValueError(f"a space named {name!r} exists already; choose another name")
        _SPACES[name] = _Entry(factory, data)
        return factory

    return register


def spaces(data: DataKind | None = None) -> tuple[str, ...]:
    """Names of the known spaces, or of those for a kind of data, the default first."""
    return tuple(name for name, entry in _SPACES.items() if data is None or data in entry.data)


def source_module(name: str) -> str:
    """The name of the module in which the function of space ``name`` stands."""
    return _SPACES[name].factory.__module__


def make_space(name: str | None, shape: TaskShape) -> Space:
    """The space of that name (None: the default for the kind of data), made for a task's shapes.

    Raises:
        InputError: if there is no such space or it can't take that kind of data.
    """
    fitting = spaces(shape.data)
    chosen = name if name is not None else fitting[0]
    if chosen not in _SPACES:
        near = difflib.get_close_matches(chosen, _SPACES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(spaces())}"
        raise InputError(f"there is no space named {chosen!r}; {hint}")
    if chosen not in fitting:
        choice = f"choose one of {', '.join(fitting)}" if len(fitting) > 1 else f"choose {fitting[0]}"
        raise InputError(f"space {chosen!r} does not take {shape.data} data; {choice}")
    return _SPACES[chosen].factory(shape)
