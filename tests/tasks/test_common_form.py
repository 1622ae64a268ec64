"""The common form of examples, landmarkers and class summaries, against what they ought to be."""

from __future__ import annotations

import numpy as np
import pytest

from metanas.spaces import TaskShape
from metanas.tasks.class_summary import class_summary, participation
from metanas.tasks.common_form import WIDEST, common_form, neighbour_correlation, standardised
from metanas.tasks.landmarks import class_noise, landmarks, neighbours, number_noise

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ("table", (3,)),
        ("table", (900,)),
        ("image", (1, 1, 1)),
        ("image", (3, 70, 41)),
        ("series", (1, 1)),
        ("series", (5, 3000)),
        ("sound", (2, 100)),
        ("sound", (1, 9000)),
        ("video", (2, 4, 30, 30)),
    ],
)
def test_examples_of_any_kind_and_shape_become_short_rows(data: str, shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=(7, *shape)).astype(np.float32)
    rows = common_form(x, TaskShape(data, shape, 2))  # type: ignore[arg-type]
    assert rows.shape[0] == 7
    assert 1 <= rows.shape[1] <= WIDEST
    assert np.isfinite(rows).all()


def test_what_is_not_finite_counts_as_nothing() -> None:
    x = np.array([[np.nan, 1.0], [np.inf, 2.0], [3.0, -np.inf]])
    assert np.isfinite(standardised(common_form(x, TaskShape("table", (2,), 2)), 3)).all()


def test_a_sketch_keeps_distances() -> None:
    x = RNG.normal(size=(30, 4000))
    rows = common_form(x, TaskShape("table", (4000,), 2))
    before, after = (((z[:15] - z[15:]) ** 2).sum(1) for z in (x, rows))
    np.testing.assert_allclose(after, before, rtol=0.35)


def test_texts_with_the_same_words_in_any_order_are_the_same() -> None:
    x = np.array([[3, 4, 5, 0], [5, 3, 4, 0], [6, 7, 0, 0]], np.int32)
    rows = common_form(x, TaskShape("text", (4,), 2, vocabulary=8))
    np.testing.assert_allclose(rows[0], rows[1])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    assert rows[0] @ rows[2] < 0.5


def test_neighbours_in_a_wave_are_alike_and_in_noise_they_are_not() -> None:
    shape = TaskShape("series", (1, 400), 2)
    assert neighbour_correlation(np.sin(np.arange(400) / 20)[None, None].repeat(3, 0), shape) == pytest.approx(1, abs=0.01)
    assert neighbour_correlation(RNG.normal(size=(20, 1, 400)), shape) == pytest.approx(0, abs=0.05)
    assert neighbour_correlation(np.ones((3, 4)), TaskShape("table", (4,), 2)) is None


@pytest.mark.parametrize("classes", [2, 5])
def test_the_noise_of_classes_inverts_the_bound_of_cover_and_hart(classes: int) -> None:
    for least in (0.0, 0.1, 0.4):
        error = least * (2 - classes / (classes - 1) * least)
        assert class_noise(error, classes) == pytest.approx(least)
    assert class_noise(1.0, classes) == pytest.approx((classes - 1) / classes)
    assert class_noise(0.0, 1) == 0


def test_the_noise_of_numbers_is_the_variance_that_was_added() -> None:
    x = RNG.uniform(-1, 1, (2000, 1))
    y = np.sin(3 * x)
    y = y / y.std() * np.sqrt(0.7) + RNG.normal(scale=np.sqrt(0.3), size=y.shape)
    y = (y - y.mean()) / y.std()
    assert number_noise(y, y[neighbours(x, 1)[:, 0]]) == pytest.approx(0.3, abs=0.03)
    assert landmarks(x[:500], y[:500], "regression")["noise"] == pytest.approx(0.3, abs=0.06)


def test_neighbours_are_the_nearest_others() -> None:
    z = RNG.normal(size=(40, 3))
    distances = ((z[:, None] - z) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(neighbours(z, 4), distances.argsort(1)[:, :4])
    np.testing.assert_array_equal(neighbours(z, 1)[:, 0], distances.argmin(1))


def test_too_few_rows_say_nothing_of_learners() -> None:
    assert landmarks(np.zeros((5, 2)), np.arange(5) % 2, "classification") == {}


def test_directions_in_which_rows_spread_are_counted() -> None:
    assert participation(RNG.normal(size=(5000, 6))) == pytest.approx(6, abs=0.1)
    assert participation(np.outer(RNG.normal(size=50), np.ones(6))) == pytest.approx(1)
    assert participation(np.ones((4, 3))) == 0


def test_statistics_of_classes_are_those_of_their_definition() -> None:
    groups = [RNG.normal(size=(60, 4)) * scale + shift for scale, shift in ((1.0, 0.0), (0.5, 3.0))]
    found = class_summary(groups, np.array([0.6, 0.4])).statistics
    assert found["share"] == (0.6, 0.4)
    for k, z in enumerate(groups):
        assert found["norm"][k] == pytest.approx(np.sqrt((z**2).mean()), rel=1e-3)
        assert found["spread"][k] ** 2 + found["distance"][k] ** 2 == pytest.approx(found["norm"][k] ** 2, rel=1e-2)
        right = 0
        for row in range(60):  # leaving out the row itself
            means = [np.delete(g, row, 0).mean(0) if j == k else g.mean(0) for j, g in enumerate(groups)]
            right += int(np.argmin([((z[row] - m) ** 2).sum() for m in means]) == k)
        assert found["centroid_recall"][k] == pytest.approx(right / 60, abs=1e-3)
