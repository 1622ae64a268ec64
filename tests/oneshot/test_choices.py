"""Decoding against enumeration, and the small functions around logits."""

import math

import numpy as np
import pytest
import torch

from metanas.oneshot.choices import annealed, entropies, ranked, softmax_mixture
from metanas.spaces import Architecture, Draft, Space, TaskShape

SHAPE = TaskShape("table", (3,), 2, numeric=3)


def space() -> Space:
    """Four decisions, one of them conditional, one of a single option."""
    draft = Draft()
    a = draft.decide("a", ("x", "y", "z"))
    draft.decide("b", (1, 2, 3, 4), ordered=True, when=a.among("x", "z"))
    draft.decide("only", ("one",))
    width = draft.decide("c", (4, 8), ordered=True)
    x = draft.node("hidden", "dense", ["input"], units=width)
    draft.node("head", "dense", [x], units=2)
    return draft.space("s", SHAPE, {"b": 1})


def scores(rng: np.random.Generator) -> dict[str, list[float]]:
    return {name: rng.normal(size=n).tolist() for name, n in (("a", 3), ("b", 4), ("c", 2))}


def given_up(given: dict[str, list[float]], here: Space, architecture: Architecture) -> float:
    """By definition."""
    lost = 0.0
    for decision in here.active(architecture):
        if decision.name in given:
            options = given[decision.name]
            lost += max(options) - options[decision.options.index(architecture[decision.name])]
    return lost


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("narrow", ["all", "limited", "listed"])
def test_ranked_is_what_enumeration_gives(seed: int, narrow: str) -> None:
    here, given = space(), scores(np.random.default_rng(seed))
    if narrow == "limited":
        here = here.within(parameters=40)
    if narrow == "listed":
        here = here.only(list(here.enumerate(most=100))[seed::3])
    everything = list(here.enumerate(most=100))
    found = ranked(here, given, 7)
    assert len({a.key for a in found}) == len(found) == min(7, len(everything))
    wanted = sorted(given_up(given, here, a) for a in everything)[:7]
    assert [given_up(given, here, a) for a in found] == pytest.approx(wanted)
    for architecture in found:
        here.validate(architecture)


def test_the_first_takes_the_best_option_of_every_decision_and_all_are_given_in_the_end() -> None:
    here, given = space(), {"a": [0.0, -1.0, 2.0], "b": [0.0, 0.0, 5.0, 1.0], "c": [1.0, 0.0]}
    assert ranked(here, given, 1)[0].as_dict == {"a": "z", "b": 3, "only": "one", "c": 4}
    assert len(ranked(here, given, 1000)) == here.count()


def test_large_spaces_take_no_time() -> None:
    draft = Draft()
    for i in range(60):
        draft.decide(f"d{i}", tuple(range(6)))
    draft.node("head", "dense", ["input"], units=2)
    rng = np.random.default_rng(0)
    found = ranked(draft.space("large", SHAPE, {}), {f"d{i}": rng.normal(size=6).tolist() for i in range(60)}, 50)
    assert len({a.key for a in found}) == 50


def test_temperatures() -> None:
    assert annealed(0.0, 10, 0.1, linear=True) == 10
    assert annealed(0.5, 10, 0.1, linear=True) == pytest.approx(5.05)
    assert annealed(1.0, 10, 0.1) == pytest.approx(0.1)
    assert annealed(0.5, 10, 0.1) == pytest.approx(1.0)
    logits = {"a": torch.tensor([0.0, 1.0, 0.5])}
    cold = softmax_mixture(logits, 1e-3)["a"]
    assert torch.allclose(cold, torch.tensor([0.0, 1.0, 0.0]))
    assert torch.allclose(softmax_mixture(logits)["a"], torch.softmax(logits["a"], 0))


def test_entropies() -> None:
    found = entropies({"flat": torch.zeros(4), "sure": torch.tensor([100.0, 0.0]), "half": torch.tensor([0.0, math.log(3)])})
    assert found["flat"] == pytest.approx(math.log(4))
    assert found["sure"] == pytest.approx(0.0, abs=1e-12)
    assert found["half"] == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
