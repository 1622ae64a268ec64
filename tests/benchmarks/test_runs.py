"""One run: what counts, what is told, when it ends."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import MadeUp, space

from metanas.benchmarks.curves import curves
from metanas.benchmarks.runs import KNOWN_IN_A_ROW, Budget, Run, guiding, repetitions, run_strategy, starting_anywhere
from metanas.interfaces import State, Strategy
from metanas.records import Evaluation, Fidelity, Proposal
from metanas.strategies import Brief, base, register_strategy

NAMES = ("rows", "epochs", "effort", "guide", "spent", "seconds", "values")


def same(first: Run, second: Run) -> bool:
    """Equal but for the milliseconds."""
    return all(np.array_equal(getattr(first, n), getattr(second, n), equal_nan=True) for n in NAMES) and first.keys == second.keys


def made(effort: Sequence[float], guide: Sequence[float]) -> Run:
    zeros, count = np.zeros(len(guide)), len(guide)
    order = np.arange(1.0, count + 1)
    whole = np.arange(count)
    return Run(
        "s", 0, ("k",) * count, whole, whole, np.array(effort), np.array(guide), order, order, zeros[:, None], zeros, zeros, Budget()
    )


def test_the_budget_is_kept_and_nothing_counts_twice() -> None:
    problem = MadeUp().open()
    run = run_strategy(problem, "evolution", 3, Budget(120))
    assert len(run) == len(set(run.rows)) == 120
    assert run.spent.tolist() == list(range(1, 121))
    assert np.array_equal(run.guide, problem.validation[run.rows])
    assert not run.exhausted


def test_the_same_seed_runs_the_same_and_a_longer_run_holds_the_shorter() -> None:
    problem = MadeUp(repeats=3, failed=0.05, clock=True).open()
    long, short = (run_strategy(problem, "evolution", 3, Budget(n)) for n in (80, 30))
    assert same(long.until(Budget(30)), short)
    assert same(long.until(Budget(seconds=2000.0)), run_strategy(problem, "evolution", 3, Budget(seconds=2000.0)))
    assert not same(long, run_strategy(problem, "evolution", 4, Budget(80)))


def test_all_strategies_of_a_seed_start_at_the_same_random_architecture() -> None:
    problem = MadeUp().open()
    starts = {seed: {run_strategy(problem, name, seed, Budget(1)).rows[0] for name in ("random", "evolution")} for seed in range(30)}
    assert all(len(rows) == 1 for rows in starts.values())
    assert len({row for rows in starts.values() for row in rows}) > 25
    fresh = starting_anywhere(problem.space, 5)
    assert fresh.baseline != problem.space.baseline
    assert fresh.count() == problem.space.count()


def test_a_space_that_is_exhausted_ends_the_run() -> None:
    run = run_strategy(MadeUp(2, 3).open(), "random", 0, Budget(100))
    assert sorted(run.rows) == list(range(9))
    assert run.exhausted
    cut = run.until(Budget(5))
    assert len(cut) == 5
    assert not cut.exhausted


class Stubborn(Strategy):
    """Proposes two architectures, in turns and for ever."""

    def __init__(self, brief: Brief) -> None:
        self._space, self._asked, self.told = brief.space, 0, 0
        self._fidelity = brief.fidelities[-1]

    def ask(self, n: int) -> list[Proposal]:
        first = self._space.baseline
        architecture = first if self._asked % 2 else next(self._space.neighbours(first))
        self._asked += 1
        return [Proposal(self._asked, architecture, self._fidelity)]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        assert [e.proposal.id for e in evaluations] == [self._asked]
        assert evaluations[0].reused == (self._asked > 2)

    def state(self) -> State:
        return {}

    def load(self, state: State) -> None:
        pass


def test_known_architectures_are_answered_again_without_counting_and_end_the_run_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))
    register_strategy("stubborn")(Stubborn)
    run = run_strategy(MadeUp().open(), "stubborn", 0, Budget(50))
    assert len(run) == 2
    assert run.repeats == KNOWN_IN_A_ROW
    assert run.exhausted


def test_lower_fidelities_count_as_their_share() -> None:
    run = run_strategy(MadeUp(levels=(1, 3, 9)).open(), "hyperband:random", 1, Budget(20))
    assert set(run.epochs) == {1, 3, 9}
    assert run.spent == pytest.approx(np.cumsum(run.epochs / 9))
    assert 19 < run.spent[-1] <= 20 + 1e-9


def test_the_clock_admits_what_is_finished_in_time() -> None:
    run = run_strategy(MadeUp(clock=True).open(), "random", 0, Budget(seconds=1000.0))
    assert run.seconds.tolist() == [90.0 * n for n in range(1, 12)]


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0]), st.sampled_from([math.nan, 0.1, 0.2, 0.3])), max_size=12))
def test_incumbents_are_the_first_best_of_the_highest_fidelity_so_far(entries: list[tuple[float, float]]) -> None:
    run = made([e for e, _ in entries], [g for _, g in entries])
    best, expected = -1, []
    for n, (effort, guide) in enumerate(entries):
        if not math.isnan(guide) and (best < 0 or (effort, guide) > entries[best]):
            best = n
        expected.append(best)
    assert run.incumbents.tolist() == expected


def test_repetitions_are_fair_and_depend_on_seed_and_row_alone() -> None:
    """500 seeds draw each of three repetitions of a row about equally often: beyond 5 standard deviations once in a million rows."""
    drawn = np.stack([repetitions(seed, 40) for seed in range(500)])
    assert (drawn >= 0).all()
    assert np.array_equal(drawn[7, :20], repetitions(7, 20))
    for each in range(3):
        assert np.abs((drawn % 3 == each).sum(axis=0) - 500 / 3).max() < 5 * math.sqrt(500 * 2 / 9)


def test_what_guides_is_what_the_table_answers() -> None:
    problem = MadeUp(3, 4, repeats=4, failed=0.2).open()
    problem.levels[0].metrics["accuracy"][5, 1:3] = math.nan  # a row with gaps
    guide, drawn = guiding(problem, 9), repetitions(9, problem.rows)
    for architecture in space(3, 4).enumerate(100):
        row = problem.row(architecture)
        answer = problem.evaluation(Proposal(0, architecture, Fidelity(9)), int(drawn[row]))
        assert guide[row] == answer.metrics.get("accuracy", math.nan) or (math.isnan(guide[row]) and answer.failed)


@pytest.mark.parametrize("metric", ["accuracy", "mse"])
def test_curves_select_on_validation_and_report_test(metric: str) -> None:
    problem = MadeUp(metric=metric).open()
    runs = [run_strategy(problem, "evolution", seed, Budget(50)) for seed in (2, 0, 1)]
    found = curves(problem, runs, Budget(50))
    assert found.seeds == (0, 1, 2)
    column = problem.levels[0].metrics[metric]
    better = min if metric == "mse" else max
    for place, run in enumerate(sorted(runs, key=lambda r: r.seed)):
        for n in (1, 7, 50):
            best = better(run.rows[:n], key=lambda row: column[row])
            assert found.validation[place, n - 1] == problem.validation[best]
            assert found.test is not None
            assert found.test[place, n - 1] == problem.test[metric][best]
        target = float(np.sort(problem.validation[run.rows])[-5])
        first = next(n for n, row in enumerate(run.rows, 1) if problem.validation[row] >= target)
        assert found.hits(target)[place] == first
    assert np.isinf(found.hits(problem.optimum + 1)).all()


def test_curves_over_a_clock_hold_what_was_finished_by_then() -> None:
    problem = MadeUp(clock=True).open()
    run = run_strategy(problem, "random", 0, Budget(seconds=1000.0))
    found = curves(problem, [run], Budget(seconds=1000.0))
    assert np.isnan(found.validation[0, found.grid < 90]).all()
    assert found.validation[0, -1] == problem.validation[run.rows].max()


def test_failures_leave_no_incumbent_and_end_nothing() -> None:
    problem = MadeUp(failed=0.5).open()
    run = run_strategy(problem, "random", 1, Budget(60))
    assert 10 < np.isnan(run.guide).sum() < 50
    assert len(run) == 60


def test_the_loop_itself_takes_a_fraction_of_a_millisecond() -> None:
    """Wall time per evaluation less what the strategy takes; ten times as much as measured is allowed."""
    from time import perf_counter

    problem = MadeUp().open()
    run_strategy(problem, "random", 0, Budget(50))
    began = perf_counter()
    run = run_strategy(problem, "random", 1, Budget(1000))
    left = 1e3 * (perf_counter() - began) - float(run.ask_ms.sum() + run.tell_ms.sum())
    assert left / 1000 < 0.3
