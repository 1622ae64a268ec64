"""The coefficients of a mixture's sums: all at once from the weights of the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from metanas.errors import InputError
from metanas.spaces.coefficients import Coefficient
from metanas.spaces.decision import Decision

ZERO, ONE, NUMBER, GRADED = range(4)
"""Kinds of coefficients: exactly zero, exactly one, another number, or a tensor through which a gradient may pass."""


@dataclass(frozen=True)
class Factors:
    """The coefficients of one forward pass.

    Args:
        kinds: of every coefficient.
        values: as numbers; those of graded ones may be None.
        tensors: one by one.
        transformed: whether a transform of ``torch.func`` is at work.
    """

    kinds: bytes
    values: Sequence[float | None]
    tensors: Sequence[Tensor]
    transformed: bool

    def __getitem__(self, row: int) -> Tensor | float:
        """A coefficient: with its gradient where there may be one, else as a number."""
        value = self.values[row]
        return self.tensors[row] if value is None or self.kinds[row] == GRADED else value


class Coefficients(nn.Module):
    """Polynomials in the weights of options.

    Args:
        coefficients: to be evaluated, without repeats.
        decisions: the open ones.
    """

    columns: Tensor
    owners: Tensor
    counts: Tensor

    def __init__(self, coefficients: Sequence[Coefficient], decisions: Sequence[Decision]) -> None:
        super().__init__()
        self.decisions = tuple(decisions)
        starts, total = {}, 0
        for decision in decisions:
            starts[decision.name] = total
            total += len(decision.options)
        monomials = [(row, monomial, count) for row, c in enumerate(coefficients) for monomial, count in c]
        degree = max((len(monomial) for _, monomial, _ in monomials), default=1)
        columns = [[starts[name] + option for name, option in m] + [total] * (max(1, degree) - len(m)) for _, m, _ in monomials]
        self.size = len(coefficients)
        self.register_buffer("columns", torch.tensor(columns, dtype=torch.int64).view(-1, max(1, degree)).T.contiguous(), persistent=False)
        self.register_buffer("owners", torch.tensor([row for row, _, _ in monomials], dtype=torch.int64), persistent=False)
        self.register_buffer("counts", torch.tensor([float(count) for _, _, count in monomials]), persistent=False)
        self._names = [{name for m, _ in c for name, _ in m} for c in coefficients]
        self._constants = [None if names else float(c[0][1]) for c, names in zip(coefficients, self._names, strict=True)]

    def forward(self, weights: Mapping[str, Tensor]) -> Factors:
        """All coefficients, from the weights of every open decision, ``(options,)``.

        Raises:
            InputError: if the weights of a decision are missing or of another number than its options.
        """
        given = [self._of(decision, weights) for decision in self.decisions]
        flat = torch.cat([*given, given[0].new_ones(1)])
        products = flat[self.columns[0]]
        for column in self.columns[1:]:
            products = products * flat[column]
        tensor = products.new_zeros(self.size).index_add(0, self.owners, products * self.counts.to(products.dtype))
        traced = bool(torch._C._are_functorch_transforms_active())  # there tensors don't say whether a gradient is wanted
        graded = {d.name for d, w in zip(self.decisions, given, strict=True) if traced or w.requires_grad}
        values: list[float | None]
        try:
            values = tensor.detach().tolist()
        except RuntimeError:  # under vmap values are not to be had: nothing is known to be zero
            values = list(self._constants)
        kinds = bytes(map(_kind, values, (bool(graded & names) for names in self._names)))
        return Factors(kinds, values, tensor.unbind() if GRADED in kinds else (), traced)

    @staticmethod
    def _of(decision: Decision, weights: Mapping[str, Tensor]) -> Tensor:
        found = weights.get(decision.name)
        if found is None or found.shape != (len(decision.options),):
            what = "none" if found is None else f"the shape {tuple(found.shape)}"
            raise InputError(f"the weights of {decision.name!r} must have the shape ({len(decision.options)},), one per option; got {what}")
        return found


def _kind(value: float | None, graded: bool) -> int:
    if value == 0:
        return ZERO
    if value is None or graded:
        return GRADED
    return ONE if value == 1 else NUMBER
