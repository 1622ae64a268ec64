"""Laws of cutting: disjoint, complete, of the right size, and true to classes, groups and time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.tasks.splits import MOST_VALIDATION, Parts, cut


def free(n: int) -> np.ndarray:
    return np.zeros(n, np.int8)


def check_partition(parts: Parts, n: int) -> None:
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(rows.tolist()) == list(range(n))
    for part in (parts.train, parts.validation, parts.test):
        assert part.size
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(12, 600), classes=st.integers(1, 6))
def test_random_cuts_keep_the_shares_of_the_classes(seed: int, n: int, classes: int) -> None:
    labels = np.random.default_rng(seed).choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    parts = cut(labels, free(n), seed=seed)
    check_partition(parts, n)
    assert abs(len(parts.test) - 0.2 * n) <= classes
    counts = np.bincount(labels, minlength=classes)
    for part in (parts.train, parts.validation, parts.test):
        own = np.bincount(labels[part], minlength=classes)
        assert (own[counts >= 3] >= 1).all()
        assert (np.abs(own - counts * len(part) / n) <= 2.01).all()


def test_validation_is_a_third_of_few_rows_a_fifth_of_more_and_never_more_than_ten_thousand() -> None:
    def sizes(n: int) -> tuple[int, int, int]:
        parts = cut(None, free(n), seed=0)
        return len(parts.train), len(parts.validation), len(parts.test)

    assert sizes(100) == (53, 27, 20)
    assert sizes(1000) == (640, 160, 200)
    assert sizes(100_000) == (70_000, MOST_VALIDATION, 20_000)


def test_the_seed_decides() -> None:
    labels = np.arange(90) % 3
    one, same, other = (cut(labels, free(90), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.test, same.test)
    np.testing.assert_array_equal(one.validation, same.validation)
    assert one.test.tolist() != other.test.tolist()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), groups=st.integers(3, 40), labelled=st.booleans())
def test_no_group_is_on_both_sides_of_a_cut(seed: int, groups: int, labelled: bool) -> None:
    rng = np.random.default_rng(seed)
    of = np.concatenate([np.arange(groups), rng.integers(0, groups, 200)])
    labels = rng.integers(0, 3, len(of)) if labelled else None
    parts = cut(labels, free(len(of)), seed=seed, groups=of)
    check_partition(parts, len(of))
    sides = [set(of[p].tolist()) for p in (parts.train, parts.validation, parts.test)]
    assert sum(len(s) for s in sides) == len(set.union(*sides))


def test_grouped_cuts_are_of_about_the_right_size_and_balance() -> None:
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(50), 10)
    labels = (rng.random(500) < np.repeat(rng.random(50), 10)).astype(np.int64)
    parts = cut(labels, free(500), seed=0, groups=of)
    assert abs(len(parts.test) - 100) <= 20
    assert abs(labels[parts.test].mean() - labels.mean()) < 0.05


def test_a_class_that_lives_in_few_groups_stays_in_training_where_it_can() -> None:
    of = np.repeat(np.arange(10), 10)
    labels = (of == 0).astype(np.int64) + 2 * (of == 1)
    parts = cut(labels, free(100), seed=3, groups=of)
    assert set(labels[parts.train]) == {0, 1, 2}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), moments=st.integers(4, 400))
def test_later_parts_are_later_and_no_moment_is_divided(seed: int, moments: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.concatenate([np.arange(4), rng.integers(0, moments, 300)]).astype(np.float64)
    rng.shuffle(times)
    parts = cut(None, free(len(times)), seed=0, times=times)
    check_partition(parts, len(times))
    assert times[parts.train].max() < times[parts.validation].min()
    assert times[parts.validation].max() < times[parts.test].min()


def test_time_order_of_distinct_moments_takes_the_last_fifth_exactly() -> None:
    times = np.random.default_rng(0).permutation(1000).astype(np.float64)
    parts = cut(None, free(1000), seed=0, times=times)
    assert times[parts.test].min() == 800
    assert times[parts.validation].min() == 640


def test_given_parts_are_left_as_they_are() -> None:
    given_parts = np.array([0] * 60 + [2] * 30 + [1] * 10, np.int8)
    parts = cut(np.arange(100) % 2, given_parts, seed=0)
    assert parts.train.tolist() == list(range(60))
    assert parts.test.tolist() == list(range(60, 90))
    assert parts.validation.tolist() == list(range(90, 100))
    only_test = np.where(given_parts == 2, 2, 0).astype(np.int8)
    parts = cut(np.arange(100) % 2, only_test, seed=0)
    assert parts.test.tolist() == list(range(60, 90))
    assert len(parts.validation) == 23


def test_one_group_or_one_moment_can_not_be_cut() -> None:
    with pytest.raises(InputError, match="group column"):
        cut(None, free(20), seed=0, groups=np.zeros(20, np.int64))
    with pytest.raises(InputError, match="time column has too few different moments"):
        cut(None, free(20), seed=0, times=np.zeros(20))
    with pytest.raises(InputError, match="2 rows are too few"):
        cut(None, free(2), seed=0)
