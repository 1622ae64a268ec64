"""Laws of the cost model, on devices that are known exactly."""

import json
from functools import cache

import numpy as np
import pytest
from device_examples import DECISIONS, architectures, device, model, prices
from scipy.stats import spearmanr

from metanas.errors import InputError
from metanas.meta.cost_model import CostModel, Features, Measured, choice_features
from metanas.meta.cost_model.device import _GRID
from metanas.meta.cost_model.evidence import fit_variances
from metanas.meta.cost_model.kernel import Kernel

TEN = architectures(10, seed=1)
OTHERS = architectures(200, seed=2)


@cache
def learned() -> CostModel:
    return model()


def test_a_mixture_of_source_devices_is_recovered():
    costs = 0.2 * prices(0) + 0.5 * prices(1) + 0.3 * prices(3)
    mean, deviation = learned().adapt(TEN, device(TEN, costs)).predict(OTHERS)
    truth = device(OTHERS, costs)
    assert spearmanr(mean, truth).statistic > 0.998
    assert np.abs(mean / truth - 1).max() < 0.02
    assert (deviation < 0.1 * truth).all()


def test_a_device_unlike_the_sources_is_recovered_once_enough_is_measured():
    costs = 5.0 * np.random.default_rng(1).random(18)  # any option of any layer costs anything
    many = architectures(60, seed=3)
    few, more = (learned().adapt(f, device(f, costs)).predict(OTHERS)[0] for f in (TEN, many))
    truth = device(OTHERS, costs)
    errors = [float(np.abs(mean / truth - 1).mean()) for mean in (few, more)]
    assert errors[1] < 0.02 < errors[0]


@pytest.mark.parametrize("factor", [1e-3, 60.0, 1e9])
def test_the_unit_does_not_matter(factor):
    latencies = device(TEN, prices(11))
    mean, deviation = learned().adapt(TEN, latencies).predict(OTHERS)
    scaled, scaled_deviation = learned().adapt(TEN, latencies * factor).predict(OTHERS)
    np.testing.assert_allclose(scaled, mean * factor, rtol=1e-8)
    np.testing.assert_allclose(scaled_deviation, deviation * factor, rtol=1e-6)


def test_the_unit_of_a_source_does_not_matter():
    features = architectures(80)
    latencies = [device(features, prices(seed)) for seed in range(3)]
    models = []
    for units in ((1.0, 1.0, 1.0), (1e-3, 1.0, 1e6)):
        sources = {str(i): Measured(features, y * unit) for i, (y, unit) in enumerate(zip(latencies, units, strict=True))}
        models.append(CostModel.learn(sources, np.random.default_rng(0), most=50))
    first, second = (m.adapt(TEN, device(TEN, prices(11))).predict(OTHERS)[0] for m in models)
    np.testing.assert_allclose(first, second, rtol=1e-3)


def test_the_order_of_the_references_does_not_matter():
    latencies = device(TEN, prices(11))
    mean, deviation = learned().adapt(TEN, latencies).predict(OTHERS)
    turned, turned_deviation = learned().adapt(TEN.rows(slice(None, None, -1)), latencies[::-1]).predict(OTHERS)
    np.testing.assert_allclose(turned, mean, rtol=1e-7)
    np.testing.assert_allclose(turned_deviation, deviation, rtol=1e-5)


def test_more_of_what_costs_takes_longer():
    """From skipping to a small to a large operation, layer by layer, where that is so on every source device."""
    steps = np.array([[min(max(n - 2 * layer, 0), 2) for layer in range(6)] for n in range(13)])
    mean, _ = learned().adapt(TEN, device(TEN, prices(11))).predict(choice_features(DECISIONS, steps))
    assert (np.diff(mean) > 0).all()
    assert (mean > 0).all()


def test_deviations_are_honest():
    """Of noisy devices, between 85 and 100 % of the errors are within two deviations (95 % of a normal distribution's are)."""
    noisy, rng, within = model(devices=6, noise=0.1), np.random.default_rng(9), []
    for seed in range(20, 28):
        y, truth = (device(f, prices(seed)) * np.exp(0.1 * rng.standard_normal(len(f))) for f in (TEN, OTHERS))
        mean, deviation = noisy.adapt(TEN, y).predict(OTHERS)
        within.append(np.mean(np.abs(mean - truth) < 2 * deviation))
    assert 0.85 < np.mean(within) <= 1.0


def test_further_measurements_are_learned_from():
    latencies = device(TEN, prices(11))
    half = learned().adapt(TEN.rows(slice(5)), latencies[:5]).with_measured(TEN.rows(slice(5, None)), latencies[5:])
    for one, other in zip(half.predict(OTHERS), learned().adapt(TEN, latencies).predict(OTHERS), strict=True):
        np.testing.assert_array_equal(one, other)


def test_source_devices_need_not_share_their_architectures():
    sources = {str(seed): Measured(f := architectures(100, seed), device(f, prices(seed))) for seed in range(4)}
    mixed = CostModel.learn(sources, np.random.default_rng(0), inducing=150, most=60)
    mean, _ = mixed.adapt(TEN, device(TEN, prices(11))).predict(OTHERS)
    assert spearmanr(mean, device(OTHERS, prices(11))).statistic > 0.98


