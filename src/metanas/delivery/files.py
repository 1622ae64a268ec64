"""Small files that are there in full or not at all."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metanas.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step: a reader, or a crash, sees the old file or the new one, never half of it.

    Raises:
        InputError: if the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror}; choose a folder that can be written") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise InputError(f"can't write {path}: {error.strerror}; choose a folder that can be written and has room") from error


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write ``record`` atomically as indented JSON; numbers that JSON can't hold (NaN, infinite) become null."""
    text = json.dumps(finite(record), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode("utf-8"))


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in ``path``.

    Args:
        path: of the file.
        what: the file is called this in error messages, e.g. ``"the model's description"``.

    Raises:
        InputError: if the file is missing, can't be read, is cut off or holds something else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{what} is missing: there is no file {path}; give the folder that a finished search wrote") from error
    except OSError as error:
        raise InputError(f"{what} can't be read: {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{what} is damaged or of another program: {path} is no complete JSON file; copy the folder again") from error
    if not isinstance(record, dict):
        raise InputError(f"{what} is of another program: {path} holds no JSON object")
    return record


def finite(value: Any) -> Any:
    """``value`` with tuples as lists, numpy scalars as numbers and numbers that aren't finite as None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite(item) for item in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
