"""Surrogates of several tasks: their algebra against another implementation, and that earlier tasks help on one that was never seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from metanas.meta.surrogate import DeepKernel, History, MultiTask, TaughtProcess, multi_task, normal_scores, portfolio
from metanas.meta.surrogate.kinds import PROCESSES, name_of, restored, taught
from metanas.meta.surrogate.multi_task import LEVEL, NEARNESS, OWN, _over_tasks

FEATURES = 4


def planted(number: int, seed: int, n: int = 40) -> list[History]:
    """Tasks whose best architecture lies where their embedding says, with units of their own."""
    rng, found = np.random.default_rng(seed), []
    for k in range(number):
        at, x = rng.random(1), rng.random((n, FEATURES))
        y = -np.square(x[:, 0] - at) - 0.3 * np.square(x[:, 1] - 0.7) + 0.01 * rng.normal(size=n)
        found.append(History(x, float(rng.uniform(0.1, 10)) * y + float(rng.normal()), at, f"s{k}"))
    return found


@pytest.fixture(scope="module", params=PROCESSES)
def learned(request: pytest.FixtureRequest) -> TaughtProcess:
    return taught(request.param, planted(30, 0), 0, 250)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_same_seed_learns_the_same_and_another_does_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multi_task, "POINTS", 50)
    first, second, other = (taught(name, planted(4, 0), seed, 5).arrays() for seed in (1, 1, 2))
    assert all(np.array_equal(value, second[name]) for name, value in first.items())
    assert not all(np.array_equal(value, other[name]) for name, value in first.items())


def test_a_file_keeps_all(learned: TaughtProcess) -> None:
    (task,) = planted(1, 5)
    again = restored(name_of(learned), learned.arrays())
    one, other = (model.condition(task.x[:5], task.y[:5], task.task, task.x) for model in (learned, again))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.deviation, other.deviation)


def test_variances_are_at_least_those_of_the_covariance(learned: TaughtProcess) -> None:
    (task,) = planted(1, 4)
    points = learned.look(task.x, task.task)[1]
    kernel = learned.covariance(points, points)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    assert (learned.variance(points) > np.diag(kernel) - 1e-5).all()


def test_the_posterior_is_that_of_a_gaussian_process(learned: TaughtProcess) -> None:
    """With offset and scale given back from the answer, mean and variance are the textbook's (Rasmussen and Williams 2006, eq. 2.23)."""
    (task,) = planted(1, 6)
    x, y, asked = task.x[:7], task.y[:7], task.x[7:]
    found = learned.condition(x, y, task.task, asked)
    (m, a), (m_star, b) = (learned.look(v, task.task) for v in (x, asked))
    k, across, noise = learned.covariance(a, a), learned.covariance(b, a), learned.noise + 1e-6
    inverse = np.linalg.inv(k + noise * np.eye(7))
    variance = learned.variance(b) - np.einsum("ij,jk,ik->i", across, inverse, across)
    scale = np.median(found.deviation / np.sqrt(variance))
    np.testing.assert_allclose(found.deviation, scale * np.sqrt(variance), rtol=1e-6)
    left = y / scale - m
    offset = inverse.sum(0) @ left / inverse.sum()
    np.testing.assert_allclose(found.mean, scale * (offset + m_star + across @ inverse @ (left - offset)), rtol=1e-6)


def test_order_of_evaluations_does_not_matter_and_a_shift_shifts(learned: TaughtProcess) -> None:
    (task,) = planted(1, 7)
    order = np.random.default_rng(0).permutation(8)
    first = learned.condition(task.x[:8], task.y[:8], task.task, task.x)
    second = learned.condition(task.x[:8][order], task.y[:8][order] + 3.0, task.task, task.x)
    np.testing.assert_allclose(second.mean, first.mean + 3.0, rtol=1e-6)
    np.testing.assert_allclose(second.deviation, first.deviation, rtol=1e-6)


def test_evaluations_make_surer(learned: TaughtProcess) -> None:
    (task,) = planted(1, 8)
    nothing = learned.condition(task.x[:0], task.y[:0], task.task, task.x)
    np.testing.assert_allclose(nothing.mean, learned.expect(task.x, task.task))
    some = learned.condition(task.x[:10], normal_scores(task.y[:10]), task.task, task.x)
    assert some.deviation[:10].mean() < some.deviation[10:].mean()


def test_expected_improvement_is_its_integral(learned: TaughtProcess) -> None:
    (task,) = planted(1, 9)
    found = learned.condition(task.x[:6], task.y[:6], task.task, task.x[6:9])
    best = float(task.y[:6].max())
    draws = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    values = np.maximum(found.mean[:, None] + found.deviation[:, None] * draws - best, 0).mean(1)
    np.testing.assert_allclose(found.improvement(best), values, rtol=1e-2, atol=1e-6)


