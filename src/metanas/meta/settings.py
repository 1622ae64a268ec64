"""The settings of meta-learners."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, get_args

from metanas.errors import InputError
from metanas.tasks.data import Kind

Precision = Literal["float32", "float64", "bfloat16"]
Batching = Literal["auto", "loop", "all"]

_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("inner_steps", "test_steps", "meta_batch", "inner_batch"), Integral),
    **dict.fromkeys(("precision", "batching"), str),
    "step_norms": bool,
}
"""Of the settings that aren't just numbers."""
_NAMES: Mapping[type, str] = {Integral: "a whole number", Real: "a number", str: "a word", bool: "true or false"}


@dataclass(frozen=True)
class MetaSettings:
    """What can be set; see each method for what it uses and for its defaults.

    Args:
        inner_steps: gradient steps on the support while meta-training.
        test_steps: gradient steps when adapting to a new task; None: as many.
        inner_rate: size of these steps; where sizes are learned, their start.
        outer_rate: learning rate of the outer optimiser.
        outer_end: share of ``outer_rate`` that is left at the end of the training, reached along a cosine.
        meta_batch: tasks per outer step, for whoever draws them.
        inner_batch: Reptile: examples per inner step; 0 takes all of a task.
        multi_step: MAML++: share of the training in which the query loss after every inner step counts, ever less.
        first_order: MAML++: share of the training, from its beginning, that does without second derivatives.
        step_norms: MAML++: whether every step has scales and shifts of its own in batch normalisation (and the inner loop leaves them
            alone).
        logit_inner_rate, logit_outer_rate: T-NAS, MetaNAS: the same as ``inner_rate`` and ``outer_rate``, for architecture logits.
        temperature, last_temperature: T-NAS, MetaNAS: of the softmax of the logits, at the beginning and the end of what anneals it.
        warm_up: MetaNAS: share of the training, from its beginning, in which logits stay as they are.
        precision: of the arithmetic; ``bfloat16`` rounds the factors of large products where the processor is fast at that.
        batching: how many tasks are computed together: as many as suit the device, one after the other, or all.

    Raises:
        InputError: if a value is of another kind, or out of range.
    """

    inner_steps: int = 5
    test_steps: int | None = None
    inner_rate: float = 0.4
    outer_rate: float = 1e-3
    outer_end: float = 0.1
    meta_batch: int = 16
    inner_batch: int = 0
    multi_step: float = 0.0
    first_order: float = 0.0
    step_norms: bool = False
    logit_inner_rate: float = 0.0
    logit_outer_rate: float = 0.0
    temperature: float = 1.0
    last_temperature: float = 1.0
    warm_up: float = 0.0
    precision: Precision = "float32"
    batching: Batching = "auto"

    def __post_init__(self) -> None:
        if wrong := [*self._strange()] or [*self._out_of_range()]:
            raise InputError(f"the settings of the meta-learner can't be used: {'; '.join(wrong)}")

    def _strange(self) -> Iterator[str]:
        """Values of another kind."""
        for name, value in self.to_json().items():
            kind = _KINDS.get(name, Real)
            fits = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
            endless = fits and kind is Real and not math.isfinite(value)
            if (endless or not fits) and not (name == "test_steps" and value is None):
                yield f"{name} must be {_NAMES[kind]}, not {value!r}"

    def _out_of_range(self) -> Iterator[str]:
        positive = ("inner_steps", "inner_rate", "outer_rate", "meta_batch", "temperature", "last_temperature")
        yield from (f"{name} must be above 0" for name in positive if getattr(self, name) <= 0)
        shares = ("outer_end", "multi_step", "first_order", "warm_up")
        yield from (f"{name} must lie in [0, 1]" for name in shares if not 0 <= getattr(self, name) <= 1)
        from_zero = ("test_steps", "inner_batch", "logit_inner_rate", "logit_outer_rate")
        yield from (f"{name} must not be below 0" for name in from_zero if (getattr(self, name) or 0) < 0)
        for name, known in (("precision", get_args(Precision)), ("batching", get_args(Batching))):
            if getattr(self, name) not in known:
                yield f"{name} must be one of {', '.join(known)}"

    @property
    def steps_to_adapt(self) -> int:
        """Gradient steps when adapting to a new task."""
        return self.inner_steps if self.test_steps is None else self.test_steps

    def to_json(self) -> dict[str, Any]:
        """A JSON object of all settings."""
        return asdict(self)


COMMON = frozenset(("inner_steps", "test_steps", "inner_rate", "outer_rate", "outer_end", "meta_batch", "precision", "batching"))
"""What every method can be told."""


FREQUENT: Mapping[str, Any] = {"outer_rate": 4e-3, "meta_batch": 8}
"""Small outer batches of a large rate, with which MAML and its kin learn most in minutes (measured, see their pages). The papers take a
quarter of the rate and batches of up to 32 tasks, for tens of thousands of steps."""

REGRESSION: Mapping[str, Any] = {"inner_rate": 0.01}
"""What differs for regression, where losses have no upper limit: the step size of the paper's sinusoids (Finn et al. 2017, section 5.1)."""


def settings_of(method: str, defaults: Mapping[str, Any], given: Mapping[str, Any], kind: Kind = "classification") -> MetaSettings:
    """The settings of a method: its ``defaults`` for a kind of tasks, and what is given instead.

    Raises:
        InputError: if the method has no such setting, or a value is out of range.
    """
    known = [f.name for f in fields(MetaSettings) if f.name in COMMON or f.name in defaults]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
            raise InputError(f"the meta-learner {method!r} has no setting {name!r}; {hint}")
    return MetaSettings(**{**defaults, **(REGRESSION if kind == "regression" else {}), **given})
