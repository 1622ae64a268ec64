"""The ranking-weighted ensemble: its losses, weights and answers against computations in loops, and who gets weight."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from metanas.meta.surrogate import RankedEnsemble, TaskProcess, normal_scores
from metanas.meta.surrogate import rgpe as module
from metanas.meta.surrogate.rgpe import DILUTION, drawn, left_out_losses, rank_weights, ranking_losses, thinned
from metanas.strategies.gaussian import Fitted

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # when GPyTorch is imported

Floats = NDArray[np.float64]
FEATURES = 5
GROUP = np.arange(FEATURES)


def points(n: int, seed: int) -> Floats:
    return np.random.default_rng(seed).integers(0, 4, (n, FEATURES)) / 3.0


def good(x: Floats) -> Floats:
    return 2 * x[:, 0] + x[:, 1] - np.square(x[:, 2])


def other(x: Floats) -> Floats:
    return x[:, 3] - x[:, 4]


def process(x: Floats, y: Floats) -> TaskProcess:
    """With hyper-parameters of the test's own."""
    return TaskProcess(x, (y - y.mean()) / y.std(), Fitted((0.4, 0.3, 0.2, 0.1, 0.1), 1.2, 0.05), GROUP)


def covariance(a: Floats, b: Floats) -> Floats:
    weights = np.array([0.4, 0.3, 0.2, 0.1, 0.1])
    return np.array([[1.2 * math.exp(-float((weights * abs(p - q)).sum())) for q in b] for p in a])


def posterior(x: Floats, z: Floats, asked: Floats) -> tuple[Floats, Floats]:
    """Rasmussen and Williams 2006, equations 2.23 and 2.24, by solving."""
    k = covariance(x, x) + (0.05 + 1e-6) * np.eye(len(x))
    across = covariance(asked, x)
    return across @ np.linalg.solve(k, z), covariance(asked, asked) - across @ np.linalg.solve(k, across.T)


