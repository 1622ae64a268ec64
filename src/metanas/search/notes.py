"""Sentences for the user: what a search is about to do, and what the numbers of its result alone would hide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from metanas.delivery.words import metric_name
from metanas.records import Candidate, Evaluation
from metanas.search.folder import Run
from metanas.spaces import Space
from metanas.tasks import Task

MOST_REASONS = 3
"""Different reasons for failure that a result tells."""


def introduction(task: Task, run: Run, space: str, workers: int, folder: Path) -> list[str]:
    """The data, the notes on them, and how the search will go about it; one line each.

    Args:
        task, run: of the search.
        space: name of it.
        workers: processes; 0 for this one alone.
        folder: of the result.
    """
    parts = f"{len(task.train):,} training, {len(task.validation):,} validation and {len(task.test):,} test examples"
    what = f"{len(task.classes)} classes" if task.kind == "classification" else "regression"
    spent = [f"{run.seconds:g} s" if run.seconds else "", f"{run.trials} trials" if run.trials else ""]
    limit = f", at most {run.max_params:,} parameters" if run.max_params else ""
    who = f"{workers} worker{'s' * (workers != 1)}" if workers else "this process"
    return [
        f"{task.name}: {task.data}, {what}, {parts}; decided by {metric_name(task.metric)}",
        *(f"  note: {note}" for note in task.notes),
        f"searching space {space} by {run.strategy}{limit}; budget {' and '.join(filter(None, spent))}; "
        f"{who} on {run.device}; seed {run.seed}; writing to {folder}",
    ]


def candid_notes(evaluations: Sequence[Evaluation], answer: Candidate, space: Space) -> list[str]:
    """Why trials failed, the commonest reasons first, and that nothing beat the plain network where it is the answer.

    Args:
        evaluations: all of a search.
        answer: the network that it gives.
        space: that was searched.
    """
    notes = []
    reasons = Counter(e.reason for e in evaluations if e.reason is not None).most_common()
    for reason, count in reasons[:MOST_REASONS]:
        notes.append(f"{count} trial{'s' * (count != 1)} failed: {reason}")
    if len(reasons) > MOST_REASONS:
        rest = sum(count for _, count in reasons[MOST_REASONS:])
        notes.append(f"{rest} more trial{'s' * (rest != 1)} failed for other reasons")
    if answer.proposal.architecture == space.baseline and len(evaluations) > 1:
        notes.append(f"nothing better was found than the plain network with which space {space.name} begins, so it is the answer")
    return notes
