"""The loop that joins all: budgets, executors, observers, and the functions :func:`search` and :func:`resume`.

``metanas.search`` is this package and also the function: calling the package calls :func:`metanas.search.search`.
"""

import sys
from types import ModuleType

from metanas.search.conclusion import SearchResult as SearchResult
from metanas.search.search import resume as resume
from metanas.search.search import search as search


class _Callable(ModuleType):
    """Importing a submodule binds the package's name in ``metanas``; so the package answers as the function does."""

    __call__ = staticmethod(search)


sys.modules[__name__].__class__ = _Callable
