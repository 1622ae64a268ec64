import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from delivery_examples import KINDS, numbers_task, task_of
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import metanas.delivery.baselines as module
from metanas.delivery import fit_baselines
from metanas.tasks import Task, compute_one


def learned(task):
    return np.concatenate([task.train, task.validation])


def by_name(entries, part):
    (entry,) = [entry for entry in entries if part in entry.name]
    return entry


@pytest.mark.parametrize("kind", KINDS)
def test_each_gives_outputs_that_metrics_take(kind):
    task = task_of(kind)
    entries = fit_baselines(task)
    assert len(entries) >= 2
    assert [entry.reason for entry in entries] == [None] * len(entries)
    assert len({entry.name for entry in entries}) == len(entries)
    for entry in entries:
        outputs = entry.predict(task.rows(task.test))
        assert outputs.shape == (len(task.test), len(task.classes) or task.targets.shape[1])
        assert np.isfinite(outputs).all()
        if task.kind == "classification":
            assert outputs.sum(axis=1) == pytest.approx(np.ones(len(outputs)))


@pytest.mark.parametrize("kind", KINDS)
def test_they_learn_what_there_is_to_learn(kind):
    task = task_of(kind)
    y = task.targets[task.test]
    floor, *others = (compute_one(task.metric, y, entry.predict(task.rows(task.test))) for entry in fit_baselines(task))
    if task.kind == "classification":
        assert max(others) > floor + 0.2
    else:
        assert min(others) < floor / 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind):
    task = task_of(kind)
    for first, second in zip(fit_baselines(task, seed=2), fit_baselines(task, seed=2), strict=True):
        assert np.array_equal(first.predict(task.rows(task.test)), second.predict(task.rows(task.test)))


def test_no_test_row_is_learned_from():
    task = task_of("table")
    spoiled = task.inputs.copy()
    spoiled.loc[spoiled.index[task.test], ["size", "noise"]] = 1e9
    blind = Task(**{**vars_of(task), "inputs": spoiled, "targets": np.where(np.isin(np.arange(150), task.test), 0, task.targets)})
    rows = task.rows(task.train)
    for first, second in zip(fit_baselines(task), fit_baselines(blind), strict=True):
        assert np.array_equal(first.predict(rows), second.predict(rows))


def vars_of(task):
    return {name: getattr(task, name) for name in task.__dataclass_fields__}


def test_majority_and_mean():
    task = task_of("table")
    shares = np.bincount(task.targets[learned(task)]) / len(learned(task))
    entry = fit_baselines(task)[0]
    assert entry.predict(task.rows(task.test))[3] == pytest.approx(shares)
    assert task.classes[shares.argmax()] in entry.name
    numbers = numbers_task()
    mean = numbers.targets[learned(numbers)].mean(axis=0)
    assert fit_baselines(numbers)[0].predict(numbers.rows(numbers.test))[0] == pytest.approx(mean, rel=1e-5)


def test_iris_by_scikit_learns_own_classifier():
    task = Task.from_sklearn("iris")
    x, y = task.inputs.to_numpy(), task.targets
    scaler = StandardScaler().fit(x[learned(task)])
    expected = LogisticRegression(max_iter=200).fit(scaler.transform(x[learned(task)]), y[learned(task)])
    found = by_name(fit_baselines(task), "logistic").predict(task.rows(task.test))
    assert found == pytest.approx(expected.predict_proba(scaler.transform(x[task.test])), abs=1e-2)


def test_diabetes_by_scikit_learns_own_regressors():
    task = Task.from_sklearn("diabetes")
    x, y = task.inputs.to_numpy(), task.targets[:, 0]
    index = np.sort(learned(task))
    entries = fit_baselines(task, seed=4)
    trees = HistGradientBoostingRegressor(random_state=4).fit(x[index], y[index])
    assert by_name(entries, "trees").predict(task.rows(task.test))[:, 0] == pytest.approx(trees.predict(x[task.test]))
    scaler = StandardScaler().fit(x[index])
    ridge = Ridge().fit(scaler.transform(x[index]), y[index])
    assert by_name(entries, "ridge").predict(task.rows(task.test))[:, 0] == pytest.approx(ridge.predict(scaler.transform(x[task.test])))


