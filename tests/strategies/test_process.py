"""A process against the textbook's formulas, computed at once with an inverse."""

import numpy as np
import pytest

from metanas.strategies.process import Process

RNG = np.random.default_rng(0)
X, AT = RNG.random((12, 3)), RNG.random((7, 3))
Y = RNG.standard_normal(12)
VARIANCE, NOISE = 1.3, 0.02


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.exp(-np.square(first[:, None] - second).sum(axis=2))


def covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return VARIANCE * correlation(first, second)


def test_mean_and_deviation_are_those_of_the_textbook() -> None:
    inverse = np.linalg.inv(covariance(X, X) + NOISE * np.eye(12))
    cross = covariance(AT, X)
    mean, deviation = Process(covariance, VARIANCE, NOISE, X).predict(Y, AT)
    np.testing.assert_allclose(mean, cross @ inverse @ Y, atol=1e-9)
    np.testing.assert_allclose(deviation**2, VARIANCE - np.diag(cross @ inverse @ cross.T), atol=1e-9)


@pytest.mark.parametrize("variance", [VARIANCE, None])
def test_points_added_one_by_one_and_candidates_watched_give_the_same(variance: float | None) -> None:
    kernel = correlation if variance is None else covariance
    whole = Process(kernel, variance, NOISE, X).predict(Y, AT)
    grown = Process(kernel, variance, NOISE, X[:4], watched=AT)
    for point in X[4:]:
        grown.add(point[None])
    np.testing.assert_allclose(grown.predict(Y), whole, atol=1e-9)
    np.testing.assert_allclose(grown.predict(Y, AT), whole, atol=1e-9)


def test_many_more_points_than_places_are_kept() -> None:
    points, y = RNG.random((60, 3)), RNG.standard_normal(60)
    grown = Process(covariance, VARIANCE, NOISE, points[:1], watched=AT)
    for point in points[1:]:
        grown.add(point[None])
    np.testing.assert_allclose(grown.predict(y), Process(covariance, VARIANCE, NOISE, points).predict(y, AT), atol=1e-8)


def test_an_unknown_variance_is_the_most_probable_one() -> None:
    """The likelihood of the targets is largest there, and the deviation is that of a process which knows it."""
    mean, deviation = Process(correlation, None, NOISE, X).predict(Y, AT)
    plain = correlation(X, X) + NOISE * np.eye(12)
    variances = np.geomspace(0.01, 100, 2001)
    fit = Y @ np.linalg.solve(plain, Y) / variances + 12 * np.log(variances)  # minus twice the log-likelihood, up to a constant
    best = float(variances[fit.argmin()])
    told = Process(lambda a, b: best * correlation(a, b), best, best * NOISE, X).predict(Y, AT)
    np.testing.assert_allclose(mean, told[0], atol=1e-9)
    np.testing.assert_allclose(deviation, told[1], rtol=5e-3)


def test_expected_targets_move_no_mean_and_leave_less_doubt() -> None:
    told = np.arange(12) % 3 > 0
    mean, deviation = Process(covariance, VARIANCE, NOISE, X[told]).predict(Y[told], AT)
    process = Process(covariance, VARIANCE, NOISE, X)
    mean_too, less = process.predict(process.with_expected(Y, told), AT)
    np.testing.assert_allclose(mean_too, mean, atol=1e-9)
    assert (less < deviation).all()
    assert process.with_expected(Y, np.ones(12, bool)) is Y
