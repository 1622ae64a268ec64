"""What all pictures share: figures and files, colours and line styles, names at the ends of lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7A5195", "#8C6D31")
STYLES = ("-", "--", "-.", ":")
CHANCE = {"color": "black", "linestyle": (0, (5, 2)), "linewidth": 1.3}


def new_figure(columns: int, height: float = 4.6) -> tuple[Any, Any]:
    """A figure and its axes side by side; ``height`` in inches.

    Raises:
        InputError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # type: ignore[import-not-found,unused-ignore]
        from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise InputError("plots need matplotlib; install it with `pip install metanas[plots]`") from error
    # Not pyplot: it keeps figures of its own and may look for a screen.
    figure = Figure(figsize=(6.4 * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def save(figure: Any, stem: Path) -> list[Path]:
    """Write ``stem.png`` and ``stem.svg``; returns them."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".svg")]
    for file in files:
        figure.savefig(file, dpi=150)
    return files


def line_style(place: int) -> dict[str, Any]:
    """How the line of the strategy at that place looks."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": STYLES[place // len(COLOURS) % len(STYLES)], "linewidth": 1.6}


def haze(strategies: int) -> float:
    """How dense bands are: many of them lie over one another."""
    return 0.12 if strategies < 5 else 0.05


def zoom(axes: Any, ends: Sequence[tuple[float, str, str]], sign: float) -> None:
    """Show the half of the curves in which they differ; the steep start would press them together.

    Errors that fall by more than a power of ten get a logarithmic axis.
    """
    known = [end for end, _, _ in ends if np.isfinite(end)]
    if not known:
        return
    lines = [line.get_ydata()[len(line.get_ydata()) // 20 :] for line in axes.get_lines()]
    start = np.nanmedian([line[0] for line in lines if len(line)])
    best, worst = (max(known), min([*known, start])) if sign > 0 else (min(known), max([*known, start]))
    if sign < 0 < best and worst > 20 * best:
        logarithmic(axes)
        axes.set_ylim(best / 1.5, worst * 1.5)
        return
    room = abs(best - worst) * 0.08 or abs(best) * 1e-3 or 1e-6
    axes.set_ylim(min(best, worst) - room, max(best, worst) + room)


def logarithmic(axes: Any) -> None:
    """A logarithmic vertical axis whose ticks are plain numbers: 0.3, not 3 times a power of ten."""
    from matplotlib.ticker import LogFormatter  # type: ignore[import-not-found,unused-ignore]

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1.5, 0.4)))


def whole_numbers(axis: Any) -> None:
    """Ticks at whole numbers: there is no half of an evaluation."""
    from matplotlib.ticker import MaxNLocator  # type: ignore[import-not-found,unused-ignore]

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 2.5, 5, 10], integer=True))


def label(axes: Any, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names at the right ends of the lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    log = axes.get_yscale() == "log"
    places = [(np.log(y / low) / np.log(high / low) if log else (y - low) / (high - low), name, colour) for y, name, colour in ends]
    known = sorted((min(1.0, max(0.0, float(y))), name, colour) for y, name, colour in places if np.isfinite(y))
    for y, (at, name, colour) in zip(apart([y for y, _, _ in known], 0.045), known, strict=True):
        axes.annotate(
            name,
            (1.0, at),
            xytext=(1.025, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            fontsize=8.5,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0, "relpos": (0.0, 0.5)},
        )


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Rising places moved as little as need be so that neighbours are ``gap`` apart."""
    groups: list[list[float]] = []  # of each: the wished places, shifted by their place in the group
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _top(groups[-2], gap) + gap > _bottom(groups[-1], gap):
            last = groups.pop()
            groups[-1] += last
    return [_bottom(group, gap) + gap * i for group in groups for i in range(len(group))]


def _bottom(group: Sequence[float], gap: float) -> float:
    return float(np.mean(group)) - gap * (len(group) - 1) / 2


def _top(group: Sequence[float], gap: float) -> float:
    return float(np.mean(group)) + gap * (len(group) - 1) / 2
