"""Finished runs on disk: one Parquet file each while the bench runs, merged into one table at its end.

``evaluations.parquet`` has a row per evaluation. ``runs.parquet`` has a row per run with a JSON header: what the run depends on (the
problem with a key of its table, the strategy with its settings and a key of its code, objective, fidelity, seed) and how far it went.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas import __version__
from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import Budget, Run
from metanas.errors import InputError
from metanas.spaces.architecture import digest

SCHEMA = 1
EVALUATIONS, RUNS, PARTS = "evaluations.parquet", "runs.parquet", "unmerged"


@dataclass(frozen=True)
class Header:
    """What a run depends on; equal headers, equal runs.

    Args:
        problem: name.
        dataset: name.
        table: key of its columns.
        epochs: of the fidelity that guides.
        objective: names of the goals.
        strategy: name.
        settings: of the strategy.
        code: key of the strategy's code.
        seed: of the run.
        version: of metanas.
    """

    problem: str
    dataset: str
    table: str
    epochs: int
    objective: tuple[str, ...]
    strategy: str
    settings: Mapping[str, Any]
    code: str
    seed: int
    version: str = __version__

    @property
    def id(self) -> str:
        """A short key of all of it."""
        return digest({**vars(self), "objective": list(self.objective), "settings": dict(self.settings)})[:20]


def table_key(problem: Problem) -> str:
    """A short key of what a problem's table says: other columns, other runs."""
    import hashlib

    key = hashlib.blake2b(digest_size=8)
    columns: list[Any] = [column for level in problem.levels for column in (*level.metrics.values(), level.seconds)]
    for column in (*columns, *problem.test.values(), *problem.costs.values()):
        if column is not None:
            key.update(np.ascontiguousarray(column, dtype=np.float64).tobytes())
    return key.hexdigest()


