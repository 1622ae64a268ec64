import csv
import io

import numpy as np
import pytest
from delivery_examples import model_of, parts_of, table

from metanas.delivery import Model, predictions_csv, write_predictions
from metanas.errors import InputError


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.csv"
    table().drop(columns="kind").to_csv(path, index=False)
    return path


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_per_row_with_the_models_own_predictions(new):
    model = model_of("table")
    told = rows(predictions_csv(model, new))
    assert [row["row"] for row in told] == [str(k) for k in range(150)]
    assert [row["prediction"] for row in told] == list(model.predict(table()))
    assert set(told[0]) == {"row", "prediction"}


def test_probabilities_have_a_column_per_class_and_sum_to_one(new):
    model = model_of("table")
    told = rows(predictions_csv(model, new, proba=True))
    named = np.array([[float(row[f"probability_{name}"]) for name in model.classes] for row in told])
    assert named == pytest.approx(model.predict_proba(table()), abs=5e-5)
    assert named.sum(axis=1) == pytest.approx(np.ones(150), abs=2e-4)


def test_several_targets_have_a_column_each(tmp_path):
    model, x = model_of("numbers"), np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.savez(tmp_path / "new.npz", x=x)
    told = rows(predictions_csv(model, tmp_path / "new.npz"))
    values = np.array([[np.float32(row["prediction_1"]), np.float32(row["prediction_2"])] for row in told])
    assert np.array_equal(values, model.predict(x))
    with pytest.raises(InputError, match="--proba"):
        predictions_csv(model, tmp_path / "new.npz", proba=True)


def test_writing_keeps_what_is_there(new, tmp_path):
    model, out = model_of("table"), tmp_path / "predictions.csv"
    assert write_predictions(model, new, out) == out
    assert out.read_text() == predictions_csv(model, new)
    out.write_text("mine")
    with pytest.raises(InputError, match="not overwritten"):
        write_predictions(model, new, out)
    assert out.read_text() == "mine"
    write_predictions(model, new, out, overwrite=True)
    assert out.read_text() == predictions_csv(model, new)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.csv", "predictions.csv"]


def test_places_that_cannot_be_written_are_bad_input(new, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        write_predictions(model_of("table"), new, tmp_path / "no" / "predictions.csv")
    with pytest.raises(InputError, match="is a folder"):
        write_predictions(model_of("table"), new, tmp_path)


def test_names_with_commas_and_quotes_survive(tmp_path):
    frame = table()
    frame["kind"] = np.where(frame["kind"] == "apple", 'an "apple", red', "pear")
    model = Model(**{**parts_of(model_of("table")), "classes": ('an "apple", red', "pear")})
    frame.drop(columns="kind").to_csv(tmp_path / "new.csv", index=False)
    told = rows(predictions_csv(model, tmp_path / "new.csv"))
    assert {row["prediction"] for row in told} <= set(model.classes)
