"""Which benchmarks there are, where their tables lie, and whether a table is the published one."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables.results import check_numbers, words
from metanas.errors import InputError
from metanas.records import Fidelity

FOLDER_VARIABLE = "METANAS_BENCHMARKS"
"""Environment variable with the folder of the tables, used where no path is given."""

WHOLE = Fidelity(epochs=1)
"""One training from start to end, where the source doesn't say in how many epochs."""

Reader = Callable[..., Problem]
"""``(folder, dataset, **options)`` to the problem; ``folder`` is the one that holds the tables of all benchmarks."""


@dataclass(frozen=True)
class Published:
    """Figures that the authors (or whoever made the table) state, to know the table by.

    Args:
        test: the best test result of all networks, in the metric's own unit (accuracies as shares).
        validation: the best validation result at the highest fidelity; compared only if the reader got no options.
        tolerance: largest difference, in the same unit.
    """

    test: float | None = None
    validation: float | None = None
    tolerance: float = 1e-4


@dataclass(frozen=True)
class Benchmark:
    """A known benchmark.

    Args:
        name: as users call it.
        title: one line on what it is.
        datasets: names, the most used first.
        file: of the table, relative to the folder of all tables.
        rows: architectures with a result, by data set.
        epochs: the epochs of its fidelities, rising, by data set.
        clock: whether the table has training times.
        licence: of the table, and of what else must be known before its figures are published.
        published: figures to know the table by, by data set.
        read: reads it.
    """

    name: str
    title: str
    datasets: tuple[str, ...]
    file: str
    rows: Mapping[str, int]
    epochs: Mapping[str, tuple[int, ...]]
    clock: bool
    licence: str
    read: Reader
    published: Mapping[str, Published] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The options that the reader takes, with their defaults."""
        parameters = list(inspect.signature(self.read).parameters.values())[2:]
        return {parameter.name: parameter.default for parameter in parameters}

    def found(self, path: str | Path | None = None) -> Path | None:
        """The table's file in ``path`` (None: the folder in :data:`FOLDER_VARIABLE`), or None where it isn't there."""
        folder = path or os.environ.get(FOLDER_VARIABLE)
        if not folder:
            return None
        file = Path(folder).expanduser() / self.file
        return file if file.is_file() else None


_BENCHMARKS: dict[str, Benchmark] = {}


def register_benchmark(
    name: str,
    *,
    title: str,
    datasets: tuple[str, ...],
    file: str,
    rows: int | Mapping[str, int],
    epochs: tuple[int, ...] | Mapping[str, tuple[int, ...]],
    clock: bool = False,
    licence: str,
    published: Mapping[str, Published] | None = None,
) -> Callable[[Reader], Reader]:
    """Decorator that makes a reader ``(folder, dataset, **options) -> Problem`` known as ``name``; see :class:`Benchmark`.

    ``rows`` and ``epochs`` are by data set, or one value for all. Every option of the reader needs a default.
    """

    def register(read: Reader) -> Reader:
        known = _BENCHMARKS.get(name)
        if known is not None and known.read.__qualname__ != read.__qualname__:
            raise ValueError(f"a benchmark named {name!r} exists already; choose another name")
        by_rows = dict.fromkeys(datasets, rows) if isinstance(rows, int) else rows
        by_epochs = dict.fromkeys(datasets, epochs) if isinstance(epochs, tuple) else epochs
        _BENCHMARKS[name] = Benchmark(name, title, datasets, file, by_rows, by_epochs, clock, licence, read, published or {})
        return read

    return register


def benchmarks() -> tuple[Benchmark, ...]:
    """The known benchmarks, by name; :meth:`Benchmark.found` says whether a table is there."""
    return tuple(_BENCHMARKS[name] for name in sorted(_BENCHMARKS))


def open_problem(name: str | Path, dataset: str | None = None, path: str | Path | None = None, **options: Any) -> Problem:
    """A problem with a table of answers.

    Args:
        name: of a benchmark, or the path of a user's table in the format of ``docs/table_format.md``.
        dataset: which of its data sets; may be None where there is only one.
        path: folder that holds the tables of all benchmarks (``nasbench201/nasbench201.npz``, ...); None takes the environment
            variable ``METANAS_BENCHMARKS``. A user's table needs none.
        options: of the benchmark, see :attr:`Benchmark.options`; text is turned into the kind of the default.

    Raises:
        InputError: if there is no such benchmark, data set, option or file, or the file isn't what it should be.
    """
    if str(name) in _BENCHMARKS:
        return _open(_BENCHMARKS[str(name)], dataset, path, options)
    file = Path(name).expanduser()
    if file.suffix == ".json" or file.is_file():
        from metanas.benchmarks.tables.own import read_table

        if options:
            raise InputError(f"a table of your own takes no options, but {sorted(options)[0]!r} was given; leave it out")
        return read_table(file, dataset)
    near = difflib.get_close_matches(str(name), _BENCHMARKS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(_BENCHMARKS))}, or the JSON file of a table of yours"
    raise InputError(f"there is no benchmark named {str(name)!r}; {hint}")


def choose_dataset(dataset: str | None, known: tuple[str, ...], of: str) -> str:
    """``dataset``, or the only one of ``known`` where it is None.

    Raises:
        InputError: if it isn't known, or was not said and there are several.
    """
    if dataset is None and len(known) == 1:
        return known[0]
    listed = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")
    if dataset is None:
        raise InputError(f"{of} has several data sets; choose one of {listed}")
    if dataset not in known:
        raise InputError(f"{of} has no data set named {dataset!r}; choose one of {listed}")
    return dataset


def says(problem: Problem) -> str:
    """How many architectures the table holds, and which of the published figures it has."""
    number = problem.space.count()
    count = f"{number:,} architecture{'s' * (number != 1)}"
    published = _BENCHMARKS[problem.name].published.get(problem.dataset) if problem.name in _BENCHMARKS else None
    parts = [] if published is None else _compared(problem, published)
    equal = [f"best {part} {words(best, problem.metric)}" for part, best, stated, close in parts if close]
    return f"{count}, {' and '.join(equal)} as published" if equal else f"{count}; there is no published optimum to compare with"


def _open(benchmark: Benchmark, dataset: str | None, path: str | Path | None, options: Mapping[str, Any]) -> Problem:
    folder = path or os.environ.get(FOLDER_VARIABLE)
    chosen = choose_dataset(dataset, benchmark.datasets, benchmark.name)
    if not folder:
        raise InputError(
            f"the tables of {benchmark.name} are not part of metanas; set {FOLDER_VARIABLE} to the folder that holds {benchmark.file}, "
            "or give that folder as the path"
        )
    typed = _typed(benchmark, options)
    with np.errstate(all="ignore"):  # what comes of numbers beyond all measure is looked at below
        problem = benchmark.read(Path(folder).expanduser(), chosen, **typed)
        check_numbers(benchmark.file, problem)
        _check(benchmark, problem, not options)
    return problem


def _typed(benchmark: Benchmark, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with text turned into the kind of the default."""
    typed: dict[str, Any] = {}
    for name, value in options.items():
        if name not in benchmark.options:
            known = ", ".join(benchmark.options) or "it takes none"
            raise InputError(f"{benchmark.name} has no option {name!r}; known: {known}")
        default = benchmark.options[name]
        try:
            typed[name] = _convert(value, default) if isinstance(value, str) else value
        except ValueError as error:
            raise InputError(f"option {name} of {benchmark.name} can't be {value!r}; it is a {type(default).__name__}") from error
    return typed


