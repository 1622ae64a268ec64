"""Tasks from tables: target, parts, groups, times, and everything that can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.tasks import Task

Table = Callable[..., pd.DataFrame]


def test_a_csv_file_becomes_a_task(tmp_path: Path, table: Table) -> None:
    table().to_csv(tmp_path / "fruit.csv", index=False)
    task = Task.from_csv(tmp_path / "fruit.csv", target="target")
    assert (task.name, task.kind, task.data, task.classes, task.metric) == ("fruit", "classification", "table", ("no", "yes"), "accuracy")
    assert (len(task.train), len(task.validation), len(task.test)) == (64, 32, 24)
    assert list(task.inputs.columns) == ["size", "colour"]
    assert task.notes == ()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_every_format_gives_the_same_task(tmp_path: Path, table: Table, suffix: str) -> None:
    frame, path = table(), tmp_path / f"t{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    assert Task.read(path).fingerprint == Task.from_table(frame).fingerprint


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "y"])
def test_a_usual_name_is_the_target(table: Table, name: str) -> None:
    assert Task.from_table(table().rename(columns={"target": name})).target == name


def test_no_target(tmp_path: Path, table: Table) -> None:
    frame = table().rename(columns={"target": "ripe"})
    with pytest.raises(InputError, match=r"name it with --target COLUMN, one of: size, colour, ripe"):
        Task.from_table(frame)
    with pytest.raises(InputError, match=r"no target column 'rip' \(did you mean 'ripe'\?\); the columns are: size, colour, ripe"):
        Task.from_table(frame, target="rip")


def test_numbers_are_regression_unless_the_user_says_otherwise(table: Table) -> None:
    frame = table().assign(target=np.arange(120) % 30)
    assert Task.from_table(frame).metric == "rmse"
    assert Task.from_table(frame, kind="classification").classes == tuple(str(i) for i in range(30))
    assert Task.from_table(frame.assign(target=np.arange(120) % 5), kind="regression").targets.shape == (120, 1)


def test_categories_that_only_the_test_part_has_are_told(table: Table) -> None:
    frame = table().assign(split=["train"] * 90 + ["test"] * 30)
    assert Task.from_table(frame).notes == ()
    frame.loc[[100, 117], "colour"] = "octarine"
    frame.loc[110, "colour"] = None
    _, note = Task.from_table(frame).notes
    assert note == "column 'colour': 2 test rows with a value that training lacks (octarine), taken as unknown"
    assert Task.from_table(frame.drop(columns="split")).notes == ("missing values are filled in and marked in 1 column: colour",)


def test_the_split_column_is_respected_and_no_feature(table: Table) -> None:
    split = np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20)
    task = Task.from_table(table().assign(split=split))
    assert task.train.tolist() == list(range(80))
    assert task.validation.tolist() == list(range(80, 100))
    assert task.test.tolist() == list(range(100, 120))
    assert "split" not in task.inputs.columns
    half = Task.from_table(table().assign(Split=np.where(split == "val", "Train", split)))
    assert half.test.tolist() == list(range(100, 120))
    assert len(half.validation) == 33


def test_a_column_named_split_with_other_values_is_a_feature(table: Table) -> None:
    assert "split" in Task.from_table(table().assign(split=["banana", "lemon"] * 60)).inputs.columns


def test_groups_stay_together_and_are_no_feature(table: Table) -> None:
    group = np.repeat([f"g{i}" for i in range(30)], 4)
    task = Task.from_table(table().assign(person=group), group="person")
    sides = [set(group[p]) for p in (task.train, task.validation, task.test)]
    assert sum(len(s) for s in sides) == 30
    assert "person" not in task.inputs.columns


def test_time_order_and_rows_without_a_time(table: Table) -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=120)).sample(frac=1, random_state=0).to_numpy().astype(str).astype(object)
    days[7] = None
    task = Task.from_table(table().assign(day=days), time="day")
    left = np.delete(days, 7).astype("datetime64[s]")
    assert left[task.train].max() < left[task.validation].min()
    assert left[task.validation].max() < left[task.test].min()
    assert "1 row without a readable time left out" in task.notes
    assert "day" not in task.inputs.columns


def test_group_and_time_exclude_each_other_and_must_exist(table: Table) -> None:
    with pytest.raises(InputError, match="not both"):
        Task.from_table(table().assign(a=1, b=2), group="a", time="b")
    with pytest.raises(InputError, match="no group column 'g'"):
        Task.from_table(table(), group="g")
    for option in ("group", "time"):
        with pytest.raises(InputError, match=f"--{option} target names the target column"):
            Task.from_table(table(), **{option: "target"})


def test_a_folder_with_train_and_test_files(tmp_path: Path, table: Table) -> None:
    frame = table()
    frame[:90].to_csv(tmp_path / "train.csv", index=False)
    frame[90:][["target", "colour", "size"]].to_csv(tmp_path / "test.csv", index=False)
    task = Task.read(tmp_path)
    assert task.test.tolist() == list(range(90, 120))
    again = Task.read(tmp_path / "train.csv", test=tmp_path / "test.csv")
    assert again.fingerprint == task.fingerprint == Task.read(**dict(again.source or {})).fingerprint


def test_train_and_test_with_different_columns(tmp_path: Path, table: Table) -> None:
    table().to_csv(tmp_path / "train.csv", index=False)
    table().drop(columns="colour").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(InputError, match="the test part lacks colour; all parts need the same columns"):
        Task.read(tmp_path)
    table().assign(extra=1).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(InputError, match="the test part has extra, which the training part lacks"):
        Task.read(tmp_path)


def test_unknown_categories_in_the_test_part_are_no_error(table: Table) -> None:
    frame = table().assign(split=["train"] * 100 + ["test"] * 20)
    frame.loc[100:, "colour"] = "violet"
    task = Task.from_table(frame)
    inputs, y = task.test_data()
    x = task.prepare()[1].transform(inputs)
    assert len(x) == len(y) == 20
    assert np.isfinite(x).all()
    assert (x[:, 1:] == 0).all()


def test_majority_decides_the_metric(table: Table) -> None:
    frame = table().assign(target=["rare"] * 12 + ["common"] * 108)
    task = Task.from_table(frame)
    assert task.metric == "balanced_accuracy"
    assert any("balanced accuracy decides" in n for n in task.notes)
    assert Task.from_table(frame, metric="accuracy").metric == "accuracy"
    assert Task.from_table(frame, metric="accuracy").prepare()[0].class_weights is None
    weights = task.prepare()[0].class_weights
    assert weights is not None
    assert weights[1] > weights[0]


def test_the_positive_one_of_two_classes_is_the_later_the_much_rarer_or_the_one_named(table: Table) -> None:
    def task(shares: dict[str, int], **options: str) -> Task:
        return Task.from_table(table().assign(target=[name for name, count in shares.items() for _ in range(count)]), **options)

    assert task({"no": 60, "yes": 60}).positive == "yes"
    assert task({"no": 50, "yes": 70}).positive == "yes"
    assert task({"no": 100, "yes": 20}).positive == "yes"
    rare = task({"ill": 30, "well": 90}, metric="f1")
    assert (rare.classes, rare.positive) == (("well", "ill"), "ill")
    assert rare.targets[:30].tolist() == [1] * 30
    assert rare.notes == ("f1 is that of class 'ill'; give --positive 'well' for the other class",)
    named = task({"ill": 30, "well": 90}, positive="well", metric="recall")
    assert (named.classes, named.positive) == (("ill", "well"), "well")
    assert Task.from_sklearn("breast_cancer").positive == "malignant"
    assert Task.from_sklearn("iris").positive == ""
    with pytest.raises(InputError, match=r"--positive il is no class \(did you mean 'ill'\?\); the classes are ill, well"):
        task({"ill": 30, "well": 90}, positive="il")
    with pytest.raises(InputError, match="it names one of two classes"):
        Task.from_sklearn("iris", positive="setosa")


def test_rows_without_a_target_are_left_out_everywhere(table: Table) -> None:
    frame = table()
    frame.loc[[3, 5], "target"] = None
    task = Task.from_table(frame)
    assert len(task.inputs) == len(task.targets) == 118
    np.testing.assert_array_equal(task.inputs["size"], frame["size"].drop([3, 5]))
    assert "2 rows without a value in 'target' left out" in task.notes


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"target": "a"}, {}, "single class, 'a'"),
        ({"target": [f"c{i}" for i in range(120)]}, {}, "every class has a single row"),
        ({"target": None}, {}, "has no values"),
        ({"size": None, "colour": "x"}, {}, "no column is left to learn from"),
        ({}, {"metric": "rmse"}, "'rmse' is for regression"),
        ({}, {"metric": "acc"}, "no metric 'acc'"),
        ({}, {"kind": "image"}, "doesn't suit a table"),
        ({}, {"kind": "tables"}, r"--kind tables is unknown \(did you mean 'table'\?\)"),
        ({}, {"kind": "table,image"}, "at once"),
        ({}, {"size": 32}, "--size 32 means nothing for a table"),
        ({}, {"colour": 1}, "no option 'colour'"),
        ({}, {"seed": -1}, "seed must be a whole number from 0"),
        ({}, {"seed": "a"}, "seed must be a whole number from 0"),
        ({}, {"time": "colour"}, "holds neither numbers nor dates"),
        ({}, {"target": 3}, "option target must be a text, not 3"),
        ({}, {"kind": 3}, "option kind must be a text, or several, not 3"),
        ({}, {"test": 3}, "option test must be a text or a path, not 3"),
        ({}, {"name": ["x"]}, "option name must be a text"),
    ],
)
def test_bad_tables_and_options(table: Table, change: dict[str, object], options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Task.from_table(table().assign(**change), **options)


def test_too_little_data(table: Table) -> None:
    with pytest.raises(InputError, match="9 usable rows are too few"):
        Task.from_table(table().head(9))
    with pytest.raises(InputError, match="outside the test part"):
        Task.from_table(table().assign(split=["train"] * 4 + ["test"] * 116))


def test_all_empty_column_is_left_out_with_a_note(table: Table) -> None:
    task = Task.from_table(table().assign(nothing=np.nan))
    assert task.notes == ("left out because all their values are missing: nothing",)


def test_an_empty_table_and_repeated_names(table: Table) -> None:
    with pytest.raises(InputError, match="needs rows"):
        Task.from_table(table().head(0))
    twice = table()
    twice.columns = ["size", "size", "target"]
    with pytest.raises(InputError, match="different names"):
        Task.from_table(twice)


@pytest.mark.parametrize("source", [None, 3, [1, 2], b"x.csv"])
def test_what_is_no_path_and_no_table(source: object) -> None:
    for read in (Task.read, Task.from_table, Task.from_csv, Task.from_text, Task.from_npz, Task.from_images, Task.from_sounds):
        with pytest.raises(InputError, match="must be a path"):
            read(source)  # type: ignore[operator]


def test_another_ending_is_no_likeness(tmp_path: Path, table: Table) -> None:
    """Names are compared without their endings, which most files share."""
    table().to_csv(tmp_path / "oranges.csv", index=False)
    with pytest.raises(InputError) as refused:
        Task.from_csv(tmp_path / "figs.csv")
    assert "did you mean" not in str(refused.value)
    with pytest.raises(InputError, match=r"did you mean 'oranges\.csv'"):
        Task.from_csv(tmp_path / "orange.parquet")


def test_nothing_at_that_path(tmp_path: Path, table: Table) -> None:
    table().to_csv(tmp_path / "fruit.csv", index=False)
    with pytest.raises(InputError, match=r"did you mean 'fruit.csv'"):
        Task.from_csv(tmp_path / "fruits.csv")
    with pytest.raises(InputError, match="no table named train"):
        Task.from_table(tmp_path)
