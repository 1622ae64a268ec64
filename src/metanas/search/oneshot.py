"""One-shot methods in a search: one worker trains a supernet, and what it answers is then evaluated alone like any other trial."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metanas.delivery.files import read_json, write_json
from metanas.delivery.supernet_words import LITTLE, listed, too_short, way_out_words
from metanas.errors import InputError, MetaNASError
from metanas.evaluation.memory import in_words
from metanas.evaluation.recipe import batch_size
from metanas.interfaces import Strategy
from metanas.oneshot import check_oneshot, oneshot_bytes, oneshot_work, rank_correlation
from metanas.oneshot.search import INHERITED
from metanas.records import Evaluation, Objective
from metanas.search.folder import SUPERNET
from metanas.search.proposer import Proposer, Stage
from metanas.search.reach import opened
from metanas.search.supernet_answers import NOTHING
from metanas.search.supernet_job import ANSWERING_SHARE, LEAST_ANSWERING, SupernetJob
from metanas.search.supernet_plan import SupernetPlan
from metanas.spaces import Architecture, Space
from metanas.spaces.decision import Value
from metanas.spaces.space import RECIPE
from metanas.strategies import Brief, make_strategy
from metanas.strategies.listed import Listed
from metanas.tasks.data import LearningData

CHECKPOINT, ANSWERS = "checkpoint.safetensors", "answers.json"
PATIENCE = 60.0
"""Seconds after its time when a worker that still trains a supernet is killed: single steps of large ones take long."""
TICK = 5.0
"""Seconds between two notes of the time spent."""
NEWS_EVERY, NEWS = 10.0, 10
"""Least seconds between two lines on how the choices stand, and how many there are in all."""
FEWEST = 10
"""A supernet that would have less than so many steps is not begun."""


class Sharing(Proposer):
    """A one-shot method by name: shared weights are trained first, and the architectures that they lead to are the proposals."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: tuple[str, ...] = ()
        self._closed: Mapping[str, Value] = {}
        self._answered: Mapping[str, Any] | None = None
        self._proposed: list[Architecture] = []
        self._plain: Architecture | None = None

    def check(self, space: Space, data: LearningData, memory: int) -> None:
        """Refuses names that are none, spaces in which a supernet could leave nothing open, and supernets that would not fit in memory.

        Limits that the plan may add (on FLOPs) are not known yet; they only make supernets smaller.
        """
        check_oneshot(self._name)
        if inner := self._name.partition(":")[2]:
            make_strategy(inner, Brief(space, Objective.of(data.metric), (INHERITED,)))
        rows = self.rows(data)
        self._require_room(opened(space)[0], min(rows, batch_size(rows)), memory)

    def rows(self, data: LearningData) -> int:
        """Half of the training rows."""
        return len(data.y_train) - len(data.y_train) // 2

    def strategy(self, brief: Brief, stage: Stage) -> Strategy:
        """Trains, unless an earlier sitting has done so, and proposes the answers.

        Raises:
            InputError: if the supernet would not fit in memory, or its checkpoint is damaged or of another search.
            MetaNASError: if its training came to nothing.
        """
        assert stage.plan is not None
        self._plain = brief.space.baseline
        narrowed, self._closed = opened(brief.space)
        self._open = tuple(d.name for d in narrowed.decisions if len(d.options) > 1)
        written = stage.folder / SUPERNET / ANSWERS
        answered: Mapping[str, Any]
        if written.exists():
            answered = read_json(written, "what the supernet answered")
        else:
            answered = self._train(narrowed, brief, stage, stage.folder / SUPERNET / CHECKPOINT)
            if not stage.hurried:
                write_json(written, answered)
        self._answered = answered
        self._proposed = [Architecture.from_json(a["architecture"]) for a in answered["answers"]]
        return Listed(self._proposed, brief.fidelities[-1], self._name)

    def untried(self) -> tuple[Architecture, str] | None:
        """The first answer, or the plain network where the answers are chance."""
        if self._answered is None or self._plain is None:
            return None
        if self._proposed and self._answered.get("learned", True):
            return self._proposed[0], f"no network was tried alone, so the answer is the one that {self._name} holds for the best"
        early = f"no network was tried alone, and the choices of {self._name} were not learned yet"
        return self._plain, f"{early}, so the plain network is the answer"

    def record(self, evaluations: Sequence[Evaluation], metric: str) -> Mapping[str, Any] | None:
        """The method; what was open and closed; what came of its training (:func:`~metanas.search.supernet_answers.answered`), with the
        score that each answer had ``alone``; the ``rank_correlation`` of both scores over so many ``points``; and where the budget was too
        ``short`` for a supernet, or for more than a few steps, what it would have ``needed``, in seconds, if that can be told."""
        if self._answered is None:
            return None
        alone = _alone(evaluations, metric)
        answers = [{**a, "alone": alone.get(p.key)} for a, p in zip(self._answered["answers"], self._proposed, strict=True)]
        pairs = [(a["inherited"], a["alone"]) for a in answers if a["inherited"] is not None and a["alone"] is not None]
        correlation = rank_correlation([first for first, _ in pairs], [second for _, second in pairs])
        ours = {"method": self._name, "open": list(self._open), "closed": dict(self._closed)}
        agreement = {"rank_correlation": correlation if math.isfinite(correlation) else None, "points": len(pairs)}
        return {**ours, **self._answered, "answers": answers, **agreement}

    def _train(self, space: Space, brief: Brief, stage: Stage, checkpoint: Path) -> Mapping[str, Any]:
        assert stage.plan is not None
        if stage.hurried and not checkpoint.exists():
            return NOTHING
        plan, end = stage.plan, time.monotonic()
        if not stage.hurried:
            self._require_room(space, plan.batch, stage.memory)
            end = stage.begin("supernet", plan.until)
            if not checkpoint.exists() and self._too_short(space, plan, end):
                needed = self._needed(space, plan, NOTHING)
                stage.tell(too_short(needed))
                return {**NOTHING, "short": True, "needed": needed}
            stage.tell("going on with the supernet from its last checkpoint" if checkpoint.exists() else self._opening())
        job = SupernetJob(self._name, space, brief.seed, plan.steps, plan.batch, plan.answers, checkpoint, end)
        heard = _Heard(stage, "" if brief.task is None else brief.task.metric)
        stage.executor.call(job.to_json(), max(end, time.monotonic()) + PATIENCE, heard.hear)
        while heard.answered is None:
            stage.executor.results(0.5)
            heard.show()
            if heard.refusal is not None:
                raise InputError(heard.refusal)
            if heard.reason is not None:
                raise MetaNASError(f"the supernet of space {brief.space.name} could not be trained by {self._name}: {heard.reason}")
        return heard.answered if stage.hurried else {**heard.answered, "needed": self._needed(space, plan, heard.answered)}

    def _too_short(self, space: Space, plan: SupernetPlan, end: float) -> bool:
        """Whether the time until ``end``, on the clock, is not enough for a few steps."""
        left = end - time.monotonic()
        step = (plan.step_seconds or 0.0) * oneshot_work(self._name, space)
        return left - max(LEAST_ANSWERING, ANSWERING_SHARE * left) < FEWEST * step if math.isfinite(left) else False

    def _needed(self, space: Space, plan: SupernetPlan, answered: Mapping[str, Any]) -> float | None:
        """The budget, in seconds, with which a training that was short would have taught something; None if it was not, or not timed."""
        steps = answered["steps"]
        if plan.step_seconds is None or steps >= LITTLE:
            return None
        training = LITTLE * (answered["seconds"] / steps if steps else plan.step_seconds * oneshot_work(self._name, space))
        return plan.budget_for(max(training / (1 - ANSWERING_SHARE), training + LEAST_ANSWERING))

    def _require_room(self, space: Space, batch: int, memory: int) -> None:
        needed = oneshot_bytes(self._name, space, batch)
        if needed > memory:
            lighter = ", or single-path, which trains one path at a time" * (oneshot_bytes("single-path", space, batch) <= memory)
            raise InputError(
                f"the supernet of {self._name} in space {space.name} would need about {in_words(needed)} of memory, and {in_words(memory)} "
                f"are there for it; lower --max-params, or choose a smaller space{lighter}"
            )

    def _opening(self) -> str:
        """What is open and what is not, in a sentence."""
        closed = [f"{name} {value}" for name, value in self._closed.items() if not name.startswith(RECIPE)]
        left = f"; as in the plain network stay {listed(closed)}" if closed else ""
        return f"the supernet keeps {len(self._open)} choice{'s' * (len(self._open) != 1)} open ({listed(self._open)}){left}"


