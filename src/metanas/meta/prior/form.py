"""The decisions of a space as a prior knows them: apart from any space object, since options and decisions differ from task to task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.spaces.decision import ALWAYS, Decision, Value
from metanas.spaces.space import Space

Floats = NDArray[np.float64]
Choices = Mapping[str, Value]
Terms = tuple[tuple[str, tuple[Value, ...]], ...]
CLOSED = -1
"""Code of a decision that is not open in an architecture."""


@dataclass(frozen=True)
class KnownDecision:
    """A decision as a prior knows it.

    Args:
        name, options, ordered: as of :class:`~metanas.spaces.decision.Decision`.
        conditional: whether there are architectures in which it is not open.
        when: earlier decisions that open it, each with the options that do; empty where that is not known.
        plain: the plain network's option; None where it is not known or not open there.
    """

    name: str
    options: tuple[Value, ...]
    ordered: bool = False
    conditional: bool = False
    when: Terms = ()
    plain: Value | None = None

    @classmethod
    def of(cls, decision: Decision, plain: Value | None = None) -> KnownDecision:
        """What is known of a space's decision."""
        return cls(decision.name, decision.options, decision.ordered, decision.when != ALWAYS, decision.when.terms, plain)

    def rank(self, option: Value | None) -> float | None:
        """The position of an option; that of an unknown number lies between its neighbours'; None where it has none."""
        if option in self.options:
            return float(self.options.index(option))
        if not self.ordered or not _is_number(option) or not all(map(_is_number, self.options)):
            return None
        return float(np.interp(float(option), np.array(self.options, dtype=np.float64), np.arange(len(self.options))))  # type: ignore[arg-type]

    def numbers(self, option: Value | None) -> list[float]:
        """What an option adds to the encoding, as :meth:`Space.encode` does it."""
        rank = self.rank(option)
        if self.ordered:
            vector = [0.0 if rank is None else rank / max(1, len(self.options) - 1)]
        else:
            vector = [float(rank == position) for position in range(len(self.options))]
        return [*vector, float(rank is not None)] if self.conditional else vector

    def merged(self, other: KnownDecision) -> KnownDecision:
        """Both together: all options, numbers in order."""
        fresh = tuple(option for option in other.options if option not in self.options)
        options = (*self.options, *fresh)
        numeric = all(map(_is_number, options))
        ordered = (self.ordered or other.ordered) and (numeric or (not fresh and self.ordered))
        if ordered and numeric:
            options = tuple(sorted(options))
        conditional, plain = self.conditional or other.conditional, other.plain if self.plain is None else self.plain
        return KnownDecision(self.name, options, ordered, conditional, _either(self.when, other.when), plain)


@dataclass(frozen=True)
class Form:
    """All decisions that a prior knows of the spaces of one name.

    Args:
        space: the name.
        decisions: in order.
        given: what counts as chosen where nothing is, see :meth:`among`.
    """

    space: str
    decisions: tuple[KnownDecision, ...]
    given: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, space: Space) -> Form:
        """That of a space: encodes as the space does."""
        plain = space.baseline.as_dict
        return cls(space.name, tuple(KnownDecision.of(decision, plain.get(decision.name)) for decision in space.decisions))

    @classmethod
    def seen(cls, space: str, choices: Sequence[Choices]) -> Form:
        """What architectures alone tell of a space that is not known here: numbers are taken to be ordered."""
        options: dict[str, dict[Value, None]] = {}
        for one in choices:
            for name, option in one.items():
                options.setdefault(name, {})[option] = None
        return cls(space, tuple(_guessed(name, tuple(known), choices) for name, known in options.items()))

    def merged(self, other: Form) -> Form:
        """Both together; what only one of them has may be absent."""
        mine, theirs = ({d.name: d for d in form.decisions} for form in (self, other))
        common = {name: known.merged(theirs[name]) for name, known in mine.items() if name in theirs}
        alone = {n: replace(d, conditional=True) for n, d in (mine | theirs).items() if n not in common}
        return Form(self.space, tuple({**common, **alone}[name] for name in (mine | theirs)))

    def among(self, decisions: Iterable[Decision | KnownDecision]) -> Form:
        """The same for a task that has these decisions alone: others count as chosen as in the plain network, not as absent.

        So an architecture is the same on tasks of which one has columns of numbers, say, with ways to encode these, and the other has none.
        """
        there = {decision.name for decision in decisions}
        return replace(self, given=tuple((d.name, d.plain) for d in self.decisions if d.name not in there and d.plain is not None))

    def completed(self, choices: Choices) -> Choices:
        """Choices with those that are given."""
        return {**dict(self.given), **choices} if self.given else choices

    @cached_property
    def size(self) -> int:
        """Numbers of an encoding."""
        return sum(len(decision.numbers(None)) for decision in self.decisions)

    @cached_property
    def _tables(self) -> tuple[dict[Value | None, list[float]], ...]:
        return tuple({option: decision.numbers(option) for option in (None, *decision.options)} for decision in self.decisions)

    def encode(self, choices: Choices) -> Floats:
        """A vector in [0, 1], ``(size,)``: as :meth:`Space.encode` where the space is the same; what is unknown counts as not open.

        Args:
            choices: decision name to option.
        """
        vector: list[float] = []
        choices = self.completed(choices)
        for decision, table in zip(self.decisions, self._tables, strict=True):
            option = choices.get(decision.name)
            known = table.get(option)
            vector += decision.numbers(option) if known is None else known
        return np.array(vector, dtype=np.float64)

    def encode_all(self, many: Iterable[Choices]) -> Floats:
        """Encodings ``(architectures, size)``."""
        return np.array([self.encode(choices) for choices in many], dtype=np.float64).reshape(-1, self.size)

    def code(self, choices: Choices) -> list[int]:
        """The position of every choice among its options, ``(decisions,)``; :data:`CLOSED` where there is none."""
        choices = self.completed(choices)
        chosen = [(decision.options, choices.get(decision.name)) for decision in self.decisions]
        return [options.index(option) if option is not None and option in options else CLOSED for options, option in chosen]

    def choices(self, code: Sequence[int]) -> dict[str, Value]:
        """What :meth:`code` made codes of.

        Raises:
            ValueError: if they are of another form.
        """
        found = {}
        for decision, position in zip(self.decisions, code, strict=True):
            if not CLOSED <= position < len(decision.options):
                raise ValueError(f"{decision.name} has no option {position}")
            if position != CLOSED:
                found[decision.name] = decision.options[position]
        return found

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {"space": self.space, "decisions": [{**asdict(d), "options": list(d.options)} for d in self.decisions]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Form:
        """The form written by :meth:`to_json`."""
        return cls(record["space"], tuple(KnownDecision(**{**d, **_tuples(d)}) for d in record["decisions"]))


def _guessed(name: str, options: tuple[Value, ...], choices: Sequence[Choices]) -> KnownDecision:
    numeric = all(map(_is_number, options))
    return KnownDecision(name, tuple(sorted(options)) if numeric else options, numeric, any(name not in one for one in choices))


def _either(one: Terms, other: Terms) -> Terms:
    """The conditions of a decision that two forms have in common; what opens it in either opens it."""
    theirs = dict(other)
    return tuple((name, (*among, *(o for o in theirs[name] if o not in among))) for name, among in one if name in theirs)


def _tuples(decision: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON has made lists of; records of older versions have no conditions."""
    return {"options": tuple(decision["options"]), "when": tuple((str(name), tuple(among)) for name, among in decision.get("when", ()))}


def _is_number(option: object) -> bool:
    return isinstance(option, int | float) and not isinstance(option, bool) and math.isfinite(option)
