"""Tables from files of many encodings, delimiters and habits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.tasks.frames import read_frame

WORDS = ["Käse", "Brötchen", "Öl", "Müsli", "crème brûlée", "plain"]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [delimiter.join(["größe", "speise"])] + [delimiter.join([str(i), w]) for i, w in enumerate(WORDS)]
    frame = read_frame(write(tmp_path / "t.csv", "\n".join(lines), encoding))
    assert list(frame.columns) == ["größe", "speise"]
    assert frame["speise"].tolist() == WORDS
    assert frame["größe"].tolist() == list(range(6))


def test_other_scripts_are_found_by_their_letters(tmp_path: Path) -> None:
    text = "слово,число\n" + "\n".join(f"{w},{i}" for i, w in enumerate(["привет", "дорога", "молоко", "собака", "книга", "вечер"] * 5))
    frame = read_frame(write(tmp_path / "t.csv", text, "cp1251"))
    assert list(frame.columns) == ["слово", "число"]
    assert frame["слово"][0] == "привет"


def test_decimal_commas_between_semicolons(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "t.csv", "a;b;c\n1,5;2;x, y\n-0,25;3;z\n"))
    assert frame["a"].tolist() == [1.5, -0.25]
    assert frame["b"].tolist() == [2, 3]
    assert frame["c"].tolist() == ["x, y", "z"]


def test_quoted_cells_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "t.csv", 'a,b\n"one; two, three",1\n"four\nfive; ""six""",2\n'))
    assert frame["a"].tolist() == ["one; two, three", 'four\nfive; "six"']


def test_missing_values_in_their_many_forms_but_not_the_word_none(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "t.csv", "a,b\n?,x\nNA,none\n,null\n3,n/a\n"))
    assert frame["a"].isna().tolist() == [True, True, True, False]
    assert frame["b"].tolist()[:2] == ["x", "none"]
    assert frame["b"].isna().tolist() == [False, False, True, True]


def test_numbers_only_means_no_header(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "t.csv", "5.1,3.5,0\n4.9,3.0,1\n"))
    assert list(frame.columns) == ["x0", "x1", "x2"]
    assert len(frame) == 2


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("2019,2020,2021\n5,3,8\n4,4,1\n", ["2019", "2020", "2021"]),
        ("0,1,2,3\n5.5,3,8,1\n4.5,4,1,0\n", ["0", "1", "2", "3"]),
        ("7,4\n1.5,yes\n2.5,no\n", ["7", "4"]),
        ("1,2,3\n2,3,4\n3,4,5\n", ["x0", "x1", "x2"]),
        ("7,4\n1.5,\n2.5,1\n", ["x0", "x1"]),
    ],
)
def test_names_that_are_numbers_are_told_from_data(tmp_path: Path, text: str, columns: list[str]) -> None:
    assert list(read_frame(write(tmp_path / "t.csv", text)).columns) == columns


def test_a_delimiter_after_every_row_shifts_nothing(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "t.csv", "a,b\n1,2,\n3,4,\n"))
    assert frame["a"].tolist() == [1, 3]
    assert frame["b"].tolist() == [2, 4]


def test_parquet_and_its_named_index(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}).to_parquet(tmp_path / "t.parquet")
    assert read_frame(tmp_path / "t.parquet")["a"].isna().tolist() == [False, True]
    pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([7, 8], name="when")).to_parquet(tmp_path / "u.parquet")
    assert list(read_frame(tmp_path / "u.parquet").columns) == ["when", "a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n", "has no rows"),
        ("t.csv", b"a,b\n1,2\n3,4,5,6\n7,8\n", "same number of columns"),
        ("t.csv", b"a,b\n\x00\x01\x02binary", "no text file"),
        ("t.parquet", b"no parquet", "Parquet"),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_frame(tmp_path / name)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_frame(tmp_path / "absent.csv")


def test_columns_need_different_names(tmp_path: Path) -> None:
    pd.DataFrame([[1, 2]], columns=["a", "a "]).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="several columns named 'a'"):
        read_frame(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"table 't\.csv' has several columns named 'a'; give each its own name"):
        read_frame(write(tmp_path / "t.csv", "a, a,b\n1,2,3\n"))
    assert len(read_frame(write(tmp_path / "unnamed.csv", ",,b\n1,2,3\n")).columns) == 3
