"""Turns what a user may name as a space into a space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metanas.errors import InputError
from metanas.plugins import import_plugin
from metanas.spaces.registry import make_space, spaces
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space


def choose_space(space: str | Callable[[TaskShape], Space] | None, shape: TaskShape) -> tuple[Space, tuple[str, ...]]:
    """The space for a task's shapes, and the user's files that it took.

    Args:
        space: a name, ``file.py`` or ``file.py:name`` that registers one, a function that makes one, or None for the default.
        shape: of the task.

    Raises:
        InputError: if there is no such space, or the file can't be imported.
    """
    if callable(space):
        return space(shape), ()
    path, _, name = (space or "").partition(":")
    if not path.endswith(".py"):
        return make_space(space, shape), ()
    if not Path(path).is_file():
        raise InputError(f"there is no file {path} to take a space from")
    before = set(spaces())
    try:
        import_plugin(path)
    except Exception as error:
        raise InputError(f"the file {path} can't be imported: {type(error).__name__}: {error}") from error
    found = [known for known in spaces() if known not in before] or [known for known in spaces(shape.data) if known == name]
    if not (name or found):
        raise InputError(f"the file {path} registers no space; put @register_space(...) on a function in it")
    return make_space(name or found[0], shape), (str(Path(path).resolve()),)
