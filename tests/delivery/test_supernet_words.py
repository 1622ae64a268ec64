"""How a supernet did, in words."""

import pytest

from metanas.delivery.supernet_words import listed, supernet_lines


def record(first=1.0, last=0.1, correlation=0.7, points=12, **changes):
    history = [{"step": 1, "entropy_share": first}, {"step": 50, "entropy_share": (first + last) / 2}]
    told = {
        "steps": 1234,
        "seconds": 61.3,
        "open": ["edge0-1", "edge0-2"],
        "messages": ["the choices collapsed"],
        "history": history,
        "diagnosis": {"entropy_share": last, "skip_share": 0.25},
        "rank_correlation": correlation,
        "points": points,
        "answers": [{"why": why, "inherited": 0.5, "alone": 0.9} for why in ["guessed"] * (points - 3) + ["plain", "drawn", "drawn"]],
    }
    return {**told, **changes}


def text(told):
    return "\n".join(supernet_lines(told, "accuracy"))


def test_it_says_all_there_is_to_say():
    said = text(record())
    for part in (
        "1,234 steps in 61 s, with 2 choices left open (edge0-1, edge0-2)",
        "the choices collapsed",
        "its choices are decided: their entropy went from 100 % to 10 %",
        "skip connections make 25 %",
        "its ranking by accuracy with shared weights agrees with that by training alone: rank correlation 0.70 over 12 networks",
        "(1: the same order, 0: none): 9 of its own answers and the plain one and 2 drawn at random",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("last", "words"), [(0.1, "are decided"), (0.5, "half decided"), (0.95, "hardly decided, so its answers are little")]
)
def test_how_far_the_choices_are_decided(last, words):
    assert words in text(record(last=last))


@pytest.mark.parametrize(
    ("correlation", "points", "words"),
    [
        (0.7, 12, "agrees with"),
        (0.5, 12, "says nothing sure about"),
        (0.5, 60, "agrees with"),
        (-0.7, 12, "contradicts"),
        (None, 12, "equally good"),
        (0.9, 4, "too few networks were trained alone (4)"),
        (None, 0, "too few networks were trained alone (0)"),
    ],
)
def test_how_right_the_ranking_is(correlation, points, words):
    assert words in text(record(correlation=correlation, points=points))


def test_what_a_method_does_not_know_is_not_told():
    said = text(record(history=[], diagnosis={}))
    assert "entropy" not in said
    assert "skip" not in said


def test_a_training_that_was_stopped_at_once():
    assert supernet_lines(record(steps=0), "accuracy") == ["stopped before its training had come to anything"]


def test_a_budget_that_was_too_short_is_told_with_what_would_do():
    (said,) = supernet_lines(record(steps=0, short=True, needed=170.0), "accuracy")
    assert said == "the budget is too short to train shared weights, for which about 3 min would do; the plain network is trained"
    assert "for which some minutes would do" in text(record(steps=0, short=True, needed=None))
    assert "give the search about 80 s, or a smaller space" in text(record(steps=20, needed=80.0))


WAY = {"step": 300, "progress": 0.6, "inherited": 0.812, "architectures": 7, "compared": 7, "last": {"step": 340, "inherited": 0.79}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "the best of the 7 decoded before the collapse: accuracy 81.2 % with the weights of then (the last one had 79.0 %)"),
        ({"compared": 3}, "the best of the last 3 of 7 decoded before the collapse: accuracy 81.2 %"),
        ({"last": {"step": 300, "inherited": 0.812}}, "accuracy 81.2 % with the weights of then"),
        ({"compared": 0, "inherited": None}, "the last of 7 decoded before the collapse: there was no time to compare them"),
        ({"architectures": 1, "compared": 0, "inherited": None}, "the only one decoded before the collapse"),
    ],
)
def test_which_point_before_a_collapse_was_taken_and_why(changes, words):
    (said,) = [line for line in supernet_lines(record(way_out={**WAY, **changes}), "accuracy") if "taken is" in line]
    assert said.startswith("taken is the architecture of step 300 (60 % of the training), ")
    assert words in said
    assert ("last one had" in said) == ("last one had" in words or changes == {"compared": 3})


def test_a_short_training_is_told():
    assert "give the search more time" in text(record(steps=20))
    assert "give the search more time" not in text(record())


def test_long_lists_are_cut():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
