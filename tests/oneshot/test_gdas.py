"""Gumbel-softmax with hard samples."""

import numpy as np
import pytest
import torch

from metanas.evaluation.tensors import Tensors
from metanas.oneshot import Batches, OneShotBrief
from metanas.oneshot.gdas import Gdas
from metanas.testing.oneshot import oneshot_tasks, train_oneshot


def method() -> Gdas:
    return Gdas(OneShotBrief.of(*oneshot_tasks()["planted"]))


def test_samples_are_one_hot_to_the_last_bit() -> None:
    made = method()
    logits = {"op": torch.tensor([0.5, -1.0, 0.2]), "kind": torch.zeros(2)}
    for seed in range(20):
        for value in made.mixture(logits, 0.7, np.random.default_rng(seed)).values():
            assert sorted(value.tolist()) == [0.0] * (len(value) - 1) + [1.0]


def test_for_the_logits_they_have_the_gradient_of_the_soft_ones_and_all_options_are_computed() -> None:
    made = method()
    logits = {"op": torch.tensor([0.5, -1.0, 0.2], requires_grad=True)}
    for seed in range(20):
        (hard,) = made.mixture(logits, 0.7, np.random.default_rng(seed)).values()
        assert torch.allclose(hard, hard.round(), atol=1e-8)
        assert (hard != 0).all()
        weights = torch.tensor([1.0, 2.0, -3.0])
        (found,) = torch.autograd.grad((hard * weights).sum(), [logits["op"]])
        noise = torch.tensor(np.random.default_rng(seed).gumbel(size=3), dtype=torch.float32)
        soft = torch.softmax((torch.log_softmax(logits["op"], 0) + noise) / (10.0 + (0.1 - 10.0) * 0.7), 0)
        (wanted,) = torch.autograd.grad((soft * weights).sum(), [logits["op"]])
        assert torch.allclose(found, wanted, atol=1e-6)


def test_every_logit_learns_though_one_option_is_drawn() -> None:
    """Also before a normalisation, which undoes any factor of what is drawn: the gradient says what the others would do."""
    made, data = method(), oneshot_tasks()["planted"][1]
    state = train_oneshot(made, data, 12)
    batch = Batches(Tensors.of(data), 0).at(12, 0.5)
    slopes, _ = made.slope(state, batch, np.random.default_rng(0))
    assert float(slopes["op"].abs().max()) > 1e-5
    assert float(slopes["op"].sum()) == pytest.approx(0.0, abs=1e-5)


def test_options_are_drawn_with_their_softmax_probabilities() -> None:
    """Whatever the temperature (Gumbel-max); fails by chance once in a million seeds at most, and the seed is fixed."""
    made, rng = method(), np.random.default_rng(0)
    logits = {"op": torch.tensor([1.0, 0.0, -1.0])}
    counts = sum(made.mixture(logits, 0.3, rng)["op"] for _ in range(3000))
    assert counts.tolist() == pytest.approx((3000 * torch.softmax(logits["op"], 0)).tolist(), abs=5 * 27.4)  # type: ignore[union-attr]
