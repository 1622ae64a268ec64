import pytest
from hypothesis import given
from hypothesis import strategies as st

from metanas.search.budget import Budget


@given(st.floats(0, 1e6), st.floats(1, 1e6), st.floats(0, 1e6), st.floats(0, 1e5))
def test_what_is_spent_and_what_is_left_make_the_budget(began, seconds, spent, later):
    now = [began]
    budget = Budget(seconds, spent=spent, clock=lambda: now[0])
    now[0] += later
    assert budget.elapsed == pytest.approx(spent + later, rel=1e-9, abs=1e-6)
    assert budget.end - now[0] == pytest.approx(seconds - budget.elapsed, rel=1e-9, abs=1e-6)


def test_the_clock_may_have_begun_before():
    budget = Budget(10.0, clock=lambda: 7.0, began=5.0)
    assert (budget.elapsed, budget.end) == (2.0, 15.0)


def test_a_budget_without_time_never_ends():
    assert Budget(None, 5).end == float("inf")
