"""The shapes of a task: all that a network must know of the data it is built for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

DataKind = Literal["table", "image", "series", "sound", "text"]
Shape = tuple[int, ...]
"""Shape of one example between two nodes, without the batch axis: ``(features,)``, ``(channels, time)``,
``(channels, height, width)``; tokens are ``(time,)`` too and only ``embedding`` reads them."""


@dataclass(frozen=True)
class TaskShape:
    """What goes in and what comes out of a network.

    Args:
        data: kind of data.
        input: one example, channels first, without batch: table ``(features,)``, image ``(channels, height, width)``,
            series ``(channels, time)``, sound ``(channels, samples)`` (a waveform), text ``(tokens,)`` (token ids).
        outputs: number of outputs: classes (at least 2) for classification, targets for regression.
        numeric: table only: the first ``numeric`` features are numbers, the others are 0/1 indicators.
        vocabulary: text only: number of token ids, 0 (padding) included.
        rate: sound only: samples per second.
    """

    data: DataKind
    input: Shape
    outputs: int
    numeric: int = 0
    vocabulary: int = 0
    rate: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {**asdict(self), "input": list(self.input)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> TaskShape:
        """The shape written by :meth:`to_json`."""
        return cls(**{**record, "input": tuple(record["input"])})
