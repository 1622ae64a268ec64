"""The attributes of a task as numbers of about one unit's size: one table, in a fixed order, which encoders and their files rely on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from metanas.records import TaskDescription

Value = float | None
FARTHEST = 3.0
"""Scaled values are cut at plus and minus this."""


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Args:
        name: of the attribute.
        group: of attributes that say something about each other.
        read: its value in a description; None where it has none.
        scale: brings values to about [-1, 1]. By name: ``logarithm(c, w)`` is ``(ln(1 + x) - c) / w``, ``share`` is ``2 x - 1``,
            ``root`` is ``2 sqrt(x) - 1`` for shares that are mostly small, ``signed`` leaves ``x``, ``bent`` is ``asinh(x) / 2``.
    """

    name: str
    group: str
    read: Callable[[TaskDescription], Value]
    scale: Callable[[float], float]

    def value(self, task: TaskDescription) -> Value:
        """The scaled value within plus and minus ``FARTHEST``, or None where there is none or it is not a finite number."""
        try:
            raw = self.read(task)
            return scaled(raw, self.scale) if raw is not None else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # a description that others wrote
            return None


def scaled(raw: float, scale: Callable[[float], float]) -> float:
    """``scale(raw)`` within plus and minus ``FARTHEST``.

    Raises:
        ValueError: if ``raw`` is no finite number.
        TypeError: if it is no number at all.
    """
    if not math.isfinite(raw):
        raise ValueError(f"{raw} is no finite number")
    return min(FARTHEST, max(-FARTHEST, scale(float(raw))))


def logarithm(centre: float, width: float) -> Callable[[float], float]:
    """``(ln(1 + x) - centre) / width``; below 0 counts as 0."""
    return lambda x: (math.log1p(max(0.0, x)) - centre) / width


def share(x: float) -> float:
    """``2 x - 1``."""
    return 2 * x - 1


def root(x: float) -> float:
    """``2 sqrt(x) - 1``."""
    return 2 * math.sqrt(max(0.0, x)) - 1


def signed(x: float) -> float:
    """``x``."""
    return x


def bent(x: float) -> float:
    """``asinh(x) / 2``."""
    return math.asinh(x) / 2


def _feature(name: str) -> Callable[[TaskDescription], Value]:
    return lambda task: task.features.get(name)


def _kind(data: str) -> Callable[[TaskDescription], Value]:
    return lambda task: 1.0 if task.shape.data == data else -1.0


def _channels(task: TaskDescription) -> Value:
    return float(task.shape.input[0]) if len(task.shape.input) > 1 else None


def _resolution(task: TaskDescription) -> Value:
    """Pixels along a side (geometric mean), time steps, samples or tokens; none for what has no order."""
    shape = task.shape
    sides = shape.input if shape.data == "text" else shape.input[1:]
    return math.prod(sides) ** (1 / len(sides)) if sides else None


def _numeric(task: TaskDescription) -> Value:
    return task.features.get("numeric_share") if task.shape.data == "table" else None


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("examples", "size", lambda task: float(task.examples), logarithm(7.0, 2.0)),
    Attribute("inputs", "size", lambda task: float(math.prod(task.shape.input)), logarithm(4.0, 2.0)),
    Attribute("examples_per_input", "size", _feature("examples_per_input"), logarithm(3.0, 2.0)),
    Attribute("effective_dimensions", "size", _feature("effective_dimensions"), logarithm(2.5, 1.0)),
    Attribute("classification", "target", lambda task: 1.0 if task.kind == "classification" else -1.0, signed),
    Attribute("outputs", "target", lambda task: float(task.shape.outputs), logarithm(1.5, 1.0)),
    Attribute("largest_class", "target", _feature("largest_class"), share),
    Attribute("smallest_class", "target", _feature("smallest_class"), root),
    Attribute("class_entropy", "target", _feature("class_entropy"), share),
    Attribute("target_skewness", "target", _feature("target_skewness"), bent),
    Attribute("target_kurtosis", "target", _feature("target_kurtosis"), bent),
    Attribute("table", "form", _kind("table"), signed),
    Attribute("image", "form", _kind("image"), signed),
    Attribute("series", "form", _kind("series"), signed),
    Attribute("sound", "form", _kind("sound"), signed),
    Attribute("text", "form", _kind("text"), signed),
    Attribute("channels", "form", _channels, logarithm(1.0, 0.7)),
    Attribute("resolution", "form", _resolution, logarithm(4.0, 1.5)),
    Attribute("rate", "form", lambda task: float(task.shape.rate) or None, logarithm(9.0, 1.0)),
    Attribute("vocabulary", "form", lambda task: float(task.shape.vocabulary) or None, logarithm(7.0, 2.0)),
    Attribute("numeric_share", "form", _numeric, share),
    Attribute("missing_share", "quality", _feature("missing_share"), root),
    Attribute("zero_share", "quality", _feature("zero_share"), share),
    Attribute("duplicate_share", "quality", _feature("duplicate_share"), root),
    Attribute("input_kurtosis", "quality", _feature("input_kurtosis"), logarithm(1.4, 0.5)),
    Attribute("neighbour_correlation", "quality", _feature("neighbour_correlation"), signed),
    Attribute("mirror", "quality", _feature("mirror"), share),
    Attribute("constant", "difficulty", _feature("constant"), share),
    Attribute("stump", "difficulty", _feature("stump"), share),
    Attribute("linear", "difficulty", _feature("linear"), share),
    Attribute("nearest", "difficulty", _feature("nearest"), share),
    Attribute("five_nearest", "difficulty", _feature("five_nearest"), share),
    Attribute("noise", "difficulty", _feature("noise"), root),
)
"""In the order in which encoders know them. A new one goes to the end: what was trained before then has to be trained again."""

ACROSS: tuple[tuple[str, str], ...] = (
    ("examples_per_input", "linear"),
    ("effective_dimensions", "nearest"),
    ("largest_class", "constant"),
    ("outputs", "constant"),
    ("missing_share", "numeric_share"),
    ("neighbour_correlation", "resolution"),
    ("mirror", "image"),
    ("duplicate_share", "examples"),
    ("zero_share", "text"),
)
"""Relations between attributes of two groups; within a group every two are related."""
