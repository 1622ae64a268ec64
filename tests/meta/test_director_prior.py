"""The policy over strategies as a part of a prior: learned with it, kept in its file, met by strategies and by the user."""

from pathlib import Path

import numpy as np
import pytest
from prior_examples import described, space, store

from metanas.errors import InputError
from metanas.experience import Experience
from metanas.meta.prior import LearnedPrior, learn, learning, lessons_from, load_prior, save_prior, taught_policy
from metanas.search.memory import Memory
from metanas.spaces import make_space
from metanas.states import load_state, save_state
from metanas.strategies.director import DEFAULT, Weights

TAUGHT = Weights.of(np.arange(DEFAULT.vector.size, dtype=np.float64))


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> LearnedPrior:
    """Of three tasks, with weights that were not learned on them."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, steps in ((learning, "STEPS", 5), (learning, "FOLD_STEPS", 2), (taught_policy, "STEPS", 2)):
            patch.setattr(module, name, steps)
        worlds: list[int] = []
        patch.setattr(learning, "learn_director", lambda found, seed: worlds.append(len(found)) or TAUGHT)
        with Experience(store(tmp_path_factory.mktemp("stores") / "store.db", 3, 8)) as experience:
            made = learn(lessons_from(experience))
    assert worlds == [3]
    return made


@pytest.fixture
def path(prior: LearnedPrior, tmp_path: Path) -> Path:
    save_prior(tmp_path / "a.prior.safetensors", prior)
    return tmp_path / "a.prior.safetensors"


def test_strategies_get_it_for_the_space_that_it_was_learned_in(prior: LearnedPrior) -> None:
    assert prior.director(space(), described(4)) is TAUGHT
    assert prior.director(make_space("fcnet", described(4).shape), described(4)) is None


def test_the_file_keeps_it(path: Path) -> None:
    found = load_prior(path).director(space(), described(4))
    assert found is not None
    np.testing.assert_array_equal(found.vector, TAUGHT.vector)


def test_files_without_it_open(path: Path) -> None:
    state = load_state(path)
    del state["prior"]["spaces"]["mlp"]["director"]
    save_state(path, state)
    assert load_prior(path).director(space(), described(4)) is None


@pytest.mark.parametrize("damage", [{"table": np.zeros((2, 2))}, {"shared": np.full(2, np.nan)}, {"arms": 3}], ids=["shape", "nan", "type"])
def test_a_damaged_one_is_refused(path: Path, damage: dict[str, object]) -> None:
    state = load_state(path)
    state["prior"]["spaces"]["mlp"]["director"].update(damage)
    save_state(path, state)
    with pytest.raises(InputError, match="is damaged"):
        load_prior(path)


def test_the_user_hears_who_leads(prior: LearnedPrior) -> None:
    memory = Memory(prior, prior)
    memory.surrogate(space(), described(4))
    assert "policy" not in memory.introduction(space(), described(4))[-1]
    assert memory.director(space(), described(4)) is TAUGHT
    assert memory.introduction(space(), described(4))[-1].endswith("is chosen by a policy that earlier tasks taught")
