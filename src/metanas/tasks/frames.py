"""Reading tables from files: CSV in any common encoding and with any common delimiter, TSV, Parquet."""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".parquet", ".pq", ".parq"})
_PARQUET = frozenset({".parquet", ".pq", ".parq"})
_DELIMITERS = ",;\t|"
_HEAD = 1 << 16
_NA = ["", "NA", "N/A", "n/a", "na", "NaN", "nan", "-nan", "null", "NULL", "Null", "?", "#N/A", "<NA>"]
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


def read_frame(path: Path) -> pd.DataFrame:
    """The table in a file, column names as texts.

    Raises:
        InputError: if the file is missing, empty, or no table.
    """
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}")
    if path.stat().st_size == 0:
        raise InputError(f"file {str(path)!r} is empty")
    frame = _read_parquet(path) if path.suffix.lower() in _PARQUET else _read_csv(path)
    if not len(frame):
        raise InputError(f"table {path.name!r} has no rows")
    frame.columns = [str(c).strip() for c in frame.columns]
    _refuse_repeated(list(frame.columns), path.name)
    return frame


def _refuse_repeated(names: list[str], file: str) -> None:
    repeated = [name for name, count in Counter(names).items() if name and count > 1]
    if repeated:
        raise InputError(f"table {file!r} has several columns named {repeated[0]!r}; give each its own name")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name!r} can't be read as a Parquet file ({_first_line(error)})") from error
    return frame.reset_index(drop=isinstance(frame.index, pd.RangeIndex) or frame.index.name is None)


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    encoding = detect_encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        head = file.read(_HEAD)
    if "\0" in head:
        raise InputError(f"{path.name!r} is no text file, so it can't be read as a table")
    lines = head.splitlines() if len(head) < _HEAD else head.splitlines()[:-1]
    delimiter = detect_delimiter(lines)
    cells = list(csv.reader((line for line in lines[:200] if line.strip()), delimiter=delimiter))
    headless = _headless(cells)
    _refuse_repeated([] if headless else [name.strip() for name in cells[0]] if cells else [], path.name)
    options: dict[str, Any] = {
        "sep": delimiter,
        "encoding": encoding,
        "decimal": _decimal(cells[1:], delimiter),
        "keep_default_na": False,
        "na_values": _NA,
        "skipinitialspace": True,
        "low_memory": False,
        "header": None if headless else 0,
    }
    if len(cells) > 1 and len(cells[1]) == len(cells[0]) + 1 and not cells[1][-1].strip():
        options["index_col"] = False  # a delimiter ends every row: without this the first column would be taken for row names
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(path, **options)
    except (ValueError, OSError) as error:
        advice = "every row needs the same number of columns"
        raise InputError(f"{path.name!r} can't be read as a table ({_first_line(error)}); {advice}") from error
    if headless:
        frame.columns = [f"x{i}" for i in range(frame.shape[1])]
    return frame.reset_index(drop=True)


def _headless(cells: list[list[str]]) -> bool:
    """Whether the first row of cells holds data: numbers alone, in columns of numbers.

    Not if these are names all the same: whole numbers one after the other (0, 1, 2 or 2019, 2020, 2021), which the next row does not
    continue.
    """
    if len(cells) < 2 or len(set(cells[0])) < 2 or not all(_NUMBER.fullmatch(c.strip()) for c in cells[0]):
        return False
    for place in range(len(cells[0])):
        below = [row[place].strip() for row in cells[1:] if place < len(row)]
        told = [cell for cell in below if cell not in _NA]
        if told and not any(_NUMBER.fullmatch(cell) for cell in told):
            return False
    return not (len(cells[0]) > 2 and _consecutive(cells[0]) and not _consecutive(cells[1]))


def _consecutive(row: list[str]) -> bool:
    return all(c.strip().isdigit() for c in row) and all(int(b) - int(a) == 1 for a, b in pairwise(row))


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].removeprefix("Error tokenizing data. C error: ").rstrip(".")


def detect_encoding(path: Path) -> str:
    """The name of the file's text encoding: by its mark, as UTF-8 if the whole file is, else by the frequencies of its characters."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head.count(0) > len(head) // 4:
            return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        file.seek(0)
        try:
            while block := file.read(1 << 22):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return "utf-8"
        file.seek(0)
        telling = [line for line in file if not line.isascii()][:2000]
    return _guess(b"".join(telling)[:_HEAD])


def _guess(sample: bytes) -> str:
    """Western European if most words with other than ASCII letters have mostly ASCII letters, else what charset-normalizer finds."""
    from charset_normalizer import from_bytes

    text = sample.decode("cp1252", errors="replace")
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    western = sum(2 * sum(c.isascii() for c in word) >= len(word) for word in words)
    if 2 * western >= len(words):
        return "latin-1" if "\ufffd" in text else "cp1252"
    best = from_bytes(re.sub(rb"[^A-Za-z\x80-\xff]+", b" ", sample)).best()
    return best.encoding if best is not None else "latin-1"


def detect_delimiter(lines: list[str]) -> str:
    """Of comma, semicolon, tab and bar, the one that cuts most lines into as many cells as the first; the comma if none does."""
    best, best_score = ",", (0.0, 0)
    sample = [line for line in lines[:200] if line.strip()]
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter)]
        if not widths or widths[0] < 2:
            continue
        like_first = sum(w == widths[0] for w in widths) / len(widths)
        score = (round(like_first, 1), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    if delimiter == ",":
        return "."
    numbers = [cell.strip() for row in rows for cell in row if _NUMBER.fullmatch(cell.strip())]
    commas, points = sum("," in n for n in numbers), sum("." in n for n in numbers)
    return "," if commas > points else "."