def test_a_process_is_the_textbooks() -> None:
    x, asked = points(12, 0), points(7, 1)
    made = process(x, good(x))
    mean, spread = posterior(x, made.z, asked)
    np.testing.assert_allclose(made.joint(asked)[0], mean, rtol=1e-6)
    np.testing.assert_allclose(made.joint(asked)[1], spread, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(made.predict(asked)[1], np.diag(spread), rtol=1e-5)


def test_the_loss_counts_pairs_in_the_wrong_order() -> None:
    rng = np.random.default_rng(0)
    samples, y = rng.normal(size=(9, 6)).round(1), rng.normal(size=6).round(0)  # with ties
    counted = [sum((f[j] < f[k]) != (y[j] < y[k]) for j in range(6) for k in range(6)) for f in samples]
    np.testing.assert_array_equal(ranking_losses(samples, y), counted)
    assert ranking_losses(np.arange(5.0)[None], np.arange(5.0))[0] == 0
    assert ranking_losses(-np.arange(5.0)[None], np.arange(5.0))[0] == 5 * 4


def test_the_targets_own_loss_leaves_each_result_out() -> None:
    """Its mean is the sum of probabilities of wrong pairs under processes that were each made without one result; within five standard
    errors (false alarms: 1e-6)."""
    x = np.unique(points(8, 3), axis=0)
    y = other(x) + 0.1 * np.arange(len(x))
    made, wrong = process(x, y), 0.0
    for j in range(len(x)):
        mean, spread = posterior(np.delete(x, j, 0), np.delete(made.z, j), x)
        for k in range(len(x)):
            if k != j:
                apart = spread[j, j] + spread[k, k] - 2 * spread[j, k]
                below = float(norm.cdf((mean[k] - mean[j]) / math.sqrt(apart)))  # of f_j < f_k
                wrong += 1 - below if y[j] < y[k] else below
    found = left_out_losses(made, y, 4000, np.random.default_rng(0))
    assert abs(found.mean() - wrong) < 5 * found.std() / math.sqrt(len(found))


def test_samples_have_the_mean_and_covariance_asked_for() -> None:
    mean, spread = posterior(points(4, 0), np.array([1.0, -1.0, 0.5, 0.0]), points(3, 1))
    found = drawn(mean, spread, 50_000, np.random.default_rng(0))
    np.testing.assert_allclose(found.mean(0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(found.T), spread, atol=0.03)
    np.testing.assert_allclose(drawn(np.ones(2), np.zeros((2, 2)), 3, np.random.default_rng(0)), 1.0)


def test_weights_counted_by_hand() -> None:
    """Two tasks and the target, four samples: the first wins one alone, and shares another with the target, which wins the rest."""
    losses = np.array([[0, 2, 4, 4], [9, 9, 9, 9], [3, 2, 1, 3]])
    np.testing.assert_allclose(rank_weights(losses), [0.375, 0.0, 0.625])


def test_what_would_dilute_is_left_out_even_where_it_is_best() -> None:
    """A lucky sample of a poor model counts for nothing."""
    losses = np.array([[0, 9, 9, 9, 9], [5, 5, 5, 5, 5]])
    assert np.median(losses[0]) > np.percentile(losses[1], DILUTION)
    np.testing.assert_allclose(rank_weights(losses), [0.0, 1.0])
    better = np.array([[0, 4, 4, 9, 9], [5, 5, 5, 5, 5]])
    np.testing.assert_allclose(rank_weights(better), [0.6, 0.4])


@pytest.fixture(scope="module")
def earlier() -> dict[str, TaskProcess]:
    x = points(60, 5)
    values = {"equal": good(x), "upside down": -good(x), "unlike": other(x)}
    return {name: TaskProcess.learn(x, normal_scores(y), GROUP) for name, y in values.items()}


@pytest.mark.parametrize("n", [6, 12, 25])
def test_an_equal_task_gets_most_weight_and_one_that_is_upside_down_none(earlier: dict[str, TaskProcess], n: int) -> None:
    x = points(n, 9)
    weights = dict(zip((*earlier, "target"), RankedEnsemble(tuple(earlier.values())).weights(x, 3.0 * good(x) - 7.0), strict=True))
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["equal"] > 0.5
    assert weights["upside down"] == 0.0
    assert weights["unlike"] < 0.1


def test_where_none_is_of_use_the_target_is_left_alone(earlier: dict[str, TaskProcess]) -> None:
    x = points(25, 9)
    ensemble = RankedEnsemble((earlier["upside down"], earlier["unlike"]))
    assert ensemble.weights(x, good(x))[-1] > 0.9
    asked = points(40, 10)
    alone = TaskProcess.learn(x, (good(x) - good(x).mean()) / good(x).std(), GROUP).predict(asked)[0]
    assert np.corrcoef(ensemble.condition(x, good(x), asked).mean, alone)[0, 1] > 0.95


def test_before_there_are_results_all_tasks_count_alike(earlier: dict[str, TaskProcess]) -> None:
    ensemble, asked = RankedEnsemble(tuple(earlier.values())), points(6, 2)
    for n in (0, 1, 2):
        np.testing.assert_allclose(ensemble.weights(points(n, 1), good(points(n, 1))), [1 / 3] * 3 + [0.0])
    found = ensemble.condition(np.empty((0, FEATURES)), np.empty(0), asked)
    np.testing.assert_allclose(found.mean, np.mean([model.predict(asked)[0] for model in earlier.values()], axis=0))


def test_the_answer_is_the_weighted_sum(earlier: dict[str, TaskProcess]) -> None:
    """Each model shifted to the mean of the results; variances weighted by the squares (Feurer et al. 2018, section 4.1)."""
    x, asked = points(9, 9), points(6, 2)
    y = 3.0 * good(x) - 7.0
    ensemble = RankedEnsemble(tuple(earlier.values()))
    weights, found = ensemble.weights(x, y), ensemble.condition(x, y, asked)
    models = [*earlier.values(), TaskProcess.learn(x, (y - y.mean()) / y.std(), GROUP)]
    shifts = [model.predict(x)[0].mean() for model in models[:-1]] + [0.0]
    mean = sum(w * (m.predict(asked)[0] - shift) for w, m, shift in zip(weights, models, shifts, strict=True))
    spread = sum(w * w * m.predict(asked)[1] for w, m in zip(weights, models, strict=True))
    np.testing.assert_allclose(found.mean, y.mean() + y.std() * mean, rtol=1e-6)
    np.testing.assert_allclose(found.deviation, y.std() * np.sqrt(spread), rtol=1e-6)


def test_another_unit_changes_nothing_but_the_unit(earlier: dict[str, TaskProcess]) -> None:
    x, asked = points(9, 9), points(6, 2)
    ensemble = RankedEnsemble(tuple(earlier.values()))
    one, two = ensemble.condition(x, good(x), asked), ensemble.condition(x, 5.0 + 10.0 * good(x), asked)
    np.testing.assert_allclose(two.mean, 5.0 + 10.0 * one.mean, rtol=1e-4)
    np.testing.assert_allclose(two.deviation, 10.0 * one.deviation, rtol=1e-3)


def test_equal_results_do_no_harm(earlier: dict[str, TaskProcess]) -> None:
    x = points(8, 9)
    found = RankedEnsemble(tuple(earlier.values())).condition(x, np.full(8, 0.9), points(5, 1))
    assert np.isfinite(found.mean).all()
    assert (found.deviation >= 0).all()


def test_many_results_are_thinned_out_evenly_by_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(0).permutation(300).astype(float)
    kept = thinned(y, 4)
    assert sorted(y[kept].tolist()) == [0.0, 100.0, 199.0, 299.0]
    np.testing.assert_array_equal(thinned(y[:5], 5), np.arange(5))
    assert module.MOST >= 20
