"""``sinusoid``: regression on sine waves, the toy problem of meta-learning (Finn, Abbeel and Levine 2017, section 5.1)."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from metanas.errors import InputError
from metanas.spaces.shape import TaskShape
from metanas.tasks.data import Kind
from metanas.tasks.few_shot.episode import Episode, EpisodeFamily, EpisodePart, draws

AMPLITUDES, PHASES, INPUTS = (0.1, 5.0), (0.0, math.pi), (-5.0, 5.0)


@final
class Sinusoids(EpisodeFamily):
    """``y = a sin(x - p)`` with ``a`` from 0.1 to 5, ``p`` from 0 to pi and ``x`` from -5 to 5, all uniform; support and queries alike.

    Args:
        shots: points to learn from (5, 10 and 20 in the paper).
        queries: points to be judged on.
        seed: of the training episodes.
        test_seed: of those of validation and test.

    Raises:
        InputError: for fewer than one shot or query.
    """

    def __init__(self, shots: int = 10, queries: int = 10, *, seed: int = 0, test_seed: int = 0) -> None:
        if shots < 1 or queries < 1:
            raise InputError(f"an episode needs at least 1 shot and 1 query, not {shots} and {queries}")
        self.name, self.shape = "sinusoid", TaskShape("table", (1,), 1, numeric=1)
        self.kind: Kind = "regression"
        self.shots, self.queries = shots, queries
        self.input_mean = np.zeros(1, np.float32)
        self.input_std = np.ones(1, np.float32)  # the paper feeds x as it is
        self._seeds = {"train": seed, "val": test_seed, "test": test_seed}

    def episode(self, part: EpisodePart, number: int) -> Episode:
        """Wave ``number`` of a part."""
        x_support, y_support, x_query, y_query = (a[0] for a in self.batch(part, number, 1).arrays)
        return Episode(x_support, y_support, x_query, y_query, kind="regression")

    def batch(self, part: EpisodePart, first: int, count: int) -> Episode:
        """Waves ``first`` to ``first + count - 1`` of a part, stacked."""
        raw = draws(self._seeds[part], part, first, count, 2 + self.shots + self.queries)
        uniform = (raw >> np.uint64(11)) * 2.0**-53  # in [0, 1), to the last of a double's bits
        amplitude, phase, x = (low + uniform[:, cut] * (high - low) for (low, high), cut in _CUTS)
        y = (amplitude * np.sin(x - phase)).astype(np.float32)[..., None]
        x = x.astype(np.float32)[..., None]
        s = self.shots
        return Episode(x[:, :s], y[:, :s], x[:, s:], y[:, s:], kind="regression")


_CUTS = ((AMPLITUDES, slice(0, 1)), (PHASES, slice(1, 2)), (INPUTS, slice(2, None)))
