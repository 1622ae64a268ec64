import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import metanas.delivery.resampling as resampling
from metanas.delivery.resampling import bootstrap, percentile_interval, statistic, wilson
from metanas.tasks import metrics


def problem(kind, rows, outputs, seed):
    rng = np.random.default_rng(seed)
    if kind == "regression":
        y = rng.normal(size=(rows, outputs)) * 5 + 3
        return y, y + rng.normal(size=y.shape)
    y = rng.integers(outputs, size=rows)
    p = rng.dirichlet(np.ones(outputs), size=rows).round(2) + 0.01  # rounding makes ties
    return y, p / p.sum(axis=1, keepdims=True)


CASES = [(name, kind) for name, (kind, _) in metrics.METRICS.items()]


@pytest.mark.parametrize(("metric", "kind"), CASES)
@settings(max_examples=25, deadline=None)
@given(rows=st.integers(2, 40), outputs=st.integers(2, 5), seed=st.integers(0, 10**6))
def test_counting_rows_is_the_metric_on_repeated_rows(metric, kind, rows, outputs, seed):
    y, p = problem(kind, rows, outputs, seed)
    counts = np.random.default_rng(seed + 1).integers(0, 4, size=(3, rows))
    counts[:, :2] += 1  # of one row alone r2 is a matter of rounding
    expected = [metrics.compute_one(metric, np.repeat(y, c, axis=0), np.repeat(p, c, axis=0)) for c in counts]
    assert statistic(metric, y, p)(counts.astype(float)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("metric", "kind"), CASES)
def test_equal_competitors_get_equal_resamples_and_the_seed_decides(metric, kind):
    y, p = problem(kind, 60, 3, 0)
    first = bootstrap(metric, y, [p, p], resamples=50, seed=4)
    assert first.shape == (2, 50)
    assert np.array_equal(first[0], first[1])
    assert np.array_equal(first, bootstrap(metric, y, [p, p], resamples=50, seed=4))
    assert not np.array_equal(first, bootstrap(metric, y, [p, p], resamples=50, seed=5))


def test_bootstrap_spread_is_the_standard_error_of_a_mean():
    y, p = problem("classification", 400, 2, 1)
    right = (p.argmax(axis=1) == y).mean()
    draws = bootstrap("accuracy", y, [p], resamples=4000, seed=0)[0]
    assert draws.std() == pytest.approx(np.sqrt(right * (1 - right) / 400), rel=0.05)


def test_many_rows_get_fewer_resamples():
    y = np.zeros(150_000, dtype=np.int64)
    p = np.tile([0.7, 0.3], (150_000, 1))
    draws = bootstrap("accuracy", y, [p], resamples=1000)
    assert draws.shape == (1, 200)
    assert (draws == 1).all()


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_agrees_with_scipy(n, share):
    successes = round(share * n)
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    low, high = wilson(successes, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-5)
    assert low <= successes / n <= high


def test_a_perfect_score_is_not_certain():
    ones = np.ones(200)
    for metric in ("accuracy", "balanced_accuracy", "f1", "roc_auc"):
        low, high = percentile_interval(metric, 1.0, ones, 30)
        assert low == pytest.approx(0.8865, abs=1e-3)
        assert high == 1.0


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = 0
    for k in range(200):
        y = rng.normal(size=(80, 1))
        draws = bootstrap("mae", y, [np.zeros((80, 1))], resamples=300, seed=k)[0]
        low, high = percentile_interval("mae", metrics.compute_one("mae", y, np.zeros((80, 1))), draws, 80)
        covered += low <= np.sqrt(2 / np.pi) <= high
    assert 0.88 <= covered / 200 <= 0.99


@pytest.mark.parametrize("classes", [2, 5])
def test_the_linear_part_of_the_area_has_its_value_and_spread(classes, monkeypatch):
    rng = np.random.default_rng(3)
    y = rng.integers(classes, size=900)
    p = rng.dirichlet(np.ones(classes), size=900).round(2) + np.eye(classes)[y] / 4
    exact = bootstrap("roc_auc", y, [p], resamples=400)[0]
    monkeypatch.setattr(resampling, "MOST_RANKED", 0)
    assert statistic("roc_auc", y, p)(np.ones((1, 900)))[0] == pytest.approx(metrics.compute_one("roc_auc", y, p))
    linear = bootstrap("roc_auc", y, [p], resamples=400)[0]
    assert linear.std() == pytest.approx(exact.std(), rel=0.05)
    assert np.corrcoef(linear, exact)[0, 1] > 0.99
