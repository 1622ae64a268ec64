"""Names of one-shot methods."""

import pytest

from metanas.errors import InputError
from metanas.oneshot import OneShotBrief, check_oneshot, is_oneshot, make_oneshot, oneshot_bytes, oneshots, register_oneshot
from metanas.oneshot.registry import source_module
from metanas.spaces import TaskShape, make_space
from metanas.testing.oneshot import oneshot_tasks

NAMES = ("darts", "darts-second-order", "enas", "gdas", "pc-darts", "single-path")


def brief() -> OneShotBrief:
    return OneShotBrief.of(*oneshot_tasks()["planted"])


def test_the_known_ones() -> None:
    assert oneshots() == NAMES
    assert all(is_oneshot(name) for name in (*NAMES, "single-path:bayes"))
    assert not is_oneshot("evolution")
    assert source_module("gdas") == "metanas.oneshot.gdas"


def test_single_path_takes_a_strategy() -> None:
    assert make_oneshot("single-path", brief()).strategy == "evolution"
    assert make_oneshot("single-path:random", brief()).strategy == "random"
    assert make_oneshot("gdas", brief()).strategy is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dart", "no one-shot method named 'dart'; did you mean 'darts'"),
        ("gdas:evolution", "'gdas' takes no strategy; say --strategy gdas"),
        ("single-path:", "names no strategy to search on inherited weights; say for example --strategy single-path:evolution"),
        ("single-path:gdas", "names no strategy"),
    ],
)
def test_wrong_names_are_refused_before_anything_is_built(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_oneshot(name)
    with pytest.raises(InputError, match=said):
        make_oneshot(name, brief())


def test_a_name_belongs_to_one_method() -> None:
    with pytest.raises(ValueError, match="exists already"):
        register_oneshot("gdas")(type("Other", (), {}))


def test_memory_is_predicted_by_name() -> None:
    space = make_space("cell", TaskShape("image", (1, 16, 16), 10)).narrowed({"cells": (1,)})
    needed = {name: oneshot_bytes(name, space, 64) for name in (*NAMES, "single-path:bayes")}
    assert 0 < needed["enas"] == needed["single-path"] == needed["single-path:bayes"] < needed["darts"] == needed["gdas"]
    assert needed["pc-darts"] < needed["darts"]
    assert needed["darts-second-order"] == 2 * needed["darts"]  # measured: 1.4 times the prediction for a single pass, darts 0.34
