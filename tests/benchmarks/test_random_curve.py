"""The exact curve of random search: against counting every order of draws, and against simulation."""

from itertools import permutations

import numpy as np
import pytest
from synthetic import MadeUp

from metanas.benchmarks.random_curve import best_of_draws, random_curve
from metanas.benchmarks.runs import Budget, guiding, run_strategy

NAN = float("nan")


def counted(guide: list[float], reported: list[float], n: int) -> list[float]:
    """What is reported of the best of the first n, over every order in which rows can be drawn; the first of equals stays."""
    found = []
    for order in permutations(range(len(guide))):
        best = None
        for row in order[:n]:
            if guide[row] == guide[row] and (best is None or guide[row] > guide[best]):
                best = row
        if best is not None:
            found.append(reported[best])
    return found


@pytest.mark.parametrize(
    "guide",
    [[1, 2, 3, 4, 5, 6], [3, 1, 3, 2, 3, 1], [1, 1, 1, 1, 1, 1], [NAN, 2, NAN, 5, 2, 1], [NAN, NAN, NAN, NAN, NAN, 1.0]],
    ids=["distinct", "ties", "all tied", "failures", "one left"],
)
def test_moments_are_those_of_counting_every_order(guide: list[float]) -> None:
    reported = [0.3, 0.9, 0.1, 0.7, 0.2, 0.5]
    mean, squares = best_of_draws(np.array(guide, float), np.array(reported)[:, None], 8)
    for n in range(1, 9):
        each = np.array(counted(guide, reported, n))
        assert mean[n - 1, 0] == pytest.approx(each.mean(), abs=1e-12)
        assert squares[n - 1, 0] == pytest.approx((each**2).mean(), abs=1e-12)


def test_a_row_without_a_reported_result_does_not_count() -> None:
    mean, _ = best_of_draws(np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.4, NAN])[:, None], 2)
    assert mean[0, 0] == pytest.approx(0.3)
    assert mean[1, 0] == pytest.approx(0.4)  # of the three pairs only (1, 2) has a best one with a result


def test_a_table_of_failures_is_refused() -> None:
    with pytest.raises(ValueError, match="failed"):
        best_of_draws(np.array([NAN, NAN]), np.zeros((2, 1)), 3)


def test_large_tables_and_many_draws_stay_exact_to_rounding() -> None:
    values = np.arange(60_000, dtype=float)
    mean, _ = best_of_draws(values, values[:, None], 500)
    n = np.arange(1, 501)
    assert mean[:, 0] == pytest.approx(n * 60_001 / (n + 1) - 1, rel=1e-12)  # the expected maximum of n of 1 ... N, less 1


@pytest.mark.parametrize("source", [MadeUp(5), MadeUp(4, repeats=3, failed=0.1), MadeUp(4, metric="mse", tested=False)], ids=str)
def test_random_search_matches_its_exact_curve(source: MadeUp) -> None:
    """At three points of two curves within 4 standard errors: by chance this fails about once in 2,000 draws of the seeds."""
    problem, seeds = source.open(), range(150)
    runs = [run_strategy(problem, "random", seed, Budget(40)) for seed in seeds]
    if source.repeats:  # all seeds that were simulated, not the hundred that stand for them
        pairs = [best_of_draws(guiding(problem, s), np.column_stack([problem.validation, problem.tested]), 40) for s in seeds]
        mean, squares = (np.mean([p[i] for p in pairs], axis=0) for i in (0, 1))
        exact, spread = mean, np.sqrt(squares - mean**2)
    else:
        curve = random_curve(problem, 40)
        tests = () if curve.test is None else (curve.test,)
        spreads = () if curve.test_std is None else (curve.test_std,)
        exact, spread = np.stack([curve.validation, *tests], 1), np.stack([curve.validation_std, *spreads], 1)
    columns = [problem.validation] if problem.tested is None else [problem.validation, problem.tested]
    for n in (1, 10, 40):
        for place, column in enumerate(columns):
            best = [run.incumbents[n - 1] for run in runs]
            values = np.array([column[run.rows[b]] for run, b in zip(runs, best, strict=True) if b >= 0])
            assert abs(values.mean() - exact[n - 1, place]) < 4 * spread[n - 1, place] / np.sqrt(len(values))


def test_the_optimum_is_reached_as_often_as_it_is_drawn() -> None:
    problem = MadeUp(3, 4).open()
    curve = random_curve(problem, 64)
    assert curve.reached == pytest.approx(np.arange(1, 65) / 64)
    assert curve.to_optimum() == pytest.approx(65 / 2)  # the place of one card in a shuffled deck


def test_sampling_is_the_mean_of_one_draw() -> None:
    problem = MadeUp(3, 4).open()
    curve = random_curve(problem, 2)
    assert curve.sampling[0] == pytest.approx(np.mean(problem.test["accuracy"]))
    assert curve.test is not None
    assert curve.test[0] == pytest.approx(curve.sampling[0])
