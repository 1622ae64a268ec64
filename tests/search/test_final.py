import time

import pytest
from search_examples import FakeExecutor, points, toy

from metanas.delivery.baselines import Entry
from metanas.records import Candidate, Evaluation, Fidelity, Proposal
from metanas.search import final
from metanas.search.final import BASELINES, Baselines, final_epochs, train_finals
from metanas.search.plan import Plan

SPACE = toy()
PLAN = Plan((Fidelity(10), Fidelity(30)), final_epochs=50.0, group=1, lookahead=1)


def evaluation(epochs, fidelity):
    return Evaluation(Proposal(0, SPACE.baseline, fidelity), {"accuracy": 0.9}, epochs=epochs)


@pytest.mark.parametrize(
    ("best", "fidelity", "expected"),
    [
        (30, Fidelity(30), 50.0),  # still got better at the end: the plan's
        (28, Fidelity(30), 50.0),
        (9, Fidelity(30), 9.0),  # had enough early
        (20, Fidelity(100, 0.5), 10.0),  # an epoch on half of the data is half an epoch
        (70, Fidelity(100), 50.0),  # early, but later than the plan's
        (0, Fidelity(30), 50.0),
    ],
)
def test_the_search_says_how_long_the_final_training_is(best, fidelity, expected):
    assert final_epochs(evaluation(best, fidelity), PLAN) == expected


@pytest.mark.parametrize(("rose_after", "expected"), [(9, 9.0), (28, 50.0)])
def test_an_early_best_metric_shortens_the_final_training_only_if_the_loss_rose_as_early(rose_after, expected):
    curve = tuple({"epoch": epoch, "validation_loss": abs(epoch - rose_after)} for epoch in range(1, 31))
    seen = Evaluation(Proposal(0, SPACE.baseline, Fidelity(30)), {"accuracy": 0.9}, curve=curve, epochs=9)
    assert final_epochs(seen, PLAN) == expected


def test_without_an_evaluation_the_final_training_is_the_plans():
    assert final_epochs(None, PLAN) == 50.0


class Calls(FakeExecutor):
    """Keeps the jobs; each ends when results are asked for."""

    def __init__(self, answer):
        super().__init__()
        self.jobs, self._answer, self._open = [], answer, []

    def call(self, job, deadline, listener):
        assert job["deadline"] == deadline
        self.jobs.append(job)
        self._open.append(listener)

    def results(self, timeout):
        self._open.pop(0)(self._answer)
        return []


def finals(executor, count, workers, deadline, tmp_path):
    candidates = [Candidate(Proposal(i, SPACE.baseline, Fidelity(3)), SPACE.graph(SPACE.baseline), {}, i) for i in range(count)]
    return train_finals(executor, candidates, [5.0] * count, tmp_path, deadline, [], workers, clock=lambda: 100.0)


@pytest.mark.parametrize(("workers", "ends"), [(1, [110.0, 120.0]), (2, [120.0, 120.0]), (0, [110.0, 120.0])])
def test_trainings_one_after_the_other_share_the_time_and_those_side_by_side_have_it_all(workers, ends, tmp_path):
    executor = Calls({"trained": {"epochs": 5.0, "seconds": 1.0}})
    trained = finals(executor, 2, workers, 120.0, tmp_path)
    assert [job["deadline"] for job in executor.jobs] == ends
    assert all(one.done and one.reason is None for one in trained)
    assert len({one.path for one in trained}) == 2


def test_without_a_time_budget_no_training_has_a_deadline(tmp_path):
    executor = Calls({"trained": {}})
    finals(executor, 2, 1, float("inf"), tmp_path)
    assert [job["deadline"] for job in executor.jobs] == [float("inf")] * 2


def test_a_training_that_failed_has_a_reason(tmp_path):
    (failed,) = finals(Calls({"reason": "ran out of memory"}), 1, 1, 120.0, tmp_path)
    assert (failed.done, failed.reason) == (True, "ran out of memory")


def test_baselines_are_waited_for_as_long_as_there_is_patience(monkeypatch):
    monkeypatch.setattr(final, "fit_baselines", lambda task, deadline, seed: time.sleep(0.2) or [Entry("the mean", None)])
    baselines = Baselines(points(90), deadline=float("inf"), seed=0)
    (late,) = baselines.entries(0.0)
    assert (late.name, late.reason) == (BASELINES, "they were not ready in time")
    assert [entry.name for entry in baselines.entries(float("inf"))] == ["the mean"]
    assert baselines.entries(-5.0)[0].name == "the mean"


def test_baselines_that_break_do_not_cost_the_answer(monkeypatch):
    def broken(task, deadline, seed):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(final, "fit_baselines", broken)
    (entry,) = Baselines(points(90), deadline=float("inf"), seed=0).entries(60.0)
    assert entry.reason == "they failed: division by zero"
    assert entry.predict is None
