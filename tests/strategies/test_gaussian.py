import numpy as np
import pytest

from metanas.strategies.gaussian import Fitted, fit, log_expected_improvement

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # when GPyTorch is imported

RNG = np.random.default_rng(0)
GROUP = np.repeat(np.arange(3), 2)
X, AT = RNG.random((12, 6)), RNG.random((7, 6))
Y = RNG.standard_normal(12)
FITTED = Fitted((0.5, 1.0, 0.1), 1.3, 0.02)


def test_mean_and_deviation_are_those_of_the_textbook() -> None:
    def covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        distance = np.abs(first[:, None] - second[None]) @ np.array(FITTED.weights)[GROUP]
        return FITTED.scale * np.exp(-distance)

    inverse = np.linalg.inv(covariance(X, X) + FITTED.noise * np.eye(12))
    cross = covariance(AT, X)
    points, at = (FITTED.stretched(x, GROUP) for x in (X, AT))
    for mean, deviation in (FITTED.process(points).predict(Y, at), FITTED.process(points, watched=at).predict(Y)):
        np.testing.assert_allclose(mean, cross @ inverse @ Y, atol=1e-4)
        np.testing.assert_allclose(deviation**2, FITTED.scale - np.diag(cross @ inverse @ cross.T), atol=1e-4)


def test_the_logarithm_of_the_expected_improvement_is_that_of_an_integral() -> None:
    draws = np.random.default_rng(1).standard_normal(400_000)
    mean, deviation = np.array([-1.5, 0.0, 2.0]), np.array([1.0, 0.5, 0.1])
    sampled = [np.maximum(m + d * draws - 0.3, 0.0).mean() for m, d in zip(mean, deviation, strict=True)]
    np.testing.assert_allclose(np.exp(log_expected_improvement(mean, deviation, 0.3)), sampled, rtol=0.03)  # five standard errors


def test_the_expected_improvement_keeps_its_order_far_from_the_best() -> None:
    values = log_expected_improvement(np.linspace(-60.0, 3.0, 500), np.ones(500), 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) > 0).all()


def test_the_fit_finds_which_numbers_matter_and_how_noisy_values_are() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 4, (60, 3)) / 3
    y = x[:, 0] + np.sin(4 * x[:, 1]) + 0.01 * rng.standard_normal(60)
    fitted = fit(x, (y - y.mean()) / y.std(), np.arange(3), None)
    assert max(fitted.weights[2] * 5, 0.0) < min(fitted.weights[:2])
    assert fitted.noise < 0.05
    noisy = fit(x, rng.standard_normal(60), np.arange(3), None)
    assert noisy.noise > 2 * fitted.noise


def test_the_fit_is_the_same_whatever_the_global_generators_say() -> None:
    import torch

    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = fit(X, Y, GROUP, None)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert fit(X, Y, GROUP, None) == first


def test_hyper_parameters_survive_json() -> None:
    assert Fitted.from_json(FITTED.to_json()) == FITTED
