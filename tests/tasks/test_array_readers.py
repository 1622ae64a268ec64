"""Tasks from arrays, ``.npz`` files and scikit-learn's data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.tasks import Preprocessing, Task, read_new

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3


def floats(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def ints(dtype: Any, *shape: int) -> np.ndarray:
    return RNG.integers(0, 200, shape).astype(dtype)


def save(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("x", "kind", "data", "shape", "noted"),
    [
        (floats(60, 5), None, "table", (60, 5), False),
        (floats(60, 20), None, "table", (60, 20), True),
        (ints(np.uint8, 60, 5), None, "table", (60, 5), False),
        (floats(60, 50), "series", "series", (60, 1, 50), False),
        (floats(60, 50) / 9, "sound", "sound", (60, 1, 50), True),
        (ints(np.int16, 60, 50), None, "sound", (60, 1, 50), True),
        (ints(np.int16, 60, 50, 2), None, "sound", (60, 2, 50), True),
        (ints(np.int16, 60, 50, 6), None, "series", (60, 6, 50), False),
        (floats(60, 50, 6), None, "series", (60, 6, 50), False),
        (floats(60, 5, 40), None, "series", (60, 40, 5), True),
        (ints(np.uint8, 60, 9, 7), None, "image", (60, 1, 9, 7), False),
        (ints(np.int64, 60, 8, 8), None, "image", (60, 1, 8, 8), True),
        (ints(np.uint8, 60, 9, 7, 3), None, "image", (60, 3, 9, 7), False),
        (ints(np.uint8, 60, 3, 9, 7), None, "image", (60, 3, 9, 7), False),
        (ints(np.uint8, 60, 8, 8), "table", "table", (60, 64), False),
        (ints(np.uint8, 60, 9, 7), "series", "series", (60, 7, 9), False),
        (np.array([f"word{i % 4} and word{i % 3}" for i in range(60)]), None, "text", None, False),
    ],
)
def test_shapes_tell_the_kind_of_data(
    tmp_path: Path, x: np.ndarray, kind: str | None, data: str, shape: tuple[int, ...], noted: bool
) -> None:
    task = Task.read(save(tmp_path / "a.npz", x_train=x, y_train=Y), kind=kind)
    assert task.data == data
    assert shape is None or task.inputs.shape == shape
    assert bool(task.notes) == noted
    assert task.kind == "classification"
    assert Task.read(**dict(task.source or {})).fingerprint == task.fingerprint
    assert Task.from_arrays(x, Y, kind=data).fingerprint == task.fingerprint
    assert task.prepare()[0].x_train.shape[1:] == task.prepare()[1].shape.input


def test_axes_are_put_in_order() -> None:
    series = floats(60, 50, 6)
    np.testing.assert_array_equal(Task.from_arrays(series, Y).inputs, series.transpose(0, 2, 1))
    photos = ints(np.uint8, 60, 9, 7, 3)
    np.testing.assert_array_equal(Task.from_arrays(photos, Y).inputs, photos.transpose(0, 3, 1, 2))


def test_pictures_of_floats_are_scaled_to_grey_levels() -> None:
    grey = RNG.random((60, 8, 8))
    np.testing.assert_array_equal(Task.from_arrays(grey, Y).inputs[:, 0], np.rint(grey * 255))
    np.testing.assert_array_equal(Task.from_arrays(np.rint(grey * 200), Y).inputs[:, 0], np.rint(grey * 200))
    with pytest.raises(InputError, match=r"from 0 \(black\) to 1 \(white\), not from"):
        Task.from_arrays(grey - 1, Y)
    with pytest.raises(InputError, match=r"from 0 \(black\) to 255 \(white\), not from"):
        Task.from_arrays(grey * 1000, Y)


def test_the_scale_of_pictures_is_that_of_the_training_part_and_kept_with_the_preprocessing() -> None:
    grey = RNG.random((60, 8, 8))
    fitted = Preprocessing.from_json(Task.from_arrays(grey, Y).prepare()[1].to_json())
    dark = grey[:5] * 0.5
    np.testing.assert_array_equal(read_new(dark, fitted)[0][:, 0], np.rint(dark * 255))
    in_bytes = Preprocessing.from_json(Task.from_arrays(np.rint(grey * 255), Y).prepare()[1].to_json())
    np.testing.assert_array_equal(read_new(grey[:5] > 0.5, in_bytes)[0][:, 0], grey[:5] > 0.5)  # nearly black, not stretched
    with pytest.raises(InputError, match=r"from 0 \(black\) to 1 \(white\), not from 0 to 200"):
        read_new(np.array([[[0, 200]]], np.uint8), fitted)


def test_new_digits_are_taken_in_the_units_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    task = Task.from_sklearn("digits")
    x, _ = read_new(load_digits().images[:50], task.prepare()[1])
    np.testing.assert_array_equal(x, task.inputs[:50])
    np.testing.assert_array_equal(read_new(load_digits().images[:1] * 0, task.prepare()[1])[0], 0)


def test_large_pictures_are_shrunk_with_a_note() -> None:
    task = Task.from_arrays(ints(np.uint8, 60, 100, 80), Y)
    assert task.inputs.shape == (60, 1, 64, 51)
    assert any("51 x 64 pixels" in n for n in task.notes)
    assert Task.from_arrays(ints(np.uint8, 60, 100, 80), Y, size=100).inputs.shape == (60, 1, 100, 80)


def test_existing_parts_are_respected_and_other_arrays_passed_over(tmp_path: Path) -> None:
    x = floats(60, 5)
    path = save(tmp_path / "a.npz", x_train=x[:30], y_train=Y[:30], x_val=x[30:40], y_val=Y[30:40], x_test=x[40:], y_test=Y[40:], speaker=Y)
    task = Task.from_npz(path)
    assert (task.train.tolist(), task.validation.tolist(), task.test.tolist()) == (
        list(range(30)),
        list(range(30, 40)),
        list(range(40, 60)),
    )
    same = Task.from_arrays(x[:30], Y[:30], x[40:], Y[40:], x_val=x[30:40], y_val=Y[30:40])
    assert same.fingerprint == task.fingerprint
    assert same.source is None


def test_groups_times_names_and_rate_in_the_archive(tmp_path: Path) -> None:
    who = np.repeat(np.arange(12), 5)
    path = save(tmp_path / "a.npz", x_train=ints(np.int16, 60, 50), y_train=Y, who_train=who, class_names=["a", "b", "c"], rate=11025)
    task = Task.from_npz(path, group="who")
    assert task.classes == ("a", "b", "c")
    assert task.rate == 11025
    assert sum(len(set(who[p])) for p in (task.train, task.validation, task.test)) == 12
    timed = Task.from_npz(path, time="who")
    assert who[timed.train].max() < who[timed.test].min()
    with pytest.raises(InputError, match="needs the array 'whom_train'"):
        Task.from_npz(path, group="whom")


def test_groups_and_times_of_arrays_in_memory() -> None:
    who = np.repeat(np.arange(12), 5)
    task = Task.from_arrays(floats(60, 5), Y, groups=who)
    assert sum(len(set(who[p])) for p in (task.train, task.validation, task.test)) == 12
    late = Task.from_arrays(floats(50, 5), Y[:50], floats(10, 5), Y[:10], times=np.arange(50)[::-1])
    assert late.test.tolist() == list(range(50, 60))
    assert late.validation.max() < late.train.min()
    with pytest.raises(InputError, match="groups has 3 values"):
        Task.from_arrays(floats(60, 5), Y, groups=[1, 2, 3])


def test_many_numbered_classes_stay_classes_and_floats_are_regression() -> None:
    many = Task.from_arrays(floats(200, 30), np.arange(200) % 40, kind="series")
    assert len(many.classes) == 40
    assert "'label' holds whole numbers (40 different, consecutive), so they are classes; give --kind regression" in many.notes[0]
    named = Task.from_arrays(floats(120, 30), np.arange(120) % 40, kind="series,classification")
    assert len(named.classes) == 40
    windows = Task.from_arrays(floats(60, 30), floats(60, 4), kind="series")
    assert (windows.kind, windows.targets.shape, windows.metric) == ("regression", (60, 4), "rmse")
    assert windows.prepare()[1].shape.outputs == 4


def test_one_hot_labels_are_classes_unless_the_user_says_otherwise() -> None:
    task = Task.from_arrays(floats(60, 5), np.eye(3)[Y])
    assert (task.kind, task.classes) == ("classification", ("0", "1", "2"))
    np.testing.assert_array_equal(task.targets, Y)
    assert any("taken as classes" in n for n in task.notes)
    assert Task.from_arrays(floats(60, 5), np.eye(3)[Y], kind="regression").targets.shape == (60, 3)
    with pytest.raises(InputError, match="must be numbers"):
        Task.from_arrays(floats(60, 5), np.array([["a", "b"]] * 60))


def test_padding_of_series_is_zero_but_gaps_are_an_error() -> None:
    x = floats(60, 20, 2)
    x[3, 15:] = np.nan
    task = Task.from_arrays(x, Y)
    assert (task.inputs[3, :, 15:] == 0).all()
    np.testing.assert_array_equal(task.inputs[3, :, :15], x[3, :15].T)
    x[4, 2, 1] = np.nan
    with pytest.raises(InputError, match=r"NaN or infinite numbers in 1 of 60 examples \(the first is 4\)"):
        Task.from_arrays(x, Y)


def test_missing_numbers_of_tables_are_filled() -> None:
    x = floats(60, 3)
    x[5, 0], x[6, 1] = np.nan, np.inf
    task = Task.from_arrays(x, Y)
    assert task.inputs.isna().sum().tolist() == [1, 1, 0]
    assert "column 'x1': 1 infinite value taken as missing" in task.notes
    assert "missing values are filled in and marked in 2 columns: x0, x1" in task.notes
    assert np.isfinite(task.prepare()[0].x_train).all()


def test_dataframes_in_memory() -> None:
    frame = pd.DataFrame({"a": floats(60), "b": ["x", "y", "z"] * 20})
    task = Task.from_arrays(frame, np.array(["no", "yes", "no"] * 20, object))
    assert (task.data, task.classes, list(task.inputs.columns)) == ("table", ("no", "yes"), ["a", "b"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": floats(60, 5), "y": Y}, r"lacks the array 'x_train'.*it has x, y"),
        ({"x_train": floats(60, 5)}, "only one of x_train|lacks the array 'y_train'"),
        ({"x_train": floats(60, 5), "y_train": Y, "x_test": floats(6, 5)}, "only one of x_test and y_test"),
        ({"x_train": floats(60, 5), "y_train": Y[:50]}, "x_train has 60 rows but y_train has 50"),
        ({"x_train": floats(60, 5), "y_train": Y, "x_test": floats(9, 4), "y_test": Y[:9]}, r"shape \(4,\), but x_train of shape \(5,\)"),
        ({"x_train": floats(60, 5), "y_train": Y, "x_test": floats(9, 5), "y_test": Y[:9] + 1}, "the training part lacks: 3"),
        ({"x_train": floats(60, 5), "y_train": Y.reshape(60, 1, 1)}, "one label per row"),
        ({"x_train": floats(60), "y_train": Y}, "no kind of data known here"),
        ({"x_train": floats(0, 5), "y_train": Y[:0]}, "has no rows"),
        ({"x_train": floats(60, 5) * 1j, "y_train": Y}, "not real numbers"),
        ({"x_train": np.full((60, 9, 9), np.nan), "y_train": Y}, "NaN or infinite numbers in 60 of 60"),
        ({"x_train": floats(60, 5), "y_train": np.zeros(60, int)}, "single class"),
        ({"x_train": floats(60, 9, 9, 9), "y_train": Y}, "at most 4 channels"),
    ],
)
def test_bad_archives(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Task.read(save(tmp_path / "a.npz", **arrays))


def test_files_that_are_no_archive_or_pickled(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "one.npy", floats(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    np.savez(tmp_path / "objects.npz", x_train=np.array([{}, []], object), y_train=Y[:2])
    whole = save(tmp_path / "whole.npz", x_train=floats(60, 50), y_train=Y).read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    for name, message in (("text", r"no \.npz archive"), ("empty", "no .npz archive"), ("one", "no .npz archive"), ("half", "damaged")):
        with pytest.raises(InputError, match=message):
            Task.read(tmp_path / f"{name}.npz")
    with pytest.raises(InputError, match=r"array 'x_train' in 'objects\.npz' is pickled"):
        Task.read(tmp_path / "objects.npz")


def test_ragged_lists_and_numbers_that_are_none_are_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="x_train must be an array, or lists of equal lengths"):
        Task.from_arrays([[1, 2], [3]] * 30, Y)
    with pytest.raises(InputError, match="y_train must be an array, or lists of equal lengths"):
        Task.from_arrays(floats(60, 5), [[1, 2], [3]] * 30)
    for option in ("size", "rate"):
        with pytest.raises(InputError, match=f"--{option} must be a number above 0, not 'big'"):
            Task.from_arrays(ints(np.uint8, 60, 8, 8), Y, **{option: "big"})
    with pytest.raises(InputError, match="option mirror must be True or False, not 'yes'"):
        Task.from_arrays(ints(np.uint8, 60, 8, 8), Y, mirror="yes")


def test_parts_in_memory_come_in_pairs() -> None:
    with pytest.raises(InputError, match="x_test and y_test must be given together"):
        Task.from_arrays(floats(60, 5), Y, floats(6, 5))


@pytest.mark.parametrize(
    ("name", "data", "kind", "classes", "rows"),
    [
        ("digits", "image", "classification", 10, 1797),
        ("iris", "table", "classification", 3, 150),
        ("wine", "table", "classification", 3, 178),
        ("breast_cancer", "table", "classification", 2, 569),
        ("diabetes", "table", "regression", 0, 442),
    ],
)
def test_data_sets_of_scikit_learn(name: str, data: str, kind: str, classes: int, rows: int) -> None:
    task = Task.read(name)
    assert (task.name, task.data, task.kind, len(task.classes), len(task.targets)) == (name, data, kind, classes, rows)
    assert Task.from_sklearn(name, seed=1).fingerprint != task.fingerprint
    assert Task.read(**dict(task.source or {})).fingerprint == task.fingerprint


def test_digits_are_pictures_that_must_not_be_mirrored_or_a_table() -> None:
    task = Task.from_sklearn("digits")
    assert task.inputs.shape == (1797, 1, 8, 8)
    assert (task.inputs.min(), task.inputs.max()) == (0, 255)
    assert task.prepare()[0].mirror is False
    assert Task.from_sklearn("digits", kind="table").data == "table"


def test_unknown_names_are_answered_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"'digitz' \(did you mean 'digits'\?\)"):
        Task.read("digitz")
    with pytest.raises(InputError, match="no built-in data set 'iriss'"):
        Task.from_sklearn("iriss")
    with pytest.raises(InputError, match="leave --kind out"):
        Task.from_sklearn("iris", kind="image")
    (tmp_path / "data.docx").write_text("x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"did you mean 'data.docx'"):
        Task.read("data.doc")
    with pytest.raises(InputError, match="nothing that can be read"):
        Task.read("data.docx")
    (tmp_path / "digits").mkdir()
    assert Task.read("digits").data == "image"
    with pytest.raises(InputError, match="nothing that can be read"):
        Task.read("./digits")


def test_a_task_says_in_one_line_what_it_is_and_shows_no_examples() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)
    said = repr(Task.from_arrays(grey, np.arange(40) % 4, name="spots"))
    assert said.startswith("Task(spots: image, classification in 4 classes by accuracy; ")
    assert len(said) < 140
    assert "\n" not in said
