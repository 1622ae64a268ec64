"""The pure optimisers against PyTorch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from metanas.oneshot.optimisers import adam, adam_step, clipped

Update = Callable[[dict[str, Tensor], dict[str, Tensor], dict[str, Any]], tuple[dict[str, Tensor], dict[str, Any]]]


def problem() -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Weights, and gradients of seven steps; ``c`` has none in some of them."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"a": (3, 2), "b": (3,), "c": (2, 2)}
    weights = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    steps = [{name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()} for _ in range(7)]
    for number in (0, 3, 4):
        del steps[number]["c"]
    return weights, steps


def by_torch(make: Callable[[list[Any]], torch.optim.Optimizer], decay_matrices_only: float | None = None) -> dict[str, Tensor]:
    weights, steps = problem()
    live = {name: value.clone().requires_grad_() for name, value in weights.items()}
    groups: list[Any] = list(live.values())
    if decay_matrices_only is not None:
        groups = [{"params": [p], "weight_decay": decay_matrices_only if p.dim() >= 2 else 0.0} for p in live.values()]
    optimiser = make(groups)
    for gradients in steps:
        for name, value in live.items():
            value.grad = gradients.get(name)
        optimiser.step()
    return {name: value.detach() for name, value in live.items()}


def by_ours(update: Update) -> dict[str, Tensor]:
    weights, steps = problem()
    moments: dict[str, Any] = {}
    for gradients in steps:
        before = {name: value.clone() for name, value in weights.items()}
        new, moments = update(weights, gradients, moments)
        assert all(torch.equal(weights[name], before[name]) for name in before)
        weights = new
    return weights


def test_adam_is_that_of_pytorch() -> None:
    ours = by_ours(lambda w, g, m: adam(w, g, m, rate=0.1, betas=(0.5, 0.999), decay=1e-2))
    theirs = by_torch(lambda groups: torch.optim.Adam(groups, lr=0.1, betas=(0.5, 0.999), weight_decay=1e-2))
    assert all(torch.allclose(ours[name], theirs[name]) for name in ours)


def test_adamw_is_that_of_pytorch_with_decay_on_matrices_alone() -> None:
    ours = by_ours(lambda w, g, m: adam(w, g, m, rate=0.1, betas=(0.9, 0.999), decay=0.3, decoupled=True))
    theirs = by_torch(lambda groups: torch.optim.AdamW(groups, lr=0.1, betas=(0.9, 0.999)), decay_matrices_only=0.3)
    assert all(torch.allclose(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clipping_is_that_of_pytorch(most: float) -> None:
    weights, steps = problem()
    live = [value.clone().requires_grad_() for value in weights.values()]
    for value, gradient in zip(live, steps[1].values(), strict=True):
        value.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(live, most)
    ours = clipped(steps[1], most)
    assert all(torch.allclose(a, b.grad) for a, b in zip(ours.values(), live, strict=True) if b.grad is not None)


def test_nothing_to_learn_from_changes_nothing() -> None:
    weights, _ = problem()
    assert adam(weights, {}, {}, rate=0.1, betas=(0.9, 0.999)) == (weights, {})
    assert clipped({}, 1.0) == {}


def test_the_next_step_as_a_function_of_its_gradient() -> None:
    """The step of :func:`adam` itself, where one gradient hardly changes the second moment."""
    weights, steps = problem()
    moments: dict[str, Any] = {}
    slow = (0.9, 1 - 1e-9)
    for gradients in steps:
        start, sizes = adam_step(weights, moments, rate=0.1, betas=slow, decay=0.3)
        new, fresh = adam(weights, gradients, moments, rate=0.1, betas=slow, decay=0.3, decoupled=True)
        for name in set(gradients) & set(moments.get("second", {})):
            held = (fresh["second"][name] / (1 - slow[1] ** fresh["counts"][name])).sqrt()
            before = (moments["second"][name] / (1 - slow[1] ** moments["counts"][name])).sqrt()
            unmoved = weights[name] * (1 - 0.1 * 0.3 * (weights[name].dim() >= 2))
            assert torch.allclose((new[name] - unmoved) * held, (start[name] - sizes[name] * gradients[name] - unmoved) * before, atol=1e-6)
        weights, moments = new, fresh
    start, sizes = adam_step(weights, {}, rate=0.1, betas=slow)
    assert all(torch.equal(start[name], value) for name, value in weights.items())
    assert all(torch.equal(value, torch.full_like(value, 0.1)) for value in sizes.values())
