"""The policy of a prior: learned over a form, carried over to the spaces that new tasks have of it."""

import numpy as np
import pytest
import torch
from prior_examples import SHAPE, WORDS, described, quality, space, store

from metanas.experience import Experience
from metanas.meta.policy import Controller
from metanas.meta.prior import Form, learn, learning, lessons_from, load_prior, save_prior, taught_policy
from metanas.meta.prior.taught_policy import controller_of, policy_for
from metanas.records import Fidelity, Objective
from metanas.spaces import Draft, Space, TaskShape
from metanas.strategies import Brief, make_strategy

NEW = described(42)


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "STEPS", 40)
        patch.setattr(learning, "FOLD_STEPS", 5)
        patch.setattr(taught_policy, "STEPS", 50)
        with Experience(store(tmp_path_factory.mktemp("stores") / "store.db", 4)) as experience:
            return learn(lessons_from(experience))


def small(options: tuple[int, ...], words: tuple[str, ...] = ("x", "y"), more: bool = False) -> Space:
    draft = Draft()
    draft.decide("number", options, ordered=True)
    draft.decide("word", words)
    if more:
        draft.decide("new", (1, 2, 3), ordered=True)
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("small", TaskShape("table", (3,), 2, numeric=3), {})


def test_the_controller_of_a_spaces_form_is_that_of_the_space():
    assert controller_of(Form.of(space()), 5) == Controller.of(space(), 5)


def test_of_two_forms_what_opens_a_decision_in_either_opens_it():
    both = Form.of(space(WORDS)).merged(Form.of(space()))  # the first has no encodings
    gates = dict(zip((d.name for d in both.decisions), controller_of(both, 0).gates, strict=True))
    place = [d.name for d in both.decisions].index("encoding")
    assert gates["encoding.sigma"] == ((place, (1,)),)
    assert gates["layer4.width"] == Controller.of(space(WORDS), 0).gates[[d.name for d in space(WORDS).decisions].index("layer4.width")]


def chances(weights: dict[str, torch.Tensor], form: Form, of: Space) -> dict[str, dict[object, float]]:
    """Of 4,000 first proposals the shares of the options."""
    policy, rng = policy_for(weights, form, np.zeros(2), of), np.random.default_rng(0)
    drawn = [policy.propose([], np.zeros(0), rng).as_dict for _ in range(400)]
    return {d.name: {o: float(np.mean([one[d.name] == o for one in drawn])) for o in d.options} for d in of.decisions}


def test_options_take_over_what_was_learned_of_them():
    """A policy that always says 20 and y, in spaces that have other options beside, or instead."""
    form = Form.of(small((10, 20, 30)))
    weights = controller_of(form, 2).init(0)
    weights["heads"].zero_()
    weights["heads.bias"] = torch.tensor([0.0, 9.0, 0.0, 0.0, 9.0])
    same = chances(weights, form, small((10, 20, 30)))
    assert same["number"][20] > 0.98
    assert same["word"]["y"] > 0.98
    other = chances(weights, form, small((5, 21, 99), ("z", "y"), more=True))
    assert other["number"][21] > 0.98  # the nearest
    assert other["word"]["y"] > 0.9  # z is what words are worth on average
    assert max(other["new"].values()) < 0.5  # nothing was learned of it


def test_it_proposes_what_was_good_from_the_first_on(prior):
    for shape in (SHAPE, WORDS):
        policy, rng = prior.policy(space(shape), described(42, shape)), np.random.default_rng(0)
        first = [policy.propose([], np.zeros(0), rng) for _ in range(20)]
        for architecture in first:
            space(shape).validate(architecture)
        assert np.mean([quality(a) for a in first]) > np.mean([quality(space(shape).sample(rng)) for _ in range(200)]) + 0.05


def test_a_file_keeps_it(prior, tmp_path):
    save_prior(tmp_path / "a", prior)
    one, other = (p.policy(space(), NEW).propose([], np.zeros(0), np.random.default_rng(3)) for p in (prior, load_prior(tmp_path / "a")))
    assert one == other
    assert (tmp_path / "a").stat().st_size < 300_000


def test_with_fewer_than_three_tasks_there_is_none(tmp_path):
    with Experience(store(tmp_path / "store.db", 2, 8)) as experience, pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "STEPS", 3)
        assert learn(lessons_from(experience)).policy(space(), NEW) is None


def test_a_policy_of_broken_numbers_never_gets_into_a_search(prior, tmp_path):
    save_prior(tmp_path / "a", prior)
    from metanas.errors import InputError
    from metanas.states import load_state, save_state

    state = load_state(tmp_path / "a")
    state["prior"]["spaces"]["mlp"]["policy"]["gates.x"][0, 0] = np.inf
    save_state(tmp_path / "a", state)
    with pytest.raises(InputError, match="is damaged"):
        load_prior(tmp_path / "a")


def test_one_that_is_sure_of_one_network_goes_on_proposing_others(prior):
    """Its weights a hundredfold: the same proposal again and again; a search goes on with others."""
    known = prior.spaces["mlp"]
    sure = {name: 30 * value if name.startswith("heads") else value for name, value in known.policy.items()}

    class Sure:
        def policy(self, of, task):
            return policy_for(sure, known.form, np.zeros(len(prior.attributes)), of)

    strategy = make_strategy("meta-policy", Brief(space(), Objective.of("accuracy"), (Fidelity(3),), 0, NEW, Sure()))
    assert len({p.architecture for p in strategy.ask(12)}) == 12
