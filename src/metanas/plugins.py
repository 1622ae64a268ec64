"""Files and modules of the user's that add operations, spaces or strategies."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def import_plugin(where: str) -> None:
    """Import a user's operations and spaces: a module's name, or the path of a ``.py`` file.

    Raises:
        ImportError: if there is no such module or file.
    """
    if not where.endswith(".py"):
        importlib.import_module(where)
        return
    name = f"metanas_plugin_{Path(where).stem}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, where)
    if spec is None or spec.loader is None:
        raise ImportError(f"can't import {where}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def homes(functions: Iterable[Callable[..., Any]]) -> tuple[str, ...] | None:
    """The files that a worker process must import to have these functions; those of metanas itself don't count.

    Returns:
        Paths, each once; None if a function stands where no other process can import it: a script that runs, or a notebook.
    """
    found: dict[str, None] = {}
    for function in functions:
        module = getattr(function, "__module__", "")
        if module.partition(".")[0] == __name__.partition(".")[0]:
            continue
        file = inspect.getsourcefile(function) if module != "__main__" else None
        if file is None or not Path(file).is_file():
            return None
        found[str(Path(file).resolve())] = None
    return tuple(found)
