"""Texts: words and punctuation as numbers of a vocabulary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from metanas.spaces.shape import DataKind, TaskShape
from metanas.tasks.data import Array
from metanas.tasks.preprocessing.base import Output, Preprocessing, outputs, register

if TYPE_CHECKING:
    from metanas.tasks.task import Task

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2
MOST_WORDS = 20_000
SEEN = 2
"""How often a word must occur in the training part to get a number of its own."""
LONGEST = 256
SHORTEST = 4
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Words (with their apostrophes) and single punctuation marks, in lower case."""
    return _TOKEN.findall(text.lower())


@register
@dataclass(frozen=True)
class TextPreprocessing(Preprocessing):
    """The vocabulary, the commonest word first; 0 is padding, 1 an unknown word. ``column``: name of the column with the texts."""

    words: tuple[str, ...] = ()
    column: str = "text"
    data: ClassVar[DataKind] = "text"

    @classmethod
    def fit(cls, task: Task) -> TextPreprocessing:
        """The words of the training texts that occur at least twice; length: what 95 % of these texts need."""
        texts = [tokens(t) for t in task.rows(task.train)]
        counts = Counter(word for text in texts for word in text)
        ranked = sorted((word for word, n in counts.items() if n >= SEEN), key=lambda w: (-counts[w], w))[:MOST_WORDS]
        length = int(np.clip(np.ceil(np.quantile([len(t) for t in texts], 0.95)), SHORTEST, LONGEST))
        shape = TaskShape("text", (length,), outputs(task), vocabulary=len(ranked) + FIRST_WORD)
        return cls(shape, Output.of(task), (0.0,) * length, (1.0,) * length, tuple(ranked), task.text)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: i + FIRST_WORD for i, word in enumerate(self.words)}

    def transform(self, inputs: Any) -> Array:
        """Texts to int32 ``(n, length)``, cut at the end or padded with 0; a text without words is one unknown word."""
        length = self.shape.input[0]
        ids = np.full((len(inputs), length), PADDING, np.int32)
        for row, text in enumerate(inputs):
            numbers = [self._numbers.get(word, UNKNOWN) for word in tokens(text)[:length]] or [UNKNOWN]
            ids[row, : len(numbers)] = numbers
        return ids

    def details(self) -> dict[str, Any]:
        """The vocabulary and the column."""
        return {"words": list(self.words), "column": self.column}

    @classmethod
    def restore(cls, common: Mapping[str, Any], details: Mapping[str, Any]) -> TextPreprocessing:
        """The instance that gave ``details``."""
        return cls(**common, words=tuple(details["words"]), column=details["column"])
