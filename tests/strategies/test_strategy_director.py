"""The policy over strategies by itself: its algebra, and how it reads what another version wrote."""

import json

import numpy as np
import pytest

from metanas.strategies.director import ARMS, DEFAULT, KEPT, LATE, MODELS, STEP, Record, Weights, chances, states


def test_logits_are_linear_in_states_and_records() -> None:
    rng = np.random.default_rng(0)
    weights = Weights(rng.normal(size=DEFAULT.table.shape), rng.normal(size=DEFAULT.shared.shape))
    hits, gain, stale = rng.normal(size=(3, len(ARMS))), rng.normal(size=(3, len(ARMS))), rng.random(3)
    found = weights.logits(LATE // 2, stale, hits, gain)
    for row in range(3):
        for arm in range(len(ARMS)):
            expected = weights.table[arm] @ [1.0, 0.5, stale[row]] + weights.shared @ [hits[row, arm], gain[row, arm]]
            assert found[row, arm] == pytest.approx(expected)
    np.testing.assert_array_equal(weights.logits(LATE // 2, stale[0], hits[0], gain[0]), found[0])
    assert states(10 * LATE, 0.0)[1] == 1.0


def test_closed_arms_get_nothing() -> None:
    open_arms = np.array([False, True, True, False, True])
    found = chances(np.array([50.0, 1.0, 1.0, 50.0, 0.0]), open_arms)
    assert found.sum() == pytest.approx(1.0)
    assert (found[~open_arms] == 0).all()
    assert found[1] == found[2] > found[4] > 0


def test_hits_are_of_one_model_against_the_other_and_fade() -> None:
    once = Record.fresh().placed(np.array([0.9, 0.4]), 1.0)
    np.testing.assert_allclose(once.hits[:MODELS], [0.25, -0.25])
    assert (once.hits[MODELS:] == 0).all()
    again = once.placed(np.array([0.5, 0.5]), 0.2)
    np.testing.assert_allclose(again.hits, KEPT * once.hits)


def test_gains_are_a_gradient_of_the_expected_reward() -> None:
    """The mean step over draws of the arm is the gradient of the expected reward in the logits, by finite differences."""
    rng = np.random.default_rng(1)
    logits, rewards, able = rng.normal(size=len(ARMS)), rng.random(len(ARMS)), np.ones(len(ARMS), dtype=bool)
    chance = chances(logits, able)
    steps = [Record.fresh().rewarded(arm, chance, rewards[arm]).gain for arm in range(len(ARMS))]
    expected = (chance[:, None] * np.array(steps)).sum(axis=0) / STEP
    for arm in range(len(ARMS)):
        moved = [chances(logits + sign * 1e-6 * (np.arange(len(ARMS)) == arm), able) @ rewards for sign in (1, -1)]
        assert expected[arm] == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-8)


def test_records_keep_all() -> None:
    weights = Weights.of(np.arange(DEFAULT.vector.size, dtype=np.float64))
    record = {name: np.asarray(value).tolist() for name, value in weights.to_record().items()}
    np.testing.assert_array_equal(Weights.from_record(json.loads(json.dumps(record))).vector, weights.vector)


def test_other_versions_are_read_by_name() -> None:
    """One that knows an arm more and one less, in another order."""
    record = {
        "arms": ["oracle", "random", "cold"],
        "states": ["late"],
        "records": ["gain"],
        "table": [[9.0], [1.0], [2.0]],
        "shared": [3.0],
    }
    found = Weights.from_record(record)
    expected, shared = DEFAULT.table.copy(), DEFAULT.shared.copy()
    expected[ARMS.index("random"), 1], expected[ARMS.index("cold"), 1], shared[1] = 1.0, 2.0, 3.0
    np.testing.assert_array_equal(found.table, expected)
    np.testing.assert_array_equal(found.shared, shared)


@pytest.mark.parametrize("damage", [{"table": [[1.0]]}, {"shared": [np.nan, 0.0]}, {"shared": [1.0]}], ids=str)
def test_damaged_records_are_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Weights.from_record({**DEFAULT.to_record(), **damage})
