"""Which one-shot methods there are."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from metanas.errors import InputError

if TYPE_CHECKING:
    from metanas.oneshot.base import SupernetMethod
    from metanas.oneshot.brief import OneShotBrief
    from metanas.spaces import Space

_METHODS: dict[str, Any] = {}


def register_oneshot(name: str) -> Callable[[Any], Any]:
    """Class decorator: ``--strategy name`` makes it with a :class:`~metanas.oneshot.brief.OneShotBrief`.

    One that takes a keyword ``strategy`` may be named with it: ``name:strategy``.

    Raises:
        ValueError: if another one has that name.
    """

    def register(factory: Any) -> Any:
        known = _METHODS.setdefault(name, factory)
        if known.__qualname__ != factory.__qualname__:
            raise ValueError(f"a one-shot method named {name!r} exists already; choose another name")
        _METHODS[name] = factory
        return factory

    return register


def oneshots() -> tuple[str, ...]:
    """Names of the known one-shot methods."""
    return tuple(sorted(_METHODS))


def is_oneshot(name: str) -> bool:
    """Whether ``name`` (what stands before a colon, if there is one) is a one-shot method."""
    return name.partition(":")[0] in _METHODS


def source_module(name: str) -> str:
    """The name of the module in which a one-shot method stands."""
    return str(_METHODS[name].__module__)


def oneshot_bytes(name: str, space: Space, batch: int) -> int:
    """Bytes that a step of the method's supernet takes besides the data, predicted without building anything.

    Args:
        name: as for :func:`make_oneshot`.
        space: where to search.
        batch: examples per step.

    Raises:
        InputError: as :func:`make_oneshot`, or if nothing in the space can be left open.
    """
    from metanas.networks.supernet import supernet_bytes
    from metanas.spaces.narrowing import supernet_space

    method = _method(name)
    return int(method.graphs * supernet_bytes(method.trained_space(supernet_space(space)[0]), batch, whole=method.whole))


def oneshot_work(name: str, space: Space) -> float:
    """About how long a step of the method takes, in training steps of the plain network: by operations alone, forward and backward alike.

    Args:
        name: as for :func:`make_oneshot`.
        space: where to search.

    Raises:
        InputError: as :func:`make_oneshot`, or if nothing in the space can be left open.
    """
    from metanas.networks.supernet_memory import supernet_flops
    from metanas.spaces.narrowing import supernet_space

    method, narrowed = _method(name), supernet_space(space)[0]
    whole = supernet_flops(method.trained_space(narrowed)) / max(1, narrowed.graph(narrowed.baseline).flops)
    return float(1 + method.graphs * whole if method.whole else 2.0)  # one pass for the weights, and one for the choices


def check_oneshot(name: str) -> None:
    """Refuse what :func:`make_oneshot` would refuse of a name, without building anything.

    Raises:
        InputError: if there is no such method, or it is given a strategy that it has no use for.
    """
    _method(name)


def make_oneshot(name: str, brief: OneShotBrief) -> SupernetMethod:
    """The one-shot method of that name; ``single-path:bayes`` names the strategy that searches on inherited weights, too.

    Raises:
        InputError: if there is no such method, or it is given a strategy that it has no use for.
    """
    method, inner = _method(name), name.partition(":")[2]
    made: SupernetMethod = method(brief, strategy=inner) if inner else method(brief)
    return made


def _method(name: str) -> Any:
    """The class of that name, if its strategy is one, too."""
    from metanas.strategies import strategies

    outer, colon, inner = name.partition(":")
    if outer not in _METHODS:
        near = difflib.get_close_matches(outer, _METHODS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(oneshots())}"
        raise InputError(f"there is no one-shot method named {outer!r}; {hint}")
    method = _METHODS[outer]
    if colon and "strategy" not in inspect.signature(method).parameters:
        raise InputError(f"one-shot method {outer!r} takes no strategy; say --strategy {outer}")
    if colon and inner.partition(":")[0] not in strategies():
        raise InputError(f"{name!r} names no strategy to search on inherited weights; say for example --strategy {outer}:evolution")
    return method
