"""Which rows a supernet learns from, and which ones judge what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metanas.evaluation.tensors import stratified_order
from metanas.tasks.data import LearningData
from metanas.tasks.splits import at_random

JUDGES = 1024
"""Most validation rows on which inherited weights are scored: chance moves an accuracy by one or two points there, and what they say is
no more exact than that."""


def halves(data: LearningData, seed: int) -> LearningData:
    """The training rows alone, cut into a training half for the weights and a validation half for the choices (DARTS, section 2.3).

    The task's own validation rows are kept for choosing among the answers. Classes are in both halves in proportion.
    """
    labels = data.y_train if data.kind == "classification" else np.zeros(len(data.y_train), np.int64)
    rows = np.arange(len(data.y_train))
    weights, choices = at_random(rows, labels, len(rows) // 2, np.random.default_rng(seed))
    x, y = data.x_train, data.y_train
    return replace(data, x_train=x[weights], y_train=y[weights], x_val=x[choices], y_val=y[choices])


def judges(data: LearningData) -> LearningData:
    """The data with :data:`JUDGES` of the validation rows at the most, the classes in proportion."""
    if len(data.y_val) <= JUDGES:
        return data
    rows = np.sort(stratified_order(data.y_val if data.kind == "classification" else None, len(data.y_val))[:JUDGES])
    return replace(data, x_val=data.x_val[rows], y_val=data.y_val[rows])
