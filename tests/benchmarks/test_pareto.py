"""Fronts and hypervolumes, against counting and sampling."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import MadeUp

from metanas.benchmarks.pareto import Trade, front, goal_values, hypervolume, judged, parse_objective
from metanas.benchmarks.runs import Budget, run_strategy
from metanas.errors import InputError


def points(goals: int) -> st.SearchStrategy[list[list[float]]]:
    number = st.one_of(st.integers(0, 4).map(float), st.just(float("-inf")))
    return st.lists(st.lists(number, min_size=goals, max_size=goals), max_size=12)


@pytest.mark.parametrize("goals", [1, 2, 3])
def test_a_front_holds_what_nothing_dominates(goals: int) -> None:
    @given(points(goals))
    def law(drawn: list[list[float]]) -> None:
        values = np.array(drawn).reshape(len(drawn), goals)
        finite = np.isfinite(values).all(axis=1)
        expected = [
            bool(finite[i]) and not any(finite[j] and (values[j] >= v).all() and (values[j] > v).any() for j in range(len(values)))
            for i, v in enumerate(values)
        ]
        assert front(values).tolist() == expected

    law()


@given(points(2))
def test_area_is_counted_square_by_square(drawn: list[list[float]]) -> None:
    values = np.array(drawn).reshape(len(drawn), 2)
    squares = sum(bool(((values > (x, y)).all(axis=1) & np.isfinite(values).all(axis=1)).any()) for x in range(4) for y in range(4))
    assert hypervolume(values, (0.0, 0.0)) == pytest.approx(squares)


def test_volume_of_three_goals_is_that_of_the_union_of_boxes() -> None:
    values = np.random.default_rng(0).integers(1, 5, size=(9, 3)).astype(float)
    cells = np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3)
    inside = sum(bool((values > cell).all(axis=1).any()) for cell in cells)
    assert hypervolume(values, np.zeros(3)) == pytest.approx(inside)


def test_shares_grow_to_one() -> None:
    problem = MadeUp(3, 4).open()
    objective = parse_objective("accuracy, parameters", problem)
    trade = Trade(problem, objective)
    assert goal_values(problem, objective)[:, 1] == pytest.approx(-problem.costs["parameters"])
    run = run_strategy(problem, "random", 0, Budget(64), objective)
    curve = trade.curve(run)
    assert (np.diff(curve) >= -1e-12).all()
    assert curve[-1] == pytest.approx(1.0)
    assert sorted(trade.found(run)) == trade.best.tolist()
    for n in (1, 5, 20):
        assert curve[n - 1] == pytest.approx(trade.share(run.rows[:n]))


def test_failures_are_on_no_front() -> None:
    problem = MadeUp(3, 4, failed=0.5).open()
    objective = parse_objective("accuracy,parameters", problem)
    run = run_strategy(problem, "random", 0, Budget(30), objective)
    assert np.isneginf(run.values).any()
    assert np.isfinite(Trade(problem, objective).curve(run)).all()


@pytest.mark.parametrize("text", ["accuracy,speed", "accuracy,accuracy", " , "])
def test_goals_must_be_known_and_different(text: str) -> None:
    with pytest.raises(InputError):
        parse_objective(text, MadeUp(2, 2).open())


def test_a_single_goal_takes_the_place_of_the_problems_own() -> None:
    """It guides, is selected by and reported, at the fidelities that have it; the problem's own changes nothing."""
    problem = MadeUp(4, levels=(1, 9)).open()
    extra = replace(
        problem.levels[1], metrics={**problem.levels[1].metrics, "accuracy:attacked": 1 - problem.levels[1].metrics["accuracy"]}
    )
    problem = replace(problem, levels=(problem.levels[0], extra))
    attacked = judged(problem, parse_objective("accuracy:attacked", problem))
    assert (attacked.metric, [f.epochs for f in attacked.fidelities], attacked.tested) == ("accuracy:attacked", [9], None)
    assert attacked.validation == pytest.approx(1 - problem.validation)
    small = judged(problem, parse_objective("parameters", problem))
    assert small.optimum == -problem.costs["parameters"].min()
    run = run_strategy(small, "random", 0, Budget(200))
    assert small.validation[run.rows[run.incumbents[-1]]] == small.validation[run.rows].max()
    assert judged(problem, None) is judged(problem, problem.objective) is problem
    several = parse_objective("accuracy,parameters", problem)
    assert judged(problem, several) is problem
