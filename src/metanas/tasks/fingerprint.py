"""A short key of a task's data, the same in every process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from metanas.tasks.data import Array


def fingerprint(about: Any, inputs: Any, arrays: Sequence[Array]) -> str:
    """BLAKE2b (128 bits, hex) of a JSON value, raw inputs of any kind of data, and arrays."""
    state = hashlib.blake2b(digest_size=16)
    state.update(json.dumps(about).encode())
    for array in arrays:
        _add(state, array)
    if isinstance(inputs, np.ndarray):
        _add(state, inputs)
    elif isinstance(inputs, list):
        state.update(json.dumps(inputs).encode())
    else:
        _add_table(state, inputs)
    return state.hexdigest()


def _add(state: Any, array: Array) -> None:
    whole = np.ascontiguousarray(array)
    state.update(f"{whole.dtype.str}{whole.shape}".encode())
    state.update(whole.reshape(-1).view(np.uint8).data)


def _add_table(state: Any, table: Any) -> None:
    for name in table.columns:
        column = table[name]
        state.update(json.dumps(str(name)).encode())
        if hasattr(column, "cat"):
            state.update(json.dumps([str(c) for c in column.cat.categories]).encode())
            _add(state, np.asarray(column.cat.codes, np.int64))
        else:
            _add(state, column.to_numpy(np.float64))
