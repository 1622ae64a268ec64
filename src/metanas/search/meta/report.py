"""What a meta-training leaves for people: the curve as numbers and as a picture, and the closing words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metanas.delivery.files import write_json
from metanas.search.meta.points import EpisodeScore, Point
from metanas.tasks.data import Kind
from metanas.tasks.options import number_of

CURVE = "curve"


def write_curve(folder: Path, kind: Kind, points: Sequence[Point], test: EpisodeScore | None, title: str) -> None:
    """Write ``curve.json`` and, where matplotlib is installed, ``curve.png`` and ``curve.svg``."""
    from metanas.benchmarks import plots

    write_json(folder / f"{CURVE}.json", {"schema": 1, "points": [asdict(point) for point in points]})
    if plots.available() and len(points) > 1:
        _draw(folder, kind, points, test, title)


def _draw(folder: Path, kind: Kind, points: Sequence[Point], test: EpisodeScore | None, title: str) -> None:
    from metanas.benchmarks.drawing import COLOURS, new_figure, save

    figure, (axes,) = new_figure(1)
    scale, unit = (100.0, "accuracy (%)") if kind == "classification" else (1.0, "mean squared error")
    minutes = [point.seconds / 60 for point in points]
    middle = [scale * point.validation for point in points]
    low, high = ([m + sign * scale * point.margin for m, point in zip(middle, points, strict=True)] for sign in (-1, 1))
    axes.fill_between(minutes, low, high, color=COLOURS[0], alpha=0.15, linewidth=0)
    axes.plot(minutes, middle, color=COLOURS[0], linewidth=1.6, marker=".", label="validation classes")
    trained = [(m, scale * p.score) for m, p in zip(minutes, points, strict=True) if p.score is not None]
    axes.plot(*zip(*trained, strict=True), color=COLOURS[1], linewidth=1.2, linestyle="--", marker=".", label="training episodes")
    if test is not None:
        axes.errorbar(
            [minutes[-1]],
            [scale * test.mean],
            [scale * test.margin],
            color="black",
            marker="o",
            markersize=4,
            capsize=3,
            label="test classes",
        )
    axes.set_title(f"{unit}; band: 95 % interval", fontsize=10, loc="left")
    axes.set_xlabel("minutes")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.legend(fontsize=8.5, frameon=False)
    figure.suptitle(title, fontsize=11)
    save(figure, folder / CURVE)


def title_of(record: Mapping[str, Any]) -> str:
    """For example ``omniglot: maml, 5-way 1-shot``."""
    sizes = f"{record['ways']}-way {record['shots']}-shot" if "ways" in record else f"{record['support']} examples"
    return f"{record['data']}: {record['method']}, {sizes}"


def _decoded_lines(record: Mapping[str, Any]) -> list[str]:
    """How good the networks are that tasks have chosen, where they choose."""
    if "decoded" not in record:
        return []
    score = EpisodeScore(record["decoded"]["accuracy"], record["decoded"]["margin"], record["decoded"]["episodes"])
    return [f"  each task's own network alone, as decoded: {score.text(record['kind'])}"]


def _steps(settings: Mapping[str, Any]) -> str:
    tested = settings.get("test_steps")
    return number_of(settings["inner_steps"] if tested is None else tested, "step")


def summary_lines(record: Mapping[str, Any], folder: Path) -> list[str]:
    """The closing words of the training behind ``result.json``."""
    kind: Kind = record["kind"]
    classes = kind == "classification"
    test, validation = (
        EpisodeScore(record[part]["accuracy" if classes else "mse"], record[part]["margin"], record[part]["episodes"])
        for part in ("test", "validation")
    )
    of = f"of {record['classes']['test']:,} classes that were never seen before" if "classes" in record else "never seen before"
    name = "accuracy" if classes else "mean squared error"
    chosen = f"at step {record['best_step']:,}" if record["best_step"] else "before training"
    lines = [
        "",
        title_of(record),
        f"  a network of {record['parameters']:,} parameters ({record['network']}), seed {record['seed']}",
        f"  {record['steps']:,} outer steps, {record['episodes_seen']:,} training episodes, {record['seconds']:.0f} s"
        + ("" if record["complete"] else "; stopped before its budget was spent"),
        "",
        f"Its {name}: {test.text(kind)}",
        f"  mean over {test.episodes:,} test episodes {of}, with its 95 % interval; in each it learns from {record['support']} examples",
        f"  ({_steps(record['settings'])}) and answers {record['asked']} queries",
        f"  validation: {validation.text(kind)} {chosen}, the best of {record['validations']}, which was chosen",
        *_decoded_lines(record),
        *(f"  {note}" for note in record["notes"]),
        "",
        "Files",
        f"  {folder / 'result.json'}: all of the above for programs; {CURVE}.json: how it got there",
        f"  {folder / 'model'}: the start that a few examples adapt",
        f"  metanas adapt {folder} SUPPORT.npz --query QUERY.npz",
    ]
    what = "any labels" if classes else "numbers"
    return [*lines, f"  (SUPPORT.npz: arrays x, examples as in training, and y, {what}; QUERY.npz: x, and y if it is known)"]
