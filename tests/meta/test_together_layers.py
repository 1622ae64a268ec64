"""Layers whose derivatives are written by hand, against those that PyTorch derives."""

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from metanas.meta.together.average import Average
from metanas.meta.together.batch_norm import BatchNorm
from metanas.meta.together.first import FirstConvolution
from metanas.meta.together.products import Convolution, Dense
from metanas.meta.together.trace import Call, Derived, Layer, Trace
from metanas.networks.operations.convolution import Conv
from metanas.networks.operations.pooling import GlobalPool

TASKS, EXAMPLES, C, U = 2, 5, 3, 4
Function = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def each(function: Callable[..., Tensor]) -> Function:
    """A function of one task's weights and examples as one of all tasks'."""
    return lambda w, x: torch.cat([function(*(p[t] for p in w), x[0].unflatten(0, (TASKS, -1))[t]) for t in range(TASKS)])


def norm(scale: Tensor, shift: Tensor, x: Tensor) -> Tensor:
    return F.batch_norm(x, None, None, scale, shift, training=True)


def kernels(w: Tensor, size: int) -> Tensor:
    return w.view(U, *((size, size)), C).movedim(-1, 1)


PICTURE, SERIES, VECTOR = (TASKS * EXAMPLES, C, 6, 5), (TASKS * EXAMPLES, C, 7), (TASKS * EXAMPLES, C)
CASES: dict[str, tuple[Layer, Function, tuple[int, ...], list[tuple[int, ...]], bool]] = {
    "dense": (Dense(), each(lambda w, b, x: F.linear(x, w, b)), VECTOR, [(U, C), (U,)], True),
    "dense without bias": (Dense(), each(lambda w, x: F.linear(x, w)), VECTOR, [(U, C)], True),
    "conv": (
        Convolution(Conv(C, U, 3, (2, 2))),
        each(lambda w, b, x: F.conv2d(x, kernels(w, 3), b, 2, 1)),
        PICTURE,
        [(U, 9 * C), (U,)],
        True,
    ),
    "conv of series": (
        Convolution(Conv(C, U, 3, (1,), bias=False)),
        each(lambda w, x: F.conv1d(x, w.view(U, 3, C).movedim(-1, 1), None, 1, 1)),
        SERIES,
        [(U, 3 * C)],
        True,
    ),
    "norm": (BatchNorm(rectified=False), each(norm), PICTURE, [(C,), (C,)], True),
    "norm of vectors": (BatchNorm(rectified=False), each(norm), VECTOR, [(C,), (C,)], True),
    "rectified norm": (BatchNorm(rectified=True), each(lambda *a: norm(*a).relu()), SERIES, [(C,), (C,)], True),
    "norm of the input": (BatchNorm(rectified=True), each(lambda *a: norm(*a).relu()), PICTURE, [(C,), (C,)], False),
    "first": (
        FirstConvolution(Conv(C, U, 3, (2, 2), bias=False), rectified=True),
        each(lambda w, a, b, x: norm(a, b, F.conv2d(x, kernels(w, 3), None, 2, 1)).relu()),
        PICTURE,
        [(U, 9 * C), (U,), (U,)],
        False,
    ),
    "first with bias": (
        FirstConvolution(Conv(C, U, 1, (1, 1)), rectified=False),
        each(lambda w, c, a, b, x: norm(a, b, F.conv2d(x, kernels(w, 1), c))),
        PICTURE,
        [(U, C), (U,), (U,), (U,)],
        False,
    ),
    "average": (Average(GlobalPool("avg")), lambda _, x: x[0].mean((2, 3)), PICTURE, [], True),
}


def traces(case: str) -> tuple[Trace, Trace]:
    """By hand, and derived."""
    layer, function, shape, weights, needed = CASES[case]
    x = drawn(*shape, seed=0)
    x = x.movedim(1, -1).contiguous().movedim(-1, 1)
    w = [drawn(TASKS, *s, seed=1 + i) for i, s in enumerate(weights)]
    call = Call(w, [x], TASKS, [needed], True)
    return layer(call), Derived(call, function)


def assert_same(found: Sequence[Tensor | None], expected: Sequence[Tensor | None]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(*(torch.zeros(()).double() if v is None else v for v in (a, b)), check_stride=False)


@pytest.mark.parametrize("moved", ["all", "weights", "input", "some weights"])
@pytest.mark.parametrize("case", CASES)
def test_derivatives_by_hand_are_those_that_pytorch_derives(case: str, moved: str) -> None:
    pair = traces(case)
    torch.testing.assert_close(pair[0].y, pair[1].y, check_stride=False)
    gy, vgy = (drawn(*pair[0].y.shape, seed=seed) for seed in (20, 21))
    first = [trace.backward(gy) for trace in pair]
    needed = CASES[case][4]
    if needed:
        assert_same(first[0][0], first[1][0])
    assert_same(first[0][1], first[1][1])
    shapes = [w.shape for w in first[1][1]]
    if (moved in ("weights", "some weights") and not shapes) or (moved == "input" and not needed):
        return
    vw: list[Tensor | None] = [None if moved == "input" else drawn(*s, seed=30 + i) for i, s in enumerate(shapes)]
    if moved == "some weights":
        vw[0] = None
    vx = [drawn(*CASES[case][2], seed=40) if needed and moved in ("all", "input") else None]
    assert_same(*([trace.tangent(vw, vx)] for trace in pair))
    totals = [[drawn(*s, seed=50 + i) for i, s in enumerate(shapes)] for _ in pair]
    second = [trace.tangent_backward(vgy, total, -0.7) for trace, total in zip(pair, totals, strict=True)]
    if needed:
        assert_same(second[0], second[1])
    assert_same(totals[0], totals[1])
