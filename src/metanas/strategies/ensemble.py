"""An ensemble of small predictors over a pool of encoded architectures, trained as one computation.

Written out in numpy: networks of this size train in a fraction of a second, less than a framework takes to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.encoding import Path
from metanas.strategies.codes import Rows
from metanas.strategies.pool import Matrix, Pool, Vector

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MEMBERS, HIDDEN = 5, 64
STEPS, RATE, DECAY = 80, 0.01, 0.1
"""Of training: steps over all evaluations at once, their rate, and the decoupled weight decay (Loshchilov and Hutter 2019)."""
TOKENS = 192
"""Most paths that a predictor sees: those that divide the evaluated architectures best."""
_BETAS = (0.9, 0.99)
_PART = 4096

Single = NDArray[np.floating]


class Ensemble:
    """Networks of two hidden layers, alike but for their initial weights; full-batch Adam with a rate that falls to zero.

    They see all choices and the paths.

    Args:
        pool: of the architectures, encoded by their paths.
        rows: of those that were evaluated, ``(n, decisions)``.
        targets: ``(n,)``.
        seed: of the initial weights.
    """

    def __init__(self, pool: Pool, rows: Rows, targets: Vector, seed: int) -> None:
        self._pool = pool
        vectors, counts = pool.views(rows)
        self._tokens = _dividing(counts, pool.tokens)
        raw = self._inputs(vectors, counts)
        self._centre = raw.mean(axis=0)
        length = float(np.sqrt(np.square(raw - self._centre).sum(axis=1).mean())) or 1.0
        self._scale = 1.0 / length
        x = self._scaled(raw)
        rng = np.random.default_rng(seed)
        shapes = ((x.shape[1], HIDDEN), (1, HIDDEN), (HIDDEN, HIDDEN), (1, HIDDEN), (HIDDEN, 1), (1, 1))
        widths = (2.0**0.5, 0.5, (2 / HIDDEN) ** 0.5, 0.0, (1 / HIDDEN) ** 0.5, 0.0)
        drawn = [rng.standard_normal((MEMBERS, *shape)) * width for shape, width in zip(shapes, widths, strict=True)]
        self._weights: list[Single] = [w.astype(np.float32) for w in drawn]
        self._train(x, targets.astype(np.float32)[:, None])

    def _train(self, x: Single, y: Single) -> None:
        """Kingma and Ba 2015, "Adam", algorithm 1."""
        means = [np.zeros_like(w) for w in self._weights]
        squares = [np.zeros_like(w) for w in self._weights]
        for step in range(1, STEPS + 1):
            rate = RATE * (1 - (step - 1) / STEPS)
            bias = (1 - _BETAS[1] ** step) ** 0.5 / (1 - _BETAS[0] ** step)
            for w, slope, mean, square in zip(self._weights, _slopes(x, y, self._weights), means, squares, strict=True):
                _adam(w, slope, mean, square, rate, bias)

    def predict(self, rows: Rows | None) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the members' predictions at ``rows``, or (None) at the whole space; ``(m,)`` each."""
        vectors, counts = self._pool.views(rows)
        parts = [slice(start, start + _PART) for start in range(0, len(vectors), _PART)]
        inputs = (self._scaled(self._inputs(vectors[part], counts[part])) for part in parts)
        said = np.concatenate([_forward(x, self._weights)[-1][..., 0] for x in inputs], axis=1).astype(np.float64)
        return np.asarray(said.mean(axis=0)), np.asarray(said.std(axis=0, ddof=1))

    def _inputs(self, vectors: Matrix, counts: csr_matrix) -> Matrix:
        return np.concatenate([vectors / self._pool.decisions**0.5, counts[:, self._tokens].toarray()], axis=1)

    def _scaled(self, raw: Matrix) -> Single:
        """Inputs of mean 0 and mean square length 1."""
        return np.asarray((raw - self._centre) * self._scale, dtype=np.float32)


def _dividing(counts: csr_matrix, tokens: Sequence[Path]) -> NDArray[np.int64]:
    """Columns of the paths that some of the architectures have and some have not, those of about half of them first."""
    rows = counts.shape[0]
    there = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero((there > 1) & (there < rows)).tolist()
    ranked = sorted(columns, key=lambda column: (abs(2 * int(there[column]) - rows), " > ".join(tokens[column])))
    return np.array(ranked[:TOKENS], dtype=np.int64)


def _adam(w: Single, slope: Single, mean: Single, square: Single, rate: float, bias: float) -> None:
    """One step, in place: half the time of the same with an array for every intermediate result."""
    by = np.subtract(slope, mean)
    by *= 1 - _BETAS[0]
    mean += by
    np.multiply(slope, slope, out=by)
    by -= square
    by *= 1 - _BETAS[1]
    square += by
    np.sqrt(square, out=by)
    by += 1e-8
    np.divide(np.multiply(mean, rate * bias, out=slope), by, out=by)
    w *= 1 - rate * DECAY
    w -= by


def _forward(x: Single, weights: list[Single]) -> tuple[Single, Single, Single]:
    """Both hidden layers ``(members, n, HIDDEN)`` and the predictions ``(members, n, 1)`` of inputs ``(n, numbers)``."""
    first, first_bias, second, second_bias, last, last_bias = weights
    one = np.maximum(x @ first + first_bias, 0)
    two = np.maximum(one @ second + second_bias, 0)
    return one, two, two @ last + last_bias


def _slopes(x: Single, y: Single, weights: list[Single]) -> list[Single]:
    """Gradients of half the mean squared error, in the order of the weights."""
    one, two, said = _forward(x, weights)
    back = (said - y) / len(x)
    back_two = (back * weights[4].transpose(0, 2, 1)) * (two > 0)
    back_one = (back_two @ weights[2].transpose(0, 2, 1)) * (one > 0)
    inner: list[Single] = [x.T @ back_one, one.transpose(0, 2, 1) @ back_two, two.transpose(0, 2, 1) @ back]
    outer: list[Single] = [np.add.reduce(b, axis=1, keepdims=True) for b in (back_one, back_two, back)]
    return [part for pair in zip(inner, outer, strict=True) for part in pair]
