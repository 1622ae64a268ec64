"""Metrics against scikit-learn's, and their edge cases."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from metanas.errors import InputError
from metanas.tasks.metrics import METRICS, check_metric, class_weights, compute, compute_one, default_metric, valid_metrics


def case(seed: int, classes: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), n)
    return rng.integers(0, classes, n), np.round(p, 2) + 1e-9


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 6), n=st.integers(1, 60))
def test_classification_metrics_equal_scikit_learn_also_where_classes_are_absent(seed: int, classes: int, n: int) -> None:
    y, p = case(seed, classes, n)
    hard = p.argmax(1)
    average = {"average": "binary", "pos_label": 1} if classes == 2 else {"average": "macro"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sk.accuracy_score(y, hard),
            "balanced_accuracy": sk.balanced_accuracy_score(y, hard),
            "recall": sk.recall_score(y, hard, zero_division=0, **average),
            "precision": sk.precision_score(y, hard, zero_division=0, **average),
            "f1": sk.f1_score(y, hard, zero_division=0, **average),
            "cross_entropy": sk.log_loss(y, p / p.sum(1, keepdims=True), labels=np.arange(classes)),
        }
        present = np.unique(y)
        if len(present) > 1:
            one_against_rest = [sk.roc_auc_score(y == c, p[:, c]) for c in present]
            expected["roc_auc"] = sk.roc_auc_score(y, p[:, 1]) if classes == 2 else np.mean(one_against_rest)
        else:
            expected["roc_auc"] = 0.5
    found = compute("classification", y, p)
    assert found == pytest.approx(expected)
    assert all(compute_one(name, y, p) == value for name, value in found.items())


def test_roc_auc_of_many_classes_equals_scikit_learns_one_against_rest() -> None:
    y, p = case(1, 4, 200)
    p /= p.sum(1, keepdims=True)
    assert compute_one("roc_auc", y, p) == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr", average="macro"))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), outputs=st.integers(1, 4), n=st.integers(2, 40))
def test_regression_metrics_equal_scikit_learn(seed: int, outputs: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.normal(3, 2, (n, outputs)).astype(np.float32), rng.normal(3, 2, (n, outputs)).astype(np.float32)
    exact = y.astype(float), p.astype(float)
    expected = {"rmse": sk.root_mean_squared_error(*exact), "mae": sk.mean_absolute_error(*exact), "r2": sk.r2_score(*exact)}
    assert compute("regression", y, p) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert compute_one("rmse", y[:, 0], p[:, 0]) == pytest.approx(sk.root_mean_squared_error(y[:, 0], p[:, 0]), rel=1e-5)


def test_r2_of_a_constant_target_is_one_if_hit_and_zero_if_not() -> None:
    y = np.ones((3, 1))
    assert compute_one("r2", y, y) == 1.0
    assert compute_one("r2", y, y + 1) == 0.0


def test_a_certain_mistake_costs_a_finite_cross_entropy() -> None:
    assert compute_one("cross_entropy", np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(36.04, abs=0.01)


def test_names_are_checked_against_the_kind_of_task() -> None:
    assert check_metric("Balanced-Accuracy", "classification") == "balanced_accuracy"
    assert set(valid_metrics("classification")) | set(valid_metrics("regression")) == METRICS.keys()
    with pytest.raises(InputError, match=r"no metric 'acuracy' \(did you mean 'accuracy'\?\).*roc_auc"):
        check_metric("acuracy", "classification")
    with pytest.raises(InputError, match=r"'rmse' is for regression, but this task is classification; choose among accuracy"):
        check_metric("rmse", "classification")
    with pytest.raises(InputError, match="no metric 'mse'"):
        compute_one("mse", np.zeros(1), np.zeros(1))


def test_default_metrics() -> None:
    assert default_metric("regression", np.zeros((3, 1))) == ("rmse", None)
    assert default_metric("classification", np.array([0, 1, 1])) == ("accuracy", None)
    name, note = default_metric("classification", np.array([0] * 8 + [1] * 2))
    assert name == "balanced_accuracy"
    assert "80 %" in str(note)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "recall", "f1", "precision", "roc_auc"])
def test_class_weights_average_to_one_over_the_examples_and_favour_the_rare(metric: str) -> None:
    y = np.repeat([0, 1, 2], [90, 9, 1])
    weights = class_weights(metric, y, 3)
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights[y].mean() == pytest.approx(1, rel=1e-6)
    assert weights[0] < weights[1] < weights[2]


def test_full_class_weights_give_every_class_the_same_say() -> None:
    y = np.repeat([0, 1, 2], [90, 9, 1])
    weights = class_weights("balanced_accuracy", y, 3)
    assert weights is not None
    np.testing.assert_allclose(np.bincount(y, weights[y]), 100 / 3, rtol=1e-6)


def test_no_class_weights_where_they_would_hurt() -> None:
    rare = np.repeat([0, 1], [95, 5])
    assert class_weights("accuracy", rare, 2) is None
    assert class_weights("cross_entropy", rare, 2) is None
    assert class_weights("f1", np.repeat([0, 1], [75, 25]), 2) is None
    assert class_weights("f1", np.repeat([0, 1], [76, 24]), 2) is not None
    absent = class_weights("balanced_accuracy", rare, 3)
    assert absent is not None
    assert np.isfinite(absent).all()
