"""Polynomials in the weights of options."""

from math import prod

from hypothesis import given
from hypothesis import strategies as st

from metanas.spaces.coefficients import ONE, added, product, weighted

OPTIONS = {"a": 2, "b": 3, "c": 2}
FACTORS = st.sampled_from([(name, i) for name, count in OPTIONS.items() for i in range(count)])
MONOMIALS = st.lists(FACTORS, max_size=3).map(lambda found: tuple(sorted(found)))
COEFFICIENTS = st.dictionaries(MONOMIALS, st.integers(1, 3), min_size=1, max_size=6).map(lambda found: tuple(sorted(found.items())))
WEIGHTS = {("a", 0): 0.25, ("a", 1): 0.75, ("b", 0): 0.5, ("b", 1): 0.125, ("b", 2): 0.375, ("c", 0): 1.0, ("c", 1): 0.0}


def value(coefficient):
    return sum(count * prod(WEIGHTS[factor] for factor in monomial) for monomial, count in coefficient)


@given(COEFFICIENTS, COEFFICIENTS, FACTORS)
def test_they_compute_with_values(first, second, factor):
    assert abs(value(added([first, second], OPTIONS)) - value(first) - value(second)) < 1e-12
    assert abs(value(product(first, second, OPTIONS)) - value(first) * value(second)) < 1e-12
    assert abs(value(weighted(*factor, first)) - WEIGHTS[factor] * value(first)) < 1e-12


@given(COEFFICIENTS)
def test_what_all_options_have_in_common_counts_once(coefficient):
    for name, count in OPTIONS.items():
        others = tuple((monomial, often) for monomial, often in coefficient if all(factor[0] != name for factor in monomial))
        assert added([weighted(name, i, others) for i in range(count)], OPTIONS) == added([others], OPTIONS)


def test_some_sums():
    a0, a1 = weighted("a", 0, ONE), weighted("a", 1, ONE)
    assert added([a0, a1], OPTIONS) == ONE
    assert added([a0, a0], OPTIONS) == (((("a", 0),), 2),)
    assert added([product(a0, a0, OPTIONS), product(a0, a1, OPTIONS)], OPTIONS) == a0
    assert added([ONE, ONE], OPTIONS) == (((), 2),)
