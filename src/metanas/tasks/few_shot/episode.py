"""Episodes: tasks of few examples, and families of them that can be drawn without end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.shape import TaskShape
from metanas.tasks.data import Array, Kind

if TYPE_CHECKING:
    from metanas.tasks.task import Task

EpisodePart = Literal["train", "val", "test"]
PARTS: tuple[EpisodePart, ...] = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Episode:
    """A task of few examples: learn from the support, be judged on the queries. Or several of the same sizes, stacked.

    Args:
        x_support: ``(support, *shape.input)``: uint8 for pictures (channels first), int32 token ids for texts, else float32; what a
            ``Network`` takes. Rows come class by class: all shots of label 0, then those of label 1, ...
        y_support: int64 labels ``(support,)`` from 0 to ways - 1, or float32 targets ``(support, outputs)``.
        x_query, y_query: the same for the queries.
        classes: names of the classes by label; empty for regression and for stacked episodes.
        kind: classification or regression.

    Stacked episodes have one more axis in front of all four arrays, see :func:`stack`. After :meth:`tensors` the arrays are torch tensors.
    """

    x_support: Any
    y_support: Any
    x_query: Any
    y_query: Any
    classes: tuple[str, ...] = ()
    kind: Kind = "classification"

    def tensors(self, device: str = "cpu") -> Episode:
        """The same with torch tensors on ``device``."""
        import torch

        x_s, y_s, x_q, y_q = (torch.as_tensor(a).to(device) for a in self.arrays)
        return replace(self, x_support=x_s, y_support=y_s, x_query=x_q, y_query=y_q)

    def task(self, shape: TaskShape, name: str = "episode") -> Task:
        """This episode as a task that can be described, searched on and trained for like any other: its test rows are the queries, its
        training and validation rows the support. See :func:`~metanas.tasks.few_shot.as_task.episode_task`.

        Args:
            shape: of its family's tasks: ``family.shape``.
            name: of the task.
        """
        from metanas.tasks.few_shot.as_task import episode_task

        return episode_task(self, shape, name)

    @property
    def arrays(self) -> tuple[Any, Any, Any, Any]:
        """``x_support``, ``y_support``, ``x_query`` and ``y_query``."""
        return self.x_support, self.y_support, self.x_query, self.y_query


def stack(episodes: Sequence[Episode]) -> Episode:
    """Episodes of the same sizes and kind as one, with an axis of tasks in front of all four arrays (numpy or torch).

    Raises:
        ValueError: if there are none, or they differ in sizes or kind.
    """
    if not episodes or any(e.kind != episodes[0].kind for e in episodes):
        raise ValueError("episodes to be stacked must be at least one, all of the same kind")
    columns = list(zip(*(e.arrays for e in episodes), strict=True))
    if any(a.shape != column[0].shape for column in columns for a in column):
        raise ValueError("episodes to be stacked must have the same number of support and query examples, of one shape")
    join: Callable[[Any], Any] = np.stack
    if not isinstance(columns[0][0], np.ndarray):
        import torch

        join = torch.stack
    x_s, y_s, x_q, y_q = map(join, columns)
    return Episode(x_s, y_s, x_q, y_q, kind=episodes[0].kind)


class EpisodeFamily(ABC):
    """Episodes that belong together, numbered from 0 in each part: training, validation and test.

    An episode is a function of the family's seed, its part and its number alone, so a place in the stream is a counter: nothing else has
    to be kept to go on drawing. Training episodes follow the seed of the training; those of validation and test have one of their own,
    so that they are the same for everybody.

    Args:
        name: of the data.
        kind: classification or regression.
        shape: of every episode's task: ``shape.outputs`` is the number of ways, or of targets.
        input_mean, input_std: float32, one per channel, of the training part: the network subtracts and divides by them.
    """

    name: str
    kind: Kind
    shape: TaskShape
    input_mean: Array
    input_std: Array

    @abstractmethod
    def episode(self, part: EpisodePart, number: int) -> Episode:
        """Episode ``number`` of a part, with the names of its classes."""

    @abstractmethod
    def batch(self, part: EpisodePart, first: int, count: int) -> Episode:
        """Episodes ``first`` to ``first + count - 1`` of a part, stacked."""

    def task(self, part: EpisodePart, number: int) -> Task:
        """Episode ``number`` of a part as a task of its own, see :meth:`Episode.task`."""
        return self.episode(part, number).task(self.shape, f"{self.name}, {part} episode {number}")


def draws(seed: int, part: EpisodePart, first: int, count: int, numbers: int) -> NDArray[np.uint64]:
    """Uniform 64-bit numbers ``(count, numbers)`` for episodes ``first`` to ``first + count - 1`` of a part.

    Philox 4x64 (Salmon et al. 2011) is a function of key and counter: each episode owns a stretch of counters, so that a batch takes one
    call and equals its episodes drawn one by one. NumPy promises the same raw numbers in all versions, but not the same distributions.
    """
    blocks = -(-numbers // 4)
    key = np.array([seed, PARTS.index(part)], np.uint64)
    counter = np.array([first * blocks, 0, 0, 0], np.uint64)
    return np.random.Philox(counter=counter, key=key).random_raw(count * blocks * 4).reshape(count, -1)[:, :numbers]


def without_replacement(raw: NDArray[np.uint64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ordered samples without replacement: row i holds different numbers below ``sizes[i]``, each order equally likely.

    The first steps of Fisher and Yates' shuffle, for all rows at once.

    Args:
        raw: uniform 64-bit numbers ``(rows, k)``; taken modulo a size, they favour some numbers by at most ``size / 2**64``.
        sizes: ``(rows,)``, each at least k.
    """
    rows, k = raw.shape
    pool = np.tile(np.arange(sizes.max(initial=k)), (rows, 1))
    row = np.arange(rows)
    for j in range(k):
        other = j + (raw[:, j] % (sizes - j).astype(np.uint64)).astype(np.int64)
        pool[row, j], pool[row, other] = pool[row, other], pool[row, j].copy()
    return pool[:, :k]