def test_kept_as_arrays_it_predicts_the_same():
    arrays, record = learned().to_arrays()
    again = CostModel.from_arrays(arrays, json.loads(json.dumps(record)))
    assert again.devices == learned().devices
    for one, other in zip(*(m.adapt(TEN, device(TEN, prices(11))).predict(OTHERS) for m in (learned(), again)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert sum(a.nbytes for a in arrays.values()) + len(json.dumps(record)) < 1_000_000


def test_learning_twice_gives_the_same():
    for one, other in zip(*(m.to_arrays()[0].values() for m in (learned(), model())), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: CostModel.learn({"one": Measured(TEN, np.ones(10))}, np.random.default_rng(0)), "at least two devices"),
        (lambda: Measured(TEN, np.full(10, -1.0)), "positive latency"),
        (lambda: Measured(TEN, np.ones(9)), "positive latency"),
        (lambda: learned().adapt(TEN, np.r_[np.ones(9), np.nan]), "positive latencies"),
        (lambda: learned().adapt(TEN.rows([0]), [1.0]), "at least two reference"),
        (lambda: learned().adapt(Features(TEN.values[:, :1], ("width",), ("choices",)), np.ones(10)), "give those of its space"),
        (lambda: CostModel.from_arrays({}, {"schema": 1}), "learn it anew"),
        (lambda: CostModel.from_arrays({}, {"schema": 99}), "newer version"),
        (lambda: Kernel.of(TEN.rows([0, 0])), "all alike"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(act, said):
    with pytest.raises(InputError, match=said):
        act()


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_evidence_finds_the_variances_that_made_the_measurements(noise):
    """Of 20 draws with variances (0.5, 0), the median within a factor of 1.6 (by chance not so in fewer than 1 in 1,000)."""
    rng = np.random.default_rng(0)
    x, z = rng.standard_normal((2, 60, 12))
    covariances = np.stack([x @ x.T / 12, z @ z.T / 12])
    drawn = [x @ rng.standard_normal(12) * (0.5 / 12) ** 0.5 + noise * rng.standard_normal(60) for _ in range(20)]
    found = [fit_variances(rest, covariances) for rest in drawn]
    variances = np.median([v for v, _ in found], axis=0)
    assert 0.5 / 1.6 < variances[0] < 0.5 * 1.6
    assert variances[1] < 0.01
    assert noise**2 / 1.6 < np.median([n for _, n in found]) < noise**2 * 1.6


def test_a_prediction_is_the_mean_over_hypotheses_computed_one_by_one():
    """The same sums, written out: one Gaussian process per hypothesis with its own unit, then the mixture's mean and variance."""
    prior, y = learned().prior, device(TEN, prices(11))
    at, references = prior.encode(OTHERS), prior.encode(TEN)
    scores, means, variances = [], [], []
    for steps in _GRID:
        mix, own, noise = np.exp(prior.amounts[:, 0] + prior.amounts[:, 1] * steps)

        def covariance(first, second, mix=mix, own=own):
            mixture, rest = prior.covariances(first, second)
            return mix * mixture + own * rest

        total, m, towards = covariance(references, references) + noise * np.eye(10), references.mean, covariance(at, references)
        inverse = np.linalg.inv(total + 1e-9 * np.eye(10))
        candidates = np.roots([y @ inverse @ y, -y @ inverse @ m, -10.0])  # of the derivative with respect to 1 / unit
        unit = 1.0 / candidates.max()
        rest = y / unit - m
        scores.append(-10 * np.log(unit) - 0.5 * (rest @ inverse @ rest + np.linalg.slogdet(total)[1] + steps @ steps))
        means.append(unit * (at.mean + towards @ inverse @ rest))
        doubt = 1.0 / (y @ inverse @ y / unit**2 + 10)
        spread = np.diag(covariance(at, at)) - np.diag(towards @ inverse @ towards.T) + noise
        variances.append(unit**2 * (spread + doubt * (at.mean - towards @ inverse @ m) ** 2))
    shares = np.exp(scores - np.max(scores))
    shares /= shares.sum()
    mean = shares @ means
    mean_there, deviation = learned().adapt(TEN, y).predict(OTHERS)
    np.testing.assert_allclose(mean_there, mean, rtol=1e-5)  # no latency is near zero here
    np.testing.assert_allclose(deviation**2, shares @ (np.array(variances) + np.square(means)) - mean**2, rtol=1e-4)


def test_covariances_are_positive_and_agree_with_their_diagonal():
    kernel = Kernel.of(OTHERS)
    z, weights = kernel.standardised(OTHERS), np.arange(1.0, len(kernel) + 1)
    total = kernel.weighted(z, z, weights)
    assert len(list(kernel.between(z[:2], z[:3]))) == len(kernel)
    assert np.linalg.eigvalsh(total).min() > -1e-8 * np.trace(total)
    np.testing.assert_allclose(np.diag(total), kernel.variance(z, weights))