def test_earlier_tasks_tell_where_to_begin_on_a_new_one(learned: TaughtProcess) -> None:
    """The first proposal is far better than the median architecture, and knowing the task helps. Fixed seeds: no chance in it."""
    ranks, blind = [], []
    unaware = MultiTask.learn([replace(task, task=0 * task.task) for task in planted(30, 0)])
    for task in planted(30, 99, n=200):
        better = normal_scores(task.y)
        ranks.append(better[learned.expect(task.x, task.task).argmax()])
        blind.append(better[unaware.expect(task.x, 0 * task.task).argmax()])
    assert np.mean(ranks) > 1.2
    assert np.mean(ranks) > np.mean(blind) + 0.3


def test_tasks_of_which_nothing_is_known_but_results_will_do() -> None:
    nameless = [replace(task, task=np.zeros(0)) for task in planted(4, 0)]
    (task,) = planted(1, 5)
    assert np.isfinite(MultiTask.learn(nameless).condition(task.x[:3], task.y[:3], np.zeros(0), task.x).mean).all()


@pytest.mark.parametrize("kind", [DeepKernel, MultiTask])
def test_what_can_not_be_learned_from_is_said(kind: type[DeepKernel | MultiTask]) -> None:
    with pytest.raises(ValueError, match="two tasks with five evaluations"):
        kind.learn(planted(1, 0))
    with pytest.raises(ValueError, match="one finite result"):
        History(np.zeros((2, 1)), np.array([1.0, np.nan]), np.zeros(1))


def test_one_terrible_result_does_not_spoil_the_others(learned: TaughtProcess) -> None:
    (task,) = planted(1, 11)
    y = normal_scores(task.y)[:9]
    sound = learned.condition(task.x[:8], y[:8], task.task, task.x).mean
    spoiled = learned.condition(task.x[:9], np.append(y[:8], -1e6), task.task, task.x).mean
    assert np.corrcoef(sound, spoiled)[0, 1] > 0.5
    assert np.abs(spoiled).max() < 100


def test_what_tasks_lead_to_expect_of_a_source_left_out_is_as_if_they_had_never_seen_it() -> None:
    """The closed form against solving again without the source, with the nearness and the tasks' own variance that were chosen."""
    rng = np.random.default_rng(0)
    functions, embeddings = rng.normal(size=(7, 3)) + 1, rng.normal(size=(7, 2))
    sources, share = ["a", "a", "b", "c", "c", "d", "e"], rng.uniform(0.5, 2, 7)
    nearness, solved, left = _over_tasks(functions, embeddings, sources, share, np.eye(3))
    assert nearness in NEARNESS
    likeness = LEVEL + np.exp(-nearness * np.square(embeddings[:, None] - embeddings[None]).mean(-1))
    matches = []
    for own in OWN:
        expected = np.empty_like(functions)
        for source in set(sources):
            here = np.array(sources) == source
            inner = likeness[np.ix_(~here, ~here)] + np.diag(own / share[~here])
            expected[here] = likeness[np.ix_(here, ~here)] @ np.linalg.solve(inner, functions[~here])
        matches.append(
            np.allclose(functions - expected, left) and np.allclose(solved, np.linalg.solve(likeness + np.diag(own / share), functions))
        )
    assert sum(matches) == 1


def test_a_new_task_differs_from_the_average_as_tasks_of_other_sources_do() -> None:
    """Tasks with two kinds of difference: the surrogate of many expects just these, and of the size that they have."""
    rng = np.random.default_rng(1)
    x = rng.random((60, FEATURES))
    shapes = np.stack([np.sin(6 * x[:, 0]), x[:, 1] > 0.5], axis=1)

    def task(k: int) -> History:
        return History(x, shapes @ (np.array([1.0, 0.5]) + rng.normal(size=2) * [0.5, 0.2]), np.zeros(1), f"s{k}")

    learned = MultiTask.learn([task(k) for k in range(80)])
    points = learned.look(x, np.zeros(1))[1]
    fresh = np.stack([normal_scores(task(k).y) for k in range(100, 400)])
    expected, sample = learned.covariance(points, points), np.cov(fresh.T)
    assert np.corrcoef(expected.ravel(), sample.ravel())[0, 1] > 0.9
    assert 0.6 < np.trace(expected) / np.trace(sample) < 1.6


def test_a_portfolio_serves_every_task() -> None:
    regret = np.array([[0.0, 1.0, 0.4], [1.0, 0.0, 0.4]])
    assert portfolio(regret, 3).tolist() == [2, 0, 1]
    assert sorted(portfolio(np.random.default_rng(0).random((5, 8)), 20).tolist()) == list(range(8))
    assert portfolio(np.array([[0.2, np.nan, 1.0], [0.2, 0.0, 1.0]]), 1).tolist() == [0]
