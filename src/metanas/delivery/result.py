"""The record behind ``result.json``: all that a search found out, for people and programs."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metanas import __version__
from metanas.delivery.baselines import Entry
from metanas.delivery.files import finite, read_json, write_json
from metanas.delivery.scoring import Scores
from metanas.errors import InputError
from metanas.tasks.data import Kind

SCHEMA = 1
FILE = "result.json"
PLAIN_FOLDER = "plain"
"""Folder in the search's own with the model of the plain network, where that is clearly better than the network found."""


@dataclass(frozen=True)
class Result:
    """What a search found.

    Args:
        task: the user's name of it.
        kind: classification or regression.
        data: table, image, series, sound or text.
        target: name of what is predicted.
        classes: how many; 0 for regression.
        examples: number of rows in ``train``, ``validation`` and ``test``.
        data_fingerprint: equal for equal data, targets and splits.
        metric: name of the chosen metric.
        test: each metric by name, ``score`` for the chosen one, its 95 % ``interval``.
        validation: each metric by name and ``score``: of the answer's evaluation in the search.
        baselines: by name the same as ``test``, with a ``note`` where rows were left out, or a ``reason`` where there is no score.
        comparison: the answer against the best baseline, see :class:`metanas.delivery.scoring.Comparison`; None without baselines.
        architecture: the choices, as JSON.
        network: the network in words, one line per layer or group of layers.
        parameters: number of trained numbers.
        flops: floating-point operations of one example.
        space, strategy: names.
        seed: of everything.
        trials: finished evaluations, the failed ones included.
        failures: evaluations that failed.
        reused: evaluations that the store answered, since an earlier search had made them.
        seconds: from the start to the end, over all resumes.
        budget: ``seconds``, ``trials`` and ``max_params``; None where not limited.
        interrupted: whether the user stopped it before its budget was spent.
        search: the search's id in the store; None without a store.
        versions: of Python and the packages that decide the result.
        notes: sentences for the user: columns left out, files skipped, defaults chosen.
        positive: of two classes, the one that recall, precision and F1 are about; else empty.
        oneshot: of a search by a one-shot method: how its training went, what it answered, and how far its ranking was right, see
            ``metanas.search.oneshot.Sharing.record``; else None.
        prior: which one the search began with (``digest``, ``tasks``, ``evaluations``, ``made``, ...) and its ``worth``, see
            :func:`metanas.search.memory.worth` (None where the strategy did not ask it); None without a prior.
    """

    task: str
    kind: Kind
    data: str
    target: str
    classes: int
    examples: Mapping[str, int]
    data_fingerprint: str
    metric: str
    test: Mapping[str, Any]
    validation: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, Any]]
    comparison: Mapping[str, Any] | None
    architecture: Mapping[str, Any]
    network: Sequence[str]
    parameters: int
    flops: int
    space: str
    strategy: str
    seed: int
    trials: int
    failures: int
    seconds: float
    budget: Mapping[str, float | None] = field(default_factory=dict)
    interrupted: bool = False
    search: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    positive: str = ""
    oneshot: Mapping[str, Any] | None = None
    prior: Mapping[str, Any] | None = None
    reused: int = 0

    @property
    def score(self) -> float:
        """The chosen metric on the test rows."""
        return float(self.test["score"])

    @property
    def interval(self) -> tuple[float, float]:
        """Within which the test score lies with 95 % confidence."""
        low, high = self.test["interval"]
        return float(low), float(high)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with a schema version; :meth:`from_json` reads it back."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"schema": SCHEMA, "metanas": __version__, **finite(record)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Result:
        """The result written by :meth:`to_json`; keys of later additions are passed over.

        Raises:
            InputError: if it was written by a newer version of metanas, or isn't a result.
        """
        if record.get("schema", 0) > SCHEMA:
            raise InputError(f"the result was written by metanas {record.get('metanas')}, this is {__version__}; update metanas to read it")
        try:
            return cls(**{name: value for name, value in record.items() if name in cls.__dataclass_fields__})
        except TypeError as error:
            raise InputError("the result is incomplete or of another program; run the search again") from error

    def write(self, folder: str | Path) -> Path:
        """Write ``folder/result.json`` in one step and return its path.

        Raises:
            InputError: if the folder can't be written.
        """
        path = Path(folder) / FILE
        write_json(path, self.to_json())
        return path


def read_result(folder: str | Path) -> Result:
    """The result in a search's folder.

    Raises:
        InputError: if there is none, or it can't be read.
    """
    return Result.from_json(read_json(Path(folder) / FILE, "the search's result"))


def baseline_records(entries: Sequence[Entry], scores: Scores) -> dict[str, dict[str, Any]]:
    """``Result.baselines``: for each of ``entries`` (without the answer) its score, or the reason why it has none."""
    records: dict[str, dict[str, Any]] = {}
    for entry in entries:
        told = {key: value for key, value in (("note", entry.note), ("reason", entry.reason)) if value}
        records[entry.name] = {**(scores[entry.name].to_json() if entry.predict is not None else {}), **told}
    return records


def versions() -> dict[str, str]:
    """Versions of Python, metanas and the packages that decide a result."""
    found = {"python": platform.python_version(), "metanas": __version__}
    for package in ("torch", "numpy", "scipy", "scikit-learn", "pandas"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
