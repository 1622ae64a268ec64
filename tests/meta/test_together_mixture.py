"""Layers that supernets add, against plain PyTorch; a whole supernet is compared in ``test_supernet_model``."""

import pytest
import torch
import torch.nn.functional as F

from metanas.meta.together.depthwise import Depthwise
from metanas.meta.together.trace import Call, Derived
from metanas.meta.together.weighted_sum import WeightedSum
from metanas.networks.operations.convolution import Conv

TASKS, EXAMPLES, C = 2, 3, 4


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def derivatives(layer, w, x, twice=True):
    """Output, gradients, and their changes along a direction."""
    trace = layer(Call(w, x, TASKS, [True] * len(x), twice))
    gx, gw = trace.backward(drawn(*trace.y.shape, seed=1))
    vy = trace.tangent([drawn(*v.shape, seed=2) for v in w], [drawn(*v.shape, seed=3 + i) for i, v in enumerate(x)])
    into = [torch.zeros_like(v) for v in w]
    vgx = trace.tangent_backward(drawn(*trace.y.shape, seed=9), into, 1.0)
    return [trace.y, *gx, *gw, vy, *vgx, *into]


@pytest.mark.parametrize("shape", [(C,), (C, 5), (C, 5, 6)])
def test_weighted_sums_are_differentiated_as_pytorch_does(shape):
    columns, values = [2, 0, 2], [drawn(TASKS * EXAMPLES, *shape, seed=20 + i) for i in range(3)]
    factors = drawn(TASKS, 4, seed=30)

    def plain(_, x):
        each = [v.unflatten(0, (TASKS, -1)) * x[0][:, c].view(TASKS, *[1] * v.dim()) for v, c in zip(x[1:], columns, strict=True)]
        return sum(each).flatten(0, 1)

    own, other = (derivatives(layer, [], [factors, *values]) for layer in (WeightedSum(columns), lambda call: Derived(call, plain)))
    for a, b in zip(own, other, strict=True):
        torch.testing.assert_close(a, b)


def test_constant_inputs_get_no_gradient():
    trace = WeightedSum([0, 1])(
        Call([], [drawn(TASKS, 2), *(drawn(TASKS * EXAMPLES, C, seed=i) for i in (1, 2))], TASKS, [False, True, False], True)
    )
    gx, _ = trace.backward(torch.ones_like(trace.y))
    assert [g is None for g in gx] == [True, False, True]
    assert trace.tangent([], [None, None, None]) is None


@pytest.mark.parametrize(("axes", "size"), [(2, (7, 6)), (1, (9,))])
def test_depthwise_convolutions_of_all_tasks_are_those_of_each(axes, size):
    conv = Conv(C, C, 3, (2,) * axes, bias=False, groups=C)
    w, x = drawn(TASKS, *conv.weight.shape), drawn(TASKS * EXAMPLES, C, *size)

    def plain(w, x):
        each = (x[0].unflatten(0, (TASKS, -1))[t] for t in range(TASKS))
        if axes == 1:
            return torch.cat([F.conv1d(v, w[0][t].squeeze(2), None, 2, 1, groups=C) for t, v in enumerate(each)])
        return torch.cat([F.conv2d(v, w[0][t], None, 2, 1, groups=C) for t, v in enumerate(each)])

    own, other = (derivatives(layer, [w], [x]) for layer in (Depthwise(conv), lambda call: Derived(call, plain)))
    for a, b in zip(own, other, strict=True):
        torch.testing.assert_close(a, b)
