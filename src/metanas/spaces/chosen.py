"""Turns what a user may name as a space into a space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metanas.errors import InputError
from metanas.plugins import import_plugin
from metanas.spaces.registry import make_space, source_module, spaces
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space


@dataclass(frozen=True)
class Chosen:
    """A space that was chosen.

    Args:
        space: for the task's shapes.
        reference: chooses the same again, from any folder; empty for a function.
        plugins: the user's files that it took.
    """

    space: Space
    reference: str = ""
    plugins: tuple[str, ...] = ()


def choose_space(space: str | Callable[[TaskShape], Space] | None, shape: TaskShape) -> Chosen:
    """The space for a task's shapes.

    Args:
        space: a name, ``file.py`` or ``file.py:name`` that registers one, a function that makes one, or None for the default.
        shape: of the task.

    Raises:
        InputError: if there is no such space, or the file can't be imported.
    """
    if callable(space):
        return Chosen(space(shape))
    file, name = _parts(space or "")
    if not file:
        made = make_space(space, shape)
        return Chosen(made, space or spaces(shape.data)[0])
    path = Path(file).resolve()
    if not path.is_file():
        raise InputError(f"there is no file {file} to take a space from")
    before = set(spaces())
    try:
        module = import_plugin(str(path))
    except Exception as error:
        raise InputError(f"the file {file} can't be imported: {type(error).__name__}: {error}") from error
    found = [known for known in spaces() if known not in before or source_module(known) == module.__name__]
    if not (name or found):
        raise InputError(f"the file {file} registers no space; put @register_space(...) on a function in it")
    chosen = name or next((known for known in found if known in spaces(shape.data)), found[0])
    return Chosen(make_space(chosen, shape), f"{path}:{chosen}", (str(path),))


def _parts(text: str) -> tuple[str, str]:
    """File and name in ``file.py:name`` or ``file.py``; no file in a plain name."""
    if text.endswith(".py"):
        return text, ""
    file, _, name = text.rpartition(":")
    return (file, name) if file.endswith(".py") else ("", text)
