"""``metanas bench``: from the words of the command line to a printed table."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from metanas.benchmarks.bench import Bench, Plan, Progress, run_bench
from metanas.benchmarks.many import Source, TableSource
from metanas.benchmarks.printed import headline, table
from metanas.benchmarks.report import Outcome
from metanas.benchmarks.runs import Budget
from metanas.benchmarks.tables import benchmarks, says
from metanas.benchmarks.words import ranking_words
from metanas.errors import InputError, MetaNASError, StrategyError
from metanas.machine import cores
from metanas.quantities import parse_seconds
from metanas.strategies import choose_strategy
from metanas.strategies.base import own_files
from metanas.tasks.options import some


def bench_command(
    problem: str,
    *,
    dataset: str | None = None,
    strategy: str = "random,evolution",
    seeds: int = 20,
    evaluations: int | None = None,
    clock: str | None = None,
    epochs: int | None = None,
    objective: str | None = None,
    targets: str | None = None,
    workers: int | None = None,
    out: Path | None = None,
    path: Path | None = None,
    options: Sequence[str] = (),
    as_json: bool = False,
) -> None:
    """Run a bench and print what it found; the arguments as the command line has them.

    Raises:
        InputError: for anything that can't be used, in one sentence.
        StrategyError, MetaNASError: if a run failed by a fault of its strategy (the user's, ours), after everything has been printed.
    """
    if evaluations is None and clock is None:
        evaluations = 200
    chosen = [choose_strategy(text.strip()) for text in strategy.split(",") if text.strip()]
    plan = Plan(
        _sources(problem, dataset, path, options, epochs),
        tuple(dict.fromkeys(one.name for one in chosen)),
        tuple(range(seeds)),
        Budget(math.inf if evaluations is None else evaluations, math.inf if clock is None else _seconds(clock)),
        objective,
        _numbers(targets),
        cores() if workers is None else workers,
        out,
        plugins=tuple(dict.fromkeys(plugin for one in chosen for plugin in one.plugins)),
    )
    with _shown(as_json) as progress:
        bench = run_bench(plan, progress)
    print_bench(bench, plan.out, as_json)
    _complain(bench, plan.out)


def _complain(bench: Bench, out: Path | None) -> None:
    """Say that runs have failed; a strategy of the user's is theirs to mend."""
    failed = [(name, reason) for outcome in bench.outcomes for name, runs in outcome.failures.items() for reason in runs.values()]
    if not failed:
        return
    reason = next((reason for name, reason in failed if own_files(name)), None)
    if reason is None:
        raise MetaNASError(f"{len(failed)} of the runs were ended by a fault of their strategy; see above")
    kept = "" if out is None else f", the others are in {out}"
    raise StrategyError(f"{reason} ({len(failed)} of the runs ended so{kept})")


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except InputError as error:
        raise InputError(f"--clock: {error}") from None


def _sources(name: str, dataset: str | None, path: Path | None, options: Sequence[str], epochs: int | None) -> tuple[Source, ...]:
    """One per data set; ``all`` stands for every one that the benchmark has."""
    pairs = []
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise InputError(f"--option is NAME=VALUE, not {option!r}")
        pairs.append((key.strip(), value.strip()))
    names: Sequence[str | None] = [None] if dataset is None else [d.strip() for d in dataset.split(",") if d.strip()]
    if names == ["all"]:
        known = next((b.datasets for b in benchmarks() if b.name == name), None)
        if known is None:
            raise InputError("--dataset all is for the known benchmarks; name the data sets of your own table, joined by commas")
        names = known
    where = None if path is None else str(path)
    return tuple(TableSource(name, each, where, tuple(pairs), epochs) for each in dict.fromkeys(names))


def list_command(path: Path | None = None, as_json: bool = False) -> None:
    """Print the known benchmarks: data sets, fidelities, and where their tables are."""
    rows = []
    for b in benchmarks():
        found = b.found(path)
        epochs = {d: list(b.epochs[d]) for d in b.datasets}
        row: dict[str, Any] = {"name": b.name, "title": b.title, "datasets": list(b.datasets), "epochs": epochs, "clock": b.clock}
        rows.append({**row, "options": b.options, "licence": b.licence, "file": b.file, "found": None if found is None else str(found)})
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['name']}: {row['title']}")
        print(f"  data sets: {some(row['datasets'], 30)}")
        print(f"  table: {row['found'] or 'not found: ' + row['file'] + ' in the folder that METANAS_BENCHMARKS or --path names'}")
        if row["options"]:
            print(f"  options: {', '.join(f'{name}={value}' for name, value in row['options'].items())}")


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--target is a list of numbers as they are printed, such as 73.4,73.49, not {text!r}") from None


