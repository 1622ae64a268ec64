"""What is special to the Gaussian process over graphs; the general laws are in test_strategies."""

import numpy as np
import pytest

from metanas.spaces import Space, make_space
from metanas.spaces.encoding import subtrees
from metanas.strategies.graph_process import distances, fit, graph_process
from metanas.strategies.pool import DEPTH, Pool, pool_of
from metanas.testing import SHAPES, planted_space


def encode(graph):  # type: ignore[no-untyped-def]
    return subtrees(graph, DEPTH)


def pooled(space: Space, count: int) -> tuple[Pool, np.ndarray]:
    """Different rows, in any order."""
    pool, rng = Pool(space, encode), np.random.default_rng(0)
    rows = np.unique(pool.add([space.sample(rng) for _ in range(count)]), axis=0)
    return pool, rng.permutation(rows)


@pytest.mark.parametrize("space", [planted_space(5), make_space("convnet", SHAPES[1])], ids=["small", "large"])
def test_points_one_by_one_give_the_posterior_of_all_at_once(space: Space) -> None:
    pool, rows = pooled(space, 12)
    targets, logs = np.random.default_rng(1).standard_normal(len(rows)), [0.5, 0.2, -3.0]
    steps = graph_process(pool, logs, rows[:4])
    for row in rows[4:]:
        steps.add(row[None])
    whole = graph_process(pool, logs, rows)
    for asked in (rows, None) if pool.whole else (rows,):
        for one, other in zip(steps.predict(targets, asked), whole.predict(targets, asked), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)


def test_fit_tells_what_can_be_predicted_from_noise() -> None:
    pool, rows = pooled(planted_space(6), 80)
    kernel = np.exp(-1.0 * distances(pool, rows, rows)[0])
    rng = np.random.default_rng(2)
    smooth = np.linalg.cholesky(kernel + 1e-9 * np.eye(len(rows))) @ rng.standard_normal(len(rows))
    doubts = []
    for y in (smooth, rng.standard_normal(len(rows))):
        y = (y - y.mean()) / y.std()
        process = graph_process(pool, fit(pool, rows[:60], y[:60], None), rows[:60])
        doubts.append(process.predict(y[:60], rows[60:])[1].mean())
    assert doubts[0] < 0.7 * doubts[1]


def test_what_is_pending_is_not_asked_for_again_and_lowers_the_doubt_around_it() -> None:
    pool, rows = pooled(planted_space(5), 20)
    process, targets = graph_process(pool, [1.0, 1.0, -4.0], rows[:-1]), np.linspace(-1, 1, len(rows))
    before, doubt = process.predict(targets[:-1])
    process.add(rows[-1:])
    told = np.arange(len(rows)) < len(rows) - 1
    after, less = process.predict(process.with_expected(targets, told))
    np.testing.assert_allclose(before, after, atol=1e-6)
    (place,) = pool.places([pool.codes.read(rows[-1])])
    assert less[place] < 0.5 * doubt[place]


def test_spaces_that_share_their_parts_share_a_small_pool() -> None:
    from metanas.benchmarks.runs import starting_anywhere

    space = planted_space(4)
    assert pool_of(space, encode) is pool_of(starting_anywhere(space, 3), encode)
    assert pool_of(space, encode) is not pool_of(planted_space(4), encode)


def test_copies_of_a_cell_are_alike_and_yet_not_the_same() -> None:
    space = make_space("cell", SHAPES[1])
    edges = dict.fromkeys((f"edge{a}-{b}" for b in (1, 2, 3) for a in range(b)), "none")
    base = {**space.baseline.as_dict, **edges}
    ways = (("edge0-1", "edge1-3"), ("edge0-2", "edge2-3"))
    copies = [{**base, one: "nor_conv_3x3", other: "avg_pool_3x3"} for one, other in ways]
    turned = {**base, "edge0-1": "avg_pool_3x3", "edge1-3": "nor_conv_3x3"}
    pool = Pool(space, encode)
    rows = pool.add([space.architecture(choices) for choices in (*copies, turned)])
    choices, graphs = distances(pool, rows, rows)
    assert graphs[0, 1] == pytest.approx(0)
    assert choices[0, 1] > 0
    assert graphs[0, 2] > 0.1
