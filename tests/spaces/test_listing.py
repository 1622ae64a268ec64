"""Spaces that are lists of architectures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.testing import SHAPES


def grid() -> Space:
    draft = Draft()
    depth = draft.decide("depth", (1, 2, 3), ordered=True)
    draft.decide("kind", ("a", "b", "c"), when=depth.at_least(2))
    for i in range(3):
        draft.decide(f"x{i}", (0, 1, 2, 3), ordered=True)
    return draft.space("grid", TaskShape("table", (3,), 2, numeric=3), {})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 40))
def test_nothing_but_the_list_leaves_a_listed_space(seed: int, size: int) -> None:
    space, rng = grid(), np.random.default_rng(seed)
    listed = list({a.key: a for a in (space.sample(rng) for _ in range(size))}.values())
    only = space.only(listed)
    assert only.count() == len(listed)
    assert list(only.enumerate(1)) == listed
    first, second = only.sample(rng), only.sample(rng)
    mutant = only.mutate(first, rng)
    assert (mutant != first) or len(listed) == 1
    led_to = [only.baseline, first, mutant, only.crossover(first, second, rng), *only.neighbours(first)]
    for architecture in led_to:
        only.validate(architecture)
    for decision, option in only.edits(first):
        edited = only.edit(first, decision, option)
        assert edited == first or edited[decision] == option


def test_mutants_of_a_listed_space_are_the_most_similar_ones() -> None:
    space = grid()
    near = space.architecture({"depth": 1, "x0": 0, "x1": 0, "x2": 1})
    start = space.architecture({"depth": 1, "x0": 0, "x1": 0, "x2": 0})
    far = space.architecture({"depth": 1, "x0": 3, "x1": 3, "x2": 1})
    only = space.only([start, near, far])
    assert only.edit(start, "x2", 1) == near
    assert only.edit(start, "x0", 3) == far
    assert only.edit(start, "x1", 2) == start  # nothing on the list has that


def test_limits_shorten_the_list_and_may_not_empty_it() -> None:
    space, rng = make_space("mlp", SHAPES[0]), np.random.default_rng(0)
    only = space.only([space.sample(rng) for _ in range(30)])
    sizes = sorted(space.graph(a).parameters for a in only.listed)
    narrowed = only.within(parameters=sizes[10])
    assert max(space.graph(a).parameters for a in narrowed.listed) == sizes[10]
    with pytest.raises(InputError, match="keeps the limit"):
        only.within(parameters=sizes[0] - 1)
    with pytest.raises(ValueError, match="at least one"):
        space.only([])


def test_limits_of_a_space_are_tightened_not_replaced() -> None:
    space = make_space("mlp", SHAPES[0]).within(parameters=900)
    assert space.within(parameters=2000).limits.parameters == 900
    assert space.within(flops=10**6).limits.parameters == 900
