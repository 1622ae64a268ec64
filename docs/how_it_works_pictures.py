"""Makes the pictures of ``docs/how_it_works.md`` from the many-task table and from what was measured on it; draws what there is.

    python docs/how_it_works_pictures.py --tables benchmarks --results FOLDER

``--tables`` holds ``many_task/shards``, ``--results`` what ``benchmarks/many_task_regret.py --out FOLDER`` wrote. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.benchmarks.drawing import COLOURS, label, line_style, new_figure
from metanas.benchmarks.tables.many_task_files import shards_of
from metanas.meta.prior.embedding import attribute_names, embedded
from metanas.records import TaskDescription

KINDS = ("table", "image", "sound", "series", "text", "generated")
NAMED = 16
"""Tasks of the map that bear their names, at most."""
METHODS = ("random", "evolution", "bayes", "portfolio", "meta-bayes", "meta")
"""Lines of the regret curves, in this order; others that were measured stand in the tables."""
SPLITS = {"sources": "no data of the task's source were ever learned from", "kinds": "nothing of its whole kind of data was"}
Points = NDArray[np.float64]


def main() -> None:
    """Draw what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=Path("benchmarks"), help="folder that holds many_task/")
    parser.add_argument("--results", type=Path, help="folder of benchmarks/many_task_regret.py")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("pictures"))
    given = parser.parse_args()
    tasks = [facts for _, shard in shards_of(given.tables) for facts in shard]
    found = {split: read(given.results / f"{split}.json") for split in SPLITS} if given.results else {}
    curves = {split: record["curves"] for split, record in found.items() if record.get("curves")}
    by_tasks = next((record["by_tasks"] for record in found.values() if record.get("by_tasks")), None)
    drawn = {
        "task-map": task_map(tasks) if len(tasks) > 2 else None,
        "learning-curve": learning_curve(by_tasks) if by_tasks else None,
        "regret": regret_curves(curves) if curves else None,
    }
    for name, figure in drawn.items():
        if figure is None:
            print(f"nothing there to draw {name} from")
        else:
            print(f"wrote {write(figure, given.out / f'{name}.svg')}")


def read(file: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no such file."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def write(figure: Any, file: Path) -> Path:
    """The same picture gives the same file; letters stay letters, in the reader's own font, which keeps it small."""
    from matplotlib import rc_context

    file.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": file.stem, "font.family": "sans-serif"}):
        figure.savefig(file, metadata={"Date": None})
    return file


# -- the map of tasks --------------------------------------------------------------------------------------------------


def task_map(tasks: Sequence[Mapping[str, Any]]) -> Any:
    """Every task a point, its embedding seen from where tasks lie farthest apart (principal components)."""
    descriptions = [TaskDescription.from_json(task["description"]) for task in tasks]
    places, share = flattened(np.stack([embedded(description, attribute_names()) for description in descriptions]))
    figure, (axes,) = new_figure(1, height=5.2)
    for kind, colour in zip(KINDS, COLOURS, strict=False):
        mine = np.array([task["kind"] == kind for task in tasks])
        if mine.any():
            axes.scatter(*places[mine].T, s=14, color=colour, alpha=0.65, linewidths=0, label=kind)
    ordinary = [k for k, task in enumerate(tasks) if task["recipe"]["name"].endswith("-0")]
    for k in legible(places, ordinary, NAMED):
        axes.annotate(tasks[k]["recipe"]["source"], places[k], xytext=(3, 3), textcoords="offset points", fontsize=8)
    axes.set_title(f"{len(tasks)} tasks: close together means alike", fontsize=11)
    axes.set(xticks=[], yticks=[], xlabel=f"two directions that hold {share:.0%} of the differences between tasks")
    axes.margins(x=0.14)
    figure.legend(loc="outside right upper", fontsize=9, frameon=False, markerscale=1.6)
    return figure


def flattened(vectors: Points) -> tuple[Points, float]:
    """The first two principal components ``(tasks, 2)``, each pointing to where its largest value is, and their share of the variance."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :2] * sizes[:2]
    places *= np.sign(places[np.abs(places).argmax(axis=0), range(2)])
    return places, float(np.square(sizes[:2]).sum() / np.square(sizes).sum())


def legible(places: Points, among: Sequence[int], count: int) -> list[int]:
    """The first ``count`` of these points whose names would not lie over one another: a name is wide and not high."""
    chosen: list[int] = []
    for k in among:
        gaps = np.abs(places[chosen] - places[k]) / np.ptp(places, axis=0)
        if len(chosen) < count and (gaps > (0.16, 0.04)).any(axis=1).all():
            chosen.append(k)
    return chosen


# -- what was measured -------------------------------------------------------------------------------------------------


def learning_curve(by_tasks: Mapping[str, Any]) -> Any:
    """How good the best of five networks is, over the number of tasks that were searched before."""
    sizes = sorted(by_tasks, key=lambda name: int(name) if name.isdigit() else 10**9)
    bounds = [row if isinstance(row, Mapping) else {"mean": row} for row in (by_tasks[size] for size in sizes)]
    mean = np.array([row["mean"] for row in bounds])
    errors = [[abs(row["mean"] - row.get(end, row["mean"])) for row in bounds] for end in ("low", "high")]
    figure, (axes,) = new_figure(1, height=4.0)
    axes.errorbar(range(len(sizes)), mean, errors, color=COLOURS[0], marker="o", capsize=3, linewidth=1.6)
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set(xlabel="tasks that were searched before", ylabel="regret after five networks\n(0: the best, 1: the middle one)")
    axes.set_title("What experience is worth", fontsize=11)
    axes.set_ylim(bottom=0)
    return figure


def regret_curves(curves: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]) -> Any:
    """How far the best network so far is from the best there is, over how many were tried; a panel per split."""
    figure, panels = new_figure(len(curves))
    for axes, (split, lines) in zip(panels, curves.items(), strict=True):
        shown = [name for name in METHODS if name in lines] or list(lines)
        for place, name in enumerate(shown):
            line, style = lines[name], line_style(place)
            points = line.get("points") or list(range(1, len(line["mean"]) + 1))
            if "low" in line and "high" in line:
                axes.fill_between(points, line["low"], line["high"], color=style["color"], alpha=0.1, linewidth=0)
            axes.plot(points, line["mean"], **style)
        axes.set(xscale="log", yscale="log")
        for axis, ticks in ((axes.xaxis, (1, 2, 5, 10, 25, 50)), (axes.yaxis, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5))):
            seen = axis.get_view_interval()
            axis.set_ticks([tick for tick in ticks if seen[0] <= tick <= seen[1]], minor=False)
            axis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set(xlabel="networks tried", ylabel="regret of the best so far\n(0: the best, 1: the middle one)")
        axes.set_title(SPLITS.get(split, split), fontsize=10)
        label(axes, [(float(lines[name]["mean"][-1]), name, line_style(place)["color"]) for place, name in enumerate(shown)])
    return figure


if __name__ == "__main__":
    main()
