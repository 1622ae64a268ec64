"""Decisions: the open choices of a space, and the conditions under which they are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = bool | int | float | str
"""What an option or a setting may be: anything that JSON keeps exactly."""


@dataclass(frozen=True)
class Condition:
    """A conjunction of "decision D chose one of these options"; the empty one always holds.

    A term about a decision that is itself inactive (absent from the choices) does not hold.
    """

    terms: tuple[tuple[str, tuple[Value, ...]], ...] = ()

    def holds(self, choices: Mapping[str, Value]) -> bool:
        """Whether every term holds in ``choices`` (decision name to chosen option)."""
        # In half the time of all(...): closing a graph asks hundreds of times.
        for name, options in self.terms:  # noqa: SIM110
            if name not in choices or choices[name] not in options:
                return False
        return True

    def __and__(self, other: Condition) -> Condition:
        return Condition(self.terms + tuple(term for term in other.terms if term not in self.terms))


ALWAYS = Condition()


@dataclass(frozen=True)
class Decision:
    """One open choice.

    Args:
        name: unique within its space, e.g. ``"block2.kernel"``.
        options: what may be chosen, at least one, without repeats; in ascending order if ``ordered``.
        ordered: whether the order of the options means something (a width) or not (an activation).
        when: the decision is open only where this holds; it may refer to earlier decisions only.

    Example:
        >>> depth = Decision("depth", (1, 2, 3), ordered=True)
        >>> width = Decision("layer2.width", (16, 32), ordered=True, when=depth.at_least(2))
        >>> width.when.holds({"depth": 3})
        True
    """

    name: str
    options: tuple[Value, ...]
    ordered: bool = False
    when: Condition = field(default=ALWAYS)

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) != len(self.options):
            raise ValueError(f"decision {self.name!r} needs options without repeats, got {self.options!r}")

    def among(self, *options: Value) -> Condition:
        """The condition that one of ``options`` is chosen here (and that this decision is active)."""
        return self.when & Condition(((self.name, tuple(o for o in self.options if o in options)),))

    def at_least(self, least: int | float) -> Condition:
        """The condition that an option of at least ``least`` is chosen here; for ordered numbers."""
        return self.among(*(o for o in self.options if not isinstance(o, str) and o >= least))
