"""Descriptions: what they say, what they must not tell, and that they hang on nothing but the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metanas.records import ClassSummary, TaskDescription
from metanas.spaces import TaskShape
from metanas.tasks import Task
from metanas.tasks.class_summary import CLASS_STATISTICS, FEWEST_ROWS, MOST_CLASSES

Table = Callable[..., pd.DataFrame]
LANDMARKS = {"stump", "linear", "nearest", "five_nearest", "noise"}


def sounds(rng: np.random.Generator) -> Task:
    pitch = np.repeat([200, 400, 800], 20)
    waves = np.sin(2 * np.pi * pitch[:, None] * np.arange(1500) / 8000 + rng.uniform(0, 6, (60, 1)))
    return Task.from_arrays((waves * 20_000).astype(np.int16), pitch, kind="sound", rate=8000)


def of_every_kind() -> dict[str, Task]:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    mixed = pd.DataFrame({"a": rng.normal(size=60) + y, "b": rng.choice(["u", "v", "w"], 60), "target": y})
    mixed.loc[::7, "a"] = np.nan
    words = [f"{['good', 'bad', 'dull'][k]} film number {i % 5}" for i, k in enumerate(y)]
    return {
        "table": Task.from_table(mixed),
        "numbers": Task.from_sklearn("diabetes"),
        "two targets": Task.from_arrays(rng.normal(size=(80, 3)), rng.normal(size=(80, 2))),
        "image": Task.from_arrays(
            rng.integers(0, 200, (60, 9, 7, 3)).astype(np.uint8) + (20 * y)[:, None, None, None].astype(np.uint8), y, mirror=False
        ),
        "series": Task.from_arrays(rng.normal(size=(60, 40, 2)).cumsum(1) * (1 + y)[:, None, None], y, kind="series"),
        "sound": sounds(rng),
        "text": Task.from_arrays(np.array(words), y),
    }


KINDS = ("table", "numbers", "two targets", "image", "series", "sound", "text")


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    return of_every_kind()


def numbers_of(found: TaskDescription) -> np.ndarray:
    return np.array([*found.features.values(), *(v for column in found.classes.statistics.values() for v in column), *lower(found.classes)])


def lower(summary: ClassSummary) -> list[float]:
    return [value for row in summary.similarity for value in row]


def assert_same(one: TaskDescription, other: TaskDescription) -> None:
    assert list(one.features) == list(other.features)
    assert one.classes.statistics.keys() == other.classes.statistics.keys()
    np.testing.assert_allclose(numbers_of(one), numbers_of(other), rtol=2e-3, atol=2e-3)


# -- every kind of task ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_task_is_described_by_finite_numbers_that_survive_json(tasks: dict[str, Task], kind: str) -> None:
    found = tasks[kind].describe()
    assert TaskDescription.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert np.isfinite(numbers_of(found)).all()
    assert set(found.features) >= LANDMARKS
    assert tuple(found.classes.statistics) == CLASS_STATISTICS
    count = len(found.classes.statistics["share"])
    assert [len(row) for row in found.classes.similarity] == list(range(count))
    assert all(0 <= value <= 1 for value in lower(found.classes))
    assert sum(found.classes.statistics["share"]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_training_rows_does_not_matter(tasks: dict[str, Task], kind: str) -> None:
    task = tasks[kind]
    shuffled = np.random.default_rng(1).permutation(task.train)
    assert_same(replace(task, train=shuffled).describe(), task.describe())


@pytest.mark.parametrize("kind", ["table", "image", "series", "sound", "text"])
def test_the_numbers_of_the_classes_do_not_matter(tasks: dict[str, Task], kind: str) -> None:
    task = tasks[kind]
    renamed = replace(task, targets=np.array([2, 0, 1])[task.targets], classes=tuple(task.classes[k] for k in (1, 2, 0)))
    assert_same(renamed.describe(), task.describe())


@pytest.mark.parametrize("kind", KINDS)
def test_validation_and_test_rows_are_not_looked_at(tasks: dict[str, Task], kind: str) -> None:
    task = tasks[kind]
    kept = task.train
    again = replace(task, inputs=task.rows(kept), targets=task.targets[kept], **parts(len(kept)))
    found, whole = again.describe(), task.describe()
    assert (found.features, found.classes) == (whole.features, whole.classes)


def parts(count: int) -> dict[str, np.ndarray]:
    """All rows train; what validates and tests are training rows, too, since there must be some."""
    rows = np.arange(count)
    return {"train": rows, "validation": rows[:3], "test": rows[:3]}


def test_a_description_is_made_once() -> None:
    task = Task.from_sklearn("iris")
    assert task.describe() is task.describe()
    assert Task.from_sklearn("iris").describe() == task.describe()


# -- nothing of examples -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("examples", "classes"), [(100, 2), (5000, 2), (5000, 100)])
def test_the_record_has_a_size_that_no_number_of_examples_or_classes_exceeds(examples: int, classes: int) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(examples) % classes
    found = Task.from_arrays(rng.normal(size=(examples, 50)) + y[:, None], y).describe()
    assert len(found.classes.similarity) == min(classes, MOST_CLASSES)
    assert len(json.dumps(found.to_json())) < 1300 + 80 * min(classes, MOST_CLASSES) + 4 * min(classes, MOST_CLASSES) ** 2


def test_a_class_too_small_to_be_summarised_is_left_out() -> None:
    rng = np.random.default_rng(0)
    y = np.array([0] * 100 + [1] * 60 + [2] * 4)
    found = Task.from_arrays(rng.normal(size=(164, 5)) + 9 * (y == 2)[:, None], y).describe()
    assert found.shape.outputs == 3
    assert len(found.classes.similarity) == 2
    assert min(found.classes.statistics["share"]) * found.examples >= FEWEST_ROWS


def test_old_records_open() -> None:
    record = Task.from_sklearn("iris").describe().to_json()
    del record["classes"]
    old = TaskDescription.from_json(record)
    assert old.classes == ClassSummary()
    assert TaskDescription("a", "classification", TaskShape("table", (2,), 2), 9, "accuracy").classes == ClassSummary()


# -- odd data ----------------------------------------------------------------------------------------------------------


def test_texts_without_a_word() -> None:
    task = Task.from_text(pd.DataFrame({"text": ["one", "two"] * 20, "label": ["a", "b"] * 20}), text="text")
    found = replace(task, inputs=[""] * 40).describe()
    assert np.isfinite(numbers_of(found)).all()
    assert found.classes.similarity[1] == (1.0,)


def test_pictures_and_sounds_that_are_all_the_same() -> None:
    y = np.arange(40) % 2
    for x, kind in ((np.zeros((40, 6, 6), np.uint8), "image"), (np.zeros((40, 900), np.int16), "sound"), (np.ones((40, 12, 2)), "series")):
        found = Task.from_arrays(x, y, kind=kind).describe()
        assert np.isfinite(numbers_of(found)).all()
        assert found.features["effective_dimensions"] == 0


def test_few_rows_and_a_class_of_one_training_row() -> None:
    rng = np.random.default_rng(0)
    found = Task.from_arrays(rng.normal(size=(12, 2)), np.array([0] * 9 + [1] * 3)).describe()
    assert np.isfinite(numbers_of(found)).all()
    task = Task.from_arrays(rng.normal(size=(90, 2)), np.arange(90) % 3)
    odd = replace(task, train=np.concatenate([task.train[task.targets[task.train] < 2], task.train[task.targets[task.train] == 2][:1]]))
    assert np.isfinite(numbers_of(odd.describe())).all()


def test_targets_that_never_change_and_missing_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    x[rng.random(x.shape) < 0.4] = np.nan
    task = Task.from_arrays(x, rng.normal(size=60))
    assert np.isfinite(numbers_of(task.describe())).all()
    still = replace(task, targets=np.ones_like(task.targets)).describe()
    assert "linear" not in still.features
    assert len(still.classes.similarity) == 1


def test_a_table_of_few_different_rows_is_sampled_fairly(table: Table) -> None:
    rng = np.random.default_rng(0)
    flag = rng.random(8000) < 0.3
    frame = pd.DataFrame({"flag": flag.astype(float), "target": np.where(flag ^ (rng.random(8000) < 0.1), "y", "n")})
    found = Task.from_table(frame).describe().features
    assert found["duplicate_share"] > 0.99
    assert found["stump"] == pytest.approx(0.9, abs=0.05)
    assert found["constant"] == pytest.approx(found["largest_class"], abs=0.08)


# -- that it says something --------------------------------------------------------------------------------------------


def test_what_is_easy_for_which_learner() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 4))
    step = Task.from_arrays(x, (x[:, 0] > 0).astype(int)).describe().features
    line = Task.from_arrays(x, (x.sum(1) > 0).astype(int)).describe().features
    crossed = Task.from_arrays(x, (x[:, 0] * x[:, 1] > 0).astype(int)).describe().features
    chance = Task.from_arrays(x, rng.integers(0, 2, 900)).describe().features
    assert step["stump"] > 0.95
    assert line["linear"] > 0.95 > 0.8 > line["stump"]
    assert crossed["five_nearest"] > 0.75 > 0.6 > crossed["linear"]
    assert chance["noise"] > 0.3 > 0.25 > line["noise"]


def test_similar_classes_are_told_from_others() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(600) % 3
    found = Task.from_arrays(rng.normal(size=(600, 6)) + np.array([0.0, 0.3, 5.0])[y][:, None], y).describe().classes
    near = int(np.argmax(lower(found)))
    assert lower(found)[near] > 0.4
    assert sorted(lower(found))[1] < 0.05
    assert max(found.statistics["centroid_recall"]) > 0.98


def test_shuffled_pixels_are_rough() -> None:
    data = Task.from_sklearn("digits")
    order = np.random.default_rng(0).permutation(64)
    shuffled = replace(data, inputs=data.inputs.reshape(-1, 64)[:, order].reshape(data.inputs.shape))
    smooth, rough = (task.describe().features for task in (data, shuffled))
    assert smooth["neighbour_correlation"] > 0.4 > 0.2 > rough["neighbour_correlation"]
    assert rough["nearest"] == pytest.approx(smooth["nearest"], abs=0.03)


@pytest.mark.slow
def test_sixty_thousand_pictures_take_less_than_two_seconds() -> None:
    import time

    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60_000, 28, 28), np.uint8), rng.integers(0, 10, 60_000)
    task = Task.from_arrays(x, y, x[:100], y[:100], x_val=x[:100], y_val=y[:100])
    task.prepare()
    Task.from_sklearn("iris").describe()  # loads scikit-learn
    start = time.process_time()
    task.describe()
    assert time.process_time() - start < 2


def test_real_pictures() -> None:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data are not here")
    data = np.load(folder / "sign_digits" / "sign_digits.npz")
    found = Task.from_arrays(data["x_train"], data["y_train"], data["x_test"], data["y_test"]).describe()
    assert found.features["linear"] > 0.5 > found.features["stump"]
    assert found.features["neighbour_correlation"] > 0.8
