"""A wrapper that says in one sentence where a strategy of the user's own failed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from metanas.errors import MetaNASError, StrategyError
from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Proposal
from metanas.spaces import Space


class Guarded(Strategy):
    """A strategy whose code is, in part, the user's: what it raises becomes a :class:`StrategyError`, and so does a bad proposal.

    Args:
        make: makes the strategy.
        name: of it.
        files: of the user's, one at least.
        space: of the proposals.
    """

    def __init__(self, make: Callable[[], Strategy], name: str, files: Sequence[str], space: Space) -> None:
        self._name, self._files, self._space = name, tuple(files), space
        with self._guard():
            self._inner = make()

    def ask(self, n: int) -> list[Proposal]:
        """Proposals that the space admits."""
        with self._guard():
            proposals = self._inner.ask(n)
            for proposal in proposals:
                try:
                    self._space.validate(proposal.architecture)
                except ValueError as error:
                    raise StrategyError(f"the strategy {self._of} proposed what is not in the space: {error}; correct it") from error
            return proposals

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Pass results on."""
        with self._guard():
            self._inner.tell(evaluations)

    def state(self) -> State:
        """That of the strategy."""
        with self._guard():
            return self._inner.state()

    def load(self, state: State) -> None:
        """Go on from :meth:`state`."""
        with self._guard():
            self._inner.load(state)

    @property
    def _of(self) -> str:
        return f"{self._name!r} of {' and '.join(map(_short, self._files))}"

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except MetaNASError:
            raise
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in self._files]
            failed = f"{self._of} failed"
            if frames:  # the innermost line of the user's that was at work
                failed = f"{self._name!r} failed in {frames[-1].name} ({_short(frames[-1].filename)}, line {frames[-1].lineno})"
            raise StrategyError(f"the strategy {failed}: {what.rstrip('.')}; correct it") from error


def _short(file: str) -> str:
    """As seen from the current folder, where it lies there."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
