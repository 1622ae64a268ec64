import numpy as np
import pytest

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Space
from metanas.strategies import Brief, make_strategy
from metanas.strategies.bohb import bohb
from metanas.strategies.kde import KernelDensity
from metanas.testing import drive, planted, planted_space

FIDELITIES = (Fidelity(1), Fidelity(3), Fidelity(9))


def brief(space: Space, seed: int = 0) -> Brief:
    return Brief(space, Objective.of("accuracy"), FIDELITIES, seed=seed)


def test_bohb_is_hyperband_around_the_density_model() -> None:
    space = planted_space(6, 4)
    short, long = (drive(make_strategy(name, brief(space, 3)), 60) for name in ("bohb", "hyperband:kde"))
    assert [e.proposal for e in short] == [e.proposal for e in long]
    assert {e.proposal.proposer for e in short} == {"hyperband:kde"}
    assert {e.proposal.fidelity for e in short} == set(FIDELITIES)


def test_what_it_proposes_anew_gets_better() -> None:
    """Planted values of what is asked at the cheapest fidelity, the last thirty against the first: three seeds, by two of 24 points."""
    for seed in range(3):
        done = drive(bohb(brief(planted_space(8, 4), seed)), 240)
        fresh = [e.metrics["accuracy"] for e in done if e.proposal.fidelity == FIDELITIES[0]]
        assert np.mean(fresh[-30:]) > np.mean(fresh[:30]) + 2.0


def told(strategy: KernelDensity, count: int, fidelity: Fidelity, first: int = 0) -> None:
    rng = np.random.default_rng(first)
    proposals = [Proposal(10_000 + first + i, strategy.space.sample(rng), fidelity) for i in range(count)]
    strategy.tell([planted(p) for p in proposals])


def test_the_model_uses_the_highest_fidelity_that_has_enough_results_and_fills_up_with_lower_ones() -> None:
    strategy = KernelDensity(brief(planted_space(8, 4)), start=5)
    told(strategy, 30, FIDELITIES[0])
    told(strategy, 4, FIDELITIES[2], first=100)
    ranked = strategy._ranked()
    assert [k.effort for k in ranked] == [9.0] * 4 + [1.0] * 30
    told(strategy, 20, FIDELITIES[2], first=200)
    assert {k.effort for k in strategy._ranked()} == {9.0}
    strategy.tell([Evaluation(Proposal(9_999, strategy.space.baseline, FIDELITIES[0]), reason="diverged")])
    assert not strategy._ranked()[-1].good


@pytest.mark.parametrize("ordered", [True, False])
def test_alone_the_density_model_beats_the_draws_it_began_with(ordered: bool) -> None:
    """Without exploring: the last thirty of 120 against the first ten, three seeds."""
    for seed in range(3):
        strategy = KernelDensity(brief(planted_space(8, 4, ordered=ordered), seed), explore=0.0)
        values = [e.metrics["accuracy"] for e in drive(strategy, 120)]
        assert np.mean(values[-30:]) > 1.3 * np.mean(values[:10])


def test_kernels_are_distributions_that_prefer_to_stay() -> None:
    from metanas.strategies.kde import _kernel

    for decision in (*planted_space(1, 5).decisions, *planted_space(1, 5, ordered=False).decisions):
        for shares in (np.full(5, 0.2), np.array([0.0, 0.0, 1.0, 0.0, 0.0])):
            for scale in (0.1, 1.0, 3.0):
                kernel = _kernel(decision, shares, scale)
                np.testing.assert_allclose(kernel.sum(axis=1), 1.0)
                assert (kernel > 0).all()
                assert (np.diag(kernel) >= kernel.max(axis=1) - 1e-12).all()
