"""Candidates of model-based strategies: of the space, not taken, and as promising as can be found."""

import numpy as np
import pytest

from metanas.spaces import Space, make_space
from metanas.strategies import candidates
from metanas.strategies.candidates import anywhere, everything, search
from metanas.strategies.codes import Codes
from metanas.testing import SHAPES, law_spaces, planted_space

SPACES = {**law_spaces(), "small": planted_space(4), "large and plain": planted_space(12)}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))


def some(space: Space, count: int = 12) -> list:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


@every_space
def test_everything_is_there_where_it_is_few_and_needs_no_graphs(space: Space) -> None:
    whole = everything(space)
    assert (whole is None) == (space.count() > candidates.WHOLE or (space is SPACES["narrow"]))
    if whole is not None:
        assert len({a.key for a in whole}) == len(whole) == space.count()


@every_space
def test_the_winner_is_of_the_space_and_not_taken(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    known, codes, rng = some(space), Codes(space), np.random.default_rng(1)
    seen: list[np.ndarray] = []

    def promise(rows: np.ndarray) -> np.ndarray:
        seen.extend(rows)
        return codes.vectors(rows).sum(axis=1)

    for _ in range(3):
        found = search(space, codes, known[:5], promise, rng, known)
        space.validate(found)
        assert found.key not in {a.key for a in known}
        known.append(found)
    for row in seen:  # which may be beyond its limits
        assert space.architecture(codes.read(row).as_dict) == codes.read(row)
    assert len({row.tobytes() for row in seen}) > 60


def test_what_is_promising_is_climbed() -> None:
    """Mutants of mutants: the best of 4 ** 12 is found in a few calls, each from the winners of those before."""
    space, rng = planted_space(12), np.random.default_rng(2)
    codes, known = Codes(space), some(space, 1)
    for _ in range(25):
        known.insert(0, search(space, codes, known, lambda rows: rows.sum(axis=1).astype(float), rng, known))
    assert any(set(a.as_dict.values()) == {3} for a in known)


def test_an_exhausted_or_empty_neighbourhood_gives_something_of_the_space() -> None:
    space, rng = planted_space(2, 2), np.random.default_rng(3)
    codes, whole = Codes(space), list(space.enumerate(most=4))
    space.validate(search(space, codes, whole, lambda rows: np.zeros(len(rows)), rng, whole))
    space.validate(search(space, codes, [], lambda rows: np.zeros(len(rows)), rng, []))


def test_limits_are_kept_however_tight_they_are() -> None:
    tight = make_space("convnet", SHAPES[1]).within(parameters=2000)
    codes, rng = Codes(tight), np.random.default_rng(4)
    found, best = [tight.baseline], [tight.baseline]
    for _ in range(5):
        found.append(search(tight, codes, best, lambda rows: codes.vectors(rows).sum(axis=1), rng, found))
        best = sorted(found, key=lambda a: -codes.vectors(codes.rows([a])).sum())
    assert all(map(tight.admits, found))
    assert len({a.key for a in found}) == len(found)


def test_few_are_looked_at_under_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether one keeps them takes its graph, which takes longer than to ask what it promises."""
    space, looked = SPACES["narrow"], []
    codes, known, admits = Codes(space), some(space), Space.admits
    monkeypatch.setattr(Space, "admits", lambda self, a: looked.append(a.key) or admits(self, a))
    search(space, codes, known, lambda rows: -codes.vectors(rows).sum(axis=1), np.random.default_rng(6), known)
    assert len(looked) == len(set(looked)) < 100


@every_space
def test_rows_from_anywhere_are_many_and_different(space: Space) -> None:
    codes = Codes(space)
    rows = anywhere(space, codes, codes.rows(some(space)), 40, np.random.default_rng(5))
    assert rows.shape == (40, len(codes.options))
    assert len({row.tobytes() for row in rows}) > 20
    for row in rows:
        space.architecture(codes.read(row).as_dict)
