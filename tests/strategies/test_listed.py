import numpy as np

from metanas.records import Fidelity
from metanas.strategies.listed import Listed
from metanas.testing.strategies import planted, planted_space


def architectures(count=5):
    space, rng = planted_space(), np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


def test_each_is_proposed_once_in_order():
    asked = architectures()
    strategy = Listed(asked, Fidelity(3), "gdas")
    first, second = strategy.ask(2), strategy.ask(10)
    assert [p.architecture for p in first + second] == asked
    assert [p.id for p in first + second] == list(range(5))
    assert {(p.fidelity, p.proposer) for p in first + second} == {(Fidelity(3), "gdas")}
    strategy.tell([planted(p) for p in first])
    assert strategy.ask(3) == []


def test_it_goes_on_from_its_state():
    strategy, other = (Listed(architectures(), Fidelity(1), "x") for _ in range(2))
    strategy.ask(2)
    other.load(strategy.state())
    assert other.ask(9) == strategy.ask(9)
