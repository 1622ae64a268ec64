"""Pictures of a bench, with matplotlib, which is optional and loads when used: ``pip install metanas[plots]``.

Colours are Okabe and Ito's, which the colour-blind can tell apart; line styles tell strategies apart beyond eight. Lines carry their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.drawing import CHANCE, COLOURS, haze, label, line_style, logarithmic, new_figure, save, whole_numbers, zoom
from metanas.benchmarks.report import Outcome
from metanas.benchmarks.statistics import ALPHA, Ranking
from metanas.benchmarks.tables.results import titled
from metanas.benchmarks.words import is_share, unit
from metanas.records import lower_is_better

Floats = NDArray[np.float64]


def available() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def save_plots(outcome: Outcome, folder: Path) -> list[Path]:
    """The pictures of one problem as PNG and SVG; returns the files.

    Raises:
        InputError: if matplotlib is not installed.
    """
    stem = f"{_plain(outcome.problem.name)}-{_plain(outcome.problem.dataset)}"
    if outcome.trade is not None:
        return save(_front_figure(outcome), folder / f"{stem}-front")
    return save(_curve_figure(outcome), folder / f"{stem}-curves")


def save_ranking(ranking: Ranking, folder: Path) -> list[Path]:
    """The critical-difference diagram as PNG and SVG; returns the files."""
    return save(_ranking_figure(ranking), folder / "ranks")


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(text).name)


def _curve_figure(outcome: Outcome) -> Any:
    """Left what is reported (median, quartiles), right the mean validation regret; the exact line of random search on both.

    The lines of a strategy begin where all of its runs have a result.
    """
    figure, (left, right) = new_figure(2)
    problem, sign = outcome.problem, outcome.problem.sign
    scale = 100.0 if is_share(problem.metric) else 1.0
    ends: dict[Any, list[tuple[float, str, str]]] = {left: [], right: []}
    floor, touched = scale * _least_regret(problem.validation), False
    for place, (strategy, c) in enumerate(outcome.curves.items()):
        style, (runs, begin) = line_style(place), _begun(c.validation)
        if not len(runs):
            continue
        x = c.grid[begin:]
        shown = scale * (sign * c.validation if c.test is None else c.test)[runs, begin:]
        low, middle, high = _quartiles(shown)
        left.fill_between(x, low, high, color=style["color"], alpha=haze(len(outcome.curves)), linewidth=0)
        left.plot(x, middle, **style)
        regret = scale * (problem.optimum - c.validation[runs, begin:]).mean(axis=0)
        right.plot(x, np.maximum(regret, floor), **style)
        touched |= bool((regret < floor).any())
        ends[left].append((float(middle[-1]), strategy, style["color"]))
        ends[right].append((float(max(regret[-1], floor)), strategy, style["color"]))
    _chance_lines(outcome, left, right, ends, scale)
    grid = next(iter(outcome.curves.values())).grid
    part = "validation" if problem.tested is None else "test"
    _axes(left, f"{part} {titled(problem.metric)} of the best so far{_unit(problem.metric)}\nmedian and quartiles", outcome, grid)
    zero = f"\nless than {floor:.2g} is drawn as {floor:.2g}" if touched else ""
    _axes(right, f"mean validation regret{' (points)' if is_share(problem.metric) else _unit(problem.metric)}{zero}", outcome, grid)
    logarithmic(right)
    zoom(left, ends[left], sign)
    for axes, labels in ends.items():
        label(axes, labels)
    figure.suptitle(f"{outcome.title}: {max(len(c.seeds) for c in outcome.curves.values())} seeds", fontsize=11)
    return figure


def _unit(metric: str) -> str:
    return f" ({unit(metric)})" if unit(metric) else ""


def _begun(values: Floats) -> tuple[NDArray[np.int64], int]:
    """The runs of ``values`` ``(runs, points)`` that ever have a result, and the first point at which all of these have one.

    A mean over those that were quick to have one would begin low and rise.
    """
    there = np.isfinite(values)
    runs = np.flatnonzero(there.any(axis=1))
    return runs, int(there[runs].argmax(axis=1).max(initial=0))


def _quartiles(values: Floats) -> Floats:
    """Lower quartile, median and upper quartile of ``(runs, points)``, ``(3, points)``; NaN where no run has a value."""
    known = np.isfinite(values).any(axis=0)
    found = np.full((3, values.shape[1]), np.nan)
    found[:, known] = np.nanquantile(values[:, known], (0.25, 0.5, 0.75), axis=0)
    return found


def _least_regret(validation: Floats) -> float:
    """Half of the smallest regret above zero: where zero is drawn on a logarithmic axis."""
    regret = np.nanmax(validation) - validation[np.isfinite(validation)]
    above = regret[regret > 1e-12]
    return float(above.min() / 2) if len(above) else 1e-12


def _chance_lines(outcome: Outcome, left: Any, right: Any, ends: dict[Any, list[tuple[float, str, str]]], scale: float) -> None:
    chance = outcome.chance
    if chance is None:
        return
    x = np.arange(1.0, chance.evaluations + 1)
    if outcome.budget.clock:
        x = x * chance.seconds
        x = x[x <= outcome.budget.seconds]
    if not len(x):
        return
    sign = outcome.problem.sign
    reported = scale * (sign * chance.validation if chance.test is None else chance.test)[: len(x)]
    regret = scale * (outcome.problem.optimum - chance.validation[: len(x)])
    regret = np.maximum(regret, scale * _least_regret(outcome.problem.validation))
    for axes, values in ((left, reported), (right, regret)):
        axes.plot(x, values, **CHANCE)
        ends[axes].append((float(values[-1]), "random search, expected", "black"))


def _axes(axes: Any, title: str, outcome: Outcome, grid: Floats) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel("simulated seconds of training" if outcome.budget.clock else "evaluations")
    axes.set_xlim(0, float(grid[-1]))
    whole_numbers(axes.xaxis)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)


def _front_figure(outcome: Outcome) -> Any:
    """Left the hypervolume over evaluations (median, quartiles); right, for two goals, the fronts of each strategy's median run."""
    trade = outcome.trade
    assert trade is not None
    two = len(outcome.objective) == 2
    figure, axes = new_figure(2 if two else 1)
    ends = []
    for place, (name, shares) in enumerate(outcome.shares.items()):
        style, x = line_style(place), np.arange(1.0, shares.shape[1] + 1)
        low, middle, high = np.quantile(100 * shares, (0.25, 0.5, 0.75), axis=0)
        axes[0].fill_between(x, low, high, color=style["color"], alpha=haze(len(outcome.shares)), linewidth=0)
        axes[0].plot(x, middle, **style)
        ends.append((float(middle[-1]), name, style["color"]))
    axes[0].set_title("hypervolume, % of the best front's: median and quartiles", fontsize=10, loc="left")
    axes[0].set_xlabel("evaluations")
    axes[0].set_xlim(0, max(shares.shape[1] for shares in outcome.shares.values()))
    whole_numbers(axes[0].xaxis)
    axes[0].spines[["top", "right"]].set_visible(False)
    axes[0].grid(alpha=0.25, linewidth=0.6)
    zoom(axes[0], ends, 1.0)
    label(axes[0], ends)
    if two:
        _fronts(axes[1], outcome)
    figure.suptitle(outcome.title, fontsize=11)
    return figure


