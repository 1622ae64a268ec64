"""What counts as a skip, when choices have collapsed, and ranks."""

from typing import Any

import numpy as np
import pytest

from metanas.oneshot.diagnosis import (
    COLLAPSED,
    LASTS,
    LEAST,
    UNDECIDED,
    collapse,
    count_skips,
    is_collapsed,
    noted,
    rank_correlation,
    skips,
    zeros,
)
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.spaces.narrowing import supernet_space
from metanas.testing.oneshot import oneshot_tasks, tiny_cell

PICTURE = TaskShape("image", (1, 8, 8), 10)


def test_skips_of_the_cell_are_its_skip_connections() -> None:
    found = skips(make_space("cell", PICTURE))
    assert found == {f"edge{i}-{j}": frozenset({"skip_connect"}) for j in (1, 2, 3) for i in range(j)}
    assert skips(tiny_cell()) == {name: frozenset({"skip"}) for name in ("edge0-1", "edge0-2", "edge1-2")}


def test_an_identity_among_operations_is_a_skip() -> None:
    assert skips(oneshot_tasks()["planted"][0]) == {"op": frozenset({"identity"})}


def test_no_normalisation_no_dropout_and_another_activation_are_no_skips() -> None:
    space = supernet_space(make_space("mlp", TaskShape("table", (4,), 2, numeric=4)))[0]
    assert {"norm", "dropout", "activation"} <= {d.name for d in space.decisions}
    assert not {"norm", "dropout", "activation"} & set(skips(space))


def layers() -> Space:
    """A block that is there or not, and within it, an operation."""
    draft = Draft()
    block = draft.decide("block", (False, True))
    op = draft.decide("op", ("pass", "dense"), when=block.among(True))
    x = draft.node("body", "dense", ["input"], block.among(True) & op.among("dense"), units=3)
    draft.node("head", "dense", [x], units=2)
    return draft.space("layers", TaskShape("table", (3,), 2, numeric=3), {"block": False})


def test_conditional_decisions_are_looked_at_where_they_are_open() -> None:
    space = layers()
    assert skips(space) == {"block": frozenset({False}), "op": frozenset({"pass"})}
    assert count_skips(space.architecture({"block": False}), skips(space)) == (1, 1)
    assert count_skips(space.architecture({"block": True, "op": "dense"}), skips(space)) == (0, 2)


def test_counting() -> None:
    space = tiny_cell()
    chosen = {"edge0-1": "skip", "edge0-2": "conv", "edge1-2": "skip"}
    assert count_skips(space.architecture(chosen), skips(space)) == (2, 3)
    assert count_skips(space.architecture(chosen), {}) == (0, 0)


def test_a_collapse_is_a_matter_of_share_and_number() -> None:
    assert is_collapsed({"skips": LEAST, "skip_share": COLLAPSED})
    assert not is_collapsed({"skips": LEAST - 1, "skip_share": 1.0})
    assert not is_collapsed({"skips": 20, "skip_share": COLLAPSED - 0.01})


def test_choices_that_are_all_but_open_have_not_collapsed() -> None:
    point = {"skips": 6, "skip_share": 1.0}
    assert is_collapsed({**point, "entropy_share": UNDECIDED})
    assert not is_collapsed({**point, "entropy_share": UNDECIDED + 0.01})


def way(*counts: int) -> list[dict[str, Any]]:
    """Points with so many skips of six; each decoded another architecture."""
    told = [{"skips": count, "skip_share": count / 6, "architecture": {"edge": str(step)}} for step, count in enumerate(counts)]
    return [{"step": step, "progress": step / 10, **point} for step, point in enumerate(told)]


def test_options_that_give_zeros() -> None:
    assert zeros(tiny_cell()) == {name: frozenset({"none"}) for name in ("edge0-1", "edge0-2", "edge1-2")}
    found = zeros(make_space("cell", PICTURE))
    assert found == {f"edge{i}-{j}": frozenset({"none"}) for j in (1, 2, 3) for i in range(j)}  # and not the number of cells
    assert zeros(oneshot_tasks()["planted"][0]) == {}


@pytest.mark.parametrize(
    ("counts", "before", "after"),
    [
        ((), [], None),
        ((0, 1, 2, 2), [], None),
        ((0, 2, 3, 4, 6), [1, 0], 2),
        ((0, 2, 3, 4), [], None),
        ((3, 3, 3), [], 0),
        ((0, 4, 4, 4, 1), [], None),
        ((0, 4, 4, 1, 3, 3, 3), [3, 0], 4),
    ],
)
def test_the_last_run_of_collapsed_points_counts_if_it_lasts(counts: tuple[int, ...], before: list[int], after: int | None) -> None:
    assert LASTS == 3
    ways_out, first = collapse(way(*counts))
    assert [point["step"] for point in ways_out] == before
    assert (first["step"] if first else None) == after


def test_points_before_the_choices_are_learned_are_no_way_out() -> None:
    points = way(0, 3, 4, 5)
    assert collapse(points, begins=0.1) == ([], points[1])
    assert collapse(points, begins=0.2) == ([], None)


def test_every_architecture_is_one_way_out_and_none_of_chance_skips_is() -> None:
    points = way(0, 1, 0, 5, 3, 3, 3)
    points[2]["architecture"] = points[0]["architecture"]
    points[3]["entropy_share"] = UNDECIDED + 0.01  # no collapse yet, and nothing to go back to
    assert [point["step"] for point in collapse(points)[0]] == [2, 1]


def test_messages_come_when_something_changes() -> None:
    said: list[list[str]] = []
    points: list[Any] = []
    for point in way(0, 1, 4, 5, 4, 0, 3, 3, 3):
        points, messages = noted(points, point, 0.0)
        said.append(messages)
    assert [len(messages) for messages in said] == [0, 0, 0, 0, 1, 1, 0, 0, 1]
    assert "by step 4; unless they leave them again, the best of the 2 architectures decoded before is taken instead" in said[4][0]
    assert "left the skip connections again by step 5" in said[5][0]
    assert points == way(0, 1, 4, 5, 4, 0, 3, 3, 3)


def test_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.integers(0, 6, (2, 12)).astype(float)
        assert rank_correlation(a.tolist(), b.tolist()) == pytest.approx(spearmanr(a, b).statistic)
    assert np.isnan(rank_correlation([1.0, 2.0], [1.0, 2.0]))
    assert np.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))
