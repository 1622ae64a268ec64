"""The conclusion of a search: the frozen list is scored on the test rows, once, and all that came out is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.delivery.baselines import PLAIN, Entry
from metanas.delivery.description import describe_graph
from metanas.delivery.result import PLAIN_FOLDER, Result, baseline_records, versions
from metanas.delivery.scoring import score_once
from metanas.records import Evaluation
from metanas.search.budget import Budget
from metanas.search.final import Trained, entries_for, load_final, save_final
from metanas.search.folder import Run
from metanas.search.loop import Loop
from metanas.search.notes import candid_notes
from metanas.spaces import Space
from metanas.tasks import Task

if TYPE_CHECKING:
    from metanas.delivery import Model


@dataclass(frozen=True)
class SearchResult:
    """What a search gives.

    Args:
        result: all numbers, as in ``result.json``.
        folder: with ``result.json`` and ``model/``.
        evaluations: every evaluation, in the order of the proposals.
    """

    result: Result
    folder: Path
    evaluations: tuple[Evaluation, ...]

    @property
    def model(self) -> Model:
        """The trained network with its preprocessing, loaded from the folder."""
        from metanas.delivery import load_model

        return load_model(self.folder)

    @property
    def score(self) -> float:
        """The chosen metric on the test data."""
        return self.result.score


@dataclass(frozen=True)
class Ending:
    """All that a search knows when its last networks are trained.

    Args:
        task, run, folder, space, budget: of the search.
        loop: with its evaluations.
        oneshot: what a one-shot method tells of its work; None without one.
        notes: sentences for the user.
        interrupted: whether the user stopped it.
        prior: which one it began with, and what that was worth; None without one.
    """

    task: Task
    run: Run
    folder: Path
    space: Space
    budget: Budget
    loop: Loop
    oneshot: Mapping[str, Any] | None
    notes: Sequence[str]
    interrupted: bool
    prior: Mapping[str, Any] | None = None


def conclude(ending: Ending, finals: Sequence[Trained], fitted: Sequence[Entry]) -> Result:
    """Score the networks that were trained for good and the baselines, and write the result and the models.

    Args:
        ending: of the search.
        finals: the answer, or the plain network in its place, comes first of those without a reason for failure.
        fitted: the baselines.
    """
    good = [final for final in finals if final.reason is None]
    models = [load_final(final, ending.task) for final in good]
    model, plain = models[0], models[1] if len(models) > 1 else None
    reason = finals[-1].reason if len(finals) > len(good) else None
    entries = entries_for(model, plain, reason, fitted)
    scores = score_once(ending.task, entries, seed=ending.run.seed)
    save_final(ending.folder, model)
    if plain is not None and scores.comparison is not None and scores.comparison.beaten_by(PLAIN):
        save_final(ending.folder / PLAIN_FOLDER, plain)
    test, baselines = scores.by_name[entries[0].name].to_json(), baseline_records(entries[1:], scores)
    result = _result(ending, good[0], test, baselines, scores.comparison)
    result.write(ending.folder)
    return result


def _result(ending: Ending, final: Trained, test: Mapping[str, Any], baselines: Mapping[str, Any], comparison: Any) -> Result:
    task, run, loop, graph = ending.task, ending.run, ending.loop, final.candidate.graph
    validation = next((e.metrics for e in (loop.best,) if e is not None and e.proposal.id == final.candidate.proposal.id), None)
    if validation is None and loop.best is not None and loop.best.proposal.architecture == final.candidate.proposal.architecture:
        validation = loop.best.metrics
    return Result(
        task=task.name,
        kind=task.kind,
        data=task.data,
        target=task.target,
        classes=len(task.classes),
        positive=task.positive,
        examples={"train": len(task.train), "validation": len(task.validation), "test": len(task.test)},
        data_fingerprint=task.fingerprint,
        metric=task.metric,
        test=test,
        validation={**validation, "score": validation[task.metric]} if validation else {},
        baselines=baselines,
        comparison=None if comparison is None else comparison.to_json(),
        architecture=final.candidate.proposal.architecture.to_json(),
        network=describe_graph(graph),
        parameters=graph.parameters,
        flops=graph.flops,
        space=ending.space.name,
        strategy=run.strategy,
        seed=run.seed,
        trials=loop.trials,
        failures=sum(e.failed for e in loop.evaluations),
        reused=sum(e.reused for e in loop.evaluations),
        seconds=ending.budget.elapsed,
        budget={"seconds": run.seconds, "trials": run.trials, "max_params": run.max_params},
        interrupted=ending.interrupted,
        search=run.search,
        versions=versions(),
        notes=(*task.notes, *run.notes, *ending.notes, *candid_notes(loop.evaluations, final.candidate, ending.space)),
        oneshot=ending.oneshot,
        prior=ending.prior,
    )
