import numpy as np
import pytest

from metanas.strategies.base import Known
from metanas.strategies.targets import on_one_scale, spread, standardised
from metanas.testing import planted_space


def known(values: list[float], efforts: list[float] | None = None) -> list[Known]:
    architecture = planted_space(2).baseline
    return [Known(architecture, (v,), e) for v, e in zip(values, efforts or [9.0] * len(values), strict=True)]


def test_targets_keep_the_order_and_resolve_the_best_whatever_the_scale() -> None:
    shares = [0.1, 0.5, 0.9, 0.91, 0.92, -np.inf]
    found = spread(known(shares))
    assert found[5] == found[0] == found.min()
    assert (np.diff(found[:5]) > 0).all()
    assert found.mean() == pytest.approx(0)
    np.testing.assert_allclose(found, spread(known([100 * v - 7 for v in shares])))
    assert not spread(known([1.0, 1.0])).any()
    assert not spread(known([-np.inf])).any()
    promoted = spread(known([5.0, 4.0, 0.3, 0.2], [1.0, 1.0, 9.0, 9.0]))
    assert promoted.argmax() == 2
    assert promoted[0] > promoted[3]


def test_the_best_of_a_lower_effort_stands_where_the_median_of_the_next_higher_one_is() -> None:
    found = on_one_scale(known([10.0, 11.0, 0.2, 0.4, 0.6, -np.inf], [1.0, 1.0, 9.0, 9.0, 9.0, 9.0]))
    np.testing.assert_allclose(found, [-0.6, 0.4, 0.2, 0.4, 0.6, -0.6])
    assert on_one_scale(known([-np.inf, -np.inf])).tolist() == [0.0, 0.0]


def test_equal_values_are_standardised_to_nothing() -> None:
    assert standardised(np.full(3, 7.0)).tolist() == [0.0, 0.0, 0.0]
    assert standardised(np.array([1.0, 3.0])).tolist() == [-1.0, 1.0]
