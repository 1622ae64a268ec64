"""What a strategy of the user's does wrong is told in one sentence; what it does right passes."""

import json
from pathlib import Path

import pytest

from metanas.errors import InputError, StrategyError
from metanas.interfaces import State
from metanas.records import Objective
from metanas.spaces import Architecture
from metanas.strategies import BaseStrategy, Brief, base, choose_strategy, make_strategy, register_strategy
from metanas.strategies.guarded import Guarded
from metanas.strategies.random import RandomSearch
from metanas.testing import drive, planted_space
from metanas.testing.strategies import FIDELITIES

FILE = """
from metanas.spaces import Architecture
from metanas.strategies import BaseStrategy, register_strategy

@register_strategy("mine")
class Mine(BaseStrategy):
    def propose(self):
        return {propose}

    def learn(self, told):
        return {learn}

def helper():
    raise ValueError("two\\nlines.")
"""


@pytest.fixture(autouse=True)
def own_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))


def brief(seed: int = 0) -> Brief:
    return Brief(planted_space(), Objective.of("accuracy"), FIDELITIES, seed)


@pytest.mark.parametrize(
    ("propose", "learn", "sentence"),
    [
        ("1 / 0", "None", "'{name}' failed in propose (mine.py, line 8): ZeroDivisionError: division by zero; correct it"),
        ("helper()", "None", "'{name}' failed in helper (mine.py, line 14): ValueError: two lines; correct it"),
        (
            "self.space.sample(self.rng)",
            "[][1]",
            "'{name}' failed in learn (mine.py, line 11): IndexError: list index out of range; correct it",
        ),
        ("None", "None", "'{name}' of mine.py failed: TypeError: propose gave None, which is no architecture; correct it"),
        (
            "Architecture(self.space.name, (('width', 8),))",
            "None",
            "'{name}' of mine.py proposed what is not in the space: space 'planted' has no decision 'width'; correct it",
        ),
    ],
)
@pytest.mark.parametrize("wrapper", ["", "hyperband:"])
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, propose: str, learn: str, sentence: str, wrapper: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(FILE.format(propose=propose, learn=learn))
    chosen = choose_strategy(f"{wrapper}mine.py")
    with pytest.raises(StrategyError) as caught:
        drive(make_strategy(chosen.name, brief()), 10)
    assert str(caught.value) == f"the strategy {sentence.format(name=chosen.name)}"
    assert isinstance(caught.value, InputError)


def test_a_fault_in_the_beginning_is_told_too() -> None:
    @register_strategy("late")
    class Late(RandomSearch):
        def __init__(self, brief: Brief) -> None:
            raise KeyError("colour")

        def load(self, state: State) -> None: ...

    with pytest.raises(StrategyError, match=r"'late' failed in __init__ \(.*test_guarded.py, line \d+\): KeyError: 'colour'"):
        make_strategy("late", brief())


def test_what_is_right_passes_unchanged() -> None:
    @register_strategy("copied")
    class Copied(BaseStrategy):
        def propose(self) -> Architecture:
            return self.space.sample(self.rng)

    ours, theirs = make_strategy("random", brief(3)), make_strategy("copied", brief(3))
    assert isinstance(theirs, Guarded)
    assert not isinstance(ours, Guarded)
    drive(theirs, 7)
    again = make_strategy("copied", brief(3))
    again.load(json.loads(json.dumps(theirs.state())))
    proposed = [e.proposal.architecture for e in drive(ours, 20)]
    assert [e.proposal.architecture for e in drive(again, 13)] == proposed[7:]
