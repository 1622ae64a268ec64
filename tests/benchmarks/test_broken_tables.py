"""Every reader on files that are missing, truncated, foreign, or of the right make with wrong contents: one clear sentence."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from table_examples import REAL, save

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables import benchmarks, open_problem, values
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.errors import InputError
from metanas.records import Proposal

ARRAYS = {b.name: b for b in benchmarks() if b.file.endswith(".npz")}
"""The benchmarks whose tables are arrays; ``many-task`` and users' tables have tests of their own."""
BESIDE = (
    "nasbench201/nasbench201_mean_val.npz",
    "hardware/hwnasbench_nb201.npz",
    "hardware/help_latency.npz",
    "nb201_robustness/nb201_robustness.npz",
)
"""Further files of NAS-Bench-201."""

Columns = dict[str, np.ndarray]


def kind_swapped(column: np.ndarray) -> np.ndarray:
    return np.zeros(column.shape) if column.dtype.kind in "SU" else np.full(column.shape, "text")


def filled(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda column: column if column.dtype.kind in "SU" else np.full(column.shape, value)


FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "one shorter": lambda column: column[:-1] if column.ndim else column[None],
    "one axis more": lambda column: column[..., None],
    "another kind": kind_swapped,
    "not a number": filled(np.nan),
    "endless": filled(np.inf),
    "negative": filled(-5.0),
    "huge": filled(1e300),
    "halves": filled(0.5),
    "nothing in it": lambda column: column[:0] if column.ndim else column,
}
SURE = ("one shorter", "one axis more", "another kind", "nothing in it")
"""Faults that no column may have."""


def open_first(name: str, folder: Path) -> Problem:
    options = {"mean_validation": True} if name == "nasbench201" else {}
    return open_problem(name, ARRAYS[name].datasets[0], folder, **options)


def refused(name: str, folder: Path) -> str:
    """The sentence with which a table is refused: one line that names the file or the benchmark, and what to do."""
    with pytest.raises(InputError) as caught:
        open_first(name, folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert Path(ARRAYS[name].file).name in sentence or name in sentence or any(Path(file).name in sentence for file in BESIDE)
    assert any(way_out in sentence for way_out in ("get ", "say ")), sentence
    return sentence


def asked_for(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, Columns]:
    """What a reader reads: columns of zeros and empty texts in the shapes that it wants, by file."""
    found: dict[Path, Columns] = {}

    def made(file: Path, numbers: Any, texts: Any = None, *, lengths: Any = None) -> Columns:
        known = dict(lengths or {})

        def shape(wanted: tuple[int | str, ...]) -> tuple[int, ...]:
            return tuple(known.setdefault(length, 3) if isinstance(length, str) else length for length in wanted)

        columns = {column: np.zeros(shape(wanted), np.uint8) for column, wanted in numbers.items()}
        columns |= {column: np.full(shape(wanted), "") for column, wanted in (texts or {}).items()}
        found[file] = columns
        return {column: array.copy() for column, array in columns.items()}

    with monkeypatch.context() as patch:
        for module in (sys.modules[ARRAYS[name].read.__module__], values):
            if getattr(module, "load_arrays", None) is load_arrays:
                patch.setattr(module, "load_arrays", made)
        with pytest.raises(InputError):
            open_first(name, folder)
    return found


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_truncated_and_foreign_files_end_in_one_sentence(name: str, tmp_path: Path) -> None:
    file = tmp_path / ARRAYS[name].file
    assert "there is no file" in refused(name, tmp_path)
    save(file, {"something": np.arange(300)})
    assert "has no column" in refused(name, tmp_path)
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:-1], b"a,b\n1,2\n", b"\x93NUMPY" + bytes(100)):
        file.write_bytes(content)
        assert "can't be read" in refused(name, tmp_path)
    file.unlink()
    file.mkdir()
    refused(name, tmp_path)


@pytest.mark.parametrize("name", ARRAYS)
def test_columns_of_other_shapes_or_kinds_end_in_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right names, nothing but zeros in them: already that is another table; then one column after the other has each fault."""
    tables = asked_for(name, tmp_path, monkeypatch)
    for file, columns in tables.items():
        save(file, columns)
    refused(name, tmp_path)
    for file, columns in tables.items():
        for column, array in columns.items():
            np.savez(file, **{other: a for other, a in columns.items() if other != column})
            assert f"no column {column!r}" in refused(name, tmp_path)
            for fault in SURE:
                np.savez(file, **{**columns, column: FAULTS[fault](array)})
                refused(name, tmp_path)
        np.savez(file, **columns)


def real_columns(file: str, names: Columns) -> Columns:
    with np.load(REAL / file) as archive:
        return {name: archive[name] for name in names}


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "joint_arch_hpo").is_dir(), reason="the tables are not here")
@pytest.mark.parametrize("name", ARRAYS)
def test_a_published_table_with_a_spoilt_column_is_refused_or_answers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_for(name, tmp_path, monkeypatch)
    for file in BESIDE if name == "nasbench201" else ():
        with np.load(REAL / file) as archive:
            asked[tmp_path / file] = {column: archive[column] for column in archive.files}
    tables = {file: real_columns(str(file.relative_to(tmp_path)), columns) for file, columns in asked.items()}
    for file, columns in tables.items():
        save(file, columns)
    for file, columns in tables.items():
        for column, array in columns.items():
            for fault, spoil in FAULTS.items():
                np.savez(file, **{**columns, column: spoil(array)})
                with suppress(InputError):
                    problem = open_first(name, tmp_path)
                    answer = problem.evaluation(Proposal(0, problem.space.sample(np.random.default_rng(0)), problem.fidelities[-1]))
                    assert answer.failed or np.isfinite([answer.metrics[problem.metric], answer.duration]).all(), (file, column, fault)
        np.savez(file, **columns)
