import numpy as np
import pytest

from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Space
from metanas.strategies import Brief
from metanas.strategies.pso import ParticleSwarm
from metanas.testing import drive, planted, planted_space


def swarm(space: Space, seed: int = 0, particles: int = 10) -> ParticleSwarm:
    return ParticleSwarm(Brief(space, Objective.of("accuracy"), (Fidelity(1),), seed=seed), particles)


@pytest.mark.parametrize("ordered", [True, False])
def test_the_swarm_draws_near_to_what_is_good(ordered: bool) -> None:
    """The last twenty of 200 against the first twenty; without learning they would be equal, and three seeds better by 20 % never."""
    for seed in range(3):
        values = [e.metrics["accuracy"] for e in drive(swarm(planted_space(8, 4, ordered=ordered), seed), 200)]
        assert np.mean(values[-20:]) > 1.2 * np.mean(values[:20])


def test_a_stranger_better_than_all_leads_the_swarm() -> None:
    space = planted_space(12, 4)
    best = space.architecture({d.name: d.options[-1] for d in space.decisions})

    def near(led: bool) -> float:
        strategy = swarm(space, 1)
        if led:
            strategy.tell([planted(Proposal(10_000, best, Fidelity(1)))])
        return float(np.mean([e.metrics["accuracy"] for e in drive(strategy, 60)[30:]]))

    assert near(True) > near(False) + 2.0


def test_a_swarm_that_has_converged_goes_on_looking() -> None:
    """A plateau: everything is as good, but one place; the particles meet, are kicked, and see most of a small space."""
    strategy = swarm(planted_space(3, 4))
    done = drive(strategy, 64, lambda p: Evaluation(p, metrics={"accuracy": 1.0}))
    assert len({e.proposal.architecture.key for e in done}) == 64


def test_a_particle_is_given_credit_for_its_own_place_alone() -> None:
    strategy = swarm(planted_space(6, 4), particles=3)
    asked = strategy.ask(4)  # the plain network, then one of each particle
    strategy.tell([planted(p) for p in asked])
    assert [p.value for p in strategy._swarm] == [planted(p).metrics["accuracy"] for p in asked[1:]]
    assert not strategy._flights


def test_positions_decode_to_the_part_of_the_cube_that_they_are_in() -> None:
    space = planted_space(2, 4)
    strategy = swarm(space)
    rows = [strategy._row(np.array([x, 1.0])) for x in (0.0, 0.26, 0.51, 0.99, 1.0)]
    assert rows == [[0, 3], [1, 3], [2, 3], [3, 3], [3, 3]]
    unordered = swarm(planted_space(1, 3, ordered=False))
    assert unordered._row(np.array([0.2, 0.9, 0.8])) == [1]
