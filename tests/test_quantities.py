import pytest
from hypothesis import given
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.quantities import parse_count, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60), ("90", 90), (90, 90), (1.5, 1.5), ("5m", 300), ("1.5h", 5400), ("2d", 172_800), (" 10 S ", 10), ("30 sec", 30),
        ("5min", 300), ("2 minutes", 120), ("1 hour", 3600), ("3 hrs", 10_800), ("1 day", 86_400), ("0.5s", 0.5),
    ],
)  # fmt: skip
def test_times(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["0", 0, "0s", "-5m", -3, "", "m", "five minutes", "5 parsecs", "5ms", "1h30m", "nan", "inf", float("nan"), float("inf"), "1e3"]
)
def test_what_is_no_time_is_refused_in_one_sentence(text):
    with pytest.raises(InputError, match=r"^a budget must be a time above zero, such as 60s, 5m or 1h, not "):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("50000", 50_000),
        (7, 7),
        ("100k", 100_000),
        ("1.5M", 1_500_000),
        ("2g", 2_000_000_000),
        ("50,000", 50_000),
        ("1_000_000", 1_000_000),
        ("0.5k", 500),
    ],
)
def test_counts(text, count):
    assert parse_count(text) == count
    assert isinstance(parse_count(text), int)


@pytest.mark.parametrize("text", [0, "0", -1, "-100k", "", "k", "many", "1.5", 2.5, "1,5", "0.0001k", "inf"])
def test_what_is_no_count_is_refused_in_one_sentence(text):
    with pytest.raises(InputError, match=r"^expected a whole number above zero, such as 50000 or 100k, not "):
        parse_count(text)


@given(st.integers(1, 10**6), st.sampled_from(["", "_", ","]))
def test_numbers_with_separated_thousands(number, separator):
    text = f"{number:,}".replace(",", separator)
    assert parse_count(text) == number
    assert parse_seconds(str(number)) == number
