"""What a search says of the memory it had."""

import pytest

from metanas.delivery.memory_words import memory_lines, neighbour_words, ordinal, remembered_words, skill_words

PRIOR = {"digest": "abc", "tasks": 3, "evaluations": 1200, "made": "2026-01-02T03:04:05+00:00"}
WORTH = {"first": 8, "later": 30, "best_rank": 2, "middle_rank": 7.5, "later_middle_rank": 22, "matched_after": 17}


def test_ordinals():
    said = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 22.5: "23rd", 111: "111th"}
    assert {number: ordinal(number) for number in said} == said


def test_before_the_first_candidate():
    said = "with 30 evaluations in space mlp (prior abc of 2026-01-02)"
    assert remembered_words(1, 0, 30, "mlp", PRIOR) == f"memory: 1 earlier task {said}"
    assert remembered_words(4, 4, 30, "mlp", PRIOR) == f"memory: 4 earlier tasks, which came with metanas, {said}"
    assert remembered_words(4, 3, 30, "mlp", PRIOR) == f"memory: 4 earlier tasks, 3 of which came with metanas, {said}"
    near = neighbour_words("wine", 0.214, ("depth 3", "norm layer_norm"), 0.031, "accuracy")
    assert near.startswith("  like wine (distance 0.21): depth 3, norm layer_norm did well there; ")
    assert near.endswith("the best was 3.1 points better than the plain network")
    assert neighbour_words("wine", 0.2, (), 0.0, "accuracy").endswith("nothing better than the plain network was found there")
    assert "12.50 in root-mean-square error better than" in neighbour_words("homes", 0.2, (), 12.5, "rmse")
    assert neighbour_words("wine", 0.2, (), None, "accuracy").endswith("its best networks had little in common")


@pytest.mark.parametrize(("better", "said"), [(0.83, "gain: on 6"), (0.4, "gain: none; on 6"), (None, "too few earlier tasks")])
def test_the_expected_gain(better, said):
    assert said in skill_words(better, 6)


def test_at_the_end():
    lines = memory_lines({**PRIOR, "worth": WORTH})
    assert lines[0] == "3 earlier tasks, 1,200 evaluations (prior abc of 2026-01-02)"
    assert "the best came 2nd of 38 and the middle one 8th; of the later ones the middle one came 22nd" in lines[1]
    assert lines[2] == "it took 17 more networks until one was as good as the best of them"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matched_after": None}, "none of the 30 later networks was as good as the best of them"),
        ({"matched_after": 2, "middle_rank": 30}, "it was of no help here: the 2nd network after them was as good as the best of them"),
        ({"matched_after": 2, "middle_rank": 30, "trust": 0.1}, "did not hold on this task, so that it had to be let go of"),
    ],
)
def test_other_ends(change, said):
    assert said in memory_lines({**PRIOR, "worth": {**WORTH, **change}})[-1]


def test_little_to_say():
    assert memory_lines({**PRIOR, "worth": None})[-1] == "the strategy did not ask it"
    assert "too few networks were tried (5 beside the plain one)" in memory_lines({**PRIOR, "worth": {"first": 5, "later": 0}})[-1]
    assert memory_lines({"digest": None, "worth": None}) == ["the strategy did not ask it"]


@pytest.mark.parametrize(
    ("started", "said"),
    [
        (None, []),
        ({"checked": 0, "learned": 0, "origin": None}, []),
        (
            {"checked": 30, "learned": 12, "origin": "abc"},
            ["12 of 30 networks were trained from learned weights, the others from fresh; so was the final network"],
        ),
        ({"checked": 1, "learned": 0, "origin": None}, ["0 of 1 network were trained from learned weights, the others from fresh"]),
    ],
)
def test_initial_weights(started, said):
    assert memory_lines({**PRIOR, "worth": None, "started": started})[2:] == said


def test_of_a_space_that_it_does_not_know_it_claims_nothing():
    (_, said) = memory_lines({**PRIOR, "tasks": 3, "evaluations": 60, "worth": {"unknown": "convnet"}})
    assert said == "it knows nothing of space convnet yet, so that this search began from nothing"
