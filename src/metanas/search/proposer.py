"""Where a search's proposals come from: the contract. Those there are stand in :mod:`metanas.search.proposers`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metanas.interfaces import Executor, Observer, Strategy
from metanas.records import Evaluation
from metanas.search.supernet_plan import SupernetPlan
from metanas.spaces import Architecture, Space
from metanas.strategies import Brief
from metanas.tasks.data import LearningData


@dataclass(frozen=True)
class Stage:
    """What a proposer may need of the search to get ready.

    Args:
        executor: whose workers have nothing else to do yet.
        folder: of the run.
        observers: told of what happens.
        plan: of the supernet; None where the plan has none.
        begin: begins a phase that ends when so many seconds of the budget are spent (None: whenever); says when that is, on the clock.
        tick: notes the time spent; to be called now and then in long work.
        memory: bytes that one worker may take while the others have nothing to do.
        hurried: whether the user wants the search to end: what is there must do, and no phase begins.
    """

    executor: Executor
    folder: Path
    observers: Sequence[Observer]
    plan: SupernetPlan | None
    begin: Callable[[str, float | None], float]
    tick: Callable[[], None]
    memory: int
    hurried: bool = False

    def tell(self, text: str) -> None:
        """Say something worth telling."""
        for observer in self.observers:
            observer.on_message(text)


class Proposer(ABC):
    """Makes the strategy that the loop drives: one that was asked for by name, or one that proposes what other work has found."""

    @abstractmethod
    def check(self, space: Space, data: LearningData, memory: int) -> None:
        """Refuse what can't be done, before anything is written.

        Args:
            space: with its limits.
            data: to learn from.
            memory: bytes that one worker may take while the others have nothing to do.

        Raises:
            InputError: one sentence on why, and what to do.
        """

    @abstractmethod
    def strategy(self, brief: Brief, stage: Stage) -> Strategy:
        """What to drive. May work long; interrupted by Ctrl-C it is called once more, hurried.

        Raises:
            MetaNASError: if that work came to nothing.
        """

    def rows(self, data: LearningData) -> int | None:
        """Rows with which weights are trained before the first proposal; None where none are."""
        return None

    def untried(self) -> tuple[Architecture, str] | None:
        """The best guess where nothing could be evaluated, and a sentence that says so; None for the plain network."""
        return None

    def record(self, evaluations: Sequence[Evaluation], metric: str) -> Mapping[str, Any] | None:
        """What the result should keep of that work, given all evaluations of the search; None for nothing."""
        return None
