"""The prior as strategies meet it: admitted proposals, the same every time, better than chance, and harmless where it misleads."""

import numpy as np
import pytest
from prior_examples import SHAPE, WORDS, begun, candidates, described, evaluated, quality, searched, space, store
from scipy.stats import spearmanr

from metanas.experience import Experience
from metanas.meta.prior import LearnedPrior, learn, learning, lessons_from, taught_policy
from metanas.meta.prior.first import APART, _differing
from metanas.meta.prior.memories import fitted, in_words
from metanas.records import Evaluation, Objective
from metanas.spaces import TaskShape, make_space
from metanas.strategies import Brief, make_strategy
from metanas.strategies.base import Fidelity


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "STEPS", 120)
        patch.setattr(learning, "FOLD_STEPS", 30)
        patch.setattr(taught_policy, "STEPS", 60)
        yield


def learned(path, tasks, n=20, **options) -> LearnedPrior:
    with Experience(store(path, tasks, n, **options)) as experience:
        return learn(lessons_from(experience))


@pytest.fixture(scope="module")
def prior(quick, tmp_path_factory) -> LearnedPrior:
    return learned(tmp_path_factory.mktemp("stores") / "store.db", 5)


@pytest.fixture(scope="module")
def hostile(quick, tmp_path_factory) -> LearnedPrior:
    """Learned where the worst networks were said to be the best."""
    return learned(tmp_path_factory.mktemp("stores") / "store.db", 5, upside_down=True)


NEW = described(42)


def test_the_first_proposals_are_good_admitted_and_unlike_each_other(prior):
    found = prior.shortlist(space(), NEW, 8)
    assert len(found) == len({a.key for a in found}) == 8
    for architecture in found:
        space().validate(architecture)
    assert space().baseline not in found
    assert min(_differing(a, b) for a in found for b in found if a != b) >= APART
    drawn = [quality(space().sample(np.random.default_rng(seed))) for seed in range(200)]
    assert np.mean([quality(a) for a in found]) > np.quantile(drawn, 0.85)


def test_only_what_keeps_the_limits(prior):
    small = space().within(parameters=600)
    found = prior.shortlist(small, NEW, 8)
    assert found
    assert all(small.graph(a).parameters <= 600 for a in found)
    listed = space().only([space().sample(np.random.default_rng(seed)) for seed in range(30)])
    assert {a.key for a in prior.shortlist(listed, NEW, 8)} <= {a.key for a in listed.listed}


def test_the_same_again(prior, tmp_path):
    again = learned(tmp_path / "store.db", 5)
    assert prior.shortlist(space(), NEW, 8) == again.shortlist(space(), NEW, 8) == prior.shortlist(space(), NEW, 8)
    asked = [c.proposal.architecture for c in candidates(space(), 9, 3)]
    results = [p.surrogate(space(), NEW).condition(asked[:3], np.arange(3.0), asked) for p in (prior, again)]
    np.testing.assert_array_equal(results[0], results[1])


def test_other_shapes_of_the_same_space(prior):
    for shape in (WORDS, TaskShape("table", (300,), 7, numeric=2)):
        found = prior.shortlist(space(shape), described(3, shape), 8)
        assert len(found) == 8
        for architecture in found:
            space(shape).validate(architecture)
        surrogate = prior.surrogate(space(shape), described(3, shape))
        assert np.isfinite(surrogate.condition([], np.empty(0), found)).all()


def test_an_unknown_space_is_left_alone(prior):
    other = make_space("convnet", TaskShape("image", (1, 8, 8), 3))
    assert prior.shortlist(other, NEW, 8) == []
    assert prior.surrogate(other, NEW) is None
    assert prior.nearest(other, NEW, 3) == []
    assert prior.expected_gain(other) is None


def test_one_task_alone_gives_its_best_and_no_surrogate(tmp_path):
    one = learned(tmp_path / "store.db", 1)
    assert one.surrogate(space(), NEW) is None
    best = max((c.proposal.architecture for c in candidates(space(), 20, 0)), key=quality)
    assert one.shortlist(space(), NEW, 8)[0] == best


def test_nothing_to_learn_from_is_a_prior_that_knows_nothing():
    empty = learn([])
    assert empty.shortlist(space(), NEW, 8) == []
    assert empty.evaluations == 0


def test_tasks_on_which_all_was_equal_do_no_harm(tmp_path):
    with Experience(tmp_path / "store.db") as experience:
        for number in range(3):
            searched(experience, number, 8)
        search = begun(experience, f"{3:032x}", described(3))
        for candidate in candidates(space(), 8, 3):
            experience.record(search, f"{3:032x}", evaluated(candidate, 1.0), candidate, 1.0)
        found = learn(lessons_from(experience))
    assert len(found.spaces["mlp"].tasks) == 4
    assert len(found.shortlist(space(), NEW, 8)) == 8


