"""Weighted sums, and weights that take factors in."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from metanas.networks.operations.convolution import Conv, SeparableConv
from metanas.networks.operations.dense import Dense
from metanas.networks.operations.elementwise import BatchNorm, LayerNorm
from metanas.networks.supernet_norm import BatchStatistics
from metanas.networks.supernet_sums import SCALED, weighted_sum


def tensors(count, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(2, 3, 4, 4, generator=generator, dtype=dtype) for _ in range(count)]
    return [t.contiguous(memory_format=torch.channels_last) if i % 2 else t for i, t in enumerate(made)]


@pytest.mark.parametrize("factors", list(product((1.0, 0.5, None), repeat=3)))
@pytest.mark.parametrize("in_place", [True, False])
def test_sums_and_their_gradients(factors, in_place):
    terms = [t.requires_grad_() for t in tensors(3)]
    graded = [torch.tensor(0.3 + i, dtype=torch.float64, requires_grad=True) for i in range(3)]

    def ours(*inputs):
        given = [inputs[3 + i] if f is None else f for i, f in enumerate(factors)]
        return weighted_sum([t + 0 for t in inputs[:3]], given, in_place=in_place)

    def plain(*inputs):
        return sum((inputs[3 + i] if f is None else f) * inputs[i] for i, f in enumerate(factors))

    inputs = [*terms, *graded]
    torch.testing.assert_close(ours(*inputs), plain(*inputs))
    used = [i for i in range(6) if i < 3 or factors[i - 3] is None]
    found = torch.autograd.grad(ours(*inputs).pow(3).sum(), [inputs[i] for i in used], create_graph=True)
    expected = torch.autograd.grad(plain(*inputs).pow(3).sum(), [inputs[i] for i in used], create_graph=True)
    again = [torch.autograd.grad(sum(g.square().sum() for g in gs), [inputs[i] for i in used]) for gs in (found, expected)]
    for ours_, theirs in zip((*found, *again[0]), (*expected, *again[1]), strict=True):
        torch.testing.assert_close(ours_, theirs)


def test_terms_are_left_as_they_were():
    terms = tensors(3)
    before = [t.clone() for t in terms]
    for factors in product((1.0, 0.5, torch.tensor(0.25)), repeat=3):
        weighted_sum(terms, factors, in_place=True)
        assert all(torch.equal(a, b) for a, b in zip(terms, before, strict=True))


def test_terms_of_several_precisions_add_up_in_the_wider_one():
    single, half = torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bfloat16)
    factor = torch.tensor(0.5, requires_grad=True)
    for terms in ([half, single, half], [single, half, half], [half, half, single]):
        total = weighted_sum(terms, [1.0, factor, factor], in_place=True)
        assert total.dtype == torch.float32
        assert torch.equal(total.detach(), torch.full((2, 3), 2.0))
    assert weighted_sum([half, half], [factor, 1.0], in_place=True).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (Conv(3, 4, 3, (2, 2)), (2, 3, 6, 6)),
        (Conv(3, 4, 5, (1,), bias=False), (2, 3, 8)),
        (SeparableConv(3, 4, 3, (1, 1)), (2, 3, 6, 6)),
        (Dense(3, 4), (5, 3)),
        (Dense(3, 4, bias=False), (5, 3)),
        (BatchStatistics(BatchNorm(3)), (4, 3, 5)),
        (LayerNorm(3), (4, 3, 5)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, torch.nn.Module) else "",
)
def test_a_factor_of_the_weights_is_one_of_the_output(module, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    for parameter in module.parameters():
        parameter.data += 0.1
    for factor in (0.3, torch.tensor(0.3)):
        torch.testing.assert_close(SCALED[type(module)](module, x, factor), 0.3 * module(x))
