"""What a trained supernet answers, and in which order."""

import math
import time

import numpy as np
import pytest

from metanas.evaluation.tensors import Tensors
from metanas.oneshot import OneShotBrief, make_oneshot
from metanas.records import Objective
from metanas.search.supernet_answers import DRAWN, DRAWN_EVERY, GUESSED, PLAIN, answered, arranged
from metanas.spaces import TaskShape, make_space
from metanas.testing.oneshot import oneshot_tasks, train_oneshot

SPACE = make_space("cell", TaskShape("image", (1, 8, 8), 10))
GUESSES = [SPACE.sample(np.random.default_rng(seed)) for seed in range(40)]


def whys(n=20, *, learned=True, guesses=GUESSES):
    return [why for _, why in arranged(SPACE, guesses, n, 0, learned=learned)]


def test_the_best_guess_comes_first_the_plain_network_second_and_one_in_six_is_drawn():
    found = arranged(SPACE, GUESSES, 20, 0, learned=True)
    assert [a for a, _ in found][:3] == [GUESSES[0], SPACE.baseline, GUESSES[1]]
    assert [i + 1 for i, (_, why) in enumerate(found) if why == DRAWN] == [DRAWN_EVERY, 2 * DRAWN_EVERY, 3 * DRAWN_EVERY]
    assert len({(SPACE.graph(a).key, str(SPACE.recipe(a))) for a, _ in found}) == 20
    assert found == arranged(SPACE, GUESSES, 20, 0, learned=True)
    assert found != arranged(SPACE, GUESSES, 20, 1, learned=True)


def test_few_answers_are_all_guesses_and_what_has_learned_nothing_comes_after_the_plain_network():
    assert whys(5) == [GUESSED, PLAIN, GUESSED, GUESSED, GUESSED]
    assert whys(3, learned=False) == [PLAIN, GUESSED, GUESSED]
    assert whys(3, guesses=[SPACE.baseline, *GUESSES]) == [GUESSED, GUESSED, GUESSED]
    assert whys(20, guesses=GUESSES[:1]) == [GUESSED, PLAIN]
    assert whys(3, guesses=[]) == [PLAIN]


@pytest.mark.parametrize("collapsed", [False, True])
def test_all_that_is_told_of_a_training(collapsed):
    space, data = oneshot_tasks()["cell"]
    method = make_oneshot("gdas", OneShotBrief.of(space, data))
    state = train_oneshot(method, data, 8)
    if collapsed:
        operations = [("none", "conv", "conv"), ("none", "conv", "none"), ("conv", "none", "none"), *[("skip",) * 3] * 3]
        chosen = [dict(zip(space.baseline.as_dict, those, strict=True)) for those in operations]
        points = []
        for step, choices in enumerate(chosen):
            skips = sum(value == "skip" for value in choices.values())
            points.append({"step": step, "progress": 0.5 + step / 20, "skips": skips, "skip_share": skips / 3, "architecture": choices})
        state = {**state, "points": points, "sound": state["weights"]}
    found = answered(method, state, Tensors.of(data), space, 7, 0, Objective.of("accuracy"), math.inf)
    assert [a["why"] for a in found["answers"]][5] == DRAWN
    assert all(0 <= a["inherited"] <= 1 for a in found["answers"])
    assert found["steps"] == 8
    if not collapsed:
        assert (found["way_out"], found["learned"]) == (None, False)
        return
    way_out = found["way_out"]
    scores = {point["step"]: point["inherited"] for point in found["history"] if "inherited" in point}
    assert set(scores) == {0, 1, 2}
    assert way_out["inherited"] == scores[way_out["step"]] == max(scores.values())
    assert (way_out["architectures"], way_out["compared"], way_out["last"]) == (3, 3, {"step": 2, "inherited": scores[2]})
    first = next(a for a in found["answers"] if a["why"] == GUESSED)
    assert first["architecture"]["choices"] == chosen[way_out["step"]]
    hurried = answered(method, state, Tensors.of(data), space, 7, 0, Objective.of("accuracy"), time.monotonic() - 1)
    assert (hurried["way_out"]["step"], hurried["way_out"]["inherited"], hurried["way_out"]["compared"]) == (2, None, 0)
