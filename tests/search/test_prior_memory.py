"""What the memory of earlier searches was worth: ranks counted by hand. What it does in searches is in tests/test_cli_learn.py."""

import math

import numpy as np
import pytest
from search_examples import SHAPE

from metanas.errors import InputError
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.search.loop import CONFIRMING
from metanas.search.memory import FIRST, Memory, choose_memory, worth
from metanas.spaces import make_space

SPACE = make_space("mlp", SHAPE)
OBJECTIVE = Objective.of("accuracy")
THOROUGH = Fidelity(5)


def tried(values, fidelity=THOROUGH, begin=0):
    """The plain network, then one network after the other."""
    rng = np.random.default_rng(0)
    architectures = [SPACE.baseline, *(SPACE.sample(rng) for _ in values)][: len(values)]
    proposals = [Proposal(begin + i, a, fidelity) for i, a in enumerate(architectures)]
    return [
        Evaluation(p, reason="diverged") if value is None else Evaluation(p, {"accuracy": value})
        for p, value in zip(proposals, values, strict=True)
    ]


def test_ranks_are_counted_among_all_but_the_plain_network():
    first, later = [0.5, 0.9, 0.4, 0.6, 0.55, 0.3, None, 0.7], [0.65, 0.8, 0.95, 0.2]
    found = worth(tried([0.99, *first, *later]), OBJECTIVE, SPACE.baseline)
    # from the best: 0.95 later, 0.9, 0.8 later, 0.7, 0.65 later, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2 later, the failure
    assert found == {"first": 8, "later": 4, "best_rank": 2, "middle_rank": 7.5, "later_middle_rank": 4.0, "matched_after": 3}


def test_none_of_the_later_ones_as_good():
    assert worth(tried([0.5] + [0.9] * FIRST + [0.8] * 3), OBJECTIVE, SPACE.baseline)["matched_after"] is None


@pytest.mark.parametrize("count", [0, 1, 1 + FIRST])
def test_with_nothing_later_there_is_nothing_to_compare(count):
    assert worth(tried([0.5] * count), OBJECTIVE, SPACE.baseline) == {"first": max(0, count - 1), "later": 0}


def test_other_cuts_confirmations_and_scores_do_not_count():
    plain = tried([0.5] + [0.6] * 10)
    more = tried([0.9] * 11, Fidelity(5, fold=1), CONFIRMING) + tried([0.9] * 11, Fidelity(0), 100)
    assert worth(plain + more, OBJECTIVE, SPACE.baseline) == worth(plain, OBJECTIVE, SPACE.baseline)


def test_nothing_but_failures():
    found = worth(tried([None] * 12), OBJECTIVE, SPACE.baseline)
    assert (found["best_rank"], found["matched_after"]) == (1, 1)
    assert all(value is None or math.isfinite(value) for value in found.values())


def test_none_is_none_and_a_missing_file_is_said(tmp_path):
    assert choose_memory(False, None) is None
    assert choose_memory("none", None) is None
    assert choose_memory(None, False) is None
    assert choose_memory(None, tmp_path / "store.db") is None
    with pytest.raises(InputError, match="there is no prior"):
        choose_memory(tmp_path / "nowhere", None)


def test_a_memory_that_nobody_asks_says_nothing():
    class Own:
        def shortlist(self, space, task, n):
            return [space.baseline]

    memory = Memory(Own())  # type: ignore[arg-type]
    assert memory.worth(tried([0.5] * 12), OBJECTIVE, SPACE, None) is None
    assert memory.shortlist(SPACE, None, 1) == [SPACE.baseline]
    assert memory.worth(tried([0.5] * 12), OBJECTIVE, SPACE, None)["first"] == FIRST
    assert memory.introduction(SPACE, None) == []
    assert memory.record == {"digest": None}
