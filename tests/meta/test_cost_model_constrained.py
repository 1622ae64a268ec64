"""Searches under a limit, and which references to measure."""

import numpy as np
import pytest
from device_examples import architectures, device, model, prices

from metanas.errors import InputError
from metanas.meta.cost_model import CostModel, best_measured, best_predicted, choose_references

CANDIDATES = architectures(150, seed=4)
TRUTH = device(CANDIDATES, prices(12))
SCORES = TRUTH + np.random.default_rng(0).random(150)  # what takes longer is better
LIMIT = float(np.quantile(TRUTH, 0.3))


@pytest.fixture(scope="module")
def learned() -> CostModel:
    return model(noise=0.05)


def test_a_wider_margin_is_more_careful(learned):
    known = learned.adapt(CANDIDATES.rows(slice(10)), TRUTH[:10])
    every = learned.encode(CANDIDATES)
    answers = [best_predicted(known, every, SCORES, LIMIT, margin) for margin in (0.0, 1.0, 3.0)]
    assert answers[2] is not None
    assert SCORES[answers].tolist() == sorted(SCORES[answers], reverse=True)
    assert TRUTH[answers[2]] <= LIMIT
    assert best_predicted(known, every, SCORES, 1e-9) is None


def test_a_measured_answer_keeps_the_limit_and_is_close_to_the_best(learned):
    known, asked = learned.adapt(CANDIDATES.rows(slice(10)), TRUTH[:10]), []

    def measure(position: int) -> float:
        asked.append(position)
        return float(TRUTH[position])

    found = best_measured(known, learned.encode(CANDIDATES), SCORES, LIMIT, measure, extra=5, known=dict(enumerate(TRUTH[:10].tolist())))
    assert found.position is not None
    assert found.latency == TRUTH[found.position] <= LIMIT
    assert found.measured == len(asked) == len(set(asked)) <= 5
    assert not set(asked) & set(range(10))
    best = SCORES[TRUTH <= LIMIT].max()
    assert best - SCORES[found.position] < 0.1 * np.ptp(SCORES)


def test_where_nothing_measured_keeps_the_limit_there_is_no_answer(learned):
    found = best_measured(
        learned.adapt(CANDIDATES.rows(slice(10)), TRUTH[:10]), learned.encode(CANDIDATES), SCORES, 1e-6, TRUTH.__getitem__
    )
    assert found.position is None
    assert found.latency is None


def test_chosen_references_leave_less_doubt_than_drawn_ones(learned):
    every, rng = learned.encode(CANDIDATES), np.random.default_rng(0)
    chosen = choose_references(learned.prior, every, 6, rng)
    assert len(set(chosen.tolist())) == 6

    def doubt(references: np.ndarray) -> float:
        part = every.rows(references)
        mix, own, noise = np.exp(learned.prior.amounts[:, 0])
        among, towards = (mix * a + own * b for a, b in (learned.prior.covariances(first, part) for first in (part, every)))
        covariance = among + noise * np.eye(6)
        return float(-(towards * np.linalg.solve(covariance, towards.T).T).sum())

    assert doubt(chosen) < min(doubt(rng.choice(150, 6, replace=False)) for _ in range(20))
    with pytest.raises(InputError):
        choose_references(learned.prior, every, 151, rng)
