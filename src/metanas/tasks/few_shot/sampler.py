"""Episodes of a classification data set: a few classes, a few examples of each."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import final

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Array, Kind
from metanas.tasks.few_shot.class_data import ClassData
from metanas.tasks.few_shot.episode import PARTS, Episode, EpisodeFamily, EpisodePart, draws, without_replacement
from metanas.tasks.options import number_of

TURNS = 4


@final
class EpisodeSampler(EpisodeFamily):
    """Draws ``ways`` classes of a part and of each ``shots`` examples to learn from and ``queries`` others to be judged on.

    Every class of the part is equally likely, every order of classes too (so that a label says nothing of its class), every choice of
    examples of a class likewise (Vinyals et al. 2016, "Matching Networks for One Shot Learning", section 4.1).

    Args:
        data: the examples by class.
        ways: classes of an episode.
        shots: support examples of each class.
        queries: query examples of each class.
        rotations: whether the pictures of a class turned by 90, 180 and 270 degrees are three further classes of the same part
            (Santoro et al. 2016; Vinyals et al. 2016); None asks the data.
        seed: of the training episodes.
        test_seed: of those of validation and test: the same episodes for everybody who asks for the same sizes.

    Raises:
        InputError: for more ways than a part has classes, or a class with fewer examples than shots and queries; or if what is no
            square picture is to be turned.
    """

    def __init__(
        self,
        data: ClassData,
        ways: int = 5,
        shots: int = 1,
        queries: int = 15,
        *,
        rotations: bool | None = None,
        seed: int = 0,
        test_seed: int = 0,
    ) -> None:
        rotations = data.turned if rotations is None else rotations
        if ways < 2 or shots < 1 or queries < 1:
            raise InputError(f"an episode needs at least 2 ways, 1 shot and 1 query, not {ways}, {shots} and {queries}")
        if rotations and (data.shape.data != "image" or data.shape.input[1] != data.shape.input[2]):
            raise InputError(f"only square pictures can be turned, and {data.name} has none; use --no-rotations")
        self.data, self.ways, self.shots, self.queries, self.rotations = data, ways, shots, queries, rotations
        self.name, self.shape = data.name, replace(data.shape, outputs=ways)
        self.kind: Kind = "classification"
        self.input_mean, self.input_std = (np.array(v, np.float32) for v in (data.preprocessing.input_mean, data.preprocessing.input_std))
        self._turns = TURNS if rotations else 1
        self._seeds = {"train": seed, "val": test_seed, "test": test_seed}
        self._check()

    def classes(self, part: EpisodePart) -> int:
        """Number of classes of a part, turned ones included."""
        return len(self.data.split.of(part)) * self._turns

    def episode(self, part: EpisodePart, number: int) -> Episode:
        """Episode ``number`` of a part, with the names of its classes (``"Greek/3"``, ``"Greek/3 turned by 90°"``)."""
        chosen, _ = self._draw(part, number, 1)
        bases, turns = self.data.split.of(part)[chosen[0] // self._turns], chosen[0] % self._turns
        names = (self.data.classes[b] + (f" turned by {90 * t}°" if t else "") for b, t in zip(bases, turns, strict=True))
        x_support, y_support, x_query, y_query = (a[0] for a in self.batch(part, number, 1).arrays)
        return Episode(x_support, y_support, x_query, y_query, tuple(names))

    def batch(self, part: EpisodePart, first: int, count: int) -> Episode:
        """Episodes ``first`` to ``first + count - 1`` of a part, stacked."""
        support, query = self.rows(part, first, count)
        labels = (np.repeat(np.arange(self.ways), each) for each in (self.shots, self.queries))
        y_support, y_query = (np.tile(y, (count, 1)) for y in labels)
        return Episode(np.take(self.table, support, axis=0), y_support, np.take(self.table, query, axis=0), y_query)

    def rows(self, part: EpisodePart, first: int, count: int) -> tuple[Array, Array]:
        """What :meth:`batch` takes from the :attr:`table`: rows of the support ``(count, ways * shots)`` and of the queries."""
        chosen, examples = self._draw(part, first, count)
        bases = self.data.split.of(part)[chosen // self._turns]
        rows = (chosen % self._turns * len(self.data.x) + self.data.starts[bases])[..., None] + examples
        return rows[:, :, : self.shots].reshape(count, -1), rows[:, :, self.shots :].reshape(count, -1)

    @cached_property
    def table(self) -> Array:
        """The examples of all parts ``(examples, *shape.input)``, and where pictures are turned all of them by 90, 180 and 270 degrees."""
        x = self.data.x
        return x if not self.rotations else np.concatenate([np.rot90(x, turn, axes=(-2, -1)) for turn in range(self._turns)])

    def _draw(self, part: EpisodePart, first: int, count: int) -> tuple[Array, Array]:
        """Classes ``(count, ways)`` (place in the part's list times turns, plus a turn), and examples ``(count, ways, each)`` of them."""
        each = self.shots + self.queries
        raw = draws(self._seeds[part], part, first, count, self.ways * (1 + each))
        chosen = without_replacement(raw[:, : self.ways], np.full(count, self.classes(part)))
        sizes = self.data.sizes[self.data.split.of(part)[chosen // self._turns]]
        examples = without_replacement(raw[:, self.ways :].reshape(-1, each), sizes.reshape(-1))
        return chosen, examples.reshape(count, self.ways, each)

    def _check(self) -> None:
        uses: dict[EpisodePart, str] = {"train": "to train", "val": "to validate", "test": "to test"}
        for part in PARTS:
            if (classes := self.classes(part)) < self.ways:
                there = f"{classes} class{'es' * (classes != 1)} {uses[part]} on{', turned ones included' * self.rotations}"
                fewer = (
                    f"use --ways {classes} or fewer, or another split" if classes >= 2 else "take another split or data with more classes"
                )
                raise InputError(f"{self.ways} ways need at least {self.ways} classes, and there are {there}; {fewer}")
            of = self.data.split.of(part)
            small = of[np.argmin(self.data.sizes[of])]
            least, each = int(self.data.sizes[small]), self.shots + self.queries
            if least < each:
                fewer = f"use --queries {least - self.shots} or fewer" if least > self.shots else "use fewer shots and queries"
                raise InputError(
                    f"{number_of(self.shots, 'shot')} and {self.queries} queries need {each} examples of every class, "
                    f"but class {self.data.classes[small]!r} has {least}; {fewer}"
                )
