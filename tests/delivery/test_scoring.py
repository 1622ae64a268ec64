from dataclasses import replace

import numpy as np
import pytest
from delivery_examples import task_of
from scipy.stats import binomtest

from metanas.delivery import Entry, Score, score_once
from metanas.tasks import Task, compute


@pytest.fixture(scope="module")
def digits():
    return Task.from_sklearn("digits")


def guesser(task, right, seed=0):
    """An entry that is right on a share of all rows; it recognises rows by their pixels."""
    rng = np.random.default_rng(seed)
    answers = np.where(rng.random(len(task.targets)) < right, task.targets, (task.targets + 1) % len(task.classes))
    known = {row.tobytes(): answer for row, answer in zip(task.inputs, answers, strict=True)}
    eye = np.eye(len(task.classes)) * 0.9 + 0.01
    return lambda inputs: np.stack([eye[known[row.tobytes()]] for row in inputs])


def test_scores_are_the_metrics_on_the_test_rows(digits):
    predict = guesser(digits, 0.9)
    scores = score_once(digits, [Entry("answer", predict)])
    y = digits.targets[digits.test]
    expected = compute("classification", y, predict(digits.inputs[digits.test]))
    assert scores["answer"].metrics == expected
    assert scores["answer"].score == expected["accuracy"]
    assert scores.comparison is None
    interval = binomtest(round(expected["accuracy"] * len(y)), len(y)).proportion_ci(method="wilson")
    assert scores["answer"].interval == pytest.approx((interval.low, interval.high), abs=1e-5)


def test_each_entry_sees_the_test_rows_once_and_no_others(digits):
    seen = []

    def watching(inputs):
        seen.append(inputs)
        return np.full((len(inputs), 10), 0.1)

    score_once(digits, [Entry("a", watching), Entry("b", watching)])
    assert len(seen) == 2
    assert all(np.array_equal(rows, digits.inputs[digits.test]) for rows in seen)


@pytest.mark.parametrize(("first", "second", "verdict"), [(0.99, 0.8, "wins"), (0.8, 0.99, "loses"), (0.9, 0.9, "no clear difference")])
def test_the_answer_is_compared_with_the_best_of_the_others(digits, first, second, verdict):
    entries = [
        Entry("answer", guesser(digits, first)),
        Entry("poor", guesser(digits, 0.3, 1)),
        Entry("gone", None, reason="no time"),
        Entry("best", guesser(digits, second, 2)),
    ]
    scores = score_once(digits, entries)
    told = scores.comparison
    assert list(scores.by_name) == ["answer", "poor", "best"]
    assert told.against == "best"
    assert told.verdict == verdict
    assert told.difference == pytest.approx(scores["answer"].score - scores["best"].score)
    assert told.interval[0] <= told.difference <= told.interval[1]


def test_less_is_better_for_errors():
    task = task_of("numbers")
    truth = {row.tobytes(): value for row, value in zip(task.inputs.to_numpy(), task.targets, strict=True)}

    def off_by(size):
        return lambda frame: np.stack([truth[row.tobytes()] for row in frame.to_numpy()]) + size

    scores = score_once(task, [Entry("near", off_by(1.0)), Entry("far", off_by(2.0)), Entry("further", off_by(3.0))])
    assert scores.comparison.against == "far"
    assert scores.comparison.verdict == "wins"
    assert scores.comparison.difference == pytest.approx(1.0, abs=1e-4)
    assert scores["near"].interval == pytest.approx((1.0, 1.0), abs=1e-4)


def test_the_same_entry_never_wins_against_itself(digits):
    predict = guesser(digits, 0.9)
    told = score_once(digits, [Entry("answer", predict), Entry("copy", predict)]).comparison
    assert (told.difference, told.interval, told.verdict) == (0.0, (0.0, 0.0), "no clear difference")


@pytest.mark.parametrize("metric", ["balanced_accuracy", "roc_auc", "f1", "cross_entropy"])
def test_intervals_hold_the_score_for_every_metric(digits, metric):
    task = replace(digits, metric=metric)
    entry = Entry("answer", guesser(task, 0.9))
    score = score_once(task, [entry, Entry("other", guesser(task, 0.7))])["answer"]
    low, high = score.interval
    assert low < score.score < high
    assert score == score_once(task, [entry])["answer"]
    assert score.score == score.metrics[metric]


def test_json_has_each_metric_by_name_and_score():
    score = Score({"accuracy": 0.5, "f1": 0.4}, 0.5, (0.4, 0.6))
    assert score.to_json() == {"accuracy": 0.5, "f1": 0.4, "score": 0.5, "interval": [0.4, 0.6]}