def _fronts(axes: Any, outcome: Outcome) -> None:
    trade = outcome.trade
    assert trade is not None
    signs = [-1.0 if lower_is_better(name) else 1.0 for name in outcome.objective]
    scales = [100.0 if is_share(name) else 1.0 for name in outcome.objective]

    def points(rows: Iterable[int]) -> tuple[Floats, Floats]:
        values = trade.values[np.array(list(rows), dtype=np.int64)]
        values = values[np.argsort(values[:, 0])]
        return values[:, 1] * signs[1] * scales[1], values[:, 0] * signs[0] * scales[0]

    axes.plot(*points(trade.best), color="black", linewidth=1.0, marker=".", markersize=3, label="the best there is")
    for place, (name, shares) in enumerate(outcome.shares.items()):
        median = int(np.argsort(shares[:, -1])[shares.shape[0] // 2])
        colour = line_style(place)["color"]
        axes.plot(*points(trade.found(outcome.runs[name][median])), "o", color=colour, markersize=4, alpha=0.8, label=name)
    second, first = (titled(n) + _unit(n) for n in (outcome.objective[1], outcome.objective[0]))
    # The cheapest networks of a front may be useless ones far below all others.
    low, high = np.quantile(points(trade.best)[1], (0.1, 1.0) if signs[0] > 0 else (0.9, 0.0))
    axes.set_ylim(*sorted((low - 0.15 * (high - low), high + 0.05 * (high - low))))
    axes.set_xlabel(second)
    axes.set_title(f"{first}: fronts of the median runs", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.legend(fontsize=8, frameon=False)


def _ranking_figure(ranking: Ranking) -> Any:
    """Mean ranks on a line, strategies that can't be told apart under one bar (Demšar 2006, figure 1)."""
    figure, (axes,) = new_figure(1, height=1.4 + 0.24 * len(ranking.strategies))
    count = len(ranking.strategies)
    half = (count + 1) // 2
    axes.set_xlim(0.2, count + 0.8)
    axes.set_ylim(-1.0 - 0.55 * half, 1.4)
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="black", linewidth=1)
    for tick in range(1, count + 1):
        axes.plot([tick, tick], [0, 0.12], color="black", linewidth=1)
        axes.text(tick, 0.2, str(tick), ha="center", va="bottom", fontsize=8)
    for place, (name, rank) in enumerate(zip(ranking.strategies, ranking.ranks, strict=True)):
        on_left = place < half
        depth = -0.8 - 0.55 * (place if on_left else count - 1 - place)
        end = 0.9 if on_left else count + 0.1
        axes.plot([rank, rank, end], [0, depth, depth], color="#444444", linewidth=0.8)
        text = f"{name}  {rank:.2f}" if on_left else f"{rank:.2f}  {name}"
        axes.text(end + (-0.05 if on_left else 0.05), depth, text, ha="right" if on_left else "left", va="center", fontsize=9)
    for level, (first, last) in enumerate(ranking.cliques):
        y = -0.16 - 0.14 * (level % 4)
        axes.plot([ranking.ranks[first] - 0.04, ranking.ranks[last] + 0.04], [y, y], color=COLOURS[1], linewidth=3, solid_capstyle="round")
    if np.isfinite(ranking.critical):
        axes.plot([1, 1 + ranking.critical], [1.0, 1.0], color="black", linewidth=2)
        axes.text(1, 1.08, f"critical difference {ranking.critical:.2f} (level {ALPHA:.0%})", fontsize=8, va="bottom")
    axes.set_title(f"mean ranks over {ranking.problems} problems; 1 is the best", fontsize=10, loc="left")
    return figure
