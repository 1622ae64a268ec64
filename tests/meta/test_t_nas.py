"""T-NAS: gradients by hand, special cases that are FOMAML, and a family of tasks that needs one operation."""

import pytest
import torch
import torch.nn.functional as F
from small_spaces import HIDDEN, PICTURES, pictures, pictures_space, quadrants, vectors_space

from metanas.errors import InputError
from metanas.meta import load_checkpoint, load_state, make_meta_learner, save_checkpoint
from metanas.meta.fomaml import FirstOrderMaml
from metanas.meta.four_conv import four_conv
from metanas.meta.settings import MetaSettings
from metanas.meta.supernet_model import LOGITS, TEMPERATURE

DOUBLE = {"precision": "float64"}


def by_hand(w, x):
    """The network of ``vectors_space``."""
    hidden = F.linear(x.double(), w["nodes.hidden.dense.weight"], w["nodes.hidden.dense.bias"])
    p = torch.softmax(w["logits.op"] / w[TEMPERATURE], 0)
    return F.linear(p[0] * hidden + p[1] * hidden.relu(), w["nodes.head.dense.weight"], w["nodes.head.dense.bias"])


def test_the_outer_gradient_is_that_of_an_explicit_computation():
    learner = make_meta_learner("t-nas", vectors_space(), inner_steps=3, inner_rate=0.3, logit_inner_rate=2.0, **DOUBLE)
    theta = {**learner.init(1)["theta"], TEMPERATURE: torch.tensor(0.7, dtype=torch.float64)}
    theta["logits.op"] = torch.tensor([0.3, -0.2], dtype=torch.float64)
    assert theta["nodes.hidden.dense.weight"].shape == (HIDDEN, 2)
    episodes = quadrants(tasks=2)
    total = {name: torch.zeros_like(w) for name, w in theta.items() if name != TEMPERATURE}
    for t in range(2):
        w = {name: theta[name].clone().requires_grad_() for name in total}
        for _ in range(3):
            loss = F.cross_entropy(by_hand({**w, TEMPERATURE: theta[TEMPERATURE]}, episodes.x_support[t]), episodes.y_support[t])
            found = torch.autograd.grad(loss, list(w.values()))
            moved = zip(w.items(), found, strict=True)
            w = {n: (v - (2.0 * 0.7**2 if n.startswith(LOGITS) else 0.3) * g).detach().requires_grad_() for (n, v), g in moved}
        loss = F.cross_entropy(by_hand({**w, TEMPERATURE: theta[TEMPERATURE]}, episodes.x_query[t]), episodes.y_query[t])
        for name, g in zip(w, torch.autograd.grad(loss, list(w.values())), strict=True):
            total[name] += g
    outcome = learner.outcome(theta, learner._batch(episodes), 0.0, 0)
    for name, g in total.items():
        assert g.abs().max() > 1e-6
        torch.testing.assert_close(outcome.gradient[name], g)
    assert not outcome.gradient[TEMPERATURE].any()


def test_with_one_rate_for_all_it_is_fomaml_on_the_mixture():
    settings = {"inner_steps": 3, "inner_rate": 0.2, **DOUBLE}
    learner = make_meta_learner("t-nas", pictures_space(), logit_inner_rate=0.2, **settings)
    fomaml = FirstOrderMaml(learner.model, "classification", MetaSettings(**settings))
    theta, batch = learner.init(0)["theta"], learner._batch(pictures())
    one, other = (method.outcome(theta, batch, 0.0, 0) for method in (learner, fomaml))
    for name in theta:
        torch.testing.assert_close(one.gradient[name], other.gradient[name])


def test_with_logits_frozen_at_one_option_each_it_is_fomaml_on_that_network():
    space = pictures_space()
    ops = ("conv3", "sep_conv5", "max_pool3", "sep_conv5")
    path = space.architecture({f"block{b}.op": op for b, op in enumerate(ops, 1)} | {f"block{b}.shortcut": b > 2 for b in range(1, 5)})
    settings = {"inner_steps": 3, "inner_rate": 0.2, "outer_rate": 0.01, **DOUBLE}
    learner = make_meta_learner("t-nas", space, logit_inner_rate=0.0, logit_outer_rate=0.0, **settings)
    state = learner.init(0)
    for d in learner.model.decisions:
        chosen = path.as_dict.get(d.name, d.options[0])
        state["theta"][LOGITS + d.name] = torch.tensor([0.0 if o == chosen else -60.0 for o in d.options], dtype=torch.float64)
    alone = make_meta_learner("fomaml", space.graph(path), **settings)
    names = learner.model.inherit(state["theta"], path)
    other = alone.init(0)
    other["theta"] = {name: names[name].double() for name in other["theta"]}
    episodes = pictures()
    for progress in (0.0, 0.5):
        state, other = learner.update(state, episodes, progress=progress), alone.update(other, episodes, progress=progress)
    assert state["last"] == pytest.approx(other["last"])
    after = learner.model.inherit(state["theta"], path)
    for name, w in other["theta"].items():
        torch.testing.assert_close(after[name], w, rtol=1e-6, atol=1e-8)


