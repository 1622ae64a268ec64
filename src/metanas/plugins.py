"""Files and modules of the user's that add operations, spaces or strategies."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from metanas.errors import InputError

_PREFIX = "metanas_plugin_"


def import_plugin(where: str) -> ModuleType:
    """Import a user's operations and spaces: a module's name, or the path of a ``.py`` file, which is run once per process.

    Raises:
        ImportError: if there is no such module or file.
    """
    if not where.endswith(".py"):
        return importlib.import_module(where)
    path = Path(where).resolve()
    # Files of the same name in two folders are two plugins.
    name = f"{_PREFIX}{path.stem}_{hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"can't import {where}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]  # half of a plugin is none
        raise
    return module


def import_plugins(plugins: Iterable[str], what: str) -> None:
    """Import all that ``what`` needs.

    Raises:
        InputError: naming the first that can't be imported.
    """
    for plugin in plugins:
        try:
            import_plugin(plugin)
        except Exception as error:
            raise InputError(f"{what} needs {plugin}, which can't be imported: {type(error).__name__}: {error}") from error


def homes(functions: Iterable[Callable[..., Any]]) -> tuple[str, ...] | None:
    """What a worker process must import to have these functions; those of metanas itself don't count.

    Returns:
        Names of modules and paths of plugins, each once; None if a function stands where no other process can import it: a script
        that runs, or a notebook.
    """
    found: dict[str, None] = {}
    for function in functions:
        name = getattr(function, "__module__", None) or "__main__"
        if name.partition(".")[0] == __name__.partition(".")[0]:
            continue
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if name == "__main__" or spec is None or spec.origin is None:
            return None
        found[str(Path(spec.origin).resolve()) if name.startswith(_PREFIX) else name] = None
    return tuple(found)
