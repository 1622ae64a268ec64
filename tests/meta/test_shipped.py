"""The experience that comes with the package: what is in it, that it may be, and that a first search begins with it."""

import json
from pathlib import Path

import numpy as np
import pytest

import metanas
from metanas.meta.prior import lesson_file, load_prior, shipped_lessons, shipped_prior

FOLDER = Path(lesson_file.__file__).with_name("shipped")
SPLITS = Path(__file__).resolve().parents[2] / "benchmarks" / "many_task" / "splits.json"


@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.setattr(lesson_file, "SHIPPED", FOLDER)


def test_nothing_is_learned_from_what_may_not_be_shipped(shipped):
    allowed = set(json.loads(SPLITS.read_text(encoding="utf-8"))["shipped"])
    assert "digits" not in allowed
    lessons = shipped_lessons()
    assert {lesson.task.name for lesson in lessons} <= allowed
    assert set(load_prior(shipped_prior()).sources.values()) <= allowed
    assert all(lesson.shipped for lesson in lessons)


def test_the_prior_is_of_the_lessons_and_small(shipped):
    lessons, prior = shipped_lessons(), load_prior(shipped_prior())
    assert prior.fingerprints == {lesson.fingerprint: lesson.task.name for lesson in lessons}
    assert prior.evaluations == sum(len(lesson.values) for lesson in lessons)
    assert prior.own_evaluations == 0
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 10 * 2**20


def test_a_first_search_begins_with_it(shipped, tmp_path):
    found = metanas.search("iris", trials=3, workers=0, store=tmp_path / "store.db", out=tmp_path / "run")
    assert found.result.prior["tasks"] == len(load_prior(shipped_prior()).sources)
    alone = metanas.search("iris", trials=3, workers=0, prior="none", store=tmp_path / "none.db", out=tmp_path / "none")
    assert alone.result.prior is None


def test_learning_adds_what_is_ones_own(shipped, tmp_path, monkeypatch):
    from prior_examples import store

    from metanas.meta.prior import learning, make_prior

    few = [lesson for lesson in shipped_lessons() if lesson.task.name in ("iris", "wine")]
    monkeypatch.setattr("metanas.meta.prior.making.shipped_lessons", lambda: few)
    monkeypatch.setattr(learning, "STEPS", 10)
    monkeypatch.setattr(learning, "FOLD_STEPS", 5)
    made = make_prior(store(tmp_path / "store.db", 2)).prior
    assert made.own_evaluations == 40
    assert made.evaluations == 40 + sum(len(lesson.values) for lesson in few)
    known = made.spaces["mlp"]
    assert known.shipped == {lesson.source for lesson in few}
    assert np.mean([task.shipped for task in known.tasks]) == len(few) / (len(few) + 2)
