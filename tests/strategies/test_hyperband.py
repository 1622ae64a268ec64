"""What hyperband alone does."""

from metanas.records import Objective, Proposal
from metanas.strategies import Brief, make_strategy
from metanas.testing import drive, planted, planted_space
from metanas.testing.strategies import FIDELITIES


def worth(proposal: Proposal) -> float:
    return sum(float(option) for _, option in proposal.architecture.choices)


def test_the_best_third_is_promoted_to_the_next_fidelity() -> None:
    brief = Brief(planted_space(), Objective.of("accuracy"), FIDELITIES, seed=4)
    done = [e.proposal for e in drive(make_strategy("hyperband:random", brief), 40, planted, batch=1)]
    first = [p for p in done[1:] if p.fidelity == FIDELITIES[0]][:9]
    promoted = [p for p in done if p.fidelity == FIDELITIES[1]][:3]
    assert sorted(map(worth, promoted)) == sorted(map(worth, first))[-3:]
