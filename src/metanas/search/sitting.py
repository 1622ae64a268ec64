"""One sitting of a search: plan, search, confirm, train for good, score, write."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.delivery.baselines import PLAIN, Entry
from metanas.delivery.description import describe_graph
from metanas.delivery.result import PLAIN_FOLDER, Result, baseline_records, versions
from metanas.delivery.scoring import score_once
from metanas.delivery.words import metric_name
from metanas.errors import InputError, MetaNASError, StoreError
from metanas.evaluation import batchable
from metanas.evaluation.memory import total_bytes
from metanas.experience import Experience, Status
from metanas.interfaces import Executor, Observer, Prior
from metanas.records import Candidate, Evaluation, Fidelity, Goal, Objective, Proposal
from metanas.search.budget import Budget
from metanas.search.executors import InlineExecutor, LocalExecutor, as_in_a_worker, cores
from metanas.search.final import Baselines, Trained, entries_for, final_epochs, load_final, save_final, seconds_to_score, train_finals
from metanas.search.folder import Run, arrays_folder, owned
from metanas.search.interrupts import one_held_back
from metanas.search.journal import Journal
from metanas.search.loop import Loop
from metanas.search.notes import candid_notes
from metanas.search.plan import CLOSING_SECONDS, CLOSING_SHARE, GROUP, Plan, Situation, make_plan
from metanas.search.session import Hello, Session
from metanas.spaces import Architecture, Space
from metanas.strategies import Brief, make_strategy
from metanas.tasks import Task

if TYPE_CHECKING:
    from metanas.delivery import Model

MEMORY_SHARE = 0.8
"""Share of the machine's memory for the trainings, divided among as many as there are cores, however many workers there are."""
SETTLING_SECONDS = 2.0
"""So long workers have to notice that a phase is over, before they are replaced."""
INTERRUPTED_SECONDS = 30.0
"""Longest final training after Ctrl-C."""
BASELINE_PATIENCE = 3.0
"""Seconds after the end of the budget, or after Ctrl-C, for which baselines are waited for."""
LEAST_FINAL_SECONDS = 3.0
"""Shortest final training, where the budget is used up before it begins."""


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


def objective_for(task: Task) -> Objective:
    """The task's metric; where that counts right answers, equal counts are told apart by a thousandth of the cross-entropy."""
    if task.kind == "regression" or task.metric == "cross_entropy":
        return Objective.of(task.metric)
    return Objective((Goal(((task.metric, 1.0), ("cross_entropy", 1e-3))),))


