"""Between the records of the library and the rows of the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from metanas.records import LOWER_IS_BETTER, Candidate, Evaluation, Fidelity, Proposal, TaskDescription
from metanas.spaces.architecture import Architecture, digest

Status = Literal["running", "finished", "interrupted", "failed"]

LASTING = ("diverged",)
"""How the reasons of failures begin that would come again. All others (too slow, too little memory, a worker killed) say
more of the machine and the moment than of the candidate."""


@dataclass(frozen=True)
class TaskRecord:
    """A task in the store: its fingerprint, description, the moment it was first seen, and the number of its searches."""

    fingerprint: str
    description: TaskDescription
    created: datetime
    searches: int


@dataclass(frozen=True)
class SearchRecord:
    """A search in the store.

    Args:
        id: short hex text.
        task, task_name: fingerprint and name of its task.
        folder: of its files; empty if it has none.
        strategy, space, metric, seed: what searched where, for what.
        settings, versions: JSON objects: all options of the search; versions of the software.
        status: running, finished, interrupted or failed; a search whose process was killed stays running.
        started, updated, finished: moments in universal time: of the start, of the last change, of the end (or None).
        elapsed: seconds of the budget that are spent, over all its resumptions.
        result: JSON object given at the end, or None.
        trials, failures, reused: how many evaluations it has, how many of these failed, how many the store answered.
        best: the best value of the metric among its evaluations, None if there is none.
    """

    id: str
    task: str
    task_name: str
    folder: str
    strategy: str
    space: str
    metric: str
    seed: int
    settings: Mapping[str, Any]
    versions: Mapping[str, Any]
    status: Status
    started: datetime
    updated: datetime
    finished: datetime | None
    elapsed: float
    result: Mapping[str, Any] | None
    trials: int
    failures: int
    reused: int
    best: float | None


def training_key(candidate: Candidate) -> str:
    """Equal for candidates whose training is the same but for the seed: graph, recipe, fidelity, source of the weights."""
    proposal = candidate.proposal
    recipe = {name: float(value) for name, value in candidate.recipe.items()}
    fidelity = proposal.fidelity
    effort = [fidelity.epochs, float(fidelity.share), *([fidelity.fold] if fidelity.fold else [])]  # without a fold as in older stores
    return digest([candidate.graph.key, recipe, effort, proposal.weights_from])


def finite(value: Any) -> Any:
    """``value`` as JSON holds it: numbers that are not finite are left out of objects and are None elsewhere."""
    if isinstance(value, Mapping):
        return {str(name): finite(item) for name, item in value.items() if not _infinite(item)}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if hasattr(value, "item") and callable(value.item):
        return finite(value.item())
    return None if _infinite(value) else value


def _infinite(value: Any) -> bool:
    try:
        return not isinstance(value, str | Mapping | list | tuple) and value is not None and not math.isfinite(value)
    except (TypeError, OverflowError):
        return False


def evaluation_row(
    search_id: str, fingerprint: str, metric: str, evaluation: Evaluation, candidate: Candidate, created: datetime
) -> dict[str, Any]:
    """The row of an evaluation.

    Raises:
        ValueError: if evaluation and candidate are of two proposals.
    """
    proposal = evaluation.proposal
    if proposal.id != candidate.proposal.id:
        raise ValueError(f"evaluation of proposal {proposal.id} with the candidate of proposal {candidate.proposal.id}")
    metrics = finite(evaluation.metrics)
    return {
        "search_id": search_id,
        "task": fingerprint,
        "proposal": proposal.id,
        "proposer": proposal.proposer,
        "space": proposal.architecture.space,
        "architecture_key": proposal.architecture.key,
        "graph_key": candidate.graph.key,
        "training_key": training_key(candidate),
        "metric": metric,
        "score": metrics.get(metric),
        "reason": evaluation.reason,
        "reusable": evaluation.reason is None or evaluation.reason.startswith(LASTING),
        "reused": evaluation.reused,
        "epochs": evaluation.epochs,
        "seed": str(evaluation.seed),
        "duration": evaluation.duration,
        "created": created,
        "continue_from": proposal.continue_from,
        "weights_from": proposal.weights_from,
        "fidelity": proposal.fidelity.to_json(),
        "recipe": finite(candidate.recipe),
        "costs": finite(evaluation.costs),
        "metrics": metrics,
        "architecture": proposal.architecture.to_json(),
        "curve": finite(evaluation.curve),
    }


def evaluation_of(row: Row[Any]) -> Evaluation:
    """The evaluation of a row."""
    proposal = Proposal(
        row.proposal,
        Architecture.from_json(row.architecture),
        Fidelity.from_json(row.fidelity),
        row.continue_from,
        row.weights_from,
        row.proposer,
    )
    return Evaluation(proposal, row.metrics, row.costs, tuple(row.curve), row.epochs, int(row.seed), row.duration, row.reason, row.reused)


def search_of(row: Row[Any], counts: Row[Any] | None) -> SearchRecord:
    """The search of a row.

    Args:
        row: of the table of searches, with ``task_name``.
        counts: ``trials``, ``successes``, ``reused``, ``least`` and ``most`` of its evaluations; None if it has none.
    """
    trials, successes, reused, least, most = (
        (counts.trials, counts.successes, counts.reused, counts.least, counts.most) if counts else (0, 0, 0, None, None)
    )
    columns = {name: getattr(row, name) for name in row._fields}
    best = least if row.metric in LOWER_IS_BETTER else most
    own = {"seed": int(row.seed), "trials": trials, "failures": trials - successes, "reused": reused, "best": best}
    return SearchRecord(**{**columns, **own})
