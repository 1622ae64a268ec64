"""Architectures as rows of option numbers, for strategies that compute with many of them at once, and the way back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metanas.spaces import Architecture, Space
from metanas.spaces.decision import ALWAYS, Value
from metanas.spaces.encoding import choice_numbers

CLOSED = -1
"""Stands for the option of a decision that is not active."""

Rows = NDArray[np.int64]
"""Per architecture and decision the position of the chosen option, or :data:`CLOSED`; ``(architectures, decisions)``."""


class Codes:
    """Writes architectures of one space as rows of option numbers (remembering those it has written) and reads rows back.

    Attributes:
        options: number of options of each decision.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._ranks = [{option: rank for rank, option in enumerate(d.options)} for d in space.decisions]
        self._columns = {d.name: column for column, d in enumerate(space.decisions)}
        self._rows: dict[str, NDArray[np.int64]] = {}
        self._gates = [(column, *self._gate(*term)) for column, d in enumerate(space.decisions) for term in d.when.terms]
        self._numbers = [choice_numbers(d) for d in space.decisions]
        self.options: tuple[int, ...] = tuple(len(d.options) for d in space.decisions)

    def _gate(self, name: str, among: tuple[Value, ...]) -> tuple[int, NDArray[np.bool_]]:
        """An earlier column, and which of its ranks leave a decision open; the last place is that of :data:`CLOSED`."""
        ranks = self._ranks[self._columns[name]]
        opens = np.zeros(len(ranks) + 1, dtype=bool)
        opens[[rank for option, rank in ranks.items() if option in among]] = True
        return self._columns[name], opens

    def row(self, architecture: Architecture) -> NDArray[np.int64]:
        """The row of one architecture, ``(decisions,)``; not to be changed."""
        if (known := self._rows.get(architecture.key)) is None:
            known = np.full(len(self.options), CLOSED, dtype=np.int64)
            for name, option in architecture.choices:
                known[self._columns[name]] = self._ranks[self._columns[name]][option]
            self._rows[architecture.key] = known
        return known

    def rows(self, architectures: Iterable[Architecture]) -> Rows:
        """One row per architecture."""
        rows = [self.row(a) for a in architectures]
        return np.stack(rows) if rows else np.empty((0, len(self.options)), dtype=np.int64)

    def draw(self, count: int, rng: np.random.Generator) -> Rows:
        """``count`` rows with an option for every decision, each drawn uniformly; ``(count, decisions)``."""
        return rng.integers(0, np.array(self.options, dtype=np.int64), size=(count, len(self.options)))

    def complete(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """``rows`` with every closed decision given an option: that of another row where it is open, drawn at random, so that the
        distribution of each column stays; any option where it is open in none."""
        filled = rows.copy()
        for column in np.flatnonzero((rows == CLOSED).any(axis=0)):
            closed = rows[:, column] == CLOSED
            donors = rows[~closed, column]
            if not len(donors):
                donors = np.arange(self.options[column])
            filled[closed, column] = donors[rng.integers(len(donors), size=int(closed.sum()))]
        return filled

    def close(self, rows: Rows) -> Rows:
        """``rows`` with :data:`CLOSED` wherever the choices made in a row leave a decision inactive."""
        closed = rows.copy()
        for column, earlier, opens in self._gates:
            closed[~opens[closed[:, earlier]], column] = CLOSED
        return closed

    def mutate(self, rows: Rows, more: float, rng: np.random.Generator) -> Rows:
        """``rows`` of architectures with one open choice changed, and another one with probability ``more``, and so on; decisions that
        become open are drawn."""
        whole, mutants = np.where(rows == CLOSED, self.draw(len(rows), rng), rows), rows.copy()
        options = np.array(self.options)
        busy = np.arange(len(rows))
        while len(busy):
            weight = rng.random((len(busy), len(options))) * ((mutants[busy] != CLOSED) & (options > 1))
            column = weight.argmax(axis=1)
            step = rng.integers(1, np.maximum(options[column], 2))
            whole[busy, column] = (whole[busy, column] + step) % options[column]
            mutants[busy] = self.close(whole[busy])
            busy = busy[rng.random(len(busy)) < more]
        return mutants

    def read(self, row: ArrayLike) -> Architecture:
        """The architecture of one row of :meth:`close`."""
        pairs = zip(self._space.decisions, np.asarray(row).tolist(), strict=True)
        return Architecture(self._space.name, tuple((d.name, d.options[rank]) for d, rank in pairs if rank != CLOSED))

    def vectors(self, rows: Rows) -> NDArray[np.float64]:
        """``choice_vector`` of the architectures of ``rows``, ``(architectures, numbers)``."""
        parts = [numbers[ranks] for numbers, ranks in zip(self._numbers, rows.T, strict=True)]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(rows), 0))

    def encode(self, rows: Rows) -> NDArray[np.float64]:
        """``Space.encode`` of the architectures of ``rows``, ``(architectures, numbers)``."""
        parts: list[NDArray[np.float64]] = []
        for decision, chosen in zip(self._space.decisions, rows.T, strict=True):
            count = len(decision.options)
            if decision.ordered:
                parts.append(np.maximum(chosen, 0)[:, None] / max(1, count - 1))
            else:
                parts.append((chosen[:, None] == np.arange(count)).astype(np.float64))
            if decision.when != ALWAYS:
                parts.append((chosen[:, None] != CLOSED).astype(np.float64))
        return np.concatenate(parts, axis=1) if parts else np.empty((len(rows), 0))

    def architecture(self, row: ArrayLike, home: Architecture, rng: np.random.Generator) -> Architecture:
        """The architecture that chooses as ``row`` says (an option for every decision) wherever a decision is open.

        In a listed space the most similar one of the list. Where it is beyond the limits, fewer and fewer of the row's choices are
        taken over into ``home``, which keeps them; in the end ``home`` itself comes back.
        """
        wanted = np.asarray(row)
        wished = self.read(self.close(wanted[None])[0])
        if self._space.admits(wished):
            return wished
        if self._space.listed:
            return self._space.crossover(wished, wished, rng)
        kept = self.row(home)
        for share in (0.8, 0.6, 0.4, 0.2):
            taken = (rng.random(len(wanted)) < share) | (kept == CLOSED)
            mixed = self.read(self.close(np.where(taken, wanted, kept)[None])[0])
            if self._space.admits(mixed):
                return mixed
        return home
