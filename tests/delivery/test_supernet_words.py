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


def test_a_short_training_is_told():
    assert "give the search more time" in text(record(steps=20))
    assert "give the search more time" not in text(record())


def test_long_lists_are_cut():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
