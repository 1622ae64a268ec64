"""Every meta-learner of networks against the contract of ``metanas.testing``."""

from functools import partial

import pytest

from metanas.meta import make_meta_learner, meta_learners, takes
from metanas.testing.meta import META_LAWS, MetaLaw, meta_tasks

QUICK = {"inner_steps": 2, "inner_rate": 0.05, "outer_rate": 0.02}
OWN = {"reptile": {"inner_steps": 6, "inner_rate": 0.05, "outer_rate": 1.0}}


@pytest.mark.parametrize("law", META_LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("task", meta_tasks())
@pytest.mark.parametrize("name", [name for name in meta_learners() if takes(name) == "graph"])
def test_laws(name: str, task: str, law: MetaLaw) -> None:
    law(partial(make_meta_learner, name, **OWN.get(name, QUICK)), task)
