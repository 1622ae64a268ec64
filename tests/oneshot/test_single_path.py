"""Sampling of paths."""

from collections import Counter

import numpy as np
import pytest

from metanas.errors import InputError
from metanas.oneshot import OneShotBrief
from metanas.oneshot.single_path import SinglePath, fair, uniform
from metanas.spaces import Draft, Space, TaskShape
from metanas.testing.oneshot import oneshot_tasks, tiny_cell, train_oneshot


def uneven() -> Space:
    """Decisions of two, three and five options."""
    draft = Draft()
    for count in (2, 3, 5):
        draft.decide(f"d{count}", tuple(range(count)))
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("uneven", TaskShape("table", (3,), 2, numeric=3), {})


def test_fair_sampling_takes_every_option_once_per_round_of_its_decision() -> None:
    space = uneven()
    paths = [fair(space, 3, step, np.random.default_rng(step)) for step in range(60)]
    for count in (2, 3, 5):
        chosen = [path[f"d{count}"] for path in paths]
        rounds = [chosen[i : i + count] for i in range(0, 60, count)]
        assert all(sorted(one) == list(range(count)) for one in rounds)  # type: ignore[type-var]
        assert len({tuple(one) for one in rounds}) > 1
    assert fair(space, 3, 7, np.random.default_rng(0)) == paths[7]
    assert [fair(space, 4, step, np.random.default_rng(step)) for step in range(60)] != paths


def test_decisions_do_not_move_together() -> None:
    """All pairs of options come up; with independent orders each pair is as likely as any."""
    space = tiny_cell()
    pairs = Counter((p["edge0-1"], p["edge0-2"]) for p in (fair(space, 0, step, np.random.default_rng(0)) for step in range(900)))
    assert len(pairs) == 9
    assert max(pairs.values()) < 2 * min(pairs.values())


def test_a_listed_space_and_uniform_sampling_give_members_of_the_space() -> None:
    listed = oneshot_tasks()["listed"][0]
    for sampling in (fair, uniform):
        assert all(listed.admits(sampling(listed, 0, step, np.random.default_rng(step))) for step in range(30))


def test_unknown_samplings_are_refused() -> None:
    brief = OneShotBrief.of(*oneshot_tasks()["cell"])
    with pytest.raises(InputError, match="no sampling named 'even'; choose one of fair, uniform"):
        SinglePath(brief, sampling="even")


@pytest.mark.parametrize("sampling", ["fair", "uniform"])
def test_only_the_weights_of_the_path_move(sampling: str) -> None:
    space, data = oneshot_tasks()["cell"]
    method = SinglePath(OneShotBrief.of(space, data), sampling=sampling)
    before = method.init(0)
    after = train_oneshot(method, data, 10, state=before, until=1)
    mixture = method.draw(before["choices"], 0, 0.0, np.random.default_rng([0, 1]))
    for name, value in before["weights"].items():
        edge = next((d.name for d in space.decisions if name.startswith(f"nodes.{d.name.replace('-', '%2d%')}-")), None)
        moved = bool((after["weights"][name] != value).any())
        if edge is not None and mixture[edge][2] == 0:
            assert not moved
        elif edge is None and "head" in name:
            assert moved