def test_the_temperature_follows_the_training_and_stays_with_the_state():
    learner = make_meta_learner("t-nas", vectors_space(), temperature=1.0, last_temperature=0.01, inner_steps=1)
    state = learner.init(0)
    for progress, expected in ((0.0, 1.0), (0.5, 0.1), (1.0, 0.01)):
        state = learner.update(state, quadrants(), progress=progress)
        assert float(state["theta"][TEMPERATURE]) == pytest.approx(expected)
    episodes = quadrants(tasks=1)
    first = next(zip(*(a for a in episodes.arrays), strict=True))
    adapted = learner.adapt(state, type(episodes)(*first))
    assert float(adapted["weights"][TEMPERATURE]) == pytest.approx(0.01)


def test_an_adapted_task_decodes_a_network_of_its_own():
    learner = make_meta_learner("t-nas", pictures_space(), inner_steps=2, test_steps=3)
    state, episodes = learner.init(0), pictures(tasks=3)
    scores = learner.evaluate(state, episodes)
    assert set(scores) == {"loss", "accuracy", "decoded_accuracy"}
    compared = learner.compare(state, episodes)
    torch.testing.assert_close(compared.soft, scores["accuracy"])
    torch.testing.assert_close(compared.decoded, scores["decoded_accuracy"])
    for t in range(3):
        one = type(episodes)(*(a[t] for a in episodes.arrays))
        adapted = learner.adapt(state, one)
        assert learner.decode(adapted) == compared.architectures[t]
        network = learner.network(adapted).train()
        outputs = learner.predict_decoded(adapted, one.x_query)
        torch.testing.assert_close(outputs, network(one.x_query).detach(), rtol=1e-4, atol=1e-5)
        assert float((outputs.argmax(1) == one.y_query).double().mean()) == pytest.approx(float(compared.decoded[t]))
        torch.testing.assert_close(learner.predict(adapted, one.x_query), learner.outputs(state, episodes)[t], rtol=1e-4, atol=1e-5)


def test_decoded_networks_alone_are_adapted_by_plain_gradient_descent():
    learner = make_meta_learner("t-nas", pictures_space(), inner_steps=2, **DOUBLE)
    state, episodes = learner.init(0), pictures(tasks=2)
    compared = learner.compare(state, episodes)
    for t, architecture in enumerate(compared.architectures):
        alone = make_meta_learner(
            "fomaml", learner.model.space.graph(architecture), inner_steps=2, inner_rate=learner.settings.inner_rate, **DOUBLE
        )
        own = learner.model.inherit(state["theta"], architecture)
        start = {**alone.init(0), "theta": {name: own[name].double() for name in alone.model.names}}
        one = type(episodes)(*(a[t : t + 1] for a in episodes.arrays))
        assert float(alone.evaluate(start, one)["accuracy"]) == pytest.approx(float(compared.alone[t]))


def test_a_family_that_needs_one_operation_moves_the_logits_to_it():
    learner = make_meta_learner("t-nas", vectors_space(), inner_rate=0.3, outer_rate=0.02, logit_inner_rate=0.5, logit_outer_rate=0.05)
    state = learner.init(0)
    for step in range(50):
        state = learner.update(state, quadrants(4, seed=100 + step), progress=step / 50)
    chance = torch.softmax(state["theta"]["logits.op"], 0)
    assert float(chance[1]) > 0.6, "the rectifier, without which no line parts the classes"
    architectures = learner.compare(state, quadrants(20, seed=1)).architectures
    assert sum(a["op"] == "activation" for a in architectures) > 15


def test_a_checkpoint_goes_on_to_the_last_bit(tmp_path):
    learner = make_meta_learner("t-nas", pictures_space(), inner_steps=1, last_temperature=0.5)
    state = learner.update(learner.init(0), pictures(), progress=0.3)
    save_checkpoint(tmp_path / "a.safetensors", learner, state, {"seen": 1})
    found = load_checkpoint(tmp_path / "a.safetensors")
    assert found.learner.settings == learner.settings
    assert found.learner.name == "t-nas"
    assert found.extra == {"seen": 1}
    one, other = (who.update(which, pictures(seed=2), progress=0.6) for who, which in ((learner, state), (found.learner, found.state)))
    assert all(torch.equal(one["theta"][name], other["theta"][name]) for name in one["theta"])
    assert load_state(tmp_path / "a.safetensors", learner)["step"] == 1


def test_what_does_not_belong_together_is_refused(tmp_path):
    space = pictures_space()
    with pytest.raises(InputError, match="takes a space"):
        make_meta_learner("t-nas", four_conv(PICTURES))
    with pytest.raises(InputError, match="takes a graph"):
        make_meta_learner("maml", space)
    with pytest.raises(InputError, match="float32 or float64"):
        make_meta_learner("t-nas", space, precision="bfloat16")
    with pytest.raises(InputError, match="logit_inner_rate must not be below 0"):
        make_meta_learner("t-nas", space, logit_inner_rate=-1.0)
    with pytest.raises(InputError, match="no setting 'logit_inner_rate'"):
        make_meta_learner("maml", four_conv(PICTURES), logit_inner_rate=1.0)
    learner = make_meta_learner("t-nas", space)
    save_checkpoint(tmp_path / "a.safetensors", learner, learner.init(0))
    for other, match in ((make_meta_learner("metanas-reptile", space), "'t-nas'"), (make_meta_learner("t-nas", vectors_space()), "space")):
        with pytest.raises(InputError, match=match):
            load_state(tmp_path / "a.safetensors", other)
