"""Every one-shot method against the contract of ``metanas.testing``."""

import pytest

from metanas.oneshot import OneShotBrief, SupernetMethod, make_oneshot, oneshots
from metanas.testing.oneshot import ONESHOT_LAWS, ONESHOT_LAWS_ONCE, MakeOneShot, OneShotLaw, oneshot_tasks

QUICK = ("cell", "regression")
"""Every law with every method; the other tasks are for `make test-all`."""
CASES = [pytest.param(task, marks=() if task in QUICK else pytest.mark.slow) for task in oneshot_tasks()]


def maker(name: str) -> MakeOneShot:
    def make(brief: OneShotBrief) -> SupernetMethod:
        return make_oneshot(name, brief)

    return make


@pytest.mark.parametrize("law", ONESHOT_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("task", CASES)
@pytest.mark.parametrize("name", oneshots())
def test_laws(name: str, task: str, law: OneShotLaw) -> None:
    law(maker(name), task)


@pytest.mark.parametrize("law", ONESHOT_LAWS_ONCE, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n == "darts-second-order" else ()) for n in oneshots()])
def test_laws_with_tasks_of_their_own(name: str, law: OneShotLaw) -> None:
    law(maker(name), "planted")
