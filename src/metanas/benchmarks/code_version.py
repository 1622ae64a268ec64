"""What a run's result depends on besides its seed: the code and the settings of its strategy."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from metanas.strategies.base import source_module, strategy_factory

_ROOM = "metanas.strategies"


def strategy_settings(name: str) -> dict[str, Any]:
    """The settings that ``name`` (``wrapper:inner`` too) runs with: the defaults of its arguments, those that are JSON values."""
    found: dict[str, Any] = {}
    for part in name.split(":"):
        for parameter in inspect.signature(strategy_factory(part)).parameters.values():  # type: ignore[arg-type]
            if isinstance(parameter.default, bool | int | float | str):
                found[parameter.name if part == name else f"{part}.{parameter.name}"] = parameter.default
    return found


def code_version(name: str) -> str:
    """A short key of the strategy's code and of all that it imports from the room of strategies; comments and docstrings don't count.

    Of a strategy in a file of the user's, modules that lie beside the file count as well.
    """
    modules: dict[str, ModuleType] = {}
    for part in [*name.split(":"), "evolution"]:  # what a wrapper wraps unless told otherwise
        if strategy_factory(part) is not None:
            _collect(sys.modules[source_module(part)], modules)
    text = "\n".join(_essence(modules[key].__file__ or "") for key in sorted(modules))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _collect(module: ModuleType, found: dict[str, ModuleType]) -> None:
    if module.__name__ in found:
        return
    found[module.__name__] = module
    for value in list(vars(module).values()):
        home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        other = sys.modules.get(home) if isinstance(home, str) else None
        if other is not None and (other.__name__.startswith(f"{_ROOM}.") or _beside(other, module)):
            _collect(other, found)


def _beside(one: ModuleType, other: ModuleType) -> bool:
    """Whether both stand in the same folder outside of metanas."""
    files = [getattr(module, "__file__", None) for module in (one, other)]
    if None in files or other.__name__.partition(".")[0] == _ROOM.partition(".")[0]:
        return False
    return len({Path(file).resolve().parent for file in files if file}) == 1


@cache
def _essence(file: str) -> str:
    with open(file, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            node.body = body[1:]  # type: ignore[attr-defined]
    return ast.dump(tree)
