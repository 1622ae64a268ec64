"""Tasks, spaces, strategies and executors for the tests of the search; also what the scripts import that these tests start."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metanas.experience import Experience
from metanas.interfaces import Executor, State, Strategy
from metanas.meta.prior import lesson_file
from metanas.records import Candidate, Evaluation, Fidelity, Proposal, TaskDescription
from metanas.search import sitting
from metanas.search.journal import Journal
from metanas.search.plan import Plan, Situation
from metanas.spaces import Architecture, Draft, Space, TaskShape
from metanas.tasks import Task

SHAPE = TaskShape("table", (4,), 3, numeric=4)
FINGERPRINT = "f" * 32


def toy(shape: TaskShape = SHAPE, widths: Sequence[int] = (2, 3, 4, 5, 6, 7)) -> Space:
    """Two hidden layers at the most; the activation doesn't count where it is "identity", so that some graphs are equal."""
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=draft.decide("width", widths, ordered=True))
    bend = draft.decide("bend", (False, True))
    x = draft.node("activation", "activation", [x], bend.among(True), kind=draft.decide("kind", ("relu", "tanh", "silu")))
    draft.decide("recipe.learning_rate", (1e-3, 1e-2), ordered=True)
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("toy", shape, {"width": widths[0]})


def quality(candidate: Candidate) -> float:
    """A number that only the graph decides, with ties."""
    return round((candidate.graph.parameters % 23) / 23, 1)


class Scripted(Strategy):
    """Proposes given architectures and keeps a protocol of what it was asked and told."""

    def __init__(self, architectures: Sequence[Architecture]) -> None:
        self._left, self._asked = list(architectures), 0
        self.protocol: list[tuple[str, list[int]]] = []
        self.told: list[Evaluation] = []

    def ask(self, n: int) -> list[Proposal]:
        taken, self._left = self._left[:n], self._left[n:]
        proposals = [Proposal(self._asked + i, a, Fidelity(2)) for i, a in enumerate(taken)]
        self._asked += len(proposals)
        self.protocol.append(("ask", [p.id for p in proposals]))
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.protocol.append(("tell", [e.proposal.id for e in evaluations]))
        self.told += evaluations

    def state(self) -> State:
        raise NotImplementedError

    def load(self, state: State) -> None:
        raise NotImplementedError


class Kept(Strategy):
    """Another strategy, with a protocol."""

    def __init__(self, inner: Strategy) -> None:
        self._inner = inner
        self.protocol: list[Any] = []

    def ask(self, n: int) -> list[Proposal]:
        proposals = self._inner.ask(n)
        self.protocol.append(proposals)
        return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.protocol.append([(e.proposal, e.metrics, e.reason) for e in evaluations])
        self._inner.tell(evaluations)

    def state(self) -> State:
        return self._inner.state()

    def load(self, state: State) -> None:
        self._inner.load(state)


class FakeExecutor(Executor):
    """Groups of candidates in ``workers`` imaginary processes, of which a random one finishes a candidate each second."""

    def __init__(self, workers: int = 1, seed: int = 0, judge: Callable[[Candidate], Evaluation] | None = None) -> None:
        self._workers, self._random = workers, random.Random(seed)
        self._judge = judge or (lambda c: Evaluation(c.proposal, {"accuracy": quality(c)}, duration=1.0))
        self._groups: list[list[Candidate]] = []
        self.now = 0.0
        self.trained: list[Candidate] = []
        self.most_groups = 0

    def clock(self) -> float:
        return self.now

    def submit(self, group: Sequence[Candidate], deadline: float, seconds: float | None = None) -> None:
        self._groups.append(list(group))
        self.most_groups = max(self.most_groups, len(self._groups))

    def results(self, timeout: float) -> list[Evaluation]:
        self.now += min(1.0, timeout)
        if not self._groups or timeout <= 0:
            return []
        group = self._random.choice(self._groups[: self._workers])
        candidate = group.pop(self._random.randrange(len(group)))
        if not group:
            self._groups.remove(group)
        self.trained.append(candidate)
        return [self._judge(candidate)]

    def call(self, job: dict[str, Any], deadline: float, listener: Callable[[dict[str, Any]], None]) -> None:
        raise NotImplementedError

    def drop(self, patience: float = 0.0) -> None:
        self._groups.clear()

    def close(self) -> None:
        self.drop()


def journal_of(experience: Experience, metric: str = "accuracy", search: str | None = None) -> Journal:
    """The journal of a new search, or of one that goes on."""
    experience.add_task(FINGERPRINT, TaskDescription("toy", "classification", SHAPE, 90, metric))
    identity = search or experience.start_search(FINGERPRINT, strategy="random", space="toy", metric=metric, seed=0)
    return Journal(experience, identity, FINGERPRINT, metric, lambda: 1.0)


def points(rows: int = 200, seed: int = 0) -> Task:
    """Three overlapping clouds of points in four dimensions."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    x = np.eye(4, dtype=np.float32)[y] + rng.normal(0, 0.6, (rows, 4)).astype(np.float32)
    return Task.from_arrays(x, y, kind="table", name="points")


def stripes(examples: int = 90) -> Task:
    """Pictures of 8 x 8 with horizontal or vertical stripes."""
    rng = np.random.default_rng(0)
    y = np.arange(examples) % 2
    flat = np.broadcast_to((np.arange(8) % 2 * 200).astype(np.uint8), (examples, 8, 8))
    x = np.where((y == 1)[:, None, None], flat, flat.transpose(0, 2, 1)) + rng.integers(0, 50, (examples, 8, 8), dtype=np.uint8)
    return Task.from_arrays(x.astype(np.uint8), y, kind="image", name="stripes")


def quick_plan(situation: Situation) -> Plan:
    """Short trainings, groups of three, one confirmation of the best two of a longer search."""
    confirm, folds = (2, 1) if (situation.trials or 0) > 10 else (0, 0)
    return Plan((Fidelity(2), Fidelity(6)), final_epochs=8.0, group=3, lookahead=2, confirm=confirm, folds=folds)


def plan_quickly() -> None:
    """Make all searches of this process quick ones that begin from nothing."""
    sitting.make_plan = quick_plan
    lesson_file.SHIPPED = Path("nowhere")


class Sentences:
    """An observer that says each evaluation's number on a line of standard output, and keeps messages."""

    def __init__(self, say: bool = False) -> None:
        self._say = say
        self.messages: list[str] = []
        self.evaluations: list[Evaluation] = []

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        self.evaluations.append(evaluation)
        if self._say:
            print(f"evaluation {evaluation.proposal.id}", flush=True)

    def on_message(self, text: str) -> None:
        self.messages.append(text)

    def on_phase(self, name: str, seconds: float | None) -> None:
        if self._say:
            print(f"phase {name}", flush=True)

    def on_progress(self, share: float) -> None:
        pass

    def close(self) -> None:
        pass
