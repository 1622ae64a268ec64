"""Evaluations of different thoroughness on one level."""

import pytest

from metanas.meta.prior.levels import on_one_level


def test_one_level_stays_as_it_is():
    assert on_one_level({3.0: {"a": 0.5, "b": 0.7}}) == {"a": 0.5, "b": 0.7}
    assert on_one_level({}) == {}


def test_levels_are_linked_by_what_they_have_in_common():
    """Hyperband: all briefly, the best longer. A constant between the levels is found and taken away; the longer evaluation counts."""
    brief = {key: 0.1 * number for number, key in enumerate("abcdefgh")}
    longer = {"g": 0.6 + 0.25, "h": 0.7 + 0.15}
    found = on_one_level({3.0: brief, 27.0: longer})
    assert found == pytest.approx({**brief, "g": 0.65, "h": 0.65})  # 0.2 apart in the middle
    moved = on_one_level({3.0: brief, 27.0: {key: value + 5 for key, value in longer.items()}})
    assert moved == pytest.approx(found)


def test_the_most_thorough_full_level_is_the_one_to_compare_on():
    full = {key: float(number) for number, key in enumerate("abcde")}
    assert on_one_level({9.0: full, 3.0: {"a": 10.0, "b": 11.0, "z": 12.0}}) == pytest.approx({**full, "z": 2.0})


def test_far_levels_with_nothing_in_common_are_left_out_and_close_ones_count_as_they_are():
    full = dict.fromkeys("abcde", 1.0)
    assert on_one_level({9.0: full, 1.0: {"z": 5.0}}) == full
    assert on_one_level({9.0: full, 8.0: {"z": 5.0}}) == {**full, "z": 5.0}
