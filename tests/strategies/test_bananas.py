"""What is special to the ensemble of predictors; the general laws are in test_strategies."""

import numpy as np
import pytest

from metanas.spaces import Space, make_space
from metanas.spaces.encoding import paths
from metanas.strategies import ensemble as module
from metanas.strategies.ensemble import Ensemble
from metanas.strategies.pool import Pool
from metanas.testing import SHAPES, planted_space


def pooled(space: Space, count: int) -> tuple[Pool, np.ndarray, np.ndarray]:
    pool, rng = Pool(space, paths), np.random.default_rng(0)
    rows = np.unique(pool.add([space.sample(rng) for _ in range(count)]), axis=0)
    rng.shuffle(rows)
    targets = pool.views(rows)[0].sum(axis=1)
    return pool, rows, (targets - targets.mean()) / targets.std()


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, 5)), rng.standard_normal((7, 1))
    hidden, members = module.HIDDEN, module.MEMBERS
    shapes = ((5, hidden), (1, hidden), (hidden, hidden), (1, hidden), (hidden, 1), (1, 1))
    weights = [0.2 * rng.standard_normal((members, *shape)) for shape in shapes]

    def loss() -> float:
        return float(0.5 * np.square(module._forward(x, weights)[-1] - y).mean(axis=1).sum())  # type: ignore[arg-type]

    for w, slope in zip(weights, module._slopes(x, y, weights), strict=True):  # type: ignore[arg-type]
        place = tuple(int(rng.integers(size)) for size in w.shape)
        before, values = w[place], []
        for step in (1e-5, -1e-5):
            w[place] = before + step
            values.append(loss())
        w[place] = before
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float(slope[place]), rel=1e-3, abs=1e-7)


def test_the_ensemble_learns_and_doubts_what_it_has_not_seen() -> None:
    pool, rows, targets = pooled(planted_space(7), 80)
    ensemble = Ensemble(pool, rows[:60], targets[:60], seed=1)
    seen, doubt_seen = ensemble.predict(rows[:60])
    fresh, doubt_fresh = ensemble.predict(rows[60:])
    assert np.corrcoef(seen, targets[:60])[0, 1] > 0.95
    assert np.corrcoef(fresh, targets[60:])[0, 1] > 0.7
    assert doubt_fresh.mean() > doubt_seen.mean() > 0


def test_the_seed_decides_and_the_order_of_encoding_does_not_matter() -> None:
    space = make_space("convnet", SHAPES[1])
    rng = np.random.default_rng(3)
    drawn = [space.sample(rng) for _ in range(20)]
    said = []
    for order in (drawn, drawn[::-1]):
        pool = Pool(space, paths)
        pool.add(order)
        rows = pool.add(drawn)
        said.append(Ensemble(pool, rows[:15], np.linspace(-1, 1, 15), seed=4).predict(rows[15:])[0])
    np.testing.assert_array_equal(said[0], said[1])
    other = Ensemble(pool, rows[:15], np.linspace(-1, 1, 15), seed=5).predict(rows[15:])[0]
    assert not np.array_equal(said[0], other)


def test_constant_inputs_and_targets_do_no_harm() -> None:
    pool, rows, _ = pooled(planted_space(3), 2)
    mean, deviation = Ensemble(pool, rows[[0, 0]], np.zeros(2), seed=0).predict(rows)
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()
