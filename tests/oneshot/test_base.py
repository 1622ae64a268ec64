"""What methods share: collapse and the way out of it, schedules, checkpoints of other methods."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from metanas.errors import InputError
from metanas.evaluation.tensors import Tensors
from metanas.interfaces import State
from metanas.oneshot import Batches, OneShotBrief, make_oneshot
from metanas.oneshot.base import ROUNDS
from metanas.oneshot.brief import WeightTraining
from metanas.oneshot.choices import Mixture
from metanas.oneshot.diagnosis import POINTS
from metanas.oneshot.logits import LogitMethod
from metanas.oneshot.optimisers import Named
from metanas.testing.oneshot import oneshot_tasks, train_oneshot


class Scripted(LogitMethod):
    """Logits that follow a script: convolutions, then skips everywhere, and convolutions again if it goes on for so long."""

    script: tuple[str, ...] = ("conv", "conv", "skip", "skip")

    def mixture(self, logits: Mapping[str, torch.Tensor], progress: float, rng: np.random.Generator) -> Mixture:
        return {name: torch.softmax(value, 0) for name, value in logits.items()}

    def slope(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[Named, float]:
        return {}, 1.0

    def learn_choices(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[State, float | None]:
        wanted = self.script[int(len(self.script) * batch["progress"])]
        logits = {d.name: torch.tensor([5.0 * (option == wanted) for option in d.options]) for d in self.decisions}
        return {**state["choices"], "logits": logits}, 1.0


def scripted(*script: str, steps: int = 40) -> tuple[Scripted, State]:
    space, data = oneshot_tasks()["cell"]
    method = Scripted(OneShotBrief.of(space, data))
    method.script = script
    return method, train_oneshot(method, data, steps)


def operations(method: Scripted, state: State) -> list[set[object]]:
    return [set(a.as_dict.values()) for a in method.decode(state, 2)]


def test_a_collapse_is_noticed_said_and_the_point_before_is_taken() -> None:
    method, state = scripted("conv", "conv", "conv", "skip")
    assert method.diagnosis(state)["collapsed"] == 1.0
    assert method.diagnosis(state)["skip_share"] == 1.0
    assert operations(method, state) == [{"conv"}, {"skip"}]
    (message,) = method.messages(state)
    assert "collapsed to skip connections by step 33" in message  # the third point of skips
    assert "the architecture decoded before is taken instead" in message


def test_without_a_point_before_the_present_one_stays() -> None:
    method, state = scripted("skip")
    assert operations(method, state)[0] == {"skip"}
    assert "there is no better point before" in method.messages(state)[0]


def test_a_recovery_is_said_too() -> None:
    method, state = scripted("conv", "skip", "skip", "conv")
    assert method.diagnosis(state)["collapsed"] == 0.0
    assert operations(method, state)[0] == {"conv"}
    assert [("collapsed" in m, "left" in m) for m in method.messages(state)] == [(True, False), (False, True)]


def test_nothing_is_learned_before_the_choices_begin_or_while_they_are_all_but_open() -> None:
    method, state = scripted("conv", "skip")
    assert method.learned(state)
    assert not method.learned(method.init(0))
    flat = {name: torch.zeros_like(value) for name, value in state["choices"]["logits"].items()}
    assert not method.learned({**state, "choices": {**state["choices"], "logits": flat}})
    assert not method.learned({**state, "points": state["points"][:3]})  # 6 % of the training; the choices begin at 30 %


def test_inherited_weights_decide_once_every_option_has_had_its_steps() -> None:
    space, data = oneshot_tasks()["cell"]
    for name in ("single-path", "enas"):
        method = make_oneshot(name, OneShotBrief.of(space, data))
        assert [method.learned({**method.init(0), "step": step}) for step in (3 * ROUNDS - 1, 3 * ROUNDS)] == [False, True]


def test_the_weights_of_the_last_point_before_a_collapse_are_kept() -> None:
    method, state = scripted("conv", "conv", "conv", "skip")
    _, before = scripted("conv", "conv", "conv", "skip", steps=40)
    assert state["sound"].keys() == before["weights"].keys()
    early = train_oneshot(method, oneshot_tasks()["cell"][1], 40, until=30)
    assert all(torch.equal(state["sound"][name], early["weights"][name]) for name in early["weights"])
    assert not all(torch.equal(state["sound"][name], state["weights"][name]) for name in early["weights"])


def test_points_are_noted_evenly_and_not_too_often() -> None:
    _, state = scripted("conv", steps=200)
    shares = [point["progress"] for point in state["points"]]
    assert len(shares) == POINTS
    assert shares == pytest.approx([i / POINTS for i in range(POINTS)], abs=0.006)  # steps of 1 in 200


def test_choices_rest_until_they_begin() -> None:
    space, data = oneshot_tasks()["cell"]
    method = make_oneshot("darts", OneShotBrief.of(space, data))
    start = method.init(0)
    early = train_oneshot(method, data, 50, state=start, until=14)
    assert all(torch.equal(early["choices"]["logits"][name], value) for name, value in start["choices"]["logits"].items())
    assert early["validation_loss"] is None
    late = train_oneshot(method, data, 50, state=early, until=18)
    assert any(not torch.equal(late["choices"]["logits"][name], value) for name, value in start["choices"]["logits"].items())


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    training = WeightTraining(rate=1.0, warm_up=0.1)
    rates = [training.rate_at(i / 100) for i in range(101)]
    assert rates.index(max(rates)) in range(9, 12)
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates[-1] == pytest.approx(0.0, abs=1e-3)


def test_zeros_are_decoded_last_but_can_be() -> None:
    """Where the limits leave nothing else, an edge may be left out."""
    space, data = oneshot_tasks()["cell"]
    method = Scripted(OneShotBrief.of(space, data))
    state = method.init(0)
    state["choices"]["logits"] = {d.name: torch.tensor([9.0, 0.0, 1.0]) for d in method.decisions}
    assert [set(a.as_dict.values()) for a in method.decode(state, 1)] == [{"conv"}]
    assert len(method.decode(state, 100)) == 27
    assert [set(a.as_dict.values()) for a in method.decode(state, 27)[-1:]] == [{"none"}]


def test_a_checkpoint_of_another_method_is_refused() -> None:
    brief = OneShotBrief.of(*oneshot_tasks()["cell"])
    state = make_oneshot("gdas", brief).init(0)
    make_oneshot("gdas", brief).check(state)
    with pytest.raises(InputError, match="of another one-shot method or another space"):
        make_oneshot("single-path", brief).check(state)


def test_class_weights_and_label_smoothing_are_for_the_weights_alone() -> None:
    space, data = oneshot_tasks()["cell"]
    plain = make_oneshot("darts", OneShotBrief.of(space, data))
    brief = OneShotBrief(space, data.kind, data.input_mean, data.input_std, np.array([0.2, 1.8], np.float32), label_smoothing=0.1)
    weighted = make_oneshot("darts", brief)
    state, batch = plain.init(0), Batches(Tensors.of(data), 0).at(0, 0.0)
    mixture = {d.name: torch.full((3,), 1 / 3) for d in plain.decisions}
    assert torch.equal(*(m.validation_loss(state["weights"], mixture, batch) for m in (plain, weighted)))
    assert not torch.equal(*(m.training_loss(state["weights"], mixture, batch) for m in (plain, weighted)))