def test_series_by_the_nearest_neighbour():
    task = task_of("series")
    flat = task.inputs.reshape(len(task.inputs), -1)
    nearest = KNeighborsClassifier(1).fit(flat[learned(task)], task.targets[learned(task)])
    found = by_name(fit_baselines(task), "1-NN").predict(task.rows(task.test))
    assert np.array_equal(found.argmax(axis=1), nearest.predict(flat[task.test]))


def test_rare_classes_count_as_much_where_the_metric_says_so():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(400) % 10 == 0, "rare", "usual")
    frame = pd.DataFrame({"x": rng.normal(size=400) + (y == "rare"), "y": y})
    found = {}
    for metric in ("accuracy", "balanced_accuracy"):
        task = Task.from_table(frame, target="y", metric=metric)
        rare = by_name(fit_baselines(task), "logistic").predict(task.rows(task.test))[:, task.classes.index("rare")]
        found[metric] = (rare > 0.5).mean()
    assert found["balanced_accuracy"] > found["accuracy"] + 0.1


def test_without_time_all_but_the_simplest_are_left_out_with_a_reason():
    first, *others = fit_baselines(task_of("table"), deadline=time.monotonic() - 1)
    assert first.predict is not None
    assert len(others) == 2
    assert all(entry.predict is None and "time" in entry.reason for entry in others)


def test_too_many_rows_are_sampled_and_the_note_says_so():
    task = task_of("table")
    recipe = module._recipes(task, 0)[0]
    entry = module._fit(module._Recipe(recipe.name, recipe.estimator, most_rows=40), task, learned(task), float("inf"), 0)
    assert "40 of 120 rows" in entry.note
    assert entry.predict(task.rows(task.test)).shape == (len(task.test), 2)


def test_foretold_rows_fit_the_time():
    trials = [(0, 0.0), (500, 1.0), (2000, 2.5)]  # half a second, and a thousand rows a second
    assert module._foretold(trials, 10.0) == pytest.approx(9500, abs=1)
    assert module._foretold(trials[:2], 0.5) == 250
    assert module._foretold([(0, 0.0), (100, 1.0), (100, 0.9)], 1.8) == pytest.approx(200, abs=1)


def test_little_time_means_fewer_rows(monkeypatch):
    task = Task.from_sklearn("digits")
    order = learned(task)
    clock = iter(np.arange(0.0, 1000.0, 0.5))  # every look at the clock costs half a second
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    recipe = module._recipes(task, 0)[0]
    counts = [module._affordable(recipe, task, order, float(next(clock)) + seconds) for seconds in (1.0, 3.0, 100.0)]
    assert counts[0] < counts[1] <= counts[2] == len(order)


def test_a_failing_baseline_is_left_out_with_a_reason(monkeypatch):
    def broken(task, strength=1.0):
        raise MemoryError("no room\nfor details")

    monkeypatch.setattr(module, "_linear", broken)
    entries = fit_baselines(task_of("table"))
    assert by_name(entries, "logistic").reason == "it failed: no room"
    assert by_name(entries, "trees").reason is None


def test_no_warning_escapes():
    task = task_of("table")
    hard = Task(**{**vars_of(task), "inputs": task.inputs.assign(size=np.nan)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(entry.reason is None for entry in fit_baselines(hard))


SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not there")
def test_published_figures_are_met():
    trees = {"phoneme": 0.893, "car": 0.994, "concrete": 5.42}
    for name, expected in trees.items():
        task = Task.read(SHARED / "tabular" / f"{name}.parquet")
        score = compute_one(task.metric, task.targets[task.test], by_name(fit_baselines(task), "trees").predict(task.rows(task.test)))
        assert score == pytest.approx(expected, rel=0.005)
    series = Task.read(SHARED / "timeseries" / "GunPoint.npz")
    found = by_name(fit_baselines(series), "1-NN").predict(series.rows(series.test))
    assert compute_one("accuracy", series.targets[series.test], found) == pytest.approx(0.913, abs=0.001)
