"""The contract of strategies as laws that anyone's strategy can be held against.

Each law takes what makes the strategy of a :class:`Brief`, and a space, and raises ``AssertionError`` where it is broken::

    @pytest.mark.parametrize("law", STRATEGY_LAWS, ids=lambda law: law.__name__)
    @pytest.mark.parametrize("space", law_spaces())
    def test_my_strategy(law, space):
        law(MyStrategy, law_spaces()[space])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from metanas.interfaces import Strategy
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.spaces.decision import Value
from metanas.strategies.base import Brief
from metanas.testing.shapes import SHAPES

MakeStrategy = Callable[[Brief], Strategy]
Law = Callable[[MakeStrategy, Space], None]
Judge = Callable[[Proposal], Evaluation]

FIDELITIES = (Fidelity(1), Fidelity(3), Fidelity(9))
EVALUATIONS = 45
"""Evaluations per run of a law: beyond the first populations and samples of most strategies, and still quick."""
_TABLE = TaskShape("table", (3,), 2, numeric=3)


@cache
def law_spaces() -> Mapping[str, Space]:
    """Spaces by name: small with conditions, a list of architectures, narrowed by a limit, large."""
    rng = np.random.default_rng(0)
    mixed = _mixed()
    listed = list({a.key: a for a in (mixed.sample(rng) for _ in range(150))}.values())
    narrow = make_space("mlp", SHAPES[0]).within(parameters=900)
    return {"mixed": mixed, "listed": mixed.only(listed), "narrow": narrow, "large": make_space("convnet", SHAPES[1])}


def planted_space(decisions: int = 12, options: int = 4, *, ordered: bool = True) -> Space:
    """Decisions ``a0``, ``a1``, ... of as many options each; see :func:`planted`."""
    draft = Draft()
    for i in range(decisions):
        draft.decide(f"a{i}", tuple(range(options)), ordered=ordered)
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("planted", _TABLE, {})


def planted(proposal: Proposal) -> Evaluation:
    """An evaluation whose ``accuracy`` rises with the rank of every choice (a hashed rank for words) and a little with the fidelity."""
    value = sum(_worth(option) for _, option in proposal.architecture.choices) + 0.01 * proposal.fidelity.effort
    return Evaluation(proposal, metrics={"accuracy": value, "rmse": 100 - value}, costs={"parameters": 100 - value})


def drive(strategy: Strategy, evaluations: int, judge: Judge = planted, batch: int = 3) -> list[Evaluation]:
    """Ask and tell until so many evaluations are made, or the strategy has nothing left."""
    done: list[Evaluation] = []
    while len(done) < evaluations and (proposals := strategy.ask(min(batch, evaluations - len(done)))):
        told = [judge(p) for p in proposals]
        strategy.tell(told)
        done += told
    return done


# -- the laws ----------------------------------------------------------------------------------------------------------


def proposals_are_valid_and_numbered(make: MakeStrategy, space: Space) -> None:
    """Ids rise from 0, every architecture is of the space and within its limits, fidelities are those of the brief."""
    done = drive(make(_brief(space)), EVALUATIONS)
    assert len(done) == EVALUATIONS
    assert [e.proposal.id for e in done] == list(range(EVALUATIONS))
    for evaluation in done:
        space.validate(evaluation.proposal.architecture)
        assert evaluation.proposal.fidelity in (*FIDELITIES, Fidelity(0))
        assert evaluation.proposal.proposer


def the_plain_network_comes_first(make: MakeStrategy, space: Space) -> None:
    """The first proposal is the baseline at the highest fidelity."""
    first = make(_brief(space)).ask(1)[0]
    assert first.architecture == space.baseline
    assert first.fidelity == FIDELITIES[-1]


def nothing_is_asked_twice_at_one_fidelity(make: MakeStrategy, space: Space) -> None:
    """The search need not answer from memory."""
    asked = [(e.proposal.architecture.key, e.proposal.fidelity) for e in drive(make(_brief(space)), EVALUATIONS)]
    assert len(set(asked)) == len(asked)


def the_seed_decides(make: MakeStrategy, space: Space) -> None:
    """Told the same with the same seed it asks the same; with another seed something else."""
    runs = [[e.proposal for e in drive(make(_brief(space, seed)), EVALUATIONS)] for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def the_global_generators_do_not_matter(make: MakeStrategy, space: Space) -> None:
    """Neither numpy's nor torch's global random numbers are used or disturbed."""
    import torch

    runs = []
    for seed in (1, 2):
        np.random.seed(seed)
        torch.manual_seed(seed)
        before = torch.get_rng_state().clone()
        runs.append([e.proposal for e in drive(make(_brief(space)), EVALUATIONS)])
        assert torch.equal(torch.get_rng_state(), before)
    assert runs[0] == runs[1]


def state_goes_on_identically(make: MakeStrategy, space: Space) -> None:
    """``state()`` with proposals still out, through JSON, ``load()`` in a fresh instance: both ask the same from there on."""
    first = make(_brief(space, 5))
    half = drive(first, EVALUATIONS - 15)
    waiting = first.ask(2)
    second = make(_brief(space, 5))
    second.load(json.loads(json.dumps(first.state(), default=_listed)))
    for strategy in (first, second):
        strategy.tell([planted(p) for p in waiting])
    rest = [[e.proposal for e in drive(strategy, 15)] for strategy in (first, second)]
    assert rest[0] == rest[1]
    whole = drive(make(_brief(space, 5)), EVALUATIONS - 15)  # saving has disturbed nothing
    assert [e.proposal for e in half] == [e.proposal for e in whole]


def look_ahead_is_allowed(make: MakeStrategy, space: Space) -> None:
    """Several batches may be out at once, of any size, told in the order asked."""
    strategy, waiting, told = make(_brief(space)), list[Proposal](), 0
    for turn in range(40):
        waiting += strategy.ask(1 + turn % 3)
        if len(waiting) > 8:
            strategy.tell([planted(p) for p in waiting[:3]])
            told += 3
            del waiting[:3]
    assert told > 40


def failures_do_no_harm(make: MakeStrategy, space: Space) -> None:
    """Every other evaluation fails, then all of them."""
    strategy = make(_brief(space, 3))
    done = drive(strategy, EVALUATIONS, lambda p: Evaluation(p, reason="diverged") if p.id % 2 else planted(p))
    assert len(done) == EVALUATIONS
    assert len(drive(strategy, 15, lambda p: Evaluation(p, reason="diverged"))) == 15


def nothing_but_failures_does_no_harm(make: MakeStrategy, space: Space) -> None:
    """From the first evaluation on."""
    assert len(drive(make(_brief(space, 3)), EVALUATIONS, lambda p: Evaluation(p, reason="diverged"))) == EVALUATIONS


def equal_values_do_no_harm(make: MakeStrategy, space: Space) -> None:
    """Nothing to tell architectures apart by."""
    assert len(drive(make(_brief(space)), EVALUATIONS, lambda p: Evaluation(p, metrics={"accuracy": 0.5}))) == EVALUATIONS


def strangers_are_welcome(make: MakeStrategy, space: Space) -> None:
    """Evaluations that it did not ask for, before its own and between them, at any fidelity."""
    rng, strategy = np.random.default_rng(0), make(_brief(space))
    for turn in range(8):
        strategy.tell([planted(Proposal(10_000 + turn, space.sample(rng), Fidelity(2)))])
        assert len(drive(strategy, 4)) == 4


def limits_of_the_objective_are_respected(make: MakeStrategy, space: Space) -> None:
    """What breaks a limit of the objective, half of the space and the better one, is learned from like a failure."""
    rng = np.random.default_rng(0)
    limit = float(np.median([_size(planted(Proposal(i, space.sample(rng), FIDELITIES[-1]))) for i in range(50)]))
    objective = Objective.of("accuracy", size=limit)

    def told(proposal: Proposal) -> Evaluation:
        evaluation = planted(proposal)
        return Evaluation(proposal, evaluation.metrics, {"size": _size(evaluation)})

    def as_failures(proposal: Proposal) -> Evaluation:
        evaluation = told(proposal)
        return evaluation if objective.feasible(evaluation) else Evaluation(proposal, reason="too large")

    limited, failing = (drive(make(Brief(space, objective, FIDELITIES)), EVALUATIONS, judge) for judge in (told, as_failures))
    assert [e.proposal for e in limited] == [e.proposal for e in failing]


def several_goals_are_allowed(make: MakeStrategy, space: Space) -> None:
    """A strategy of one goal takes the first."""
    goals = tuple(Objective.of(name).goals[0] for name in ("accuracy", "parameters"))
    assert len(drive(make(Brief(space, Objective(goals), FIDELITIES)), EVALUATIONS)) == EVALUATIONS


def an_exhausted_space_ends_it(make: MakeStrategy, space: Space) -> None:
    """Everything in a tiny space is asked, and then nothing (``space`` is not used)."""
    draft = Draft()
    draft.decide("a", (1, 2, 3), ordered=True)
    draft.decide("b", ("x", "y"))
    draft.node("head", "dense", ["input"], units=2)
    tiny = draft.space("tiny", _TABLE, {})
    strategy = make(_brief(tiny))
    done = drive(strategy, 1000)
    assert {e.proposal.architecture.key for e in done} == {a.key for a in tiny.enumerate(most=10)}
    assert len(done) < 100
    assert strategy.ask(5) == []


def a_trivial_problem_is_solved(make: MakeStrategy, space: Space) -> None:
    """The best of 64 architectures within 64 evaluations of full fidelity, maximised and minimised (``space`` is not used)."""
    for metric in ("accuracy", "rmse"):
        trivial = planted_space(3)
        done = drive(make(Brief(trivial, Objective.of(metric), FIDELITIES[-1:])), 64)
        found = [dict(e.proposal.architecture.choices) for e in done if not e.failed]
        assert {"a0": 3, "a1": 3, "a2": 3} in found


STRATEGY_LAWS: tuple[Law, ...] = (
    proposals_are_valid_and_numbered,
    the_plain_network_comes_first,
    nothing_is_asked_twice_at_one_fidelity,
    the_seed_decides,
    the_global_generators_do_not_matter,
    state_goes_on_identically,
    look_ahead_is_allowed,
    failures_do_no_harm,
    nothing_but_failures_does_no_harm,
    equal_values_do_no_harm,
    strangers_are_welcome,
    limits_of_the_objective_are_respected,
    several_goals_are_allowed,
)
"""For every space."""
STRATEGY_LAWS_ONCE: tuple[Law, ...] = (an_exhausted_space_ends_it, a_trivial_problem_is_solved)
"""Bring their own space."""


def better_than_random(make: MakeStrategy, random: MakeStrategy, space: Space, *, evaluations: int = 150, seeds: int = 20) -> float:
    """p-value of "no better than random search": one-sided Mann-Whitney test on the best planted value of runs over seeds.

    With fixed seeds the answer is always the same: the level is the chance that a strategy without any merit passes.
    """
    from scipy.stats import mannwhitneyu

    def best(make_one: MakeStrategy, seed: int) -> float:
        brief = Brief(space, Objective.of("accuracy"), FIDELITIES[-1:], seed=seed)
        return max(e.metrics["accuracy"] for e in drive(make_one(brief), evaluations))

    ours, theirs = ([best(m, seed) for seed in range(seeds)] for m in (make, random))
    return float(mannwhitneyu(ours, theirs, alternative="greater").pvalue)


# -- helpers -----------------------------------------------------------------------------------------------------------


def _brief(space: Space, seed: int = 0) -> Brief:
    return Brief(space, Objective.of("accuracy"), FIDELITIES, seed=seed)


def _mixed() -> Space:
    draft = Draft()
    steps = [draft.decide(f"a{i}", (0, 1, 2, 3), ordered=True) for i in range(4)]
    draft.decide("b", ("x", "y", "z"), when=steps[0].at_least(2))
    draft.decide("c", (False, True))
    draft.decide("d", ("only",))
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("mixed", _TABLE, {})


def _size(evaluation: Evaluation) -> float:
    """A cost that rises with the planted value, whatever the fidelity."""
    return evaluation.metrics["accuracy"] - 0.01 * evaluation.proposal.fidelity.effort


def _worth(option: Value) -> float:
    return float(option) if not isinstance(option, str) else float(sum(map(ord, option)) % 4)


def _listed(value: Any) -> Any:
    """Arrays as JSON."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value")