class Archive:
    """The runs in a folder.

    Args:
        folder: made when the first run is added.

    Raises:
        InputError: if what lies there can't be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._headers: dict[str, dict[str, Any]] = {}
        self._merged: set[str] = set()
        runs, evaluations = folder / RUNS, folder / EVALUATIONS
        if runs.exists() or evaluations.exists():
            for header in _read(runs, ["header"]).column("header").to_pylist():
                record = json.loads(header)
                self._headers[record["id"]] = record
                self._merged.add(record["id"])
        for part in self._parts():
            try:
                record = _header_of(part)
            except (OSError, ValueError, KeyError):
                part.unlink()  # not written to its end: that run is made again
                continue
            self._headers[record["id"]] = record
            self._merged.discard(record["id"])

    def _parts(self) -> list[Path]:
        return sorted((self.folder / PARTS).glob("*.parquet"))

    def has(self, header: Header, budget: Budget) -> bool:
        """Whether there is a run of this header that went at least as far as ``budget``."""
        found = self._headers.get(header.id)
        if found is None:
            return False
        went = _limits(found)
        return bool(found["exhausted"]) or (went.evaluations >= budget.evaluations and went.seconds >= budget.seconds)

    def add(self, header: Header, run: Run, problem: Problem) -> None:
        """Write a finished run; a shorter one of the same header is replaced."""
        import pyarrow.parquet as pq

        record = {**vars(header), "objective": list(header.objective), "id": header.id, "schema": SCHEMA, "repeats": run.repeats}
        record |= {"exhausted": run.exhausted, "evaluations": _finite(run.budget.evaluations), "seconds": _finite(run.budget.seconds)}
        (self.folder / PARTS).mkdir(parents=True, exist_ok=True)
        table = _table(header, run, problem).replace_schema_metadata({"metanas": json.dumps(record)})
        _write(self.folder / PARTS / f"{header.id}.parquet", lambda file: pq.write_table(table, file))
        self._headers[header.id] = record
        self._merged.discard(header.id)

    def load(self, headers: Iterable[Header], sign: float) -> dict[str, Run]:
        """Header id to run, of those that there are.

        Args:
            headers: of the runs.
            sign: of the problem that they are runs on.
        """
        wanted = {header.id for header in headers} & set(self._headers)
        runs: dict[str, Run] = {}
        old = wanted & self._merged
        if old:
            table = _read(self.folder / EVALUATIONS, None, sorted(old))
            columns, places = _columns(table), _places(table)
            nowhere = np.empty(0, dtype=np.int64)  # of a run without a single evaluation
            for key in sorted(old):
                runs[key] = _run({n: c[places.get(key, nowhere)] for n, c in columns.items()}, self._headers[key], sign)
        for key in sorted(wanted - old):
            runs[key] = _run(_columns(_read(self.folder / PARTS / f"{key}.parquet")), self._headers[key], sign)
        return runs

    def merge(self) -> None:
        """One table of all evaluations and one of all runs; a crash in the middle loses nothing."""
        parts = self._parts()
        if not parts:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        tables = [_read(part).replace_schema_metadata(None) for part in parts]
        fresh = {part.stem for part in parts}
        if (self.folder / EVALUATIONS).exists():
            kept = sorted(set(self._headers) - fresh)
            tables.insert(0, _read(self.folder / EVALUATIONS, None, kept))
        whole = pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
        headers = pa.table({"run": list(self._headers), "header": [json.dumps(h) for h in self._headers.values()]})
        # Evaluations first: a run that has a header always has its evaluations.
        _write(self.folder / EVALUATIONS, lambda file: pq.write_table(whole, file, compression="zstd"))
        _write(self.folder / RUNS, lambda file: pq.write_table(headers, file))
        for part in parts:
            part.unlink()
        (self.folder / PARTS).rmdir()
        self._merged = set(self._headers)


def _limits(record: Mapping[str, Any]) -> Budget:
    return Budget(*(float("inf") if record[name] is None else record[name] for name in ("evaluations", "seconds")))


def _finite(value: float) -> float | None:
    return None if value == float("inf") else value


def _write(file: Path, write: Any) -> None:
    """Whole or not at all."""
    fresh = file.with_suffix(".tmp")
    write(fresh)
    os.replace(fresh, file)


def _read(file: Path, columns: list[str] | None = None, runs: list[str] | None = None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file, columns=columns, filters=None if runs is None else [("run", "in", runs)], partitioning=None)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError) as error:
        raise InputError(f"{file} can't be read as a table of earlier runs; remove it or choose another --out folder") from error


def _header_of(part: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    found = json.loads(pq.read_schema(part).metadata[b"metanas"])
    return dict(found)


def _table(header: Header, run: Run, problem: Problem) -> Any:
    """A row per evaluation; the guiding value, validation (exact) and test in their own units and signs."""
    import pyarrow as pa

    sign, count = problem.sign, len(run)

    def same(value: str) -> Any:
        return pa.array([value] * count, pa.string()).dictionary_encode()

    tested = problem.tested
    return pa.table(
        {
            "run": same(header.id),
            "problem": same(header.problem),
            "dataset": same(header.dataset),
            "strategy": same(header.strategy),
            "seed": pa.array([header.seed] * count, pa.int64()),
            "evaluation": pa.array(range(1, count + 1), pa.int64()),
            "architecture": pa.array(run.keys, pa.string()).dictionary_encode(),
            "row": run.rows,
            "epochs": run.epochs,
            "effort": run.effort,
            "guide": sign * run.guide,
            "validation": sign * problem.validation[run.rows],
            "test": np.full(count, np.nan) if tested is None else tested[run.rows],
            "spent": run.spent,
            "seconds": run.seconds,
            "values": pa.array([list(v) for v in run.values], pa.list_(pa.float64())),
            "ask_ms": run.ask_ms,
            "tell_ms": run.tell_ms,
        }
    )


def _columns(table: Any) -> dict[str, NDArray[Any]]:
    """What a run is made of, by name; ``values`` as an array of lists."""
    names = ("row", "epochs", "effort", "guide", "spent", "seconds", "ask_ms", "tell_ms")
    found = {name: table.column(name).to_numpy() for name in names}
    lists = np.empty(len(table), dtype=object)
    lists[:] = table.column("values").to_pylist()
    return {**found, "values": lists, "architecture": np.array(table.column("architecture").to_pylist(), dtype=object)}


def _places(table: Any) -> dict[str, NDArray[np.int64]]:
    """Run to its rows, by the number of the evaluation."""
    runs = table.column("run").unify_dictionaries().combine_chunks()
    codes = runs.indices.to_numpy() if len(runs) else np.empty(0, dtype=np.int64)
    order = np.lexsort([table.column("evaluation").to_numpy(), codes])
    ends = np.cumsum(np.bincount(codes, minlength=len(runs.dictionary)))
    return dict(zip(runs.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True))


def _run(columns: Mapping[str, NDArray[Any]], record: Mapping[str, Any], sign: float) -> Run:
    goals = len(record["objective"]) if len(record["objective"]) > 1 else 0
    return Run(
        record["strategy"],
        record["seed"],
        tuple(columns["architecture"]),
        columns["row"],
        columns["epochs"],
        columns["effort"],
        sign * columns["guide"],
        columns["spent"],
        columns["seconds"],
        np.array(columns["values"].tolist(), dtype=np.float64).reshape(len(columns["row"]), goals),
        columns["ask_ms"],
        columns["tell_ms"],
        budget=_limits(record),
        repeats=record["repeats"],
        exhausted=record["exhausted"],
    )
