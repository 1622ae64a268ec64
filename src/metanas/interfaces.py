"""The contracts on one page. Everything else implements these, wraps them, or joins them.

A search, in words: a :class:`TaskReader` makes a task of the user's data; a :class:`Strategy` asks for proposals; an
:class:`Executor` has them evaluated by an :class:`Evaluator` in its processes; the search tells the strategy and every
:class:`Observer`; a :class:`Prior` (absent is a valid value) carries what earlier searches taught. A :class:`OneShot`
method and a :class:`MetaLearner` are inner loops of pure functions with explicit state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metanas.records import Candidate, Evaluation, Proposal, TaskDescription
from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import Graph
from metanas.spaces.space import Space

if TYPE_CHECKING:
    from metanas.tasks import Task

State = dict[str, Any]
"""JSON values and numpy arrays, and tensors in that of an inner loop."""


class TaskReader(ABC):
    """Makes tasks of one kind of file or folder."""

    @abstractmethod
    def reads(self, path: Path) -> bool:
        """Whether ``path`` looks like something for this reader; cheap."""

    @abstractmethod
    def read(self, path: Path, **options: Any) -> Task:
        """The task.

        Raises:
            InputError: one clear sentence on what is wrong with the data and what to do.
        """


class Evaluator(ABC):
    """Answers "how good is it"."""

    @abstractmethod
    def evaluate(self, candidates: Sequence[Candidate], deadline: float) -> Iterator[Evaluation]:
        """Each evaluation as it finishes, in any order; a candidate that fails gives one with a reason.

        Args:
            candidates: may be trained together.
            deadline: seconds on the clock of ``time.monotonic``; what is unfinished then gives no evaluation.
        """


class Strategy(ABC):
    """Decides what to try next. Sees the space, the objective, a task description, a prior or none, and a seed.

    Life cycle: ``ask`` for up to n proposals, evaluate them, ``tell`` the evaluations in the order asked; asking again before
    telling is allowed (look-ahead). Told the same evaluations with the same seed, it asks the same.
    """

    @abstractmethod
    def ask(self, n: int) -> list[Proposal]:
        """Up to ``n`` proposals with rising ids; fewer (or none) while it waits for results, or when it has nothing left."""

    @abstractmethod
    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Learn from results: its own proposals', or any others of the same space."""

    @abstractmethod
    def state(self) -> State:
        """All that :meth:`load` needs to go on identically."""

    @abstractmethod
    def load(self, state: State) -> None:
        """Go on from :meth:`state`, in an instance made with the same arguments."""


class OneShot(ABC):
    """Trains shared weights and choices together, in small steps that the search drives.

    Pure functions of an explicit state, which can be saved after any step (``metanas.states``) and gone on from.
    """

    @abstractmethod
    def init(self, seed: int) -> State:
        """Fresh shared weights and choices; ``state["step"]`` counts the updates."""

    @abstractmethod
    def update(self, state: State, batch: Mapping[str, Any]) -> State:
        """One step: a new state; the given one stays as it was.

        Args:
            state: from :meth:`init` or an earlier update.
            batch: tensors ``x``, ``y`` (training) and ``x_val``, ``y_val`` (other examples, to judge choices by), and ``progress``,
                the share of the schedule that is over, in [0, 1].
        """

    @abstractmethod
    def decode(self, state: State, n: int) -> list[Architecture]:
        """Up to ``n`` distinct architectures, the most promising first; they are then evaluated alone like any other."""

    def diagnosis(self, state: State) -> dict[str, float]:
        """How the training goes, in numbers by name: entropy of the choices, share of skip connections, ...; nothing by default."""
        return {}


class MetaLearner(ABC):
    """Learns a start over many tasks, so that a few examples of a new one go far.

    Pure functions of an explicit state, which can be saved after any step (``metanas.states``) and gone on from.
    """

    @abstractmethod
    def init(self, seed: int) -> State:
        """A fresh start; ``state["step"]`` counts the updates."""

    @abstractmethod
    def update(self, state: State, tasks: Any, *, progress: float = 0.0) -> State:
        """One outer step: a new state; the given one stays as it was.

        Args:
            state: from :meth:`init` or an earlier update.
            tasks: a batch of episodes, stacked or one by one.
            progress: the share of the training that is over, in [0, 1].
        """

    @abstractmethod
    def adapt(self, state: State, task: Any) -> State:
        """The start adapted to the support of one task."""


