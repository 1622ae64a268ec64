"""Searches replayed in recorded worlds: what the models say, what is left out, and the slopes of the policy."""

import numpy as np
import pytest
from director_worlds import weighted, world

from metanas.meta.director import World, left_out, replay
from metanas.meta.director.replay import STEPS, _Model, _slopes
from metanas.meta.director.world import MOST
from metanas.meta.surrogate import DeepKernel, History, normal_scores
from metanas.strategies.director import ARMS, DEFAULT, Record, Weights, chances, states

FEATURES = 4


def histories(number: int, n: int = 30, cuts: int = 1) -> list[History]:
    rng, found = np.random.default_rng(0), []
    for k in range(number):
        for _cut in range(cuts):
            x = rng.random((n, FEATURES))
            found.append(History(x, -np.square(x[:, 0] - 0.6) + 0.02 * rng.normal(size=n), np.zeros(1), f"s{k}"))
    return found


def test_nobody_is_judged_on_a_source_that_its_surrogate_has_seen() -> None:
    seen: list[set[str]] = []
    kernel = DeepKernel.learn(histories(2), steps=1)

    def learn(rest: list[History]) -> DeepKernel:
        seen.append({history.source for history in rest})
        return DeepKernel(dict(kernel.weights))

    tasks = histories(5, cuts=2)
    pairs = left_out(tasks, learn)  # type: ignore[arg-type]
    assert sorted(history.source for history, _ in pairs) == sorted(history.source for history in tasks)
    kernels = {id(surrogate): number for number, surrogate in enumerate(dict.fromkeys(id(s) for _, s in pairs)) for _ in (0,)}
    assert len(kernels) == len(seen) == 3
    order = list(dict.fromkeys(id(surrogate) for _, surrogate in pairs))
    assert all(history.source not in seen[order.index(id(surrogate))] for history, surrogate in pairs)
    assert left_out(histories(2), learn) == []  # type: ignore[arg-type]


def test_a_world_holds_the_best_of_a_task_and_some_of_the_others() -> None:
    (task,) = histories(1, n=300)
    kernel = DeepKernel.learn(histories(3), steps=5)
    found = World.of(task, kernel)
    assert len(found.values) == MOST
    scores = normal_scores(task.y)
    assert set(np.sort(scores)[-MOST // 2 :]) <= set(found.values)
    assert found.values.min() == scores.min()
    place = {score: row for row, score in enumerate(scores)}
    rows = [place[value] for value in found.values]
    np.testing.assert_allclose(found.mean, kernel.expect(task.x[rows], task.task))
    assert np.linalg.eigvalsh(found.kernel).min() > -1e-9
    assert np.allclose(np.diag(found.cold), 1.0)


def test_models_are_gaussian_processes() -> None:
    """Rasmussen and Williams 2006, equations 2.23 and 2.24, for two episodes that evaluated different points."""
    w, picks = world(1), np.array([[3, 7], [12, 40], [5, 1], [33, 3]])
    model = _Model(w.mean, w.kernel, w.noise, 2, 6)
    for pick in picks:
        model.add(pick)
    targets = w.values[picks.T] + 0.3
    mean, deviation = model.predict(targets)
    for episode in range(2):
        at = picks[:, episode]
        inverse = np.linalg.inv(w.kernel[np.ix_(at, at)] + (w.noise + 1e-6) * np.eye(len(at)))
        across = w.kernel[:, at]
        np.testing.assert_allclose(mean[episode], w.mean + across @ inverse @ (targets[episode] - w.mean[at]), atol=1e-8)
        variance = np.diag(w.kernel) - np.einsum("ij,jk,ik->i", across, inverse, across)
        np.testing.assert_allclose(deviation[episode], np.sqrt(variance), atol=1e-6)


def test_slopes_are_those_of_the_logarithm_of_the_chance() -> None:
    rng = np.random.default_rng(0)
    weights, able = Weights.of(rng.normal(size=DEFAULT.vector.size)), np.array([True, True, True, False, True])
    record = Record(rng.normal(size=(2, len(ARMS))), rng.normal(size=(2, len(ARMS))), np.zeros(2))
    stale, arm = rng.random(2), np.array([1, 4])

    def logs(vector: np.ndarray) -> np.ndarray:
        chance = chances(Weights.of(vector).logits(7, stale, record.hits, record.gain), able)
        return np.log(chance[np.arange(2), arm])

    chance = chances(weights.logits(7, stale, record.hits, record.gain), able)
    found = _slopes(arm, chance, states(7, stale), record)
    for k, direction in enumerate(np.eye(weights.vector.size)):
        numeric = (logs(weights.vector + 1e-6 * direction) - logs(weights.vector - 1e-6 * direction)) / 2e-6
        np.testing.assert_allclose(found[:, k], numeric, atol=1e-7)


def test_replays_repeat_and_never_get_worse() -> None:
    w = world(2)
    one, two = (replay(w, DEFAULT, 8, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.regret, two.regret)
    assert one.regret.shape == one.arms.shape == (8, STEPS)
    assert (np.diff(one.regret, axis=1) <= 0).all()
    assert (one.regret >= 0).all()
    assert (one.arms != ARMS.index("policy")).all()
    assert replay(world(3, n=10), DEFAULT, 2, np.random.default_rng(0)).regret.shape == (2, 5)


@pytest.mark.parametrize("arm", ["transferred", "cold", "local"])
def test_every_arm_of_a_replay_beats_chance(arm: str) -> None:
    """Mean regret over ten worlds whose surrogate is right; sign test, all ten lower: false alarm in one of 1024."""
    wins = [
        replay(world(seed), weighted(**{arm: 40.0}), 16, np.random.default_rng(0)).regret.mean()
        < replay(world(seed), weighted(random=40.0), 16, np.random.default_rng(0)).regret.mean()
        for seed in range(10)
    ]
    assert all(wins)


def test_a_hostile_surrogate_is_let_go_of_in_a_replay() -> None:
    """By the default weights, with the scores upside down: in the last third of the episodes the cold model proposes more often."""
    found = replay(world(4, truth=-1.0), DEFAULT, 32, np.random.default_rng(0)).arms[:, -STEPS // 3 :]
    assert (found == ARMS.index("cold")).mean() > 2 * (found == ARMS.index("transferred")).mean()
