"""Pre-training of the policy over strategies: it learns whom to ask, and keeps to its defaults where that isn't borne out."""

import numpy as np
import pytest
from director_worlds import weighted, world
from scipy.stats import binomtest

from metanas.meta.director import World, learn_director, policy_gradient, replay
from metanas.meta.director import learning as learning_module
from metanas.strategies.director import ARMS, DEFAULT, Weights


def regret(weights: Weights, worlds: list[World]) -> np.ndarray:
    return np.array([replay(w, weights, 24, np.random.default_rng(7)).regret.mean() for w in worlds])


@pytest.mark.parametrize(("truth", "arm"), [(1.0, "transferred"), (-1.0, "cold")], ids=["right", "hostile"])
def test_a_learned_director_beats_a_uniform_one(truth: float, arm: str) -> None:
    """Learned from indifference on six worlds; on twelve others regret is lower: one-sided sign test at the 1 % level."""
    uniform = weighted()
    learned = policy_gradient([world(seed, truth) for seed in range(6)], seed=0, start=uniform)
    others = [world(seed, truth) for seed in range(100, 112)]
    wins = int((regret(learned, others) < regret(uniform, others)).sum())
    assert binomtest(wins, 12, alternative="greater").pvalue < 0.01
    assert learned.table.sum(axis=1).argmax() == ARMS.index(arm)


def test_the_seed_decides() -> None:
    worlds = [world(seed, truth=-1.0) for seed in range(3)]
    one, two, three = (policy_gradient(worlds, seed=seed, updates=3).vector for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, three)


def test_with_few_sources_it_keeps_to_the_defaults() -> None:
    assert learn_director([]) is None
    assert learn_director([world(seed, n=30) for seed in range(3)]) is None


def test_what_is_not_borne_out_by_others_is_not_kept() -> None:
    """Half of the sources with a surrogate that is right, half with one that misleads, drawn so that one half says nothing of the other."""
    mixed = [world(seed, 1.0 if seed % 2 else -1.0, n=30) for seed in range(6)]
    found = learn_director(mixed)
    held = regret(DEFAULT, mixed).mean()
    assert found is None or regret(found, mixed).mean() <= held


@pytest.mark.slow
def test_what_is_borne_out_is_kept() -> None:
    """Surrogates that mislead everywhere: nearer to the cold model than by default, and better on worlds that are new."""
    found = learn_director([world(seed, -1.0) for seed in range(10)])
    assert found is not None
    others = [world(seed, -1.0) for seed in range(100, 110)]
    assert regret(found, others).mean() < regret(DEFAULT, others).mean()


def test_many_worlds_take_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than it needs some are drawn."""
    asked: list[int] = []
    monkeypatch.setattr(learning_module, "policy_gradient", lambda worlds, *_: asked.append(len(worlds)) or DEFAULT)
    monkeypatch.setattr(learning_module, "MOST_WORLDS", 8)
    monkeypatch.setattr(learning_module, "JUDGED", 2)
    assert learn_director([world(seed, n=14) for seed in range(20)]) is None
    assert max(asked) <= 8
