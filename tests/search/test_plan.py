import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.records import Fidelity
from metanas.search.plan import CLOSING_SECONDS, FLOPS_RATIO, Plan, Situation, make_plan

ROUNDING = 1 - 1e-9
sizes = st.integers(10, 300_000)


@st.composite
def situations(draw, timed=None):
    train = draw(sizes)
    timed = draw(st.booleans()) if timed is None else timed
    trials = draw(st.integers(1, 5000) | (st.none() if timed else st.nothing()))
    time = {}
    if timed:
        seconds = draw(st.floats(1, 90_000))
        time = {"seconds": seconds, "overhead": draw(st.floats(0, 20)), "step_seconds": draw(st.floats(1e-4, 2))}
    joined = train + draw(st.integers(3, 60_000))
    supernet = draw(st.none() | st.just(train - train // 2))
    return Situation(train, joined, draw(st.booleans()), draw(st.integers(1, 64)), draw(st.booleans()), trials, supernet=supernet, **time)


@given(situations())
@settings(max_examples=300)
def test_laws_of_all_plans(at):
    plan = make_plan(at)
    efforts = [f.effort for f in plan.fidelities]
    assert efforts == sorted(set(efforts)), "fidelities rise"
    assert all(f.epochs >= 1 and 0 < f.share <= 1 and f.fold == 0 for f in plan.fidelities)
    assert plan.final_epochs > 0
    assert plan.group >= 1
    assert plan.lookahead >= 1
    assert (plan.confirm == 0) == (plan.folds == 0)
    assert plan.confirm == 0 or at.recut
    if at.trials is not None:
        assert plan.confirm * plan.folds < at.trials, "trials are left for the search"
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(situations(timed=True))
@settings(max_examples=300)
def test_moments_of_a_time_budget_come_in_order_and_leave_time_for_the_end(at):
    plan = make_plan(at)
    assert plan.search_until is not None
    assert plan.confirm_until is not None
    assert at.overhead <= plan.search_until <= plan.confirm_until
    if at.seconds > at.overhead + CLOSING_SECONDS + 0.03 * at.seconds + 1:
        assert plan.confirm_until < at.seconds, "time is left for the final training"
    assert plan.trial_seconds > 0
    assert plan.flops_ratio is None or plan.flops_ratio >= 1, "the plain network is a candidate however short the time is"


@given(situations(timed=True))
@settings(max_examples=300)
def test_one_full_training_costs_a_part_of_the_search(at):
    """Where the machine is not so slow that the shortest training allowed takes longer than the search."""
    plan = make_plan(at)
    search = plan.confirm_until - at.overhead
    steps = plan.fidelities[-1].effort * at.steps_per_epoch
    shortest = max(10, at.steps_per_epoch if plan.fidelities[-1] == Fidelity(1) else 0, 0.02 * at.steps_per_epoch)
    if steps > 1.5 * shortest:
        assert steps * at.step_seconds <= search * at.workers


@given(situations(timed=False), st.integers(1, 64))
@settings(max_examples=300)
def test_plans_of_a_trial_budget_depend_on_the_data_alone(at, workers):
    assert make_plan(at) == make_plan(replace(at, workers=workers, overhead=12.5))
    plan = make_plan(at)
    assert (plan.search_until, plan.confirm_until, plan.trial_seconds) == (None,) * 3
    assert plan.flops_ratio == (None if at.population else FLOPS_RATIO)


@given(situations())
@settings(max_examples=300)
def test_a_supernet_is_planned_where_the_search_begins_with_one(at):
    plan = make_plan(at)
    assert (plan.supernet is None) == (at.supernet is None)
    if plan.supernet is None:
        return
    assert plan.supernet.steps >= 10
    assert 1 <= plan.supernet.batch <= at.supernet
    assert plan.supernet.answers >= 1
    if at.trials is not None:
        assert plan.supernet.answers == at.trials - plan.confirm * plan.folds
    if at.seconds is None:
        steps = plan.fidelities[-1].effort * at.steps_per_epoch
        assert plan.supernet.steps <= max(10, 1.5 * steps * (at.trials or float("inf")))
        assert plan.supernet.until is None
    else:
        assert at.overhead <= plan.supernet.until <= plan.search_until


@given(situations(timed=True), st.floats(1.1, 20))
@settings(max_examples=200)
def test_more_time_is_never_less_training(at, factor):
    more = make_plan(replace(at, seconds=at.seconds * factor))
    less = make_plan(at)
    assert more.fidelities[-1].effort >= less.fidelities[-1].effort
    assert more.confirm_until >= less.confirm_until * ROUNDING
    assert more.final_epochs >= less.final_epochs * ROUNDING
