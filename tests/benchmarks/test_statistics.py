"""Tests and effect sizes: against counting by hand, scipy and published examples."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metanas.benchmarks.statistics import (
    compare,
    compare_all,
    critical_difference,
    fewest_pairs,
    holm,
    ranking,
    restricted_mean,
    signed_rank,
    vargha_delaney,
)
from metanas.benchmarks.words import number, p_text, ranking_words, spread, verdicts

NUMBERS = st.lists(st.integers(0, 6), min_size=2, max_size=12)

# Demšar 2006, table 6: ranks of four decision-tree learners on fourteen data sets.
LEARNERS = {
    "C4.5": [4, 1, 4, 4, 4, 1, 3, 2.5, 4, 2.5, 4, 3, 4, 3],
    "C4.5+m": [3, 2, 1, 1, 2, 2.5, 2, 2.5, 3, 2.5, 2.5, 2, 1, 1],
    "C4.5+cf": [2, 3, 2, 3, 3, 4, 4, 4, 2, 2.5, 1, 4, 2, 4],
    "C4.5+m+cf": [1, 4, 3, 2, 1, 2.5, 1, 1, 1, 2.5, 2.5, 1, 3, 2],
}


def test_holm_steps_down_from_the_smallest() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert all(adjusted[a] <= adjusted[b] for a, b in pairwise(order))


def test_the_signed_rank_test_counts_out_all_signs() -> None:
    rng = np.random.default_rng(0)
    for size in (5, 8, 11):
        first, second = rng.normal(size=(2, size))
        difference = first - second
        ranks = stats.rankdata(np.abs(difference))
        observed = abs((np.sign(difference) * ranks).sum())
        extreme = [abs(np.dot(signs, ranks)) >= observed - 1e-9 for signs in product((-1, 1), repeat=size)]
        p, biserial = signed_rank(first, second)
        assert p == pytest.approx(np.mean(extreme))
        assert abs(biserial) == pytest.approx(observed / ranks.sum())


@pytest.mark.parametrize("size", [6, 20, 80])
def test_ties_and_equal_pairs_are_stood(size: int) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, size=(2, size)) / 10
    p, biserial = signed_rank(a, b)
    assert 0 < p <= 1
    assert -1 <= biserial <= 1
    assert signed_rank(a, a) == (1.0, 0.0)
    assert signed_rank(b, a) == pytest.approx((p, -biserial))
    only = a.copy()
    only[0] += 0.5
    assert signed_rank(only, a)[0] > 0.1  # one pair in all shows nothing


def test_no_difference_is_claimed_too_often() -> None:
    """800 tests of equal samples at the level of 5 %: more than 7.4 % would be 3 standard deviations beyond it, once in 700 times."""
    rng = np.random.default_rng(2)
    claimed = [signed_rank(*rng.integers(0, 30, size=(2, 25)))[0] < 0.05 for _ in range(800)]
    assert np.mean(claimed) < 0.074


@given(NUMBERS, NUMBERS)
def test_the_effect_is_the_share_of_won_pairs(first: list[int], second: list[int]) -> None:
    won = np.mean([(a > b) + 0.5 * (a == b) for a in first for b in second])
    assert vargha_delaney(first, second) == pytest.approx(won)


@pytest.mark.parametrize(("strategies", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (8, 3.031), (10, 3.164)])
def test_critical_differences_are_the_published_ones(strategies: int, q: float) -> None:
    """Demšar 2006, table 5 (a), with N such that the root is 1 over the square root of 6 N / (k (k + 1))."""
    problems = 14
    expected = q * math.sqrt(strategies * (strategies + 1) / (6 * problems))
    assert critical_difference(strategies, problems) == pytest.approx(expected, abs=2e-3)


def test_the_worked_example_of_four_learners() -> None:
    found = ranking({name: [-rank for rank in ranks] for name, ranks in LEARNERS.items()})
    assert dict(zip(found.strategies, found.ranks, strict=True)) == pytest.approx(
        {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}, abs=5e-4
    )
    assert found.strategies[0] == "C4.5+m+cf"
    assert found.critical == pytest.approx(1.25, abs=5e-3)
    assert found.p == pytest.approx(float(stats.friedmanchisquare(*LEARNERS.values()).pvalue))
    assert found.cliques == [(0, 3)]  # "the difference is smaller than the critical one": all under one bar
    assert "none is shown to be behind" in ranking_words(found)


def test_a_ranking_of_equals_and_of_too_few_says_so() -> None:
    assert ranking({"a": [1, 2], "b": [1, 2], "c": [1, 2]}).p == 1.0
    two = ranking({"a": [1.0, 2.0], "b": [0.0, 3.0]})
    assert math.isnan(two.p)
    assert "least for a test" in ranking_words(two)
    far = ranking({name: [float(place)] * 30 for place, name in enumerate("abc")})
    assert far.strategies == ("c", "b", "a")
    assert "ahead of b and a" in ranking_words(far)


def test_pairs_are_made_by_seed_and_gaps_left_out() -> None:
    found = compare("a", "b", {"a": {0: 1.0, 1: 2.0, 2: 5.0}, "b": {1: 1.0, 2: math.nan, 3: 9.0}})
    assert found.pairs == 1
    assert found.difference == 1.0
    nothing = compare("a", "b", {"a": {0: 1.0}, "b": {1: 1.0}})
    assert (nothing.pairs, nothing.p, nothing.better) == (0, 1.0, None)


def results(**means: float) -> dict[str, dict[int, float]]:
    rng = np.random.default_rng(0)
    return {name.replace("_", "-"): {s: mean + 0.1 * rng.normal() for s in range(30)} for name, mean in means.items()}


def test_sentences_name_winners_and_what_could_not_be_shown() -> None:
    few = results(evolution=1.0, random=0.5, genetic=1.0)
    told = verdicts(compare_all(few), {n: float(np.mean(list(r.values()))) for n, r in few.items()}, "on cifar10 after 200 evaluations")
    assert len(told) == 3
    assert told[0].startswith("evolution is better than random search on cifar10 after 200 evaluations (p = ")
    assert "A = 1.00)" in told[0]
    assert told[1].startswith("No difference could be shown between evolution and genetic on cifar10")
    many = results(evolution=1.0, random=0.5, genetic=1.0, worst=0.1)
    told = verdicts(compare_all(many), {n: float(np.mean(list(r.values()))) for n, r in many.items()}, "here")
    assert len(told) == 2
    assert "is better than" in told[0]
    assert "no difference could be shown between it and" in told[0]
    assert told[1].startswith("random search is better than worst")
    assert "and is worse than evolution and genetic" in told[1]


def test_too_few_seeds_are_said_to_be_too_few() -> None:
    assert fewest_pairs() == 6  # 2 / 2 ** 6 is the first below 5 %
    assert fewest_pairs(3) == 7
    for tests in (1, 3, 10):
        n = fewest_pairs(tests)
        assert tests * signed_rank(np.arange(1, n + 1), np.zeros(n))[0] < 0.05 <= tests * signed_rank(np.arange(1, n), np.zeros(n - 1))[0]
    pair = {"a": {0: 1.0, 1: 2.0}, "b": {0: 0.0, 1: 0.0}}
    assert "too few" in verdicts(compare_all(pair), {"a": 1.5, "b": 0.0}, "here")[0]


def test_numbers_are_printed_as_the_field_does() -> None:
    assert number("accuracy", 0.93921) == "93.92"
    assert number("mse", 0.00021349) == "0.0002135"
    assert number("accuracy:attacked", 0.5) == "50.00"
    assert number("accuracy", math.nan) == "-"
    assert spread("accuracy", 0.9392, 0.003) == "93.92 ± 0.30"
    assert spread("mse", 0.22294, 0.0015263) == "0.2229 ± 0.0015"
    assert p_text(0.0496) == "0.0496"
    assert p_text(3.2e-7) == "3e-07"


def test_runs_that_never_arrive_count_with_their_budget() -> None:
    assert restricted_mean([10, 30, math.inf], 50) == pytest.approx((30.0, 2 / 3))
    assert restricted_mean([10, math.inf], [50, 70]) == pytest.approx((40.0, 0.5))
