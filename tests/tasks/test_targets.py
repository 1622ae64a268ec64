"""Classes or numbers, and what makes a target useless."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.tasks.targets import drop_rare, encode


def test_texts_are_classes_in_alphabetical_order() -> None:
    found = encode(pd.Series(["b", "a", None, "b "]), "y", None)
    assert (found.kind, found.classes) == ("classification", ("a", "b"))
    assert found.values.tolist() == [1, 0, 1]
    assert found.rows.tolist() == [0, 1, 3]
    assert found.notes == ["1 row without a value in 'y' left out"]


def test_numbered_classes_are_in_order_of_the_numbers() -> None:
    found = encode(pd.Series([10, 9, 2, 10]), "y", "classification")
    assert found.classes == ("2", "9", "10")
    assert found.values.tolist() == [2, 1, 0, 2]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(20) / 7, "classification"),
        (np.arange(21) / 7, "regression"),
        (np.arange(20), "classification"),
        (np.arange(21), "regression"),
        ([True, False] * 12, "classification"),
        ([str(i) for i in range(30)], "regression"),
        ([f"{i},5" for i in range(30)], "regression"),
        ([f"c{i % 25}" for i in range(50)], "classification"),
    ],
)
def test_many_different_numbers_are_regression(values: object, kind: str) -> None:
    assert encode(pd.Series(values), "y", None).kind == kind


def test_the_user_decides_and_whole_numbers_of_arrays_are_classes() -> None:
    many = np.arange(37).repeat(5)
    assert encode(many, "y", None, numbered=True).kind == "classification"
    assert encode(many, "y", "regression", numbered=True).kind == "regression"
    assert encode(many / 2, "y", None, numbered=True).kind == "regression"
    assert encode(many, "y", "classification").kind == "classification"


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).integers(0, 5000, 2000),  # prices
        np.random.default_rng(0).poisson(60, 2000),  # counts
        np.arange(18, 90).repeat(30),  # ages
        np.arange(200),
    ],
)
def test_many_whole_numbers_that_do_not_count_classes_are_regression_and_said_so(values: np.ndarray) -> None:
    found = encode(values, "y", None, numbered=True)
    assert found.kind == "regression"
    assert "so this is regression; give --kind classification" in found.notes[0]


def test_few_numbers_that_are_not_counted_are_classes_and_said_so() -> None:
    assert encode(np.arange(60) % 3, "y", None, numbered=True).notes == []
    odd = encode(np.array([3, 7, 12] * 20), "y", None, numbered=True)
    assert odd.kind == "classification"
    assert "give --kind regression" in odd.notes[0]


def test_several_outputs_and_rows_without_a_target() -> None:
    y = np.arange(20.0).reshape(10, 2)
    y[3, 1] = np.nan
    found = encode(y, "y", None)
    assert (found.kind, found.values.shape, found.values.dtype) == ("regression", (9, 2), np.float32)
    assert 3 not in found.rows


@pytest.mark.parametrize(
    ("values", "problem", "message"),
    [
        (["a"] * 5, None, "single class, 'a'"),
        ([None] * 5, None, "no values"),
        ([1.5] * 30, "regression", "same value in every row"),
        ([np.inf, *range(30)], "regression", "infinite"),
        (["a", "b", "1"], "regression", "2 values such as 'a' are no numbers"),
    ],
)
def test_useless_targets(values: list[object], problem: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode(pd.Series(values), "y", problem)  # type: ignore[arg-type]


def test_a_class_is_one_value() -> None:
    with pytest.raises(InputError, match="2 columns"):
        encode(np.zeros((4, 2)), "y", "classification")


def test_rare_classes_are_left_out_with_a_note() -> None:
    targets = encode(pd.Series(["a"] * 5 + ["b"] * 2 + ["c"] * 13), "y", None)
    kept = drop_rare(targets, np.zeros(20, np.int8))
    assert kept.classes == ("a", "c")
    assert kept.rows.tolist() == [0, 1, 2, 3, 4, *range(7, 20)]
    assert kept.values.tolist() == [0] * 5 + [1] * 13
    assert "2 rows left out, of classes with fewer than 3 rows to learn from: b" in kept.notes


def test_more_than_a_tenth_of_the_rows_is_not_left_out() -> None:
    targets = encode(pd.Series(["a"] * 5 + ["b"] * 2 + ["c"] * 12), "y", None)
    with pytest.raises(
        InputError, match=r"2 of 19 rows are of classes with fewer than 3 rows to learn from \(b\): too many to leave out; join"
    ):
        drop_rare(targets, np.zeros(19, np.int8))


def test_with_given_parts_fewer_rows_do() -> None:
    targets = encode(pd.Series(["a"] * 3 + ["b"] * 3), "y", None)
    kept = drop_rare(targets, np.array([0, 0, 2, 0, 0, 2], np.int8))
    assert kept.classes == ("a", "b")


def test_classes_of_single_rows() -> None:
    with pytest.raises(InputError, match=r"every class has a single row.*--kind regression"):
        drop_rare(encode(pd.Series(list("abcdefgh")), "y", None), np.zeros(8, np.int8))
    with pytest.raises(InputError, match="only 1 of 4 classes has 3 rows or more"):
        drop_rare(encode(pd.Series(list("aaaabbcd")), "y", None), np.zeros(8, np.int8))


def test_labels_of_the_test_part_that_training_lacks() -> None:
    with pytest.raises(InputError, match="the training part lacks: z; add"):
        drop_rare(encode(pd.Series(list("aabbaabbz")), "y", None), np.array([0] * 8 + [2], np.int8))
