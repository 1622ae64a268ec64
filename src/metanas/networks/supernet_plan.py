"""Which steps of a mixture are needed for given coefficients, and what saves time and memory in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from metanas.networks.network import NEED_NO_OUTPUT
from metanas.networks.supernet_coefficients import ONE, ZERO
from metanas.networks.supernet_sums import SCALED
from metanas.spaces.coefficients import Coefficient
from metanas.spaces.decision import Value
from metanas.spaces.operation import operation
from metanas.spaces.steps import Apply, Mixture, Sum

Variant = tuple[str, str, tuple[tuple[str, Value], ...]]
"""Node, operation and settings: what owns weights."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation of a plan.

    Args:
        step: of the mixture.
        sources: of every input the numbers of the values side by side in it, None for zeros.
        scale: number of the coefficient that the weights take in, or None.
        overwrites: whether the input may be overwritten.
        done_with: numbers of the values that nobody needs afterwards.
    """

    step: Apply
    sources: tuple[tuple[int | None, ...], ...]
    scale: int | None
    overwrites: bool
    done_with: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """A weighted sum of a plan.

    Args:
        step: of the mixture.
        numbers: of the values.
        coefficients: their numbers, None for one and for those that weights have taken in.
        done_with: numbers of the values that nobody needs afterwards.
    """

    step: Sum
    numbers: tuple[int, ...]
    coefficients: tuple[int | None, ...]
    done_with: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order; ``out`` is the number of the output, None for zeros."""

    steps: tuple[Call | Add, ...]
    out: int | None


@dataclass(slots=True)
class _Draft:
    """A step in the making: of an operation the sources, of a sum the numbers and coefficients."""

    step: Apply | Sum
    sources: tuple[tuple[int | None, ...], ...]
    coefficients: list[int | None]
    scale: int | None = None
    overwrites: bool = False

    @property
    def reads(self) -> list[int]:
        return [n for numbers in self.sources for n in numbers if n is not None]


class Planner:
    """Makes plans for a mixture.

    Args:
        mixture: to be run.
        modules: by variant.
    """

    def __init__(self, mixture: Mixture, modules: Mapping[Variant, nn.Module]) -> None:
        self.front, self.entry = fixed_prefix(mixture)
        self.coefficients: list[Coefficient] = list(dict.fromkeys(c for s in mixture.steps if isinstance(s, Sum) for _, c in s.terms))
        rows = {c: row for row, c in enumerate(self.coefficients)}
        self._steps = mixture.steps[len(self.front) :]
        self._terms = {s.out: [(n, rows[c]) for n, c in s.terms] for s in mixture.steps if isinstance(s, Sum)}
        steps = [s for s in mixture.steps if isinstance(s, Apply)]
        self._takes_factor = {s.out for s in steps if type(modules.get(s.variant)) in SCALED and not s.parts}
        self._rectifies = {s.out for s in steps if isinstance(modules.get(s.variant), nn.ReLU)}

    def plan(self, kinds: bytes) -> Plan:
        """The steps that these kinds of coefficients need."""
        steps, out = self._active(kinds)
        alive: list[_Draft] = []
        done: list[tuple[int, ...]] = []
        needed = {out}
        for draft in reversed(steps):
            if draft.step.out in needed:
                reads = draft.reads
                done.append(tuple(n for n in dict.fromkeys(reads) if n not in needed))
                needed.update(reads)
                alive.append(draft)
        alive.reverse()
        done.reverse()
        readers = Counter([out, *(n for draft in alive for n in draft.reads)])
        self._take_factors_in(alive, readers)
        self._overwrite(alive, readers)
        return Plan(tuple(_finished(draft, numbers) for draft, numbers in zip(alive, done, strict=True)), out)

    def _active(self, kinds: bytes) -> tuple[list[_Draft], int | None]:
        """The steps without what is zero, and the output. A sum of one value alone is that value."""
        stands: dict[int, int | None] = {0: 0, self.entry: self.entry}
        found: list[_Draft] = []
        for step in self._steps:
            stands[step.out] = step.out
            if isinstance(step, Apply):
                found.append(_Draft(step, tuple([tuple([stands[n] for n in numbers]) for numbers in step.inputs]), []))
                continue
            terms = [(stands[n], row) for n, row in self._terms[step.out] if kinds[row] != ZERO and stands[n] is not None]
            if not terms:
                stands[step.out] = None
            elif len(terms) == 1 and kinds[terms[0][1]] == ONE:
                stands[step.out] = terms[0][0]
            else:
                rows = [None if kinds[row] == ONE else row for _, row in terms]
                found.append(_Draft(step, (tuple([n for n, _ in terms]),), rows))
        return found, stands[self._steps[-1].out]

    def _take_factors_in(self, drafts: Sequence[_Draft], readers: Mapping[int | None, int]) -> None:
        """Let weights take in the coefficient of what one sum alone reads."""
        givers = {draft.step.out: draft for draft in drafts if draft.step.out in self._takes_factor}
        for draft in drafts:
            for place, row in enumerate(draft.coefficients):
                number = draft.sources[0][place]
                if row is not None and readers[number] == 1 and number in givers:
                    givers[number].scale, draft.coefficients[place] = row, None

    def _overwrite(self, drafts: Sequence[_Draft], readers: Mapping[int | None, int]) -> None:
        """Let rectifiers overwrite their input where nobody else reads it and what gave it does without."""
        givers = {draft.step.out: draft for draft in drafts}
        for draft in drafts:
            source = draft.sources[0][0] if draft.step.out in self._rectifies else None
            if source is not None and readers[source] == 1 and source in givers:
                giver = givers[source]
                fresh = len(giver.coefficients) > 1 if isinstance(giver.step, Sum) else giver.step.op in NEED_NO_OUTPUT
                draft.overwrites = fresh


def _finished(draft: _Draft, done: tuple[int, ...]) -> Call | Add:
    if isinstance(draft.step, Apply):
        return Call(draft.step, draft.sources, draft.scale, draft.overwrites, done)
    return Add(draft.step, tuple(draft.reads), tuple(draft.coefficients), done)


def fixed_prefix(mixture: Mixture) -> tuple[tuple[Apply, ...], int]:
    """The steps without weights or randomness at the beginning, and the one value that passes from them to the others; none if that is
    no work or more than one value."""
    fixed: list[Apply] = []
    for step in mixture.steps:
        if not isinstance(step, Apply) or not operation(step.op).fixed or any(len(numbers) > 1 for numbers in step.inputs):
            break
        fixed.append(step)
    known = {0, *(step.out for step in fixed)}
    border = {n for step in mixture.steps[len(fixed) :] for n in step.reads if n in known}
    work = any(operation(step.op).flops(step.shapes, dict(step.settings)) for step in fixed)
    return (tuple(fixed), border.pop()) if work and len(border) == 1 and 0 not in border else ((), 0)
