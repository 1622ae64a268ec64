"""What a bench found on a problem, as a table for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metanas.benchmarks.report import Outcome, tested_at_optimum
from metanas.benchmarks.tables.results import titled
from metanas.benchmarks.words import number, spread, unit
from metanas.records import lower_is_better

if TYPE_CHECKING:
    from rich.table import Table

RANDOM_SEARCH, RANDOM_SAMPLING = "random search, exact", "random sampling"


def table(outcome: Outcome) -> Table:
    """The table of one problem for a terminal; the best mean of every column is bold, strategies stand in the order of their results."""
    from rich.table import Table

    record, metric = outcome.to_json(), outcome.problem.metric
    names = sorted(outcome.runs, key=lambda name: -outcome.means[name] if math.isfinite(outcome.means[name]) else math.inf)
    rows = {name: _cells(record, record["strategies"][name], metric) for name in names}
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column("strategy", no_wrap=True)
    heads = _heads(record, metric)
    for head in heads:
        shown.add_column(head, justify="right", no_wrap=True)
    best = {head: _best_of([row[head] for row in rows.values()], larger) for head, larger in heads.items()}
    for name, row in rows.items():
        shown.add_row(name, *(f"[bold]{row[h][1]}[/bold]" if row[h][0] == best[h] and len(rows) > 1 else row[h][1] for h in heads))
    for name, texts in _baselines(record, metric).items():
        shown.add_row(name, *(texts.get(head, "") for head in heads), style="dim")
    return shown


_VOLUME, _FRONT = "hypervolume, %", "on the best front"


def headline(outcome: Outcome) -> str:
    """What, how long, how often; and what is best in the table."""
    problem, metric = outcome.problem, outcome.problem.metric
    seeds = max((len(runs) for runs in outcome.runs.values()), default=0)
    of = titled(metric) + (f" in {unit(metric)}" if unit(metric) else "")
    best = f"best validation {number(metric, problem.sign * problem.optimum)}"
    tested = tested_at_optimum(problem)
    there = "" if tested is None else f", whose test is {number(metric, tested)}"
    if outcome.trade is not None:
        of, best, there = f"goals {', '.join(outcome.objective)}", f"the best front has {len(outcome.trade.best)} networks", ""
    return f"{outcome.title}, {seeds} seed{'s' * (seeds != 1)}\n{of}; {best}{there}"


Cell = tuple[float, str]
"""The number that decides what is best (NaN: none), and its text."""


def _heads(record: Mapping[str, Any], metric: str) -> dict[str, bool]:
    """Titles of the columns, and whether larger is better there."""
    counts = {s["runs"] for s in record["strategies"].values()}
    first = {"runs": True} if len(counts) > 1 else {}
    if record["reported"] == "hypervolume":
        return {**first, _VOLUME: True, _FRONT: True, "ms": False}
    own = {record["reported"]: not lower_is_better(metric), "regret": False, "to optimum": False, "reached": True}
    targets = next((list(s["to_targets"]) for s in record["strategies"].values()), [])
    return {**first, **own, **{f"to {number(metric, float(t))}": False for t in targets}, "ms": False}


def _cells(record: Mapping[str, Any], found: Mapping[str, Any], metric: str) -> dict[str, Cell]:
    ms = math.nan if found["ms_per_evaluation"] is None else found["ms_per_evaluation"]
    ends: dict[str, Cell] = {"ms": (ms, f"{ms:.3g}" if ms < 10 else f"{ms:.0f}")}
    cells: dict[str, Cell] = {"runs": (math.nan, str(found["runs"]))}
    if record["reported"] == "hypervolume":
        share = found["hypervolume"]
        text = f"{100 * share['mean']:.2f} ± {100 * share['std']:.2f}"
        count = f"{found['on_best_front']:.1f} of {found['best_front']}"
        return {**cells, _VOLUME: (share["mean"], text), _FRONT: (found["on_best_front"], count), **ends}
    reported = found[record["reported"]]
    values = [(reported["mean"], spread(metric, reported["mean"], reported["std"]))]
    regret, hits = found["regret"], found["to_optimum"]
    values.append((regret["mean"], spread(metric, regret["mean"], regret["std"], 3)))
    values += [_hit_cell(hits), (hits["share"], f"{100 * hits['share']:.0f} %")]
    values += [_hit_cell(target) for target in found["to_targets"].values()]
    heads = [head for head in _heads(record, metric) if head not in ("runs", "ms")]
    return {**cells, **dict(zip(heads, values, strict=True)), **ends}


def _hit_cell(hits: Mapping[str, Any]) -> Cell:
    """Mean evaluations; ``>`` where runs that never got there count with their end."""
    return hits["restricted_mean"], f"{'>' if hits['share'] < 1 else ''}{hits['restricted_mean']:.1f}"


def _baselines(record: Mapping[str, Any], metric: str) -> dict[str, dict[str, str]]:
    """Rows of what needs no simulation."""
    if "random_search" not in record:
        return {}
    exact, heads = record["random_search"], [head for head in _heads(record, metric) if head != "runs"]
    texts = [
        spread(metric, exact[record["reported"]]["mean"], exact[record["reported"]]["std"]),
        spread(metric, exact["regret"]["mean"], exact["regret"]["std"], 3),
        f"{'>' if exact['reached_optimum'] < 1 else ''}{exact['to_optimum']:.1f}",
        f"{100 * exact['reached_optimum']:.1f} %",
    ]
    drawn = record["random_sampling"]
    one = {heads[0]: spread(metric, drawn["mean"], drawn["std"])}
    return {RANDOM_SEARCH: dict(zip(heads, texts, strict=False)), RANDOM_SAMPLING: one}


def _best_of(cells: Sequence[Cell], larger: bool) -> float:
    values = [value for value, _ in cells if math.isfinite(value)]
    return (max(values) if larger else min(values)) if values else math.nan
