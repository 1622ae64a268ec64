"""Rows in an order that follows from what is in them."""

from __future__ import annotations

import numpy as np
import pytest

from metanas.tasks import Task
from metanas.tasks.canonical import MOST_BINS, MOST_WORDS, array_hashes, groups


@pytest.mark.parametrize("width", [1, 7, 8, 100])
@pytest.mark.parametrize("kind", ["uint8", "int32", "float32"])
def test_different_rows_have_different_hashes_also_where_they_differ_in_high_bits_alone(width: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    rows = np.unique(rng.integers(0, 3, (3000, width)), axis=0).astype(kind)
    assert len(np.unique(array_hashes(rows))) == len(rows)
    np.testing.assert_array_equal(array_hashes(rows[::-1]), array_hashes(rows)[::-1])


def test_long_rows_are_read_in_part() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3, 5000)).astype(np.float32)
    assert x[0].nbytes > 8 * 2 * MOST_WORDS
    assert len(set(array_hashes(x))) == 50


def test_rows_are_drawn_evenly_and_each_of_equal_rows_has_a_key_of_its_own() -> None:
    x = np.zeros((3000, 2))
    x[:1000] = 1
    task = Task.from_arrays(x, np.repeat(np.arange(3), 1000))
    found = groups(task, task.prepare()[0])
    assert len(np.unique(found.keys)) > len(found.keys) * 0.4  # classes 1 and 2 share their rows
    drawn = np.bincount(found.labels[found.lowest(600)], minlength=3)
    assert drawn.sum() == 600
    assert drawn.min() > 120
    assert found.duplicate_share > 0.99


def test_classes_are_numbered_by_their_size_whatever_they_are_called() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [50, 150, 100])
    task = Task.from_arrays(rng.normal(size=(300, 2)), y)
    found = groups(task, task.prepare()[0])
    assert (np.diff(found.counts) <= 0).all()
    np.testing.assert_array_equal(found.labels, np.array([2, 0, 1])[task.targets[task.train]])


def test_bins_are_in_the_order_of_the_target_and_ties_share_one() -> None:
    rng = np.random.default_rng(0)
    target = np.concatenate([np.zeros(300), rng.normal(size=200) ** 2 + 1])
    task = Task.from_arrays(rng.normal(size=(500, 2)), target)
    found, y = groups(task, task.prepare()[0]), task.targets[task.train, 0]
    assert len(found.counts) <= MOST_BINS
    assert len(np.unique(found.labels[y == 0])) == 1
    highest = [y[found.labels == k].max() for k in range(len(found.counts))]
    assert highest == sorted(highest)
