import numpy as np
import pytest

from metanas.spaces import Space
from metanas.spaces.encoding import choice_vector
from metanas.strategies.codes import CLOSED, Codes
from metanas.testing import law_spaces, planted_space

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
def test_vectors_are_those_of_the_choices(space: Space) -> None:
    codes, architectures = Codes(space), some(space)
    np.testing.assert_array_equal(codes.vectors(codes.rows(architectures)), [choice_vector(space, a) for a in architectures])


@every_space
def test_a_mutant_differs_in_one_choice_and_what_that_opens_or_closes(space: Space) -> None:
    codes, rng = Codes(space), np.random.default_rng(4)
    rows = codes.rows(some(space))
    before = rows.copy()
    for mutant, row in zip(codes.mutate(rows, 0.0, rng), rows, strict=True):
        kept = (row != CLOSED) & (mutant != CLOSED)
        assert (mutant != row)[kept].sum() == 1
        choices = codes.read(mutant).as_dict
        assert space.architecture(choices).as_dict == choices
    assert (rows == before).all()


def test_mutants_change_every_open_choice_alike_and_sometimes_more() -> None:
    """1,200 mutants of one architecture: a count of 240 is expected for each of five choices, and five standard deviations are 69."""
    space = planted_space(5, 3, ordered=False)
    codes, rng = Codes(space), np.random.default_rng(5)
    rows = np.repeat(codes.rows([space.baseline]), 1200, axis=0)
    changed = codes.mutate(rows, 0.0, rng) != rows
    assert (np.abs(changed.sum(axis=0) - 240) < 69).all()
    more = (codes.mutate(rows, 0.5, rng) != rows).sum(axis=1)
    assert 0.35 < (more > 1).mean() < 0.5  # half go on, and of these a tenth changes the same choice back or again


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
