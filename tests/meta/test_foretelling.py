"""Whether a learned embedding of tasks is used: only where it foretells better than plain attributes on sources it has not seen."""

import numpy as np
import pytest
from prior_examples import described

from metanas.meta.prior import foretelling as module
from metanas.meta.prior.embedding import distance
from metanas.meta.prior.foretelling import Foretelling, encoded, likeness, teach_encoder
from metanas.meta.surrogate import DeepKernel, History
from metanas.meta.tasks import TaskEncoder, plain_embedding
from metanas.records import TaskDescription

SOURCES = 24


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 30)
    monkeypatch.setattr(module, "FOLD_STEPS", 80)


def tasks(seed: int = 0) -> list[TaskDescription]:
    """What is good hangs on ``linear`` alone; of the other attributes, some differ by more, and say nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(SOURCES):
        noise = {
            name: float(rng.uniform(0, 1)) for name in ("largest_class", "zero_share", "constant", "mirror", "nearest", "five_nearest")
        }
        features = {**noise, "linear": 0.35 + 0.3 * (number % 2)}
        found.append(TaskDescription(f"t{number}", "classification", described(0).shape, int(rng.integers(50, 5000)), "accuracy", features))
    return found


def histories(seed: int, of: list[TaskDescription], *, ruled: bool = True) -> list[History]:
    """On tasks that are hard for linear models one thing is good, on the others its opposite; or on all of them chance."""
    rng, found = np.random.default_rng(seed), []
    for task in of:
        x = rng.random((40, 3))
        sign = np.sign(task.features["linear"] - 0.5) if ruled else rng.choice([-1.0, 1.0])
        found.append(History(x, sign * x[:, 0] + 0.02 * rng.normal(size=40), np.zeros(len(plain_embedding(task))), task.name))
    return found


def taught(*, ruled: bool):
    of = tasks()
    experienced = histories(1, of, ruled=ruled)
    kernel = DeepKernel.learn(experienced, seed=0, steps=60).without_task()
    return of, experienced, kernel, teach_encoder(of, np.stack([plain_embedding(t) for t in of]), experienced, kernel, 0)


def test_tasks_are_alike_where_the_same_is_good() -> None:
    of, experienced, kernel, _ = taught(ruled=True)
    alike = likeness(experienced, kernel, 0)
    kinds = np.array([t.features["linear"] > 0.5 for t in of])
    same = kinds[:, None] == kinds
    assert alike[same].min() > 0.5
    assert alike[~same].max() < -0.5


def test_where_there_is_a_rule_the_learned_embedding_is_used() -> None:
    of, _, _, (encoder, measured) = taught(ruled=True)
    assert measured.sources == SOURCES
    assert measured.learned > measured.plain + measured.error
    assert encoder is not None
    vectors = [encoded(encoder, task) for task in of]
    assert np.linalg.norm(vectors[0]) == pytest.approx(np.sqrt(TaskEncoder().size), rel=1e-5)
    near, far = distance(vectors[0], vectors[2]), distance(vectors[0], vectors[1])
    assert near < far
    assert far == pytest.approx(np.sqrt(2 - 2 * vectors[0] @ vectors[1] / TaskEncoder().size), rel=1e-5)


def test_where_there_is_none_the_attributes_stay() -> None:
    _, _, _, (encoder, measured) = taught(ruled=False)
    assert encoder is None
    assert measured is not None
    assert not measured.better


def test_by_more_than_one_standard_error() -> None:
    assert Foretelling(0.2, 0.31, 0.1, 9).better
    assert not Foretelling(0.2, 0.29, 0.1, 9).better


def test_with_too_few_sources_nothing_is_measured() -> None:
    of = tasks()[:2]
    experienced = histories(1, of)
    kernel = DeepKernel.learn(experienced, seed=0, steps=3)
    assert teach_encoder(of, np.stack([plain_embedding(t) for t in of]), experienced, kernel, 0) == (None, None)