class Sitting:
    """One sitting of a search: from its beginning, or from where an earlier one was cut off, to its end."""

    def __init__(
        self,
        task: Task,
        space: Space,
        run: Run,
        folder: Path,
        experience: Experience,
        budget: Budget,
        prior: Prior | None,
        observers: Sequence[Observer],
    ) -> None:
        self._task, self._space, self._run, self._folder = task, space, run, folder
        self._experience, self._budget, self._prior, self._observers = experience, budget, prior, observers
        self._workers = run.workers
        self._objective = objective_for(task)
        self._data = task.prepare()[0]
        self._interrupted = False
        self._scoring_seconds = 0.0
        self._notes: list[str] = []

    def go(self) -> SearchResult:
        """Search, train, score, write."""
        with owned(self._folder):
            try:
                with arrays_folder(self._folder) as arrays:
                    return self._sit(arrays)
            except (Exception, KeyboardInterrupt) as error:
                status: Status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
                with suppress(StoreError):  # where the store is what failed, that is the error to tell
                    self._experience.finish_search(self._run.search, status, elapsed=self._budget.elapsed)
                raise

    def _sit(self, arrays: Path) -> SearchResult:
        self._introduce()
        executor = self._executor(arrays)
        try:
            plan = self._plan(executor)
            baselines = Baselines(self._task, deadline=self._closing(), seed=self._run.seed)
            loop = self._search(executor, plan)
            finals = self._finals(executor, plan, loop.best, arrays)
            executor.close()
            return self._conclude(loop, finals, baselines)
        finally:
            executor.close()

    def _tell(self, text: str) -> None:
        for observer in self._observers:
            observer.on_message(text)

    def _phase(self, name: str, seconds: float | None = None) -> None:
        for observer in self._observers:
            observer.on_phase(name, seconds)

    def _introduce(self) -> None:
        task, run = self._task, self._run
        parts = f"{len(task.train):,} training, {len(task.validation):,} validation and {len(task.test):,} test examples"
        what = f"{len(task.classes)} classes" if task.kind == "classification" else "regression"
        self._tell(f"{task.name}: {task.data}, {what}, {parts}; decided by {metric_name(task.metric)}")
        for note in task.notes:
            self._tell(f"  note: {note}")
        spent = [f"{run.seconds:g} s" if run.seconds else "", f"{run.trials} trials" if run.trials else ""]
        limit = f", at most {run.max_params:,} parameters" if run.max_params else ""
        workers = f"{self._workers} worker{'s' * (self._workers != 1)}" if self._workers else "this process"
        self._tell(
            f"searching space {self._space.name} by {run.strategy}{limit}; budget {' and '.join(filter(None, spent))}; "
            f"{workers} on {run.device}; seed {run.seed}; writing to {self._folder}"
        )

    def _executor(self, arrays: Path) -> Executor:
        self._phase("starting")
        try:
            self._data.save(arrays / "data")
        except OSError as error:
            where, why = self._folder, error.strerror or error
            what = f"the training arrays can't be written into {where} ({why})"
            raise InputError(f"{what}; make room there, or choose another --out") from error
        memory = int(MEMORY_SHARE * total_bytes() / max(cores(), self._workers))
        hello = Hello(str(arrays / "data"), self._run.device, {"memory": memory}, self._run.plugins)
        if not self._workers:
            return InlineExecutor(Session(hello))
        return LocalExecutor(self._workers, hello)

    def _plan(self, executor: Executor) -> Plan:
        if self._run.plan is not None:
            return Plan.from_json(self._run.plan)
        train, joined = len(self._data.x_train), len(self._data.x_train) + len(self._data.x_val)
        together = batchable(self._space.graph(self._space.baseline))
        times = self._times(executor, together) if self._run.seconds is not None else {}
        situation = Situation(
            train,
            joined,
            together,
            max(1, self._workers),
            recut=self._data.recut,
            trials=self._run.trials,
            seconds=self._run.seconds,
            overhead=self._budget.elapsed,
            varied=self._data.shape.data == "image",
            step_seconds=times.get("step"),
            group_seconds=times.get("group") if together else None,
        )
        plan = make_plan(situation)
        self._run = self._run.planned(plan.to_json())
        self._run.write(self._folder)
        return plan

    def _times(self, executor: Executor, together: bool) -> dict[str, float]:
        """Seconds of a training step: of the plain network, and of a group with as many random ones as train together."""
        heard: dict[str, Any] = {}
        rng = np.random.default_rng(self._run.seed)
        others = [self._space.sample(rng) for _ in range(GROUP - 1)] if together else []
        candidates = [self._candidate(self._space, architecture, Fidelity(1)) for architecture in (self._space.baseline, *others)]
        executor.call({"do": "time", "candidates": [c.to_json() for c in candidates]}, self._budget.end, heard.update)
        while not heard and time.monotonic() < self._budget.end:
            executor.results(0.5)
        if "reason" in heard:
            raise MetaNASError(f"the plain network of space {self._space.name} can't be trained: {heard['reason']}")
        return heard if "step" in heard else {"step": 1.0, "group": 1.0}  # the time is up before a single step was timed

    def _candidate(self, space: Space, architecture: Architecture, fidelity: Fidelity) -> Candidate:
        proposal = Proposal(-1, architecture, fidelity, proposer="baseline")
        return Candidate(proposal, space.graph(architecture), space.recipe(architecture), self._run.seed)

    def _search(self, executor: Executor, plan: Plan) -> Loop:
        space = self._affordable_space(plan)
        brief = Brief(space, self._objective, plan.fidelities, self._run.seed, self._task.describe(), self._prior)
        journal = Journal(self._experience, self._run.search, self._task.fingerprint, self._task.metric, lambda: self._budget.elapsed)
        loop = Loop(
            space,
            make_strategy(self._run.strategy, brief),
            self._objective,
            executor,
            journal,
            seed=self._run.seed,
            group=plan.group,
            lookahead=plan.lookahead,
            trials=None if self._run.trials is None else self._run.trials - plan.confirm * plan.folds,
            trial_seconds=plan.trial_seconds,
            observers=self._observers,
        )
        if journal.finished:
            count = len(journal.finished)
            self._tell(f"going on after {count} evaluation{'s' * (count != 1)}; {self._budget.spent:.0f} s of the budget were spent before")
        loop.restore(journal.finished)
        try:
            end = self._moment("search", plan.search_until)
            loop.run(end)
            executor.drop(SETTLING_SECONDS)
            if plan.confirm:
                loop.confirm(plan.confirm, plan.folds, self._moment("confirming the best", plan.confirm_until))
        except KeyboardInterrupt:
            self._interrupt()
        executor.drop(0.0 if self._interrupted else SETTLING_SECONDS)
        return loop

    def _affordable_space(self, plan: Plan) -> Space:
        if plan.flops_ratio is None:
            return self._space
        most = int(plan.flops_ratio * self._space.graph(self._space.baseline).flops)
        try:
            return self._space.within(parameters=self._run.max_params, flops=most)
        except InputError:  # no smaller ones: the user did not ask for this limit
            return self._space

    def _moment(self, phase: str, until: float | None) -> float:
        """Begin a phase that ends when so much of the budget is spent; returns when that is, on the clock."""
        end = float("inf") if until is None else self._budget.began - self._budget.spent + until
        self._phase(phase, None if until is None else max(0.0, end - time.monotonic()))
        return end

    def _closing(self) -> float:
        seconds = self._run.seconds or 0.0
        return self._budget.end - CLOSING_SECONDS - max(CLOSING_SHARE * seconds, self._scoring_seconds)

    def _finals(self, executor: Executor, plan: Plan, best: Evaluation | None, arrays: Path) -> list[Trained]:
        plain = self._candidate(self._space, self._space.baseline, plan.fidelities[-1])
        candidates, epochs = [plain], [final_epochs(None, plan)]
        if best is not None and best.proposal.architecture != self._space.baseline:
            architecture = best.proposal.architecture
            graph, recipe = self._space.graph(architecture), self._space.recipe(architecture)
            candidates.insert(0, Candidate(best.proposal, graph, recipe, best.seed))
            epochs.insert(0, final_epochs(best, plan))

        def train() -> list[Trained]:
            if self._run.seconds is not None and not self._interrupted:
                with as_in_a_worker():  # as it will be scored
                    self._scoring_seconds = seconds_to_score(candidates, self._task)
            now = time.monotonic()
            deadline = max(self._closing(), now + LEAST_FINAL_SECONDS)
            if self._interrupted:
                deadline = min(deadline, now + INTERRUPTED_SECONDS)
            self._phase("final training", None if deadline == float("inf") else deadline - now)
            return train_finals(executor, candidates, epochs, arrays, deadline, self._observers, self._workers)

        try:
            return train()
        except KeyboardInterrupt:
            self._interrupt()
            executor.drop()
            return train()

    def _interrupt(self) -> None:
        """After Ctrl-C: the first ends the search early, another one at once."""
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True
        self._tell("stopping here: training the best network found so far (Ctrl-C again: stop at once, for `metanas resume`)")

    def _fitted(self, baselines: Baselines) -> list[Entry]:
        end = self._budget.end + BASELINE_PATIENCE
        try:
            return baselines.entries(BASELINE_PATIENCE if self._interrupted else end - time.monotonic())
        except KeyboardInterrupt:
            self._interrupt()
            return baselines.entries(0.0)

    def _conclude(self, loop: Loop, finals: list[Trained], baselines: Baselines) -> SearchResult:
        good = [final for final in finals if final.reason is None]
        if not good:
            raise MetaNASError(f"no network could be trained: {finals[0].reason}")
        if finals[0].reason is not None:
            self._notes.append(f"the network found could not be trained for good ({finals[0].reason}), so the plain network is the answer")
        self._phase("baselines and test")
        fitted = self._fitted(baselines)
        with nullcontext() if self._interrupted else one_held_back(), as_in_a_worker():  # threads wait for each other on a busy machine
            return self._deliver(loop, finals, good, fitted)

    def _deliver(self, loop: Loop, finals: list[Trained], good: list[Trained], fitted: list[Entry]) -> SearchResult:
        models = [load_final(final, self._task) for final in good]
        model, plain = models[0], models[1] if len(models) > 1 else None
        reason = finals[-1].reason if len(finals) > len(good) else None
        entries = entries_for(model, plain, reason, fitted)
        scores = score_once(self._task, entries, seed=self._run.seed)
        save_final(self._folder, model)
        if plain is not None and scores.comparison is not None and scores.comparison.beaten_by(PLAIN):
            save_final(self._folder / PLAIN_FOLDER, plain)
        result = self._result(
            loop, good[0], scores.by_name[entries[0].name].to_json(), baseline_records(entries[1:], scores), scores.comparison
        )
        result.write(self._folder)
        status: Status = "interrupted" if self._interrupted else "finished"
        self._experience.finish_search(self._run.search, status, result=result.to_json(), elapsed=self._budget.elapsed)
        return SearchResult(result, self._folder, tuple(sorted(loop.evaluations, key=lambda e: e.proposal.id)))

    def _result(self, loop: Loop, final: Trained, test: Mapping[str, Any], baselines: Mapping[str, Any], comparison: Any) -> Result:
        task, run, graph = self._task, self._run, final.candidate.graph
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
            space=self._space.name,
            strategy=run.strategy,
            seed=run.seed,
            trials=loop.trials,
            failures=sum(e.failed for e in loop.evaluations),
            seconds=self._budget.elapsed,
            budget={"seconds": run.seconds, "trials": run.trials, "max_params": run.max_params},
            interrupted=self._interrupted,
            search=run.search,
            versions=versions(),
            notes=(*task.notes, *run.notes, *self._notes, *candid_notes(loop.evaluations, final.candidate, self._space)),
        )
