"""Preprocessing: fitted on training rows alone, the same after JSON, and right in its numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.tasks import Preprocessing, Task
from metanas.tasks.preprocessing import TablePreprocessing, TextPreprocessing
from metanas.tasks.preprocessing.image import channel_moments, keeps_meaning_mirrored
from metanas.tasks.preprocessing.table import Category, Number
from metanas.tasks.preprocessing.text import tokens

RNG = np.random.default_rng(0)
ROWS = 60
Y = np.arange(ROWS) % 3


def mixed_table(rows: int = ROWS) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"size": RNG.normal(5, 2, rows), "price": np.exp(RNG.normal(0, 3, rows)), "colour": RNG.choice(["a", "b", "c"], rows)}
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[1::9, "colour"] = None
    return frame.assign(flag=RNG.random(rows) < 0.5, target=RNG.choice(["no", "yes"], rows))


TASKS: dict[str, Any] = {
    "table": lambda: Task.from_table(mixed_table()),
    "regression": lambda: Task.from_table(mixed_table().assign(target=RNG.normal(size=ROWS))),
    "image": lambda: Task.from_arrays(RNG.integers(0, 256, (ROWS, 6, 5, 3)).astype(np.uint8), Y),
    "series": lambda: Task.from_arrays(RNG.normal(3, 2, (ROWS, 20, 2)), Y),
    "windows": lambda: Task.from_arrays(RNG.normal(3, 2, (ROWS, 20, 2)), RNG.normal(7, 3, (ROWS, 4))),
    "sound": lambda: Task.from_arrays(RNG.integers(-999, 999, (ROWS, 30)).astype(np.int16), Y),
    "text": lambda: Task.from_arrays([f"a {w} day, no. {i}" for i, w in enumerate(RNG.choice(["fine", "bad", "odd"], ROWS))], Y),
}


@pytest.mark.parametrize("name", TASKS)
def test_json_keeps_everything_and_arrays_match_the_shape(name: str) -> None:
    task = TASKS[name]()
    data, fitted = task.prepare()
    again = Preprocessing.from_json(json.loads(json.dumps(fitted.to_json(), allow_nan=False)))
    assert again == fitted
    assert type(again) is type(fitted)
    raw = task.rows(task.validation)
    np.testing.assert_array_equal(again.transform(raw), data.x_val)
    assert data.x_train.shape == (len(task.train), *fitted.shape.input)
    assert data.x_train.dtype == {"image": np.uint8, "text": np.int32}.get(task.data, np.float32)
    assert data.input_mean.shape == data.input_std.shape == (fitted.shape.input[0],)
    assert data.target_mean.shape == data.target_std.shape == (fitted.shape.outputs,)
    assert (data.input_std > 0).all()
    assert (data.target_std > 0).all()
    assert fitted.output.classes == task.classes
    assert fitted.output.target == task.target


@pytest.mark.parametrize("name", TASKS)
def test_only_training_rows_are_looked_at(name: str) -> None:
    task = TASKS[name]()
    held = np.concatenate([task.validation, task.test])
    train = task.rows(task.train)
    targets = task.targets.copy()
    if isinstance(task.inputs, list):
        inputs: Any = [f"strange {t}" if i in set(held) else t for i, t in enumerate(task.inputs)]
    elif isinstance(task.inputs, pd.DataFrame):
        inputs = task.inputs.copy()
        for column in inputs:
            if inputs[column].dtype == float:
                inputs.loc[held, column] = 1e9
            else:
                inputs[column] = inputs[column].astype(object)
                inputs.loc[held, column] = "strange"
                inputs[column] = inputs[column].astype("category")
    else:
        inputs = task.inputs.copy()
        inputs[held] = 1
    targets[held] = targets[held][::-1]
    changed = replace(task, inputs=inputs, targets=targets)
    assert changed.prepare()[1] == task.prepare()[1]
    np.testing.assert_array_equal(changed.prepare()[0].x_train, task.prepare()[1].transform(train))


def test_a_newer_schema_is_refused() -> None:
    record = TASKS["series"]().prepare()[1].to_json()
    with pytest.raises(InputError, match="newer version"):
        Preprocessing.from_json({**record, "schema": 99})


@pytest.mark.parametrize("name", ["image", "series"])
def test_channels_are_standardised_by_the_numbers_given(name: str) -> None:
    data, _ = TASKS[name]().prepare()
    shape = (1, -1) + (1,) * (data.x_train.ndim - 2)
    z = (data.x_train.astype(np.float64) - data.input_mean.reshape(shape)) / data.input_std.reshape(shape)
    axes = (0, *range(2, z.ndim))
    np.testing.assert_allclose(z.mean(axes), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axes), 1, atol=1e-5)


def test_moments_of_many_examples_and_of_constant_channels() -> None:
    x = RNG.integers(0, 256, (2500, 2, 3, 3)).astype(np.uint8)
    x[:, 1] = 7
    mean, std = channel_moments(x)
    assert mean == pytest.approx((x[:, 0].mean(), 7))
    assert std == pytest.approx((x[:, 0].std(), 1))


def test_loudness_of_sound_is_one_after_scaling() -> None:
    data, fitted = TASKS["sound"]().prepare()
    assert (data.input_mean == 0).all()
    assert np.sqrt(((data.x_train / data.input_std[0]) ** 2).mean()) == pytest.approx(1, rel=1e-5)
    assert fitted.shape.rate == 8000
    assert (TASKS["sound"]().prepare()[1].transform(np.zeros((1, 1, 7), np.float32))).shape == (1, 1, 30)


def test_targets_of_regression_are_measured_in_the_training_part() -> None:
    task = TASKS["windows"]()
    data, _ = task.prepare()
    np.testing.assert_allclose(data.target_mean, task.targets[task.train].mean(0), rtol=1e-5)
    np.testing.assert_allclose(data.target_std, task.targets[task.train].std(0), rtol=1e-5)
    assert data.y_train.shape == (len(task.train), 4)


@settings(max_examples=100)
@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=60), st.booleans())
def test_numbers_are_scaled_in_their_order_and_stay_bounded(values: list[float], missing: bool) -> None:
    x = np.array(values + [np.nan] * missing)
    number = Number.fit("x", x)
    if max(values) - min(values) <= 1e-299:
        assert (number is None) == (not missing)
        return
    assert number is not None
    z = number.transform(x)
    order = np.argsort(x[: len(values)], kind="stable")
    assert (np.diff(z[: len(values)][order]) >= 0).all()
    assert np.isfinite(z).all()
    assert np.abs(z).max() <= 10
    assert np.isfinite(number.transform(np.array([-1.7e308, 1.7e308, np.inf]))).all()
    assert number.missing == missing


def test_light_tails_are_standardised_and_heavy_ones_bent() -> None:
    light, heavy = RNG.uniform(0, 9, 1000), np.exp(RNG.normal(0, 3, 1000))
    even, bent = Number.fit("x", light), Number.fit("x", heavy)
    assert even is not None
    assert bent is not None
    np.testing.assert_allclose(even.transform(light), (light - light.mean()) / light.std(), atol=1e-5)
    assert bent.bent
    z = bent.transform(heavy)
    assert (z.mean(), z.std()) == pytest.approx((0, 1), abs=1e-4)
    assert z.max() < 5 < ((heavy - heavy.mean()) / heavy.std()).max()
    assert bent.transform(np.array([np.nan]))[0] == bent.transform(np.median(heavy)[None])[0]


def test_categories_become_indicators_with_places_for_rare_and_missing_ones() -> None:
    train = pd.Series(["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["rare"] + [None])
    category = Category.fit("x", train)
    assert category is not None
    assert (category.categories, category.other, category.missing, category.width) == (("a", "b", "c"), True, True, 5)
    found = category.transform(pd.Series(["c", "unheard of", "rare", None, "a"]))
    assert found.argmax(1).tolist() == [2, 3, 3, 4, 0]
    assert (found.sum(1) == 1).all()


def test_without_rare_or_missing_ones_in_training_unknown_is_all_zero() -> None:
    category = Category.fit("x", pd.Series(["a", "b", "c"] * 4))
    assert category is not None
    np.testing.assert_array_equal(category.transform(pd.Series(["b", "unheard of", None])), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_two_categories_and_booleans_need_one_indicator() -> None:
    category = Category.fit("x", pd.Series([True, False] * 4))
    assert category is not None
    assert category.width == 1
    np.testing.assert_array_equal(category.transform(pd.Series(["True", "False", None])), [[1], [0], [0.5]])
    same = Category.fit("x", pd.Series([1.0, 0.0] * 4))
    assert same is not None
    np.testing.assert_array_equal(same.transform(pd.Series([1, 0])), [[1], [0]])


def test_at_most_64_categories() -> None:
    names = [f"c{i}" for i in range(100) for _ in range(3 + (i < 64))]
    category = Category.fit("x", pd.Series(names))
    assert category is not None
    assert len(category.categories) == 64
    assert set(category.categories) == {f"c{i}" for i in range(64)}
    assert category.other


def test_features_are_numbers_then_marks_then_indicators() -> None:
    task = TASKS["table"]()
    data, fitted = task.prepare()
    assert isinstance(fitted, TablePreprocessing)
    assert fitted.shape.numeric == 2
    assert [n.name for n in fitted.numbers] == ["size", "price"]
    marks = task.rows(task.train)["size"].isna().to_numpy()
    np.testing.assert_array_equal(data.x_train[:, 2], marks)
    assert set(np.unique(data.x_train[:, 2:])) == {0, 1}


def test_a_missing_column_is_named_and_a_surplus_one_ignored() -> None:
    task = TASKS["table"]()
    fitted = task.prepare()[1]
    raw = task.rows(task.test)
    np.testing.assert_array_equal(fitted.transform(raw.assign(more=1)), fitted.transform(raw))
    with pytest.raises(InputError, match="lacks columns that the network was trained with: price, colour"):
        fitted.transform(raw.drop(columns=["price", "colour"]))


def test_columns_constant_in_training_are_not_used() -> None:
    frame = pd.DataFrame(
        {
            "a": RNG.normal(size=40),
            "b": [1.5] * 30 + [2.5] * 10,
            "target": [0, 1] * 20,
            "split": ["train"] * 20 + ["val"] * 10 + ["test"] * 10,
        }
    )
    assert Task.from_table(frame).prepare()[1].shape.input == (1,)
    with pytest.raises(InputError, match="no column is left to learn from; left out because they have the same value everywhere: b"):
        Task.from_table(frame.drop(columns="a"))


def test_words_and_their_numbers() -> None:
    assert tokens("Don't STOP, it’s 3.5 €!") == ["don't", "stop", ",", "it’s", "3", ".", "5", "€", "!"]
    task = TASKS["text"]()
    data, fitted = task.prepare()
    assert isinstance(fitted, TextPreprocessing)
    assert fitted.shape.vocabulary == len(fitted.words) + 2
    assert set(fitted.words[:4]) >= {"a", "day"}
    assert data.x_train.max() < fitted.shape.vocabulary
    numbers = fitted.transform(["day unheard", "", "a " * 500])
    assert numbers[0, :3].tolist() == [fitted.words.index("day") + 2, 1, 0]
    assert numbers[1].tolist() == [1] + [0] * (fitted.shape.input[0] - 1)
    assert (numbers[2] == fitted.words.index("a") + 2).all()


def test_the_length_of_texts_follows_the_training_part_up_to_256() -> None:
    def length(words: int) -> int:
        task = Task.from_arrays([" ".join(["word"] * words) for _ in range(ROWS)], Y)
        return task.prepare()[1].shape.input[0]

    assert [length(n) for n in (1, 40, 1000)] == [4, 40, 256]


def test_mirroring_is_found_harmless_where_left_and_right_mean_nothing() -> None:
    x = RNG.integers(0, 60, (400, 1, 16, 16)).astype(np.uint8)
    y = np.arange(400) % 2
    sides = x.copy()
    sides[y == 0, :, :, :5] += 150
    sides[y == 1, :, :, 11:] += 150
    assert not keeps_meaning_mirrored(sides, y)
    band = np.arange(160) % 4
    spots = RNG.integers(0, 60, (160, 1, 16, 16)).astype(np.uint8)
    for i, column in enumerate(RNG.integers(0, 14, 160)):
        spots[i, :, 4 * band[i] : 4 * band[i] + 3, column : column + 2] = 255
    assert keeps_meaning_mirrored(spots, band)
    assert Task.from_arrays(spots[:, 0], band, mirror=False).prepare()[0].mirror is False
    assert Task.from_arrays(sides[:, 0], y, mirror=True).prepare()[0].mirror is True


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError, match="pictures must be uint8 of shape"):
        TASKS["image"]().prepare()[1].transform(np.zeros((2, 3, 6, 6), np.uint8))
    with pytest.raises(InputError, match="series needs 2 channels"):
        TASKS["series"]().prepare()[1].transform(np.zeros((2, 3, 20), np.float32))
