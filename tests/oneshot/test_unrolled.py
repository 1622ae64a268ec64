"""The second order against finite differences of the unrolled computation itself, in float64."""

import pytest
import torch
from torch import Tensor

from metanas.oneshot.unrolled import by_differences, through_the_step

Named = dict[str, Tensor]


def network(w: Named, a: Named, x: Tensor) -> Tensor:
    """Two mixtures of three activations, one after the other."""
    options = (torch.tanh, torch.sin, lambda value: value)
    for layer in ("1", "2"):
        x = x @ w[f"w{layer}"] + w[f"b{layer}"]
        x = sum(weight * option(x) for weight, option in zip(torch.softmax(a[f"a{layer}"], 0), options, strict=True))
    return x


def drawn() -> tuple[Named, Named, list[Tensor]]:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    w = {"w1": random(4, 5), "b1": random(5), "w2": random(5, 2), "b2": random(2), "unused": random(3)}
    return w, {"a1": random(3), "a2": random(3)}, [random(6, 4), random(6, 2), random(6, 4), random(6, 2)]


def losses(data: list[Tensor]) -> tuple[object, object]:
    x, y, x_val, y_val = data
    return (lambda w, a: ((network(w, a, x) - y) ** 2).mean()), (lambda w, a: ((network(w, a, x_val) - y_val) ** 2).mean())


def explicit(train: object, val: object, w: Named, a: Named, start: Named, sizes: dict[str, Tensor | float]) -> tuple[Named, float]:
    """Central differences of L_val(w0 - S grad_w L_train(w, a), a) in every logit, nothing differentiated twice."""

    def unrolled(logits: Named) -> float:
        live = {name: value.clone().requires_grad_() for name, value in w.items()}
        slopes = torch.autograd.grad(train(live, logits), list(live.values()), allow_unused=True)  # type: ignore[operator]
        stepped = {name: start[name] if g is None else start[name] - sizes[name] * g for name, g in zip(w, slopes, strict=True)}
        return float(val(stepped, logits))  # type: ignore[operator]

    found = {}
    for name, value in a.items():
        found[name] = torch.zeros_like(value)
        for i in range(len(value)):
            sides = []
            for sign in (1, -1):
                moved = value.clone()
                moved[i] += sign * 1e-5
                sides.append(unrolled({**a, name: moved}))
            found[name][i] = (sides[0] - sides[1]) / 2e-5
    return found, unrolled(a)


@pytest.mark.parametrize("per_weight", [False, True])
def test_both_equal_the_explicit_unrolled_computation(per_weight: bool) -> None:
    w, a, data = drawn()
    train, val = losses(data)
    sizes: dict[str, Tensor | float] = {n: (0.05 + 0.1 * torch.rand_like(v) if per_weight else 0.1) for n, v in w.items()}
    start = {name: 0.9 * value for name, value in w.items()} if per_weight else w
    wanted, loss = explicit(train, val, w, a, start, sizes)
    first_order, _ = through_the_step(train, val, w, a, start, dict.fromkeys(w, 0.0))  # type: ignore[arg-type]
    for gradient, tolerance in ((through_the_step, 1e-8), (by_differences, 1e-4)):
        found, seen = gradient(train, val, w, a, start, sizes)  # type: ignore[arg-type]
        assert float(seen) == pytest.approx(loss, rel=1e-12)
        for name in a:
            assert torch.allclose(found[name], wanted[name], rtol=0, atol=tolerance)
            assert not torch.allclose(first_order[name], wanted[name], rtol=0, atol=1e-2)


def test_a_step_of_no_size_is_the_first_order() -> None:
    w, a, data = drawn()
    train, val = losses(data)
    live = {name: value.clone().requires_grad_() for name, value in a.items()}
    wanted = torch.autograd.grad(val(w, live), list(live.values()))  # type: ignore[operator]
    for gradient in (through_the_step, by_differences):
        found, _ = gradient(train, val, w, a, w, dict.fromkeys(w, 0.0))  # type: ignore[arg-type]
        assert all(torch.allclose(f, v) for f, v in zip(found.values(), wanted, strict=True))
