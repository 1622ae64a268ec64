"""What the learning controllers share: weights with their optimiser, softmax, rewards of any scale, and staying inside the space.

Written with NumPy: networks this small would spend more time on entering and leaving PyTorch than on computing.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.spaces import Architecture, Space

Vector = NDArray[np.float64]

HEAT = 1.2
"""Factor on the temperature of a policy each time that it has proposed a known architecture; the next result sets it back to 1."""

_TRIES = 5
_SHARPNESS = 3.0


class Weights:
    """Named weights that lie in one vector, and the optimiser Adam (Kingma and Ba 2015, algorithm 1) on it.

    Args:
        shapes: name to shape. Matrices are drawn uniformly, within one over the root of their last length; vectors begin at zero.
        rng: draws them.
        rate: learning rate.
        small: names of matrices that begin a tenth as large, so that a policy begins almost uniform.
        clip: largest Euclidean length of a gradient; a longer one is shortened to it.
    """

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator, rate: float, small: Iterable[str] = (), clip: float = 5.0
    ) -> None:
        self._shapes, self._rate, self._clip = dict(shapes), rate, clip
        self.vector: Vector = np.zeros(sum(math.prod(shape) for shape in shapes.values()))
        self._first, self._second = np.zeros_like(self.vector), np.zeros_like(self.vector)
        self._steps = 0
        self.named = self.views(self.vector)
        for name, shape in shapes.items():
            if len(shape) > 1:
                within = (0.1 if name in small else 1.0) / math.sqrt(shape[-1])
                self.named[name][:] = rng.uniform(-within, within, shape)

    def views(self, vector: Vector) -> dict[str, Vector]:
        """The parts of ``vector`` (as long as :attr:`vector`) by name; writing to them writes to it."""
        parts: dict[str, Vector] = {}
        start = 0
        for name, shape in self._shapes.items():
            parts[name] = vector[start : start + math.prod(shape)].reshape(shape)
            start += math.prod(shape)
        return parts

    def descend(self, gradient: Vector) -> None:
        """One step of Adam against ``gradient``, in place."""
        length = math.sqrt(float(gradient @ gradient))
        if length > self._clip:
            gradient = gradient * (self._clip / length)
        self._steps += 1
        self._first += 0.1 * (gradient - self._first)
        self._second += 0.001 * (gradient * gradient - self._second)
        root = math.sqrt(1.0 - 0.999**self._steps)
        self.vector -= self._rate * root / (1.0 - 0.9**self._steps) * self._first / (np.sqrt(self._second) + 1e-8)

    def state(self) -> dict[str, Any]:
        """Weights and what Adam remembers, as JSON values."""
        return {"steps": self._steps, "vectors": [vector.tolist() for vector in (self.vector, self._first, self._second)]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back :meth:`state`."""
        self._steps = state["steps"]
        for vector, numbers in zip((self.vector, self._first, self._second), state["vectors"], strict=True):
            vector[:] = numbers


class Ranks:
    """Rewards in [0, 1] for values of any scale: the share of all values told so far that are worse (equals count half), cubed.

    Ranks need no scale, and one hopeless network does not drown the differences between good ones. The cube makes a place among the
    best worth more than one in the middle, for a search is judged by the best that it finds. Failures (minus infinity) rank last.
    """

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, values: Iterable[float]) -> None:
        """Take values in, larger is better."""
        for value in values:
            insort(self.values, value)

    def reward(self, value: float) -> float:
        """What a value is worth among those told; at least one must have been."""
        worse = 0.5 * (bisect_left(self.values, value) + bisect_right(self.values, value))
        return float((worse / len(self.values)) ** _SHARPNESS)


def softmax(logits: Vector) -> Vector:
    """Probabilities along the last axis; minus infinity gives zero."""
    powers = np.exp(logits - np.maximum.reduce(logits, axis=-1, keepdims=True))
    return np.asarray(powers / np.add.reduce(powers, axis=-1, keepdims=True))


def entropy_slope(probabilities: Vector) -> tuple[Vector, Vector]:
    """The entropy of probabilities ``(..., options)`` in nats, ``(..., 1)``, and its slope in their logits, ``(..., options)``."""
    logs = np.log(np.maximum(probabilities, 1e-300))
    entropy = -(probabilities * logs).sum(axis=-1, keepdims=True)
    return entropy, -probabilities * (logs + entropy)


def draw(probabilities: Vector, rng: np.random.Generator) -> int:
    """An index with these probabilities ``(options,)``, which sum to one; never one whose probability is zero."""
    index = int(probabilities.cumsum().searchsorted(rng.random(), side="right"))
    return index if index < len(probabilities) and probabilities[index] > 0.0 else int(probabilities.argmax())


def admitted(space: Space, emit: Callable[[], Architecture], rng: np.random.Generator) -> Architecture:
    """What ``emit`` gives, if it is in the space. If not: the most similar one of a space that is a list; in others ``emit`` may try five
    times in all, before a random one is taken."""
    for _ in range(1 if space.listed else _TRIES):
        architecture = emit()
        if space.admits(architecture):
            return architecture
    return space.crossover(architecture, architecture, rng) if space.listed else space.sample(rng)