class Surrogate(Protocol):
    """Says how good architectures of a space will be on a task, from what earlier tasks taught and the results there are."""

    def condition(
        self, architectures: Sequence[Architecture], values: NDArray[np.float64], asked: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of ``asked``, ``(asked,)`` each.

        Args:
            architectures: that were evaluated; there may be none.
            values: their results ``(architectures,)``, larger is better, all finite. The answers are in the same unit (of no evaluations:
                in one of its own).
            asked: architectures of the space.
        """


class Policy(Protocol):
    """Proposes architectures of a space for a task, from what earlier tasks taught and the results there are."""

    def propose(
        self, architectures: Sequence[Architecture], values: NDArray[np.float64], rng: np.random.Generator, temperature: float = 1.0
    ) -> Architecture:
        """The next architecture, drawn; not necessarily within the space's limits.

        Args:
            architectures: that were evaluated; there may be none.
            values: their results ``(architectures,)``, larger is better, all finite.
            rng: draws.
            temperature: above 1 it looks elsewhere.
        """


class Director(Protocol):
    """Decides which arm of the strategy ``meta`` makes the next proposal; arms and states are those of ``metanas.strategies.director``."""

    def logits(self, results: int, stale: ArrayLike, hits: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of all arms, ``(..., arms)``; the larger, the likelier.

        Args:
            results: so far.
            stale: share of them that came after the best, ``(...)``, in [0, 1].
            hits: of every arm, how much better than the others' its model placed what came, ``(..., arms)``.
            gain: of every arm, what its proposals were worth, ``(..., arms)``.
        """


class Prior(Protocol):
    """What has been meta-learned from experience, as strategies and the training evaluator see it."""

    def shortlist(self, space: Space, task: TaskDescription, n: int) -> list[Architecture]:
        """Up to ``n`` architectures to try first, the most promising first."""

    def surrogate(self, space: Space, task: TaskDescription) -> Surrogate | None:
        """What is expected of the space's architectures on the task, or None where nothing is known of the space."""

    def policy(self, space: Space, task: TaskDescription) -> Policy | None:
        """What to try on the task, or None where nothing is known of the space."""

    def director(self, space: Space, task: TaskDescription) -> Director | None:
        """How to choose among strategies on the task, or None where that was not learned."""

    def initial_weights(self, graph: Graph, task: TaskDescription) -> Mapping[str, Any] | None:
        """Initial weights by name for the network of ``graph``, or None."""


class Executor(ABC):
    """Runs evaluators: here, in processes, on a cluster."""

    @abstractmethod
    def submit(self, group: Sequence[Candidate], deadline: float, seconds: float | None = None) -> None:
        """Queue candidates that may train together, each for at most so many seconds."""

    @abstractmethod
    def call(self, job: dict[str, Any], deadline: float, listener: Callable[[dict[str, Any]], None]) -> None:
        """Queue another job (timing, a final training); ``listener`` hears what comes of it while results are asked for."""

    @abstractmethod
    def results(self, timeout: float) -> list[Evaluation]:
        """What has finished since the last call; waits up to ``timeout`` seconds for the first."""

    @abstractmethod
    def drop(self, patience: float = 0.0) -> None:
        """Give up all jobs, those that run only after ``patience`` seconds to end by themselves; others may follow."""

    @abstractmethod
    def close(self) -> None:
        """Stop all work at once; safe to call twice."""


class Observer(Protocol):
    """Hears what a search does: a progress bar, a log, TensorBoard."""

    def on_evaluation(self, evaluation: Evaluation, best: Evaluation | None) -> None:
        """An evaluation was recorded; ``best`` is the best so far."""

    def on_message(self, text: str) -> None:
        """Something worth telling the user happened."""

    def on_phase(self, name: str, seconds: float | None) -> None:
        """A phase began (``search``, ``final training``, ``test``) that should take about ``seconds``."""

    def on_progress(self, share: float) -> None:
        """The phase is done to this share (0 to 1)."""

    def close(self) -> None:
        """Nothing more will come."""
