"""Tasks from a column of texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metanas.errors import InputError
from metanas.tasks import Task


def reviews(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    good = rng.random(rows) < 0.5
    words = np.where(good, "a fine film", "a dull film")
    return pd.DataFrame(
        {"stars": rng.integers(1, 6, rows), "review": [f"{w}, number {i}!" for i, w in enumerate(words)], "label": good.astype(int)}
    )


def test_texts_and_labels(tmp_path: Path) -> None:
    reviews().to_csv(tmp_path / "reviews.csv", index=False)
    task = Task.read(tmp_path / "reviews.csv", text="review", target="label")
    assert (task.data, task.classes, task.text) == ("text", ("0", "1"), "review")
    assert task.inputs[0].endswith("number 0!")
    assert "only the texts in 'review' are used, not the columns stars" in task.notes
    for other in (
        Task.from_csv(tmp_path / "reviews.csv", text="review", target="label"),
        Task.from_text(reviews(), text="review"),
        Task.read(tmp_path / "reviews.csv", kind="text"),
        Task.read(**dict(task.source or {})),
    ):
        assert other.fingerprint == task.fingerprint


def test_the_only_column_of_words_is_the_text(tmp_path: Path) -> None:
    reviews().to_csv(tmp_path / "reviews.csv", index=False)
    task = Task.from_text(tmp_path / "reviews.csv")
    assert task.text == "review"
    assert Task.read(**dict(task.source or {})).fingerprint == task.fingerprint


def test_which_column_holds_the_texts() -> None:
    with pytest.raises(InputError, match="name it with --text COLUMN, one of: review, title"):
        Task.from_text(reviews().assign(title="some words"))
    with pytest.raises(InputError, match="no text column 'reviev'"):
        Task.from_text(reviews(), text="reviev")
    with pytest.raises(InputError, match="'review' can't be the texts and the target"):
        Task.from_text(reviews(), text="review", target="review")
    with pytest.raises(InputError, match="has no texts"):
        Task.from_text(reviews().assign(review=None), text="review")
    with pytest.raises(InputError, match="doesn't suit a column of texts"):
        Task.from_text(reviews(), text="review", kind="sound")


def test_missing_texts_count_as_empty_ones() -> None:
    frame = reviews()
    frame.loc[2, "review"] = None
    task = Task.from_text(frame, text="review")
    assert task.inputs[2] == ""
    assert any("1 row without a text in 'review' taken as empty" in n for n in task.notes)
    assert (task.prepare()[0].x_train[:, 0] != 0).all()


def test_texts_of_a_table_that_is_not_read_as_texts_are_pointed_out() -> None:
    task = Task.from_table(reviews())
    assert any("give --text 'review' to learn from it" in n for n in task.notes)
