"""DARTS on a supernet: the steps of its logits against explicit computations in float64."""

from typing import Any

import numpy as np
import pytest
import torch

from metanas.evaluation.recipe import BETAS
from metanas.evaluation.tensors import Tensors
from metanas.oneshot import Batches, OneShotBrief
from metanas.oneshot.choices import softmax_mixture
from metanas.oneshot.darts import Darts, SecondOrderDarts
from metanas.oneshot.logits import LogitMethod
from metanas.oneshot.optimisers import Named, adam_step
from metanas.testing.oneshot import oneshot_tasks, train_oneshot

PROGRESS = 0.5


def in_double(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_double(item) for key, item in value.items()}
    return value.double() if isinstance(value, torch.Tensor) else value


def prepared(method: LogitMethod, task: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A state after a few steps, and a batch, in float64; the supernet computes in it."""
    data = oneshot_tasks()[task][1]
    state = in_double(train_oneshot(method, data, 8))
    method.supernet.double()
    batch = Batches(Tensors.of(data), 0, augment=False).at(8, PROGRESS)
    floats = {name: value.double() if value.is_floating_point() else value for name, value in batch.items() if name != "progress"}
    return state, {**floats, "progress": PROGRESS}


def differences(loss: Any, logits: Named, size: float = 1e-5) -> Named:  # smaller than the way to most kinks of ReLU
    found = {}
    for name, value in logits.items():
        found[name] = torch.zeros_like(value)
        for i in range(len(value)):
            sides = []
            for sign in (1, -1):
                moved = value.clone()
                moved[i] += sign * size
                sides.append(loss({**logits, name: moved}))
            found[name][i] = (sides[0] - sides[1]) / (2 * size)
    return found


@pytest.mark.parametrize("task", ["cell", "regression"])
def test_the_first_order_step_is_the_gradient_of_the_validation_loss(task: str) -> None:
    method = Darts(OneShotBrief.of(*oneshot_tasks()[task]))
    method._mixed = False  # float64 is not lowered by itself, but the forward pass of float32 would be
    state, batch = prepared(method, task)

    def loss(logits: Named) -> float:
        with torch.no_grad():
            return float(method.validation_loss(state["weights"], softmax_mixture(logits), batch))

    found, seen = method.slope(state, batch, np.random.default_rng(0))
    wanted = differences(loss, state["choices"]["logits"])
    assert seen == pytest.approx(loss(state["choices"]["logits"]), rel=1e-9)
    assert all(torch.allclose(found[name], wanted[name], atol=1e-6) for name in found)


@pytest.mark.parametrize("task", ["cell", "regression"])
@pytest.mark.parametrize(("exact", "tolerance"), [(True, 1e-5), (False, 5e-2)])
def test_the_second_order_step_is_the_gradient_of_the_unrolled_loss(task: str, exact: bool, tolerance: float) -> None:
    """L_val(w0 - S grad_w L_train(w, a), a) by finite differences in the logits, nothing differentiated twice."""
    method = SecondOrderDarts(OneShotBrief.of(*oneshot_tasks()[task]), exact=exact)
    state, batch = prepared(method, task)
    rate = method.training.rate_at(PROGRESS)
    start, sizes = adam_step(state["weights"], state["moments"], rate=rate, betas=BETAS, decay=method.training.decay)

    def unrolled(logits: Named) -> float:
        mixture = softmax_mixture(logits)
        live = {name: value.clone().requires_grad_() for name, value in state["weights"].items()}
        loss = method.training_loss(live, mixture, batch, exact=True)
        slopes = torch.autograd.grad(loss, list(live.values()), materialize_grads=True)
        stepped = {name: start[name] - sizes[name] * slope for name, slope in zip(live, slopes, strict=True)}
        with torch.no_grad():
            return float(method.validation_loss(stepped, mixture, batch, exact=True))

    found, seen = method.slope(state, batch, np.random.default_rng(0))
    wanted = differences(unrolled, state["choices"]["logits"])
    assert seen == pytest.approx(unrolled(state["choices"]["logits"]), rel=1e-9)
    largest = max(float(value.abs().max()) for value in wanted.values())
    assert all(torch.allclose(found[name], wanted[name], rtol=0, atol=tolerance * largest) for name in found)


def test_annealing_makes_the_mixture_one_hot() -> None:
    method = Darts(OneShotBrief.of(*oneshot_tasks()["planted"]), temperature=(1.0, 1e-3))
    logits = {"op": torch.tensor([0.1, 0.3, 0.2])}
    warm, cold = (method.mixture(logits, progress, np.random.default_rng(0))["op"] for progress in (0.0, 1.0))
    assert torch.allclose(warm, torch.softmax(logits["op"], 0))
    assert torch.allclose(cold, torch.tensor([0.0, 1.0, 0.0]), atol=1e-6)
