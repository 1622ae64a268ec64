"""Predictions as a CSV file: one line per example of new data."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from metanas.delivery.files import write_bytes
from metanas.errors import InputError
from metanas.tasks import read_new

if TYPE_CHECKING:
    from metanas.delivery.model import Model


def predictions_csv(model: Model, path: str | Path, *, proba: bool = False) -> str:
    """The text of a CSV table: ``row`` (name of the file, or row number from 0), then ``prediction`` (``prediction_1`` ... for several).

    Args:
        model: that predicts.
        path: new data of the kind that the model was trained on; the target may be absent.
        proba: whether a column ``probability_CLASS`` per class follows (four decimals).

    Raises:
        InputError: if the data can't be read or doesn't fit the model, or ``proba`` is asked of regression.
    """
    if proba:
        model.require_probabilities()
    x, names = read_new(Path(path), model.preprocessing)
    outputs = model.outputs_of(x)
    single = model.kind == "classification" or outputs.shape[1] == 1
    columns = ["prediction"] if single else [f"prediction_{k}" for k in range(1, outputs.shape[1] + 1)]
    if model.kind == "classification":
        cells = [[model.classes[k]] for k in outputs.argmax(axis=1)]
    else:
        cells = [[_number(value) for value in row] for row in outputs]
    if proba:
        columns += [f"probability_{name}" for name in model.classes]
        cells = [cell + [f"{value:.4f}" for value in row] for cell, row in zip(cells, outputs, strict=True)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", *columns])
    writer.writerows([name, *cell] for name, cell in zip(names, cells, strict=True))
    return text.getvalue()


def write_predictions(model: Model, path: str | Path, out: str | Path, *, proba: bool = False, overwrite: bool = False) -> Path:
    """Write :func:`predictions_csv` to the file ``out`` and return it.

    Raises:
        InputError: also if ``out`` exists and ``overwrite`` is False, is a folder, or its folder doesn't exist.
    """
    target = Path(out)
    if target.is_dir():
        raise InputError(f"{target} is a folder; name a file for the predictions, such as {target / 'predictions.csv'}")
    if target.exists() and not overwrite:
        raise InputError(f"{target} exists already and is not overwritten; name another file or add --overwrite")
    if not target.parent.is_dir():
        raise InputError(f"the folder {target.parent} for the predictions does not exist; create it or name another one")
    write_bytes(target, predictions_csv(model, path, proba=proba).encode("utf-8"))
    return target


def _number(value: float) -> str:
    return np.format_float_positional(np.float32(value), unique=True, trim="-")
