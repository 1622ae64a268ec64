"""What a meta-training records of itself: before it begins, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metanas import __version__
from metanas.delivery.files import write_json
from metanas.delivery.result import versions
from metanas.search.budget import Budget
from metanas.search.folder import RESULT
from metanas.search.meta.asked import KIND, SCHEMA, MetaRun
from metanas.search.meta.loop import MetaTraining
from metanas.search.meta.observers import clock_text
from metanas.search.meta.points import EpisodeScore, Position, score_name
from metanas.search.meta.report import title_of, write_curve
from metanas.tasks.data import Kind
from metanas.tasks.few_shot import EpisodeFamily, EpisodeSampler
from metanas.tasks.few_shot.episode import PARTS


@dataclass(frozen=True)
class MetaResult:
    """What a meta-training gives.

    Args:
        folder: with ``result.json``, ``curve.json`` and ``model/``.
        record: what stands in ``result.json``.
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def score(self) -> float:
        """Mean accuracy over the test episodes, or mean squared error."""
        return float(self.record["test"][score_name(self.record["kind"])])

    @property
    def margin(self) -> float:
        """Half of the score's 95 % interval."""
        return float(self.record["test"]["margin"])


def conclude(training: MetaTraining, told: Mapping[str, Any], complete: bool, budget: Budget, folder: Path) -> MetaResult:
    """Score the best state on the test episodes and write the result and the curve."""
    position, kind = training.position, told["kind"]
    test = training.score_test()
    best = position.points[position.best]
    notes = [f"{training.trouble}; the best state before that was kept"] if training.trouble else []
    record = {
        **told,
        "command": training.run.command,
        "complete": complete,
        "steps": position.step,
        "episodes_seen": position.step * int(training.run.settings["meta_batch"]),
        "seconds": budget.elapsed,
        "best_step": best.step,
        "validations": len(position.points),
        "validation": _score_record(kind, EpisodeScore(best.validation, best.margin, training.run.validation_episodes)),
        "test": _score_record(kind, test),
        **({} if training.decoded is None else {"decoded": _score_record(kind, training.decoded)}),
        "notes": notes,
        "versions": versions(),
    }
    write_curve(folder, kind, position.points, test, title_of(told))
    write_json(folder / RESULT, {"schema": SCHEMA, "metanas": __version__, "does": KIND, **record})
    return MetaResult(folder, record)


def _score_record(kind: Kind, score: EpisodeScore) -> dict[str, Any]:
    interval = [score.mean - score.margin, score.mean + score.margin]
    return {score_name(kind): score.mean, "margin": score.margin, "interval": interval, "episodes": score.episodes}


def description(run: MetaRun, train: EpisodeFamily, test: EpisodeFamily) -> dict[str, Any]:
    """What is known before the training: it stands in ``result.json`` and in the description of the start."""
    told: dict[str, Any] = {"data": train.name, "kind": train.kind, "method": run.method, "settings": dict(run.settings)}
    told |= {"seed": run.episodes.seed, "device": run.device, "network": run.network}
    told |= {"parameters": run.parameters, "budget": {"seconds": run.seconds, "steps": run.steps}, "data_fingerprint": run.fingerprint}
    if isinstance(train, EpisodeSampler) and isinstance(test, EpisodeSampler):
        split = train.data.split
        told |= {
            "ways": train.ways,
            "shots": train.shots,
            "queries": train.queries,
            "test_queries": test.queries,
            "rotations": train.rotations,
        }
        told |= {"split": split.name, "classes": {part: train.classes(part) for part in PARTS}}
    example = test.episode("test", 0)
    return told | {"support": len(example.x_support), "asked": len(example.x_query)}


def introduction(run: MetaRun, train: EpisodeFamily, test: EpisodeFamily, folder: Path, position: Position | None) -> list[str]:
    """What the user is told first."""
    lines = []
    if isinstance(train, EpisodeSampler) and isinstance(test, EpisodeSampler):
        lines.append(
            f"{train.name}: {train.data.split.counts} (split {train.data.split.name})"
            + ", each also turned by 90, 180 and 270 degrees" * train.rotations
        )
        asked = "" if train.queries == test.queries else f" ({test.queries} to validate and test)"
        lines += [f"note: {note}" for note in train.data.notes]
        sizes = f"{train.ways}-way {train.shots}-shot episodes, {train.queries} queries of each class{asked}"
    else:
        sizes = f"{train.name}: episodes of {len(train.episode('train', 0).x_support)} examples"
    limits = [] if run.seconds is None else [f"{clock_text(run.seconds)} for everything"]
    limits += [] if run.steps is None else [f"{run.steps:,} step{'s' * (run.steps != 1)}"]
    lines.append(f"{sizes}; {run.settings['meta_batch']} episodes to an outer step of {run.method}")
    lines.append(
        f"network {run.network}, {run.parameters:,} parameters, on {run.device}; budget {' or '.join(limits)}; seed {run.episodes.seed}"
    )
    if position is None:
        return [*lines, f"writing to {folder}"]
    return [*lines, f"going on in {folder} after step {position.step:,} and {clock_text(position.seconds)}"]