@dataclass
class _Heard:
    """What the worker says of the supernet that it trains, and what of it the user is told."""

    stage: Stage
    metric: str
    answered: Mapping[str, Any] | None = None
    reason: str | None = None
    refusal: str | None = None
    share: float = 0.0
    news: dict[str, Any] = field(default_factory=dict)
    told: int = 0
    lines: int = 0
    last: float = field(default_factory=time.monotonic)
    ticked: float = field(default_factory=time.monotonic)

    def hear(self, message: dict[str, Any]) -> None:
        """Take note."""
        self.reason = message.get("reason", self.reason)
        self.refusal = message.get("refused", self.refusal)
        self.answered = message.get("answered", self.answered)
        self.share = message.get("progress", self.share)
        if "diagnosis" in message:
            self.news = message
        for text in message.get("messages", (self.answered or {}).get("messages", ()))[self.told :]:
            self.told += 1
            self.stage.tell(text)
        if (way_out := message.get("answered", {}).get("way_out")) is not None:
            self.stage.tell(way_out_words(way_out, self.metric))
        if "trained" in message:
            self.news = {}
            self.stage.tell(f"supernet trained, {message['trained']:,} steps; comparing architectures by its shared weights")

    def show(self) -> None:
        """Pass on how far it is, and now and then how the choices stand."""
        now = time.monotonic()
        for observer in self.stage.observers:
            observer.on_progress(self.share)
        if now - self.ticked >= TICK:
            self.ticked = now
            self.stage.tick()
        if self.news and now - self.last >= NEWS_EVERY and self.share * (NEWS + 1) >= self.lines + 1:
            self.last, self.lines = now, int(self.share * (NEWS + 1))
            self.stage.tell(standing(self.news["progress"], self.news["left"], self.news["diagnosis"]))


def standing(progress: float, left: float, diagnosis: Mapping[str, float]) -> str:
    """How a supernet in training stands, in a line.

    Args:
        progress: share done.
        left: seconds until its end.
        diagnosis: of the method.
    """
    parts = [f"loss {diagnosis['loss']:.3g}"] if "loss" in diagnosis else []
    if "entropy_share" in diagnosis:
        parts.append(f"choices {100 - 100 * diagnosis['entropy_share']:.0f} % decided")
    if "skip_share" in diagnosis:
        parts.append(f"skip connections {100 * diagnosis['skip_share']:.0f} % of its best architecture")
    about = f", about {left:.0f} s left" if math.isfinite(left) else ""
    return f"supernet {100 * progress:.0f} % trained{about}: {', '.join(parts)}"


def _alone(evaluations: Sequence[Evaluation], metric: str) -> dict[str, float]:
    """The metric by architecture, of the trial with the most effort on the task's own cut."""
    trials = [e for e in evaluations if not e.failed and not e.proposal.fidelity.fold and metric in e.metrics]
    return {e.proposal.architecture.key: e.metrics[metric] for e in sorted(trials, key=lambda e: e.proposal.fidelity.effort)}
