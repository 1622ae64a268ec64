"""Coefficients: with which factor a tensor counts where choices are left open, as polynomials in the weights of options.

The weights of a decision's options add up to one, so that what every option has in common has the factor one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Monomial = tuple[tuple[str, int], ...]
"""Decision and position of its option, sorted; the product of their weights."""
Coefficient = tuple[tuple[Monomial, int], ...]
"""Monomials and how often each counts, sorted."""

ONE: Coefficient = (((), 1),)


def weighted(decision: str, position: int, coefficient: Coefficient) -> Coefficient:
    """``coefficient`` times the weight of an option."""
    return tuple(sorted((tuple(sorted((*m, (decision, position)))), count) for m, count in coefficient))


def product(first: Coefficient, second: Coefficient, options: Mapping[str, int]) -> Coefficient:
    """The product of both; ``options`` is the number of options by decision."""
    if first == ONE or second == ONE:
        return second if first == ONE else first
    return added([tuple((tuple(sorted(a + b)), m * n) for a, m in first for b, n in second)], options)


def added(coefficients: Iterable[Coefficient], options: Mapping[str, int]) -> Coefficient:
    """The sum of all, in which the weights of all options of a decision count as one."""
    counts: dict[Monomial, int] = {}
    for coefficient in coefficients:
        for monomial, count in coefficient:
            counts[monomial] = counts.get(monomial, 0) + count
    while (found := _complete(counts, options)) is not None:
        rest, alike = found
        often = min(counts[m] for m in alike)
        for m in alike:
            counts[m] -= often
            if not counts[m]:
                del counts[m]
        counts[rest] = counts.get(rest, 0) + often
    return tuple(sorted(counts.items()))


def _complete(counts: Mapping[Monomial, int], options: Mapping[str, int]) -> tuple[Monomial, list[Monomial]] | None:
    """A monomial whose products with the weights of all options of one decision are there, and these products."""
    for monomial in counts:
        for factor in dict.fromkeys(monomial):
            rest = list(monomial)
            rest.remove(factor)
            alike = [tuple(sorted((*rest, (factor[0], o)))) for o in range(options[factor[0]])]
            if all(m in counts for m in alike):
                return tuple(rest), alike
    return None
