"""MetaNAS with Reptile: plain training as its simplest case, and what annealing leaves."""

import pytest
import torch
import torch.nn.functional as F
from small_spaces import pictures, pictures_space, quadrants, vectors_space

from metanas.meta import load_checkpoint, make_meta_learner, save_checkpoint
from metanas.meta.supernet_model import LOGITS, TEMPERATURE

DOUBLE = {"precision": "float64"}


def whole(episodes):
    """All examples of each task."""
    return torch.cat([episodes.x_support, episodes.x_query], 1), torch.cat([episodes.y_support, episodes.y_query], 1)


def test_one_inner_step_with_frozen_logits_is_a_step_of_plain_training():
    settings = {"inner_steps": 1, "inner_batch": 0, "inner_rate": 0.3, "outer_rate": 0.5, "warm_up": 1.0, **DOUBLE}
    learner = make_meta_learner("metanas-reptile", vectors_space(), **settings)
    state, episodes = learner.init(0), quadrants(tasks=3)
    theta = state["theta"]
    w = {name: v.clone().requires_grad_() for name, v in theta.items() if name != TEMPERATURE}
    p = torch.softmax(w["logits.op"], 0)
    losses = []
    for x, y in zip(*whole(episodes), strict=True):
        hidden = F.linear(x.double(), w["nodes.hidden.dense.weight"], w["nodes.hidden.dense.bias"])
        out = F.linear(p[0] * hidden + p[1] * hidden.relu(), w["nodes.head.dense.weight"], w["nodes.head.dense.bias"])
        losses.append(F.cross_entropy(out, y))
    found = dict(zip(w, torch.autograd.grad(torch.stack(losses).mean(), list(w.values())), strict=True))
    after = learner.update(state, episodes, progress=0.0)["theta"]
    for name, g in found.items():
        expected = theta[name] if name.startswith(LOGITS) else theta[name] - 0.5 * 0.3 * g
        torch.testing.assert_close(after[name], expected)


def test_with_logits_frozen_at_one_option_each_it_is_reptile_on_that_network():
    space = pictures_space()
    settings = {"inner_steps": 3, "inner_batch": 4, "inner_rate": 0.2, "outer_rate": 0.7, **DOUBLE}
    learner = make_meta_learner("metanas-reptile", space, logit_inner_rate=0.0, temperature=0.5, **settings)
    state = learner.init(0)
    for d in learner.model.decisions:
        state["theta"][LOGITS + d.name] = torch.tensor([0.0, *[-60.0] * (len(d.options) - 1)], dtype=torch.float64)
    alone = make_meta_learner("reptile", space.graph(space.baseline), **settings)
    own = learner.model.inherit(state["theta"], space.baseline)
    other = {**alone.init(0), "theta": {name: own[name].double() for name in alone.model.names}}
    episodes = pictures()
    for progress in (0.0, 0.6):
        state, other = learner.update(state, episodes, progress=progress), alone.update(other, episodes, progress=progress)
    after = learner.model.inherit(state["theta"], space.baseline)
    for name, w in other["theta"].items():
        torch.testing.assert_close(after[name], w, rtol=1e-6, atol=1e-8)


def test_logits_move_with_a_rate_of_their_own_after_the_warm_up_alone():
    learner = make_meta_learner("metanas-reptile", pictures_space(), warm_up=0.5, outer_rate=0.8, logit_outer_rate=0.2, inner_steps=2)
    state, episodes = learner.init(0), pictures()
    warm = learner.update(state, episodes, progress=0.4)["theta"]
    assert all(torch.equal(warm[name], state["theta"][name]) for name in learner.model.logit_names)
    cold = make_meta_learner(
        "metanas-reptile", pictures_space(), warm_up=0.0, outer_rate=0.8, outer_end=1.0, logit_outer_rate=0.2, inner_steps=2
    )
    one = cold.update(state, episodes, progress=0.4)["theta"]
    back = cold.outcome(state["theta"], cold._batch(episodes), 0.4, 0).gradient
    for name in cold.model.logit_names:
        torch.testing.assert_close(one[name], state["theta"][name] - 0.2 * back[name] / 2)
    assert any(back[name].abs().max() > 0 for name in cold.model.logit_names)


def test_the_temperature_falls_linearly_within_a_task():
    learner = make_meta_learner("metanas-reptile", vectors_space(), temperature=1.0, last_temperature=0.2)
    assert learner.temperatures(5) == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    assert learner.temperatures(1) == [0.2]


def test_after_a_task_the_mixture_is_the_decoded_network():
    learner = make_meta_learner("metanas-reptile", pictures_space(), inner_steps=3, last_temperature=1e-5, **DOUBLE)
    state, episodes = learner.init(0), pictures(tasks=3)
    scores, compared = learner.evaluate(state, episodes), learner.compare(state, episodes)
    assert torch.equal(scores["accuracy"], scores["decoded_accuracy"])
    assert torch.equal(compared.soft, compared.decoded)
    for t in range(3):
        one = type(episodes)(*(a[t] for a in episodes.arrays))
        adapted = learner.adapt(state, one)
        outputs = learner.predict(adapted, one.x_query)
        assert torch.equal(outputs, learner.predict_decoded(adapted, one.x_query))
        alone = learner.network(adapted).train()(one.x_query.double()).detach()
        torch.testing.assert_close(outputs, alone, rtol=1e-4, atol=1e-5)
        cold = {"weights": {**adapted["weights"], TEMPERATURE: torch.tensor(1e-5, dtype=torch.float64)}}
        torch.testing.assert_close(learner.predict(cold, one.x_query), outputs)


def test_a_family_that_needs_one_operation_moves_the_logits_to_it():
    learner = make_meta_learner(
        "metanas-reptile", vectors_space(), inner_steps=5, inner_rate=0.3, logit_inner_rate=1.0, warm_up=0.2, last_temperature=0.2
    )
    state = learner.init(0)
    for step in range(60):
        state = learner.update(state, quadrants(4, seed=100 + step), progress=step / 60)
    assert float(torch.softmax(state["theta"]["logits.op"], 0)[1]) > 0.6
    architectures = learner.compare(state, quadrants(20, seed=1)).architectures
    assert sum(a["op"] == "activation" for a in architectures) > 15


def test_a_checkpoint_goes_on_to_the_last_bit(tmp_path):
    learner = make_meta_learner("metanas-reptile", pictures_space(), inner_steps=2, inner_batch=3, warm_up=0.0)
    state = learner.update(learner.init(0), pictures(), progress=0.3)
    save_checkpoint(tmp_path / "a.safetensors", learner, state)
    found = load_checkpoint(tmp_path / "a.safetensors")
    one, other = (who.update(which, pictures(seed=2), progress=0.6) for who, which in ((learner, state), (found.learner, found.state)))
    assert all(torch.equal(one["theta"][name], other["theta"][name]) for name in one["theta"])
