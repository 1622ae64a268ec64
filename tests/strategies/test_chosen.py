"""How a user names a strategy."""

from pathlib import Path

import pytest

from metanas.errors import InputError
from metanas.records import Objective
from metanas.strategies import Brief, base, choose_strategy, make_strategy
from metanas.testing import planted_space
from metanas.testing.strategies import FIDELITIES

FILE = """
from metanas.strategies import BaseStrategy, register_strategy

@register_strategy("{name}")
class {cls}(BaseStrategy):
    def propose(self):
        return self.space.sample(self.rng)
"""


@pytest.fixture(autouse=True)
def own_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))


def brief() -> Brief:
    return Brief(planted_space(), Objective.of("accuracy"), FIDELITIES)


def test_a_file_stands_for_the_strategy_in_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILE.format(name="climb", cls="Climb"))
    for text, name in ((f"{file}", "climb"), (f"hyperband:{file}", "hyperband:climb"), (f"{file}:climb", "climb"), ("random", "random")):
        chosen = choose_strategy(text)
        assert chosen.name == name
        assert chosen.plugins == ((str(file),) if "mine" in text else ())
        assert make_strategy(chosen.name, brief()).ask(1)


def test_of_several_strategies_in_a_file_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(FILE.format(name="one", cls="One") + FILE.format(name="two", cls="Two"))
    assert choose_strategy(f"hyperband:{file}:two").name == "hyperband:two"
    with pytest.raises(InputError, match=r"registers 2 strategies; say .*NAME with one of one, two"):
        choose_strategy(str(file))


def test_two_files_do_not_stand_for_each_other(tmp_path: Path) -> None:
    files = [tmp_path / "one.py", tmp_path / "two.py"]
    for file in files:
        file.write_text(FILE.format(name="same", cls="Same"))
    assert choose_strategy(str(files[0])) == choose_strategy(str(files[0]))
    with pytest.raises(InputError, match="a strategy named 'same' exists already; choose another name"):
        choose_strategy(str(files[1]))


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        choose_strategy(str(tmp_path / "absent.py"))
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(InputError, match="can't be imported: ZeroDivisionError"):
        choose_strategy(str(tmp_path / "broken.py"))
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="registers no strategy"):
        choose_strategy(str(tmp_path / "empty.py"))


@pytest.mark.parametrize("text", ["hyperband:", "hyperband:hyperband", "hyperband:hyperband:random"])
def test_a_wrapper_needs_something_else_to_wrap(text: str) -> None:
    with pytest.raises(InputError, match="names no strategy to wrap"):
        make_strategy(text, brief())
