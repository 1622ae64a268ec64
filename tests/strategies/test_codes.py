import numpy as np
import pytest

from metanas.spaces import Space
from metanas.strategies.codes import CLOSED, Codes
from metanas.testing import law_spaces

SPACES = law_spaces()
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))


def some(space: Space, count: int = 30) -> list:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


@every_space
def test_rows_read_back_as_the_same_architectures(space: Space) -> None:
    codes, architectures = Codes(space), some(space)
    assert [codes.read(row) for row in codes.rows(architectures)] == architectures


@every_space
def test_rows_encode_as_the_space_encodes(space: Space) -> None:
    codes, architectures = Codes(space), some(space)
    np.testing.assert_array_equal(codes.encode(codes.rows(architectures)), [space.encode(a) for a in architectures])


@every_space
def test_closing_leaves_open_what_the_space_leaves_open(space: Space) -> None:
    codes, rng = Codes(space), np.random.default_rng(1)
    drawn = codes.draw(30, rng)
    for row, closed in zip(drawn, codes.close(drawn), strict=True):
        choices = {d.name: d.options[rank] for d, rank in zip(space.decisions, row.tolist(), strict=True)}
        assert codes.read(closed) == space.architecture(choices)


@every_space
def test_completing_fills_in_what_is_closed_and_nothing_else(space: Space) -> None:
    codes, rng = Codes(space), np.random.default_rng(2)
    rows = codes.rows(some(space))
    filled = codes.complete(rows, rng)
    assert (filled != CLOSED).all()
    assert (filled == rows)[rows != CLOSED].all()


@every_space
def test_any_row_becomes_an_admitted_architecture(space: Space) -> None:
    codes, rng = Codes(space), np.random.default_rng(3)
    for row in codes.draw(20, rng):
        space.validate(codes.architecture(row, space.baseline, rng))


def test_no_architectures_give_no_rows() -> None:
    codes = Codes(SPACES[next(iter(SPACES))])
    assert codes.rows([]).shape == (0, len(codes.options))
