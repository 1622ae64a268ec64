"""Explicit states as files: what a pure inner loop carries from step to step, written so that a crash leaves the old file or the new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.delivery.files import write_bytes
from metanas.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = 1
_ARRAY, _TENSOR, _TUPLE = "$array", "$tensor", "$tuple"


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` to one safetensors file in one step: its arrays as they are, the rest as JSON in the file's header.

    Args:
        path: of the file; its folder is made.
        state: nested mappings (keys are strings), lists and tuples of tensors, numpy arrays and JSON values.

    Raises:
        InputError: if the file can't be written.
        TypeError: if there is something else in the state.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    record = json.dumps({"schema": SCHEMA, "state": _flat(state, "", tensors)})
    write_bytes(path, save(tensors, metadata={"metanas": record}))


def load_state(path: Path, device: str = "cpu") -> dict[str, Any]:
    """The state written by :func:`save_state`: equal to the last bit, numpy arrays and tensors as they were.

    Args:
        path: of the file.
        device: where the tensors are to be.

    Raises:
        InputError: if it is missing, damaged or written by a newer version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device=device) as file:
            record = json.loads(file.metadata()["metanas"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; give the folder that was written before") from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged or of another program; start anew, or copy it again") from error
    if record["schema"] > SCHEMA:
        raise InputError(f"{path} was written by a newer version of metanas; update metanas to read it")
    state: dict[str, Any] = _whole(record["state"], tensors)
    return state


def _flat(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """``value`` as JSON, in which arrays are names; they themselves go into ``tensors``."""
    import torch

    if isinstance(value, torch.Tensor | np.ndarray):
        kind, tensor = (_TENSOR, value.detach()) if isinstance(value, torch.Tensor) else (_ARRAY, torch.from_numpy(np.array(value)))
        tensors[name] = tensor.cpu().clone(memory_format=torch.contiguous_format)
        return {kind: name}
    if isinstance(value, Mapping):
        if strange := next((key for key in value if not isinstance(key, str)), None):
            raise TypeError(f"the state {name or 'itself'} has the key {strange!r}; keys must be strings")
        return {key: _flat(item, f"{name}/{key}" if name else key, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_flat(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {_TUPLE: items}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}, which no state may hold: tensors, arrays and JSON values only")


def _whole(record: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(record, list):
        return [_whole(item, tensors) for item in record]
    if not isinstance(record, dict):
        return record
    if len(record) == 1 and (kind := next(iter(record))) in (_ARRAY, _TENSOR, _TUPLE):
        if kind == _TUPLE:
            return tuple(_whole(item, tensors) for item in record[kind])
        tensor = tensors[record[kind]]
        return tensor if kind == _TENSOR else tensor.cpu().numpy()
    return {key: _whole(item, tensors) for key, item in record.items()}