def _convert(text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "yes", "1", "false", "no", "0"):
            raise ValueError(text)
        return text.lower() in ("true", "yes", "1")
    return type(default)(text) if isinstance(default, int | float) else text


def _check(benchmark: Benchmark, problem: Problem, validation_too: bool) -> None:
    """Refuse a table that isn't the published one: another number of architectures, or another optimum."""
    again = f"get {benchmark.file} again, or describe your own table as docs/table_format.md says"
    expected = benchmark.rows.get(problem.dataset)
    if expected is not None and problem.space.count() != expected:
        raise InputError(
            f"the table of {benchmark.name} holds {problem.space.count():,} architectures for {problem.dataset}, not {expected:,}; {again}"
        )
    for part, best, stated, close in _compared(problem, benchmark.published.get(problem.dataset, Published())):
        if not close and (part == "test" or validation_too):
            raise InputError(
                f"the best {part} result of {benchmark.name} on {problem.dataset} is {words(best, problem.metric)}, not the published "
                f"{words(stated, problem.metric)}: this is another table; {again}"
            )


def _compared(problem: Problem, published: Published) -> list[tuple[str, float, float, bool]]:
    """Validation and test as far as they are published: which, the table's best, the published best, whether they agree."""
    compared = []
    if published.validation is not None:
        compared.append(("validation", problem.sign * problem.optimum, published.validation))
    if published.test is not None and problem.tested is not None:
        compared.append(("test", problem.sign * float(np.nanmax(problem.signed(problem.tested))), published.test))
    return [(part, best, stated, abs(best - stated) <= published.tolerance) for part, best, stated in compared]
