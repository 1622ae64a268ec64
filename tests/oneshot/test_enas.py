"""The controller's rewards and advantages."""

import numpy as np
import pytest
import torch

from metanas.evaluation.tensors import Tensors
from metanas.oneshot import Batches, OneShotBrief, answers
from metanas.oneshot.enas import Enas
from metanas.testing.oneshot import oneshot_tasks, planted_data, same_state, train_oneshot


def test_rewards_are_accuracies_or_losses_of_the_path() -> None:
    for task in ("cell", "regression"):
        space, data = oneshot_tasks()[task]
        method = Enas(OneShotBrief.of(space, data))
        state, batch = train_oneshot(method, data, 4), Batches(Tensors.of(data), 0).at(0, 0.5)
        architecture = space.sample(np.random.default_rng(0))
        reward, loss = method._reward(state, batch, architecture)
        raw = method.outputs(state["weights"], method.path(architecture), batch["x_val"])
        if task == "cell":
            assert reward == pytest.approx(float((raw.argmax(1) == batch["y_val"]).float().mean()))
        else:
            assert reward == pytest.approx(-float(torch.nn.functional.mse_loss(raw, batch["y_val"])))
            assert loss == -reward


def test_advantages_are_distances_from_a_moving_baseline_in_moving_spreads() -> None:
    method = Enas(OneShotBrief.of(*oneshot_tasks()["cell"]))
    moving = [0.0, 0.0, 0.0]
    rng = np.random.default_rng(0)
    found = np.array([method._advantage(moving, 5.0 + 0.1 * float(rng.normal())) for _ in range(400)])[100:]
    assert abs(found.mean()) < 0.3
    assert 0.8 < found.std() < 1.2
    assert method._advantage(moving, 9.0) == 3.0
    assert method._advantage([0.0, 0.0, 0.0], 1.0) == 0.0


def test_the_controller_rests_until_the_weights_have_had_their_start() -> None:
    space, data = oneshot_tasks()["cell"]
    method = Enas(OneShotBrief.of(space, data), begins=0.5)
    start = method.init(0)
    half = train_oneshot(method, data, 8, state=start, until=4)
    assert same_state(half["choices"], start["choices"])
    assert not same_state(train_oneshot(method, data, 8, state=half)["choices"], start["choices"])


def test_the_answer_is_the_best_of_what_the_controller_emits() -> None:
    """As in the paper: several are drawn and compared with shared weights; so none that is judged beats the first."""
    space, data = oneshot_tasks()["cell"]
    method = Enas(OneShotBrief.of(space, data))
    state = train_oneshot(method, planted_data(), 30)
    found = answers(method, state, Tensors.of(data), 5)
    scores = [ranked.inherited for ranked in found]
    assert all(score is not None for score in scores)
    assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
