"""What a prior's file may hold of a space beside what every one has: the ensemble, the policy, the task encoder. Absent is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanas.meta.prior import ensemble
from metanas.meta.prior.foretelling import Foretelling, encoded
from metanas.meta.prior.form import Form
from metanas.meta.prior.memories import KnownSpace
from metanas.meta.prior.taught_policy import controller_of
from metanas.records import TaskDescription
from metanas.spaces import TaskShape
from metanas.strategies.director import Weights

_ANY = TaskDescription("any", "classification", TaskShape("table", (1,), 2), 1, "accuracy")


def parts_record(known: KnownSpace) -> dict[str, Any]:
    """Those parts that there are, as arrays and JSON values."""
    record: dict[str, Any] = {}
    if known.ensemble:
        record["ensemble"] = ensemble.to_record(known.ensemble)
    for name, weights in (("policy", known.policy), ("encoder", known.encoder)):
        if weights is not None:
            record[name] = {key: value.numpy() for key, value in weights.items()}
    if known.director is not None:
        record["director"] = known.director.to_record()
    if known.foretelling is not None:
        record["foretelling"] = asdict(known.foretelling)
    return record


def embedding_size(record: Mapping[str, Any], attributes: int) -> int:
    """Numbers of a task's embedding in that space: one per attribute, or as many as the encoder gives."""
    return len(record["encoder"]["out.bias"]) if "encoder" in record else attributes


def parts_of(record: Mapping[str, Any], form: Form, size: int) -> dict[str, Any]:
    """Those parts by the names that :class:`KnownSpace` has for them.

    Args:
        record: of the space.
        form: of the space.
        size: see :func:`embedding_size`.

    Raises:
        ValueError: if one is incomplete, of another shape, or holds what is no number; or what the parts themselves raise.
        InputError: if the encoder knows other attributes than this version.
    """
    found: dict[str, Any] = {}
    if "ensemble" in record:
        found["ensemble"] = ensemble.from_record(record["ensemble"], form)
    if "policy" in record:
        found["policy"] = _weights(record["policy"])
        wanted = controller_of(form, size).init(0)
        if {n: v.shape for n, v in found["policy"].items()} != {n: v.shape for n, v in wanted.items()}:
            raise ValueError("a policy of another form")
    if "encoder" in record:
        found["encoder"] = _weights(record["encoder"])
        encoded(found["encoder"], _ANY)
    if "director" in record:
        found["director"] = Weights.from_record(record["director"])
    if "foretelling" in record:
        found["foretelling"] = Foretelling(**record["foretelling"])
    return found


def _weights(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    weights = {name: torch.as_tensor(np.asarray(value, dtype=np.float32)) for name, value in arrays.items()}
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ValueError("weights that are no numbers")
    return weights
