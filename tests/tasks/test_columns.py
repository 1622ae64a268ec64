"""What each column is taken for, and what is left out with which words."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.tasks.columns import clean
from metanas.tasks.values import as_categories, as_moments, as_numbers

N = 40
BASE = {"size": np.random.default_rng(0).normal(size=N)}


def cleaned(**columns: object) -> tuple[pd.DataFrame, str]:
    frame, notes = clean(pd.DataFrame({**BASE, **columns}))
    return frame, " | ".join(notes)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_survive_as_texts(values: list[float]) -> None:
    np.testing.assert_array_equal(as_numbers(pd.Series([repr(v) for v in values])), values)


def test_numbers_with_thousands_and_decimal_commas() -> None:
    np.testing.assert_array_equal(as_numbers(pd.Series(["1,234", "12,345,678.5", "7"])), [1234, 12345678.5, 7])
    np.testing.assert_array_equal(as_numbers(pd.Series(["1,5", "-0,25", "3"])), [1.5, -0.25, 3])
    np.testing.assert_array_equal(as_numbers(pd.Series(["1_000", "x", None, "?"])), [np.nan] * 4)


def test_categories_have_sorted_names_whatever_the_type() -> None:
    found = as_categories(pd.Series([2.0, 1.0, np.nan, 2.0]))
    assert list(found.categories) == ["1", "2"]
    assert found.codes.tolist() == [1, 0, -1, 1]
    assert list(as_categories(pd.Series([" b", "a ", "b", "NA"])).categories) == ["a", "b"]
    assert list(as_categories(pd.Series([True, False])).categories) == ["False", "True"]


def test_moments_rise_with_time() -> None:
    texts = pd.Series(["2024-03-01", "2023-12-31 23:00", "2024-01-01", None])
    moments = as_moments(texts)
    assert np.argsort(moments[:3]).tolist() == [1, 2, 0]
    assert np.isnan(moments[3])
    assert moments[2] - moments[1] == 3600
    np.testing.assert_array_equal(as_moments(pd.Series([3, 1])), [3, 1])


def test_numbers_booleans_and_categories_stay() -> None:
    frame, notes = cleaned(flag=[True, False] * (N // 2), colour=["red", "green", "blue", "red"] * (N // 4), count=[1, 2, 2, 4] * (N // 4))
    assert notes == ""
    assert frame.dtypes.astype(str).to_dict() == {"size": "float64", "flag": "float64", "colour": "category", "count": "float64"}


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2024-01-01", periods=N),
        [f"2024-01-{i % 28 + 1:02d}" for i in range(N)],
        [f"{i % 28 + 1}.3.2024 12:30" for i in range(N)],
        [f"{i % 12 + 1}/{i % 28 + 1}/24" for i in range(N)],
        [datetime.date(2024, 1, i % 28 + 1) for i in range(N)],
    ],
)
def test_dates_are_left_out(dates: object) -> None:
    frame, notes = cleaned(day=dates)
    assert list(frame.columns) == ["size"]
    assert notes == "left out because they are dates: day"


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("row", np.arange(N), "identifiers or row numbers"),
        ("row", np.arange(1, N + 1), "identifiers or row numbers"),
        ("customer_id", np.random.default_rng(0).permutation(N) + 5000, "identifiers or row numbers"),
        ("customerId", np.random.default_rng(0).permutation(N) + 5000, "identifiers or row numbers"),
        ("code", [f"K{i}" for i in range(N)], "no value occurs twice"),
        ("review", [f"this is review number {i}" for i in range(N)], "free text .give --text 'review'"),
        ("review", [f"this is review number {i - i % 5 // 4}" for i in range(N)], "free text .give --text 'review'"),
        ("same", [3] * N, "same value everywhere"),
        ("same", ["x"] * N, "same value everywhere"),
        ("empty", [None] * N, "all their values are missing"),
        ("empty", ["", "?"] * (N // 2), "all their values are missing"),
    ],
)
def test_columns_that_teach_nothing_are_left_out_with_the_reason(name: str, values: object, reason: str) -> None:
    frame, notes = cleaned(**{name: values})
    assert list(frame.columns) == ["size"]
    assert pd.Series([notes]).str.fullmatch(f"left out because .*{reason}.*: {name}").all(), notes


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("paid", np.random.default_rng(0).permutation(N) + 5000),
        ("shop_id", [1, 2, 3, 4] * (N // 4)),
        ("weight", np.random.default_rng(0).permutation(N) * 10),
        ("half", [1, None] * (N // 2)),
    ],
)
def test_columns_that_only_resemble_identifiers_stay(name: str, values: object) -> None:
    assert name in cleaned(**{name: values})[0].columns


def test_a_few_words_among_numbers_are_missing_values() -> None:
    frame, notes = cleaned(age=["old", *[str(i % 7) for i in range(N - 1)]])
    assert frame["age"].dtype == np.float64
    assert np.isnan(frame["age"][0])
    assert "column 'age': 1 value not a number (old), taken as missing" in notes


def test_many_words_among_numbers_make_a_category() -> None:
    frame, notes = cleaned(doors=["2", "3", "4", "more"] * (N // 4))
    assert str(frame["doors"].dtype) == "category"
    assert "column 'doors' holds numbers and 25 % words, so it counts as a category" in notes


def test_infinite_numbers_are_missing_values() -> None:
    frame, notes = cleaned(rate=[np.inf, -np.inf, *np.arange(2, N)])
    assert frame["rate"].isna().sum() == 2
    assert np.isfinite(frame["rate"][2:]).all()
    assert "2 infinite values taken as missing" in notes


def test_training_rows_alone_decide_what_a_column_is() -> None:
    train = np.arange(0, N, 2)
    odd = np.arange(N) % 2 == 1
    columns = {
        "words_elsewhere": np.where(odd, "word", np.arange(N).astype(str) + ".5"),
        "constant_in_training": np.where(odd, np.arange(N), 7),
        "empty_in_training": np.where(odd, 1.0, np.nan),
        "code": [f"K{i}" if i % 2 == 0 else "K0" for i in range(N)],
        "row": np.where(odd, 0, np.arange(N)),
        "repeats_elsewhere_id": np.where(odd, 5, np.arange(N) * 3),
    }
    frame, notes = clean(pd.DataFrame({**BASE, **columns}), train)
    assert list(frame.columns) == ["size", "words_elsewhere"]
    assert frame["words_elsewhere"].dtype == np.float64
    assert len(frame) == N
    text = " | ".join(notes)
    assert "column 'words_elsewhere': 20 values not a number (word), taken as missing" in text
    assert "identifiers or row numbers: row, repeats_elsewhere_id" in text


@given(st.lists(st.sampled_from(["1", "2.5", "x", "y", "", "7"]), min_size=20, max_size=20), st.integers(0, 2**32 - 1))
def test_what_other_rows_hold_does_not_matter(values: list[str], seed: int) -> None:
    """The same columns stay, as the same kind, whatever stands in rows that are not for training."""
    other = [values[i] if i < 12 else np.random.default_rng([seed, i]).choice(["1", "x", "longer words in a row", ""]) for i in range(20)]
    kinds = []
    for column in (values, other):
        frame, _ = clean(pd.DataFrame({"size": BASE["size"][:20], "c": column}), np.arange(12))
        kinds.append(frame.dtypes.astype(str).to_dict())
    assert kinds[0] == kinds[1]


def test_missing_values_are_told() -> None:
    _, notes = cleaned(half=[1.5, None] * (N // 2), word=["a", None, "b", "a"] * (N // 4))
    assert notes == "missing values are filled in and marked in 2 columns: half, word"


def test_no_column_left_is_an_error_that_says_why() -> None:
    with pytest.raises(InputError, match=r"no column is left to learn from; left out because they are dates: day"):
        clean(pd.DataFrame({"day": pd.date_range("2024-01-01", periods=5)}))
    with pytest.raises(InputError, match="only its target"):
        clean(pd.DataFrame(index=range(5)))
