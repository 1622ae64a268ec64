"""Reading new data for a trained network."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

from metanas.errors import InputError
from metanas.tasks import Task, read_new

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3


def fruit(rows: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {"size": RNG.normal(size=rows), "colour": RNG.choice(["red", "blue", "green"], rows), "target": RNG.choice(["a", "b"], rows)}
    )


def test_tables_with_or_without_the_target_and_in_any_order(tmp_path: Path) -> None:
    task = Task.from_table(fruit())
    fitted = task.prepare()[1]
    new = fruit(7)
    new.to_csv(tmp_path / "new.csv", index=False)
    new[["colour", "size"]].to_csv(tmp_path / "less.csv", index=False, sep=";", decimal=",")
    x, names = read_new(tmp_path / "new.csv", fitted)
    assert names == tuple("0123456")
    assert x.shape == (7, 4)
    np.testing.assert_allclose(read_new(tmp_path / "less.csv", fitted)[0], x, atol=1e-6)
    np.testing.assert_allclose(read_new(new, fitted)[0], x, atol=1e-6)


def test_words_in_numbers_and_unknown_categories_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fitted = Task.from_table(fruit()).prepare()[1]
    (tmp_path / "new.csv").write_text("size,colour\nunknown,violet\n,\n1.5,red\n")
    with caplog.at_level(logging.WARNING):
        x, _ = read_new(tmp_path / "new.csv", fitted)
    assert np.isfinite(x).all()
    assert (x[0] == x[1]).all()
    assert x[2, 1:].sum() == 1
    assert caplog.messages == [
        "column 'size': 1 value not a number (unknown), taken as missing",
        "column 'colour': 1 value that training never had (violet), taken as unknown",
        "2 rows without a usable value (row 0, 1): the prediction there is a guess",
    ]


def test_infinite_numbers_are_told_and_good_tables_pass_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    fitted = Task.from_table(fruit()).prepare()[1]
    with caplog.at_level(logging.WARNING):
        read_new(fruit(9), fitted)
        assert caplog.messages == []
        read_new(pd.DataFrame({"size": [np.inf, 1.0], "colour": ["red", "blue"]}), fitted)
    assert caplog.messages == ["column 'size': 1 infinite value taken as missing"]


@pytest.mark.parametrize("columns", [{"size": [None, None], "colour": [None, ""]}, {"size": ["big"], "colour": ["violet"]}])
def test_a_table_without_any_usable_value_is_refused(columns: dict[str, list[object]]) -> None:
    fitted = Task.from_table(fruit()).prepare()[1]
    with pytest.raises(InputError, match=r"nothing in this table can be used by the network: .*give a table like the one for training"):
        read_new(pd.DataFrame(columns), fitted)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    fitted = Task.from_table(fruit()).prepare()[1]
    fruit(5).drop(columns="size").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError, match="lacks columns that the network was trained with: size"):
        read_new(tmp_path / "new.csv", fitted)


def test_arrays_for_tables_of_arrays(tmp_path: Path) -> None:
    x = RNG.normal(size=(60, 4))
    x[:, 1] = 3
    task = Task.from_arrays(x, Y)
    fitted = task.prepare()[1]
    np.savez(tmp_path / "new.npz", x=x[:5])
    np.savez(tmp_path / "test.npz", x_test=x[:5])
    np.save(tmp_path / "new.npy", x[:5])
    expected = fitted.transform(task.inputs.iloc[:5])
    for source in (tmp_path / "new.npz", tmp_path / "test.npz", tmp_path / "new.npy", x[:5]):
        np.testing.assert_array_equal(read_new(source, fitted)[0], expected)
    with pytest.raises(InputError, match="more columns than the 2 given"):
        read_new(x[:, :2], fitted)
    np.savez(tmp_path / "odd.npz", y=x)
    with pytest.raises(InputError, match="lacks the array 'x'"):
        read_new(tmp_path / "odd.npz", fitted)
    with pytest.raises(InputError, match="named columns"):
        read_new(x, Task.from_sklearn("iris").prepare()[1])


def test_pictures_flat_in_sub_folders_or_alone(tmp_path: Path) -> None:
    task = Task.from_arrays(RNG.integers(0, 256, (60, 12, 10)).astype(np.uint8), Y)
    fitted = task.prepare()[1]
    (tmp_path / "sub").mkdir()
    Image.fromarray(task.inputs[0, 0]).save(tmp_path / "b.png")
    Image.fromarray(task.inputs[1, 0]).convert("RGB").save(tmp_path / "sub" / "a.png")
    Image.fromarray(task.inputs[2, 0]).resize((99, 77)).save(tmp_path / "c.jpg")
    x, names = read_new(tmp_path, fitted)
    assert names == ("b.png", "c.jpg", str(Path("sub/a.png")))
    assert x.shape == (3, 1, 12, 10)
    np.testing.assert_array_equal(x[[0, 2]], task.inputs[:2])
    alone, name = read_new(tmp_path / "b.png", fitted)
    assert name == ("b.png",)
    np.testing.assert_array_equal(alone[0], task.inputs[0])
    np.testing.assert_array_equal(read_new(task.inputs[:3, 0], fitted)[0], task.inputs[:3])


def test_broken_pictures_are_skipped_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = Task.from_arrays(RNG.integers(0, 256, (60, 12, 10)).astype(np.uint8), Y)
    fitted = task.prepare()[1]
    Image.fromarray(task.inputs[0, 0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert read_new(tmp_path, fitted)[1] == ("good.png",)
    assert "skipped 1 picture that can't be read: bad.png" in caplog.text
    (tmp_path / "good.png").unlink()
    with pytest.raises(InputError, match="none of the 1 pictures"):
        read_new(tmp_path, fitted)
    (tmp_path / "bad.png").unlink()
    with pytest.raises(InputError, match="holds no pictures"):
        read_new(tmp_path, fitted)


def test_clips_are_brought_to_rate_and_length(clips: Path) -> None:
    task = Task.from_sounds(clips)
    fitted = task.prepare()[1]
    x, names = read_new(clips, fitted)
    assert names[0] == str(Path("high/0.wav"))
    np.testing.assert_array_equal(x, task.inputs)
    wavfile.write(clips / "one.wav", 22050, np.full((22050, 2), 5000, np.int16))
    x, names = read_new(clips / "one.wav", fitted)
    assert (x.shape, names) == ((1, 1, 2000), ("one.wav",))


def test_series_only_as_arrays(tmp_path: Path) -> None:
    task = Task.from_arrays(RNG.normal(size=(60, 20, 2)), Y)
    fitted = task.prepare()[1]
    np.save(tmp_path / "new.npy", np.ones((3, 15, 2)))
    x, _ = read_new(tmp_path / "new.npy", fitted)
    assert x.shape == (3, 2, 20)
    assert (x[:, :, 15:] == 0).all()
    with pytest.raises(InputError, match="the network takes 2 channels, but the examples have 3"):
        read_new(np.ones((3, 20, 3)), fitted)
    fruit().to_csv(tmp_path / "new.csv")
    with pytest.raises(InputError, match=r"give an \.npz or \.npy file"):
        read_new(tmp_path / "new.csv", fitted)


def test_texts_from_tables_lines_and_lists(tmp_path: Path) -> None:
    texts = [f"a {w} day" for w in RNG.choice(["fine", "bad"], 60)]
    fitted = Task.from_text(pd.DataFrame({"review": texts, "label": Y}), text="review").prepare()[1]
    expected = fitted.transform(["a fine day", "bad"])
    pd.DataFrame({"id": [1, 2], "review": ["a fine day", "bad"]}).to_csv(tmp_path / "new.csv", index=False)
    pd.DataFrame({"words": ["a fine day", "bad"]}).to_csv(tmp_path / "one.csv", index=False)
    (tmp_path / "new.txt").write_text("a fine day\nbad\n")
    for source in (tmp_path / "new.csv", tmp_path / "one.csv", tmp_path / "new.txt", ["a fine day", "bad"]):
        np.testing.assert_array_equal(read_new(source, fitted)[0], expected)
    with pytest.raises(InputError, match="lacks the column 'review'"):
        read_new(pd.DataFrame({"a": ["x"], "b": ["y"]}), fitted)


@pytest.mark.parametrize("source", [None, 5, [[1], [2, 3]], object(), {}])
def test_what_is_no_data_is_refused_in_a_sentence(source: object) -> None:
    for fitted in (Task.from_table(fruit()).prepare()[1], Task.from_sklearn("digits").prepare()[1]):
        with pytest.raises(InputError):
            read_new(source, fitted)


def test_nothing_to_read(tmp_path: Path) -> None:
    fitted = Task.from_table(fruit()).prepare()[1]
    with pytest.raises(InputError, match="no file or folder"):
        read_new(tmp_path / "absent.csv", fitted)
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(InputError, match="give a CSV, TSV or Parquet file"):
        read_new(tmp_path / "a.docx", fitted)
    with pytest.raises(InputError, match="no rows to predict"):
        read_new(fruit(0), fitted)
    with pytest.raises(InputError, match="does not suit a network for image data"):
        read_new(fruit(), Task.from_sklearn("digits").prepare()[1])
    (tmp_path / "bad.npy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"as an \.npy file"):
        read_new(tmp_path / "bad.npy", fitted)


# -- new rows are read as those of training were ---------------------------------------------------------------------------


def table_of(columns, tmp_path, **options):
    frame = pd.DataFrame({**columns, "noise": np.linspace(0, 1, 60) ** 2, "label": ["yes", "no"] * 30})
    path = tmp_path / "train.csv"
    frame.to_csv(path, index=False)
    return Task.from_csv(path, target="label", **options), frame


def test_false_and_true_are_the_same_in_new_rows(tmp_path):
    task, frame = table_of({"member": [True, False] * 30}, tmp_path)
    _, preprocessing = task.prepare()
    as_trained, _ = read_new(frame, preprocessing)
    for other in (frame["member"].astype(float), frame["member"].astype(int), frame["member"].astype(int).astype(str)):
        assert np.array_equal(read_new(frame.assign(member=other), preprocessing)[0], as_trained)
    assert len(np.unique(as_trained[:, -1])) == 2


def test_decimal_commas_stay_decimal_commas(tmp_path):
    numbers = np.linspace(0.1, 5, 60)
    task, frame = table_of({"v": [f"{x:.2f}".replace(".", ",") for x in numbers]}, tmp_path)
    _, preprocessing = task.prepare()
    again = type(preprocessing).from_json(preprocessing.to_json())
    two, _ = read_new(frame, again)
    three, _ = read_new(frame.assign(v=[f"{x:.3f}".replace(".", ",") for x in numbers]), again)
    assert np.allclose(two, three, atol=0.02)


def test_an_array_with_more_columns_than_training_had_is_refused():
    task = Task.from_arrays(np.random.default_rng(0).normal(size=(60, 3)), [0, 1] * 30)
    _, preprocessing = task.prepare()
    with pytest.raises(InputError, match="trained on 3 columns, but the examples have 5"):
        read_new(np.zeros((4, 5)), preprocessing)


def test_a_split_column_that_names_not_every_part_is_refused(tmp_path):
    with pytest.raises(InputError, match="names the parts of the data, but not every row's: holdout"):
        table_of({"split": ["train"] * 40 + ["test"] * 15 + ["holdout"] * 5}, tmp_path)