def test_the_nearest_tasks_and_what_worked_there(prior):
    near = prior.nearest(space(), described(2), 3)
    assert near[0].name == "task2"
    assert near[0].distance == 0 < near[1].distance <= near[2].distance
    gain = max(quality(c.proposal.architecture) for c in candidates(space(), 20, 2)) - quality(space().baseline)
    assert near[0].gain == pytest.approx(gain, abs=0.03)
    assert all(len(n.worked) <= 3 for n in near)
    assert any(n.worked for n in near)


def test_the_expected_gain_was_measured(prior, hostile):
    skill = prior.expected_gain(space())
    assert skill.tasks == 5
    assert skill.better > 0.6  # all tasks agree on what is good
    assert hostile.expected_gain(space()).better > 0.6  # and here on what is bad


def test_the_surrogate_expects_right_and_gets_surer(prior):
    surrogate = prior.surrogate(space(), NEW)
    asked = [c.proposal.architecture for c in candidates(space(), 80, 99)]
    truth = np.array([quality(a) for a in asked])
    before, unsure = surrogate.condition([], np.empty(0), asked)
    assert spearmanr(before, truth).statistic > 0.5
    after, surer = surrogate.condition(asked[:40], truth[:40], asked)
    assert spearmanr(after[40:], truth[40:]).statistic > spearmanr(before[40:], truth[40:]).statistic - 0.05
    assert np.abs(after[40:] - truth[40:]).mean() < np.abs(truth[:40].mean() - truth[40:]).mean()
    assert surrogate.trust(asked[:40], truth[:40]) > 0.99
    assert (surer > 0).all()
    assert (unsure > 0).all()


def test_failures_among_the_evaluations_count_as_the_worst(prior):
    surrogate = prior.surrogate(space(), NEW)
    asked = [c.proposal.architecture for c in candidates(space(), 8, 5)]
    values = np.array([0.6, 0.7, -np.inf, 0.8])
    found, _ = surrogate.condition(asked[:4], values, asked)
    assert np.isfinite(found).all()
    nothing, _ = surrogate.condition(asked[:2], np.full(2, -np.inf), asked)
    np.testing.assert_array_equal(nothing, surrogate.condition([], np.empty(0), asked)[0])
    assert surrogate.condition(asked[:4], values, [])[0].shape == (0,)


def test_a_hostile_experience_costs_eight_trials_at_the_most(hostile):
    """Its proposals are bad, eight in number; from there on evolution goes on as it would have."""
    assert np.mean([quality(a) for a in hostile.shortlist(space(), NEW, 8)]) < 0.7

    def best_of(prior, trials):
        brief = Brief(space(), Objective.of("accuracy"), (Fidelity(3),), 3, NEW, prior)
        strategy, best = make_strategy("warm-start:evolution", brief), []
        for _ in range(trials):
            (proposal,) = strategy.ask(1)
            value = quality(proposal.architecture)
            best.append(value)
            strategy.tell([Evaluation(proposal, {"accuracy": value})])
        return np.maximum.accumulate(best)

    cold, misled = best_of(None, 60), best_of(hostile, 68)
    assert misled[-1] >= cold[-1] - 0.03


def test_the_surrogate_lets_go_of_a_hostile_experience(hostile):
    surrogate = hostile.surrogate(space(), NEW)
    asked = [c.proposal.architecture for c in candidates(space(), 140, 99)]
    truth = np.array([quality(a) for a in asked])
    before, _ = surrogate.condition([], np.empty(0), asked[60:])
    after, _ = surrogate.condition(asked[:60], truth[:60], asked[60:])
    assert spearmanr(before, truth[60:]).statistic < -0.3
    assert spearmanr(after, truth[60:]).statistic > 0.2
    assert surrogate.trust([], np.empty(0)) == 1
    assert surrogate.trust(asked[:10], truth[:10]) < 0.5
    assert surrogate.trust(asked[:60], truth[:60]) < 1e-3


def test_choices_fit_the_space_they_are_wanted_for():
    made = space()
    assert fitted(made, {}) == made.baseline
    close = fitted(made, {"depth": 9, "layer4.width": 100, "activation": "unheard of", "gone": 3}).as_dict
    assert (close["depth"], close["layer4.width"], close["activation"]) == (4, 128, made.baseline["activation"])
    for seed in range(20):
        drawn = made.sample(np.random.default_rng(seed))
        assert fitted(made, drawn.as_dict) == drawn


def test_choices_in_words():
    said = [in_words(*pair) for pair in (("depth", 3), ("recipe.learning_rate", 0.01), ("layer2.skip", False), ("norm", "layer_norm"))]
    assert said == ["depth 3", "learning rate 0.01", "no layer2 skip", "norm layer_norm"]


def test_more_tasks_than_a_few_let_the_surrogate_look_at_the_task(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "AWARE", 3)
    aware = learned(tmp_path / "store.db", 4)
    assert aware.spaces["mlp"].aware
    assert len(aware.shortlist(space(), described(2, SHAPE), 8)) == 8