def print_bench(bench: Bench, out: Path | None, as_json: bool) -> None:
    """Print one JSON object, or tables and sentences."""
    if as_json:
        print(json.dumps(bench.to_json(), ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # into a file or a pipe, where no line needs folding

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    for outcome in bench.outcomes:
        console.print(f"\n{headline(outcome)}", style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(table(outcome))
        for sentence in [*_notes(outcome), *outcome.sentences]:
            say(sentence)
    if bench.ranking is not None:
        ranks = zip(bench.ranking.strategies, bench.ranking.ranks, strict=True)
        say("\nMean ranks: " + ", ".join(f"{name} {rank:.2f}" for name, rank in ranks))
        say(ranking_words(bench.ranking))
    if out is not None:
        from metanas.benchmarks import plots

        drawn = "" if plots.available() else " (no plots: they need matplotlib, `pip install metanas[plots]`)"
        kept = sum(len(runs) for outcome in bench.outcomes for runs in outcome.runs.values()) + bench.failures - bench.made
        say(f"\n{bench.made:,} runs made now, {kept:,} kept from before; {len(bench.files)} files in {out}{drawn}")


def _notes(outcome: Outcome) -> list[str]:
    """What one has to know to read the table."""
    problem = outcome.problem
    told = [f"The table: {says(problem)}."]
    if outcome.trade is not None:
        told.append(
            "Hypervolume: what the front found dominates as a share of what the table's best front does, each goal counted from the worst "
            "in the table; on the best front: networks of it that were found; ms: ask and tell per evaluation."
        )
    else:
        told.append(
            "Selected on validation; "
            + ("test is reported. " if problem.tested is not None else "there are no test results. ")
            + "> counts runs that did not get there with their whole budget; ms: ask and tell per evaluation."
        )
    if outcome.budget.clock:
        told.append(f"The budget is a simulated clock ({(problem.seconds_note or 'training times of the table').rstrip('.')}).")
    return told


@contextmanager
def _shown(as_json: bool) -> Iterator[Progress]:
    """Progress on standard error: a bar with the time left in a terminal, a line every ten seconds elsewhere, nothing beside JSON."""
    if as_json:
        yield lambda done, whole, now: None
    elif sys.stderr.isatty():
        from rich import progress as bars
        from rich.console import Console

        columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn())
        with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            bar = shown.add_task("runs", total=None)
            yield lambda done, whole, now: shown.update(bar, completed=done, total=whole, description=now or "runs")
    else:
        yield _Lines()


class _Lines:
    """Plain lines, at most one each ten seconds."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._began, self._last, self._first = every, time.monotonic(), time.monotonic(), 0

    def __call__(self, done: int, whole: int, now: str) -> None:
        moment = time.monotonic()
        if not now:
            self._first = done
        if moment - self._last < self._every:
            return
        self._last = moment
        left = (moment - self._began) * (whole - done) / max(1, done - self._first)
        print(f"[{moment - self._began:6.1f}s] {done} of {whole} runs, about {left:.0f} s left ({now})", file=sys.stderr, flush=True)
