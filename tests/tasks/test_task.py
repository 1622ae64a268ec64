"""The task itself: fingerprint, parts, final and test data, description, large files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.records import TaskDescription
from metanas.tasks import LearningData, Task

Table = Callable[..., pd.DataFrame]


def test_the_fingerprint_is_the_same_in_another_process(tmp_path: Path, table: Table) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    code = f"from metanas.tasks import Task; print(Task.read({str(tmp_path / 't.csv')!r}).fingerprint, Task.read('digits').fingerprint)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == [Task.read(tmp_path / "t.csv").fingerprint, Task.read("digits").fingerprint]


def test_the_fingerprint_changes_with_data_targets_kind_and_parts_but_not_with_names_or_metric(table: Table) -> None:
    task = Task.from_table(table())
    inputs = task.inputs.copy()
    inputs.loc[0, "size"] += 1e-9
    flipped = task.targets.copy()
    flipped[0] = 1 - flipped[0]
    changed = [
        replace(task, inputs=inputs),
        replace(task, inputs=task.inputs.assign(colour=task.inputs["colour"].cat.rename_categories({"red": "rot"}))),
        replace(task, targets=flipped),
        replace(task, kind="regression"),
        Task.from_table(table(), seed=1),
    ]
    assert len({t.fingerprint for t in [task, *changed]}) == 6
    assert replace(task, name="other", metric="f1", notes=("x",)).fingerprint == task.fingerprint


def test_equal_seeds_give_equal_tasks_and_the_seed_decides_the_parts() -> None:
    one, two, other = (Task.from_sklearn("wine", seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one.test, two.test)
    assert one.fingerprint == two.fingerprint
    assert one.test.tolist() != other.test.tolist()


def test_prepared_data_are_computed_once_and_match_the_parts() -> None:
    task = Task.from_sklearn("iris")
    data, preprocessing = task.prepare()
    assert task.prepare()[0] is data
    assert isinstance(data, LearningData)
    assert (data.shape, data.kind, data.metric) == (preprocessing.shape, "classification", "accuracy")
    np.testing.assert_array_equal(data.y_val, task.targets[task.validation])
    np.testing.assert_array_equal(data.x_train, preprocessing.transform(task.rows(task.train)))


def test_joined_data_are_training_and_validation_rows_in_the_same_shape() -> None:
    task = Task.from_sklearn("diabetes")
    data, _ = task.prepare()
    final = data.joined()
    both = np.concatenate([task.train, task.validation])
    np.testing.assert_array_equal(final.y_train, task.targets[both])
    assert final.x_train.shape == (len(both), *data.x_train.shape[1:])
    assert len(final.x_val) == len(final.y_val) == 0
    np.testing.assert_array_equal(final.target_mean, data.target_mean)
    assert not set(both) & set(task.test)


def test_test_data_are_the_test_rows() -> None:
    task = Task.from_sklearn("digits")
    x, y = task.test_data()
    np.testing.assert_array_equal(x, task.inputs[task.test])
    np.testing.assert_array_equal(y, task.targets[task.test])


def test_metric_can_be_changed_to_a_valid_one() -> None:
    task = Task.from_sklearn("iris")
    assert task.with_metric("f1").prepare()[0].metric == "f1"
    assert task.metric == "accuracy"
    with pytest.raises(InputError, match="'mae' is for regression"):
        task.with_metric("mae")


@pytest.mark.parametrize("name", ["digits", "iris", "diabetes"])
def test_the_description_holds_finite_numbers_and_survives_json(name: str) -> None:
    task = Task.from_sklearn(name)
    found = task.describe()
    assert TaskDescription.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.examples == len(task.train)
    assert np.isfinite(list(found.features.values())).all()


def test_meta_features_say_what_they_are_called(table: Table) -> None:
    frame = table(400)
    frame.loc[::2, "size"] = np.nan
    found = Task.from_table(frame.assign(target=["a", "a", "a", "b"] * 100), seed=1).describe().features
    assert found["missing_share"] == pytest.approx(0.25, abs=0.03)
    assert found["largest_class"] == pytest.approx(0.75, abs=0.01)
    assert found["smallest_class"] == pytest.approx(0.25, abs=0.01)
    assert found["class_entropy"] == pytest.approx(0.811, abs=0.01)
    assert found["outputs"] == 2


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    rows = 50_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 5)).round(4), columns=list("abcde")).assign(
        f=rng.choice(["x", "y"], rows), target=rng.integers(0, 3, rows)
    )
    frame.to_csv(tmp_path / "large.csv", index=False)
    task = Task.read(tmp_path / "large.csv")
    np.testing.assert_array_equal(task.inputs["c"], frame["c"])
    assert len(task.validation) == 8000
