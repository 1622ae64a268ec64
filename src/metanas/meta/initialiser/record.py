"""A bank as part of a prior's file: half precision, arrays and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from metanas.meta.initialiser.bank import LARGEST, Bank, Initialisation
from metanas.meta.initialiser.layers import Layer

MOST = float(np.finfo(np.float16).max)


def bank_record(bank: Bank) -> dict[str, Any]:
    """Arrays and JSON values; :func:`bank_of` reads them."""
    return {
        "embeddings": np.array([entry.embedding for entry in bank.entries], np.float64),
        "entries": [_entry_record(entry) for entry in bank.entries],
    }


def bank_of(record: Mapping[str, Any], attributes: int) -> Bank:
    """The bank of a record.

    Args:
        record: of :func:`bank_record`.
        attributes: of an embedding.

    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: if it is damaged.
    """
    embeddings = record["embeddings"].reshape(-1, attributes)
    if not np.isfinite(embeddings).all():
        raise ValueError("numbers that are none")
    bank = Bank(tuple(_entry(*pair) for pair in zip(record["entries"], embeddings, strict=True)))
    if sum(entry.numbers for entry in bank.entries) > LARGEST:
        raise ValueError("too many numbers")
    return bank


def _entry_record(entry: Initialisation) -> dict[str, Any]:
    layers = {
        key: {"value": layer.value.clamp(-MOST, MOST).half().cpu().numpy(), "parts": [list(part) for part in layer.parts]}
        for key, layer in entry.layers.items()
    }
    return {"name": entry.name, "sources": list(entry.sources), "origin": entry.origin, "data": entry.data, "layers": layers}


def _entry(record: Mapping[str, Any], embedding: np.ndarray[Any, np.dtype[np.float64]]) -> Initialisation:
    words = [record["name"], record["origin"], record["data"], *record["sources"]]
    if not all(isinstance(word, str) for word in words):
        raise TypeError("names are text")
    layers = {key: _layer(one["value"], one["parts"]) for key, one in record["layers"].items()}
    return Initialisation(record["name"], tuple(record["sources"]), record["origin"], record["data"], embedding, layers)


def _layer(value: Any, parts: Any) -> Layer:
    if value.dtype != np.float16 or not np.isfinite(value).all():
        raise ValueError("weights that are no numbers")
    made = tuple((str(maker), int(width)) for maker, width in parts)
    if made and (any(width < 1 for _, width in made) or sum(width for _, width in made) not in value.shape[:2]):
        raise ValueError("weights of another shape")
    return Layer(torch.from_numpy(value.astype(np.float32)), made)
