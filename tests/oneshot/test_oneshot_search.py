"""From shared weights to answers."""

import time

import pytest

from metanas.errors import InputError
from metanas.evaluation.tensors import Tensors
from metanas.interfaces import State
from metanas.oneshot import OneShotBrief, SupernetMethod, answers, inherited, make_oneshot, settled
from metanas.oneshot.diagnosis import count_skips
from metanas.oneshot.search import search_inherited
from metanas.records import Objective
from metanas.spaces import Architecture
from metanas.testing.oneshot import oneshot_tasks, train_oneshot

SPACE, DATA = oneshot_tasks()["cell"]
TENSORS = Tensors.of(DATA)
METHOD = make_oneshot("single-path", OneShotBrief.of(SPACE, DATA))
STATE = train_oneshot(METHOD, DATA, 60)


def test_single_path_answers_with_the_best_of_all_that_its_strategy_looked_at() -> None:
    heard: list[float] = []
    found = answers(METHOD, STATE, TENSORS, 4, evaluations=27, progress=heard.append)
    scores = inherited(METHOD, STATE, TENSORS, list(METHOD.space.enumerate(most=100)))
    assert [r.inherited for r in found] == sorted(scores, reverse=True)[:4]
    assert len({r.architecture.key for r in found}) == 4
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    for ranked in found:
        SPACE.validate(ranked.architecture)


def test_the_same_seed_answers_the_same_and_another_strategy_is_possible() -> None:
    first, second = (answers(METHOD, STATE, TENSORS, 3, evaluations=8, seed=5) for _ in range(2))
    assert first == second
    done = search_inherited(METHOD, STATE, TENSORS, "random", Objective.of("accuracy"), evaluations=6)
    assert len({e.proposal.architecture.key for e in done}) == 6
    with pytest.raises(InputError, match="no strategy named"):
        search_inherited(METHOD, STATE, TENSORS, "nobody", Objective.of("accuracy"))


def test_limits_of_the_objective_hold() -> None:
    sizes = sorted({METHOD.space.graph(a).parameters for a in METHOD.space.enumerate(most=100)})
    goal = Objective.of("accuracy", parameters=sizes[1])
    found = answers(METHOD, STATE, TENSORS, 3, objective=goal, evaluations=27)
    assert all(METHOD.space.graph(r.architecture).parameters <= sizes[1] for r in found)


def test_when_there_is_no_time_the_decoded_ones_are_the_answer() -> None:
    found = answers(METHOD, STATE, TENSORS, 2, deadline=time.monotonic() - 1)
    assert [r.architecture for r in found] == METHOD.decode(STATE, 2)
    assert all(r.inherited is None for r in found)


def test_logits_have_the_last_word_where_a_method_learns_them() -> None:
    method = make_oneshot("gdas", OneShotBrief.of(SPACE, DATA))
    state = train_oneshot(method, DATA, 10)
    assert [r.architecture for r in answers(method, state, TENSORS, 3)] == method.decode(state, 3)


def test_scores_of_errors_are_turned_round() -> None:
    space, data = oneshot_tasks()["regression"]
    method = make_oneshot("single-path", OneShotBrief.of(space, data))
    state = train_oneshot(method, data, 60)
    tensors = Tensors.of(data)
    everything = list(method.space.enumerate(most=100))
    scores = inherited(method, state, tensors, everything)
    assert all(score < 0 for score in scores)
    best = answers(method, state, tensors, 1, evaluations=len(everything))[0]
    assert best.architecture == everything[scores.index(max(scores))]
    assert best.inherited == pytest.approx(-max(scores))


# -- the way out of a collapse -----------------------------------------------------------------------------------------------


def collapsed() -> tuple[SupernetMethod, State, list[Architecture]]:
    """A method whose choices went to skips after three architectures; the weights of then and those of the end differ."""
    method = make_oneshot("gdas", OneShotBrief.of(SPACE, DATA))
    before = [method.space.architecture(dict(zip(method.space.baseline.as_dict, operations, strict=True))) for operations in WAYS]
    skips = method.space.architecture(dict.fromkeys(method.space.baseline.as_dict, "skip"))
    points = []
    for step, architecture in enumerate([*before, skips, skips, skips]):
        chosen, offered = count_skips(architecture, method.skips)
        seen = {"skips": chosen, "skip_share": chosen / offered, "architecture": dict(architecture.as_dict)}
        points.append({"step": step, "progress": 0.4 + step / 10, **seen})
    sound = train_oneshot(method, DATA, 60)
    return method, {**method.init(7), "step": 6, "sound": sound["weights"], "points": points}, before


WAYS = (("none", "conv", "conv"), ("none", "conv", "none"), ("skip", "none", "none"))
"""Operations of the edges; the last gives zeros, whatever its weights are."""


def test_the_best_point_before_a_collapse_is_taken_with_the_weights_of_then() -> None:
    method, state, before = collapsed()
    scores = inherited(method, {**state, "weights": state["sound"]}, TENSORS, before)
    best = max(reversed(range(3)), key=lambda i: scores[i])
    assert best != 2  # the last point before, which nobody has compared with the others yet
    assert method.decode(state, 1) == [before[2]]
    done = settled(method, state, TENSORS)
    assert done["way_out"] == best
    assert [point.get("inherited") for point in done["points"]] == [*scores, None, None, None]
    assert method.decode(done, 2)[0] == before[best]
    assert answers(method, done, TENSORS, 2)[0].architecture == before[best]
    assert settled(method, state, TENSORS, deadline=time.monotonic() - 1) is state


def test_the_way_out_leads_where_what_is_decoded_is_compared() -> None:
    method, state, before = collapsed()
    method.judged = 5
    done = settled(method, state, TENSORS)
    found = answers(method, done, TENSORS, 5)
    assert found[0].architecture == before[done["way_out"]]
    assert [r.inherited for r in found[1:]] == sorted((r.inherited for r in found[1:]), key=lambda score: score or 0.0, reverse=True)


def test_without_a_collapse_nothing_is_settled() -> None:
    assert settled(METHOD, STATE, TENSORS) is STATE
