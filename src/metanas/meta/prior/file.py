"""A prior as one file: safetensors, with JSON for what are no arrays. It holds no example of anybody's data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.meta.prior.form import CLOSED, Choices, Form
from metanas.meta.prior.learned import LearnedPrior, Provenance
from metanas.meta.prior.lessons import UNREADABLE
from metanas.meta.prior.memories import EarlierTask, KnownSpace, Skill
from metanas.meta.prior.parts import embedding_size, parts_of, parts_record
from metanas.meta.surrogate import TaughtProcess
from metanas.meta.surrogate.kinds import name_of, restored
from metanas.states import load_state, save_state

SCHEMA = 2
LARGEST = 10 * 2**20
"""Bytes of a prior."""
KEY = "prior"
_NONE = CLOSED - 1
"""Code of all decisions where a task has no further architecture."""
_AGAIN = "make it again with `metanas learn`, or search without it: --prior none"


def save_prior(path: Path, prior: LearnedPrior) -> str:
    """Write a prior in one step; returns its :func:`digest`.

    Raises:
        InputError: if the file can't be written, or would be larger than :data:`LARGEST`.
    """
    record = _record(prior)
    size = _bytes(record)
    if size > LARGEST:
        raise InputError(f"the prior would take {size / 2**20:.0f} MB, and {LARGEST // 2**20} MB are the most; learn from fewer stores")
    save_state(path, {KEY: record})
    return digest(path.read_bytes())


def load_prior(path: Path) -> LearnedPrior:
    """The prior that :func:`save_prior` wrote.

    Raises:
        InputError: one sentence, where it is missing, truncated, damaged, something else, or written by a newer version.
    """
    if not path.is_file():
        raise InputError(f"there is no prior {path}; `metanas learn` makes one of the searches in the store")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} is larger than {LARGEST // 2**20} MB, so it is no prior; name the file that `metanas learn` wrote")
    try:
        state: Any = load_state(path)
    except UNREADABLE as error:
        if "newer version" in str(error):
            raise
        raise InputError(f"the prior {path} is truncated, damaged or something else; {_AGAIN}") from error
    record = state.get(KEY) if isinstance(state, Mapping) else None
    if not isinstance(record, Mapping):
        raise InputError(f"{path} holds no prior, but something else of metanas; name the file that `metanas learn` wrote")
    try:
        if record["schema"] > SCHEMA:
            raise InputError(f"the prior {path} was written by metanas {record.get('version')}; update metanas, or {_AGAIN}")
        return _prior(record)
    except (RuntimeError, *UNREADABLE) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the prior {path} is damaged; {_AGAIN}") from error


def digest(content: bytes) -> str:
    """A short name of a prior's file: equal for equal bytes alone."""
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def _record(prior: LearnedPrior) -> dict[str, Any]:
    spaces = {name: _space_record(known) for name, known in prior.spaces.items()}
    record = {"schema": SCHEMA, **asdict(prior.provenance), "attributes": list(prior.attributes), "spaces": spaces}
    return record if prior.bank is None else {**record, "bank": _banks().bank_record(prior.bank)}


def _banks() -> ModuleType:
    """Loaded when needed: initial weights know the prior's embedding, and not the other way round."""
    from metanas.meta.initialiser import record

    return record


def _space_record(known: KnownSpace) -> dict[str, Any]:
    most = max((len(task.best) for task in known.tasks), default=0)
    width = len(known.form.decisions)
    best, values = np.full((len(known.tasks), most, width), _NONE, np.int16), np.zeros((len(known.tasks), most))
    for row, task in enumerate(known.tasks):
        best[row, : len(task.best)] = np.array([known.form.code(c) for c in task.best], np.int16).reshape(-1, width)
        values[row, : len(task.best)] = task.values
    kept = ("name", "fingerprint", "source", "data", "metric", "evaluations", "failed", "plain", "shipped")
    return {
        "form": known.form.to_json(),
        "tasks": [{name: getattr(task, name) for name in kept} for task in known.tasks],
        "embeddings": np.array([task.embedding for task in known.tasks], np.float64),
        "best": best,
        "values": values,
        "portfolio": np.array([known.form.code(c) for c in known.portfolio], np.int16).reshape(-1, width),
        "kernel": None if known.process is None else known.process.arrays(),
        "surrogate": "" if known.process is None else name_of(known.process),
        "aware": known.aware,
        "skill": None if known.skill is None else asdict(known.skill),
        **parts_record(known),
    }


def _prior(record: Mapping[str, Any]) -> LearnedPrior:
    attributes = tuple(record["attributes"])
    if not all(isinstance(name, str) for name in attributes):
        raise TypeError("attributes have names")
    spaces = {name: _known(one, len(attributes)) for name, one in record["spaces"].items()}
    made, version = str(record["made"]), str(record["version"])
    prior = LearnedPrior(spaces, attributes, Provenance(made, version, int(record.get("stores", 1)), int(record.get("seed", 0))))
    prior.bank = _banks().bank_of(record["bank"], len(attributes)) if "bank" in record else None
    return prior


def _known(record: Mapping[str, Any], attributes: int) -> KnownSpace:
    form, size = Form.from_json(record["form"]), embedding_size(record, attributes)
    embeddings = record["embeddings"].reshape(-1, size)
    if not np.isfinite(embeddings).all() or not np.isfinite(record["values"]).all():
        raise ValueError("numbers that are none")
    tasks = tuple(
        EarlierTask(**task, embedding=embedding, best=(best := _choices(form, codes)), values=tuple(map(float, values[: len(best)])))
        for task, embedding, codes, values in zip(record["tasks"], embeddings, record["best"], record["values"], strict=True)
    )
    # Written before surrogates had names it may know tasks otherwise; the rest of it is good until it is learned again.
    process = restored(record["surrogate"], record["kernel"]) if record.get("surrogate") else None
    if process is not None:
        _try(process, form.size, attributes)
    skill = record.get("skill")
    portfolio = _choices(form, record["portfolio"])
    known = KnownSpace(form, tasks, portfolio, process, bool(record.get("aware", False)), None if skill is None else Skill(**skill))
    return replace(known, **parts_of(record, form, size))


def _choices(form: Form, codes: Sequence[Sequence[int]]) -> tuple[Choices, ...]:
    return tuple(form.choices([int(c) for c in code]) for code in codes if all(c != _NONE for c in code))


def _try(process: TaughtProcess, features: int, attributes: int) -> None:
    """Refuse weights that are incomplete, of another shape, or no numbers."""
    x, task = np.eye(2, features), np.zeros(attributes)
    found = process.condition(x, np.array([0.0, 1.0]), task, x)
    if not (np.isfinite(found.mean).all() and np.isfinite(found.deviation).all()):
        raise ValueError("weights that are no numbers")


def _bytes(value: Any) -> int:
    """About how many bytes a record takes in the file."""
    if isinstance(value, np.ndarray):
        return value.nbytes + 200
    if isinstance(value, Mapping):
        return sum(len(name) + 6 + _bytes(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return sum(2 + _bytes(item) for item in value)
    return len(json.dumps(value))
