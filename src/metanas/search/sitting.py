"""One sitting of a search: plan, search, confirm, train for good, score, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from metanas.delivery.baselines import Entry
from metanas.errors import InputError, MetaNASError, StoreError
from metanas.evaluation.memory import room
from metanas.experience import Experience, Status
from metanas.interfaces import Executor, Observer, Strategy
from metanas.machine import cores, one_thread
from metanas.records import Candidate
from metanas.search.budget import Budget
from metanas.search.conclusion import Ending, SearchResult, conclude
from metanas.search.executors import InlineExecutor, LocalExecutor, as_in_a_worker
from metanas.search.final import Baselines, Trained, final_epochs, seconds_to_score, train_finals
from metanas.search.folder import Run, arrays_folder, clear_supernet, owned
from metanas.search.interrupts import one_held_back
from metanas.search.journal import Journal
from metanas.search.loop import Loop
from metanas.search.memory import Memory
from metanas.search.notes import introduction
from metanas.search.objective import objective_for
from metanas.search.plan import CLOSING_SECONDS, CLOSING_SHARE, Plan, make_plan
from metanas.search.planning import affordable, situation_of, unproposed
from metanas.search.proposer import Stage
from metanas.search.proposers import proposer_for
from metanas.search.session import Hello, Session
from metanas.search.starts import Starts
from metanas.spaces import Space
from metanas.strategies import Brief
from metanas.tasks import Task

T = TypeVar("T")

SETTLING_SECONDS = 2.0
"""So long workers have to notice that a phase is over, before they are replaced."""
INTERRUPTED_SECONDS = 30.0
"""Longest final training after Ctrl-C."""
BASELINE_PATIENCE = 3.0
"""Seconds after the end of the budget, or after Ctrl-C, for which baselines are waited for."""
LEAST_FINAL_SECONDS = 3.0
"""Shortest final training, where the budget is used up before it begins."""


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
        memory: Memory | None,
        observers: Sequence[Observer],
    ) -> None:
        self._task, self._space, self._run, self._folder = task, space, run, folder
        self._experience, self._budget, self._memory, self._observers = experience, budget, memory, observers
        self._workers = run.workers
        self._objective = objective_for(task.kind, task.metric)
        self._proposer = proposer_for(run.strategy)
        self._data = task.prepare()[0]
        self._interrupted = False
        self._scoring_seconds = 0.0
        self._notes: list[str] = []
        self._starts: Starts | None = None

    def go(self) -> SearchResult:
        """Search, train, score, write."""
        with owned(self._folder), one_thread():  # a strategy's small matrices, beside workers: threads would wait for each other
            try:
                with arrays_folder(self._folder) as arrays:
                    found = self._sit(arrays)
                clear_supernet(self._folder)
                return found
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
            finals = self._finals(executor, plan, loop, arrays)
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
        for line in introduction(self._task, self._run, self._space.name, self._workers, self._folder):
            self._tell(line)

    def _executor(self, arrays: Path) -> Executor:
        self._phase("starting")
        try:
            self._data.save(arrays / "data")
        except OSError as error:
            where, why = self._folder, error.strerror or error
            what = f"the training arrays can't be written into {where} ({why})"
            raise InputError(f"{what}; make room there, or choose another --out") from error
        memory = room() // max(cores(), self._workers)  # for one of as many trainings as there are cores, however few workers
        if self._memory is not None:
            self._starts = Starts(self._memory, self._task.describe(), arrays / "starts", self._run.device)
        starts = None if self._starts is None else str(self._starts.folder)
        hello = Hello(str(arrays / "data"), self._run.device, {"memory": memory}, self._run.plugins, starts)
        if not self._workers:
            return InlineExecutor(Session(hello))
        return LocalExecutor(self._workers, hello)

    def _plan(self, executor: Executor) -> Plan:
        if self._run.plan is not None:
            return Plan.from_json(self._run.plan)
        rows = self._proposer.rows(self._data)
        plan = make_plan(situation_of(self._run, self._data, self._space, self._budget, executor, rows))
        self._run = self._run.planned(plan.to_json())
        self._run.write(self._folder)
        return plan

    def _search(self, executor: Executor, plan: Plan) -> Loop:
        space = affordable(self._space, plan)
        journal = Journal(self._experience, self._run.search, self._task.fingerprint, self._task.metric, lambda: self._budget.elapsed)
        if journal.finished:
            count = len(journal.finished)
            self._tell(f"going on after {count} evaluation{'s' * (count != 1)}; {self._budget.spent:.0f} s of the budget were spent before")
        loop = Loop(
            space,
            self._strategy(executor, plan, space, journal),
            self._objective,
            executor,
            journal,
            seed=self._run.seed,
            group=plan.group,
            first=plan.first_group,
            lookahead=plan.lookahead,
            trials=None if self._run.trials is None else self._run.trials - plan.confirm * plan.folds,
            trial_seconds=plan.trial_seconds,
            observers=self._observers,
            starts=self._starts,
        )
        loop.restore(journal.finished)
        try:
            if not self._interrupted:
                loop.run(self._moment("search", plan.search_until))
                executor.drop(SETTLING_SECONDS)
                if plan.confirm:
                    loop.confirm(plan.confirm, plan.folds, self._moment("confirming the best", plan.confirm_until))
        except KeyboardInterrupt:
            self._interrupt()
        executor.drop(0.0 if self._interrupted else SETTLING_SECONDS)
        return loop

    def _strategy(self, executor: Executor, plan: Plan, space: Space, journal: Journal) -> Strategy:
        brief = Brief(space, self._objective, plan.fidelities, self._run.seed, self._task.describe(), self._memory)

        def make() -> Strategy:
            at_work = (executor, self._folder, self._observers, plan.supernet, self._moment, journal.tick)
            return self._proposer.strategy(brief, Stage(*at_work, room(self._run.device), self._interrupted))

        strategy = self._twice(make, executor)
        for line in self._memory.introduction(space, self._task.describe()) if self._memory else ():
            self._tell(line)
        return strategy

    def _twice(self, work: Callable[[], T], executor: Executor) -> T:
        """Do ``work``; where Ctrl-C comes in between, once more, and then it finds the search interrupted."""
        try:
            return work()
        except KeyboardInterrupt:
            self._interrupt()
            executor.drop()
            return work()

    def _moment(self, phase: str, until: float | None) -> float:
        """Begin a phase that ends when so much of the budget is spent; returns when that is, on the clock."""
        end = float("inf") if until is None else self._budget.began - self._budget.spent + until
        self._phase(phase, None if until is None else max(0.0, end - time.monotonic()))
        return end

    def _closing(self) -> float:
        seconds = self._run.seconds or 0.0
        return self._budget.end - CLOSING_SECONDS - max(CLOSING_SHARE * seconds, self._scoring_seconds)

    def _finals(self, executor: Executor, plan: Plan, loop: Loop, arrays: Path) -> list[Trained]:
        plain = unproposed(self._space, self._space.baseline, plan.fidelities[-1], self._run.seed)
        found = self._found(loop, plan)
        if found is not None and found.proposal.weights_from and found.proposal.architecture == self._space.baseline:
            plain = replace(plain, proposal=replace(plain.proposal, weights_from=found.proposal.weights_from))
        candidates, epochs = [plain], [final_epochs(None, plan)]
        if found is not None and found.proposal.architecture != self._space.baseline:
            candidates.insert(0, found)
            epochs.insert(0, final_epochs(loop.best, plan))

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

        return self._twice(train, executor)

    def _found(self, loop: Loop, plan: Plan) -> Candidate | None:
        """The candidate with the best evaluation; where nothing was evaluated, the one that the proposer would bet on."""
        if loop.best is not None:
            architecture = loop.best.proposal.architecture
            found = Candidate(loop.best.proposal, self._space.graph(architecture), self._space.recipe(architecture), loop.best.seed)
            return found if self._starts is None else self._starts.kept(found, loop.best)
        if loop.evaluations or (guess := self._proposer.untried()) is None:
            return None
        architecture, why = guess
        self._notes.append(why)
        return unproposed(self._space, architecture, plan.fidelities[-1], self._run.seed)

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
            return self._deliver(loop, finals, fitted)

    def _deliver(self, loop: Loop, finals: list[Trained], fitted: list[Entry]) -> SearchResult:
        record = self._proposer.record(loop.evaluations, self._task.metric)
        facts = (self._task, self._run, self._folder, self._space, self._budget, loop)
        result = conclude(Ending(*facts, record, self._notes, self._interrupted, self._remembered(loop, finals)), finals, fitted)
        status: Status = "interrupted" if self._interrupted else "finished"
        self._experience.finish_search(self._run.search, status, result=result.to_json(), elapsed=self._budget.elapsed)
        return SearchResult(result, self._folder, tuple(sorted(loop.evaluations, key=lambda e: e.proposal.id)))

    def _remembered(self, loop: Loop, finals: list[Trained]) -> Mapping[str, Any] | None:
        """Which prior the search began with, and what it was worth."""
        if self._memory is None:
            return None
        worth = self._memory.worth(loop.evaluations, self._objective, self._space, self._task.describe())
        answer = next(final.candidate for final in finals if final.reason is None)
        started = None if self._starts is None else self._starts.told(loop.evaluations, answer)
        return {**self._memory.record, "worth": worth, "started": started}
