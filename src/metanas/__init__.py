"""MetaNAS: neural architecture search that learns from every search it ever ran."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from metanas.delivery import load_model as load_model
    from metanas.delivery.adaptation import adapt as adapt
    from metanas.errors import InputError as InputError
    from metanas.errors import MetaNASError as MetaNASError
    from metanas.search import SearchResult as SearchResult
    from metanas.search import resume as resume
    from metanas.search import search as search  # type: ignore[no-redef]  # both a package and a function, see there
    from metanas.search.meta import meta_train as meta_train
    from metanas.tasks import Task as Task

_HOMES = {
    "InputError": "metanas.errors",
    "MetaNASError": "metanas.errors",
    "SearchResult": "metanas.search",
    "Task": "metanas.tasks",
    "adapt": "metanas.delivery.adaptation",
    "load_model": "metanas.delivery",
    "meta_train": "metanas.search.meta",
    "resume": "metanas.search",
    "search": "metanas.search",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """The public names load when used, so that ``import metanas`` takes milliseconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'metanas' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
