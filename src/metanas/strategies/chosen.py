"""Turns what a user may name as a strategy into a registered name: ``evolution``, ``mine.py``, ``hyperband:mine.py:climb``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from metanas.errors import InputError
from metanas.plugins import import_plugin
from metanas.strategies.base import source_module, strategies


@dataclass(frozen=True)
class ChosenStrategy:
    """A strategy that was chosen.

    Args:
        name: for :func:`make_strategy`.
        plugins: the user's files that it took.
    """

    name: str
    plugins: tuple[str, ...] = ()


def choose_strategy(text: str, others: Callable[[], Mapping[str, str]] = dict) -> ChosenStrategy:
    """The strategy that ``text`` names; ``file.py`` stands for the strategy registered there, ``file.py:name`` for one of several.

    Args:
        text: as a user says it.
        others: gives what else may be named than strategies: each name, and the name of the module in which it stands.

    Raises:
        InputError: if a file is missing, can't be imported, or registers no such strategy.
    """
    parts, names, plugins = text.split(":"), list[str](), list[str]()
    while parts:
        part = parts.pop(0)
        if not part.endswith(".py"):
            names.append(part)
            continue
        here = _registered_by(part, others)
        plugins.append(str(Path(part).resolve()))
        if parts and parts[0] in here:
            names.append(parts.pop(0))
        elif len(here) == 1:
            names.append(here[0])
        else:
            raise InputError(f"the file {part} registers {len(here)} strategies; say {part}:NAME with one of {', '.join(here)}")
    return ChosenStrategy(":".join(names), tuple(plugins))


def _registered_by(file: str, others: Callable[[], Mapping[str, str]]) -> list[str]:
    path = Path(file).resolve()
    if not path.is_file():
        raise InputError(f"there is no file {file} to take a strategy from")
    try:
        module = import_plugin(str(path))
    except Exception as error:
        raise InputError(f"the file {file} can't be imported: {type(error).__name__}: {error}") from error
    modules = {**{name: source_module(name) for name in strategies()}, **others()}
    found = [name for name, where in modules.items() if where == module.__name__]
    if not found:
        raise InputError(f"the file {file} registers no strategy; put @register_strategy(...) on a class in it")
    return found
