import pytest
import torch
import torch.nn.functional as F

from metanas.meta.together.ways import Direct, Geometry, Patches, Way, rows, unrows

GEOMETRIES = [
    Geometry((3, 3), (1, 1), (1, 1)),
    Geometry((3, 3), (2, 2), (1, 1)),
    Geometry((1, 1), (1, 1), (0, 0)),
    Geometry((1, 1), (2, 2), (0, 0)),
    Geometry((1, 5), (1, 2), (0, 2)),
]
TASKS, EXAMPLES, CHANNELS, UNITS = 2, 3, 4, 5


@pytest.fixture(params=GEOMETRIES, ids=str)
def geometry(request: pytest.FixtureRequest) -> Geometry:
    return request.param


@pytest.fixture(params=[Patches, Direct], ids=lambda way: way.__name__)
def way(request: pytest.FixtureRequest, geometry: Geometry) -> Way:
    return request.param(geometry, CHANNELS, (7, 6))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_three_maps_are_those_of_each_tasks_convolution(way: Way) -> None:
    geometry = way.geometry
    x = drawn(TASKS * EXAMPLES, 7, 6, CHANNELS).movedim(-1, 1)
    w = drawn(TASKS, UNITS, geometry.kernel[0] * geometry.kernel[1] * CHANNELS, seed=1)
    gy = drawn(TASKS * EXAMPLES, *way.out, UNITS, seed=2).movedim(-1, 1)
    g, prepared = rows(gy, TASKS), way.prepared(x, TASKS)
    outputs, of_x, of_w = way.output(prepared, w), way.input_gradient(g, w), way.weight_gradient(prepared, g)
    for task in range(TASKS):
        own = slice(task * EXAMPLES, (task + 1) * EXAMPLES)
        pictures = x[own].clone().requires_grad_()
        kernels = w[task].view(UNITS, *geometry.kernel, CHANNELS).movedim(-1, 1).clone().requires_grad_()
        y = F.conv2d(pictures, kernels, None, geometry.stride, geometry.padding)
        gx, gw = torch.autograd.grad(y, [pictures, kernels], gy[own])
        torch.testing.assert_close(unrows(outputs, gy)[own], y.detach())
        torch.testing.assert_close(of_x[own], gx)
        torch.testing.assert_close(of_w[task], gw.movedim(1, -1).flatten(1))


def test_second_pairs_are_added(way: Way) -> None:
    x = [way.prepared(drawn(TASKS * EXAMPLES, 7, 6, CHANNELS, seed=s).movedim(-1, 1), TASKS) for s in (1, 2)]
    w = [drawn(TASKS, UNITS, way.geometry.kernel[0] * way.geometry.kernel[1] * CHANNELS, seed=s) for s in (3, 4)]
    g = [drawn(TASKS, EXAMPLES * way.out[0] * way.out[1], UNITS, seed=s) for s in (5, 6)]
    torch.testing.assert_close(way.output(x[0], w[0], x[1], w[1]), way.output(x[0], w[0]) + way.output(x[1], w[1]))
    torch.testing.assert_close(way.input_gradient(g[0], w[0], g[1], w[1]), way.input_gradient(g[0], w[0]) + way.input_gradient(g[1], w[1]))
    total = w[0].clone()
    way.add_weight_gradient(x[0], g[0], total, -0.3)
    torch.testing.assert_close(total, w[0] - 0.3 * way.weight_gradient(x[0], g[0]))
