"""Small networks and episodes, and MAML written out plainly: what the tests of ``meta`` compare with."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from metanas.meta import Episode, EpisodeLearner, four_conv, make_meta_learner
from metanas.meta.learner import Batch
from metanas.networks import Network, build_network
from metanas.networks.operations.elementwise import BatchNorm
from metanas.spaces import TaskShape, make_space
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.testing import SHAPES

PICTURES = TaskShape("image", (1, 12, 12), 3)
NUMBERS = TaskShape("table", (2,), 1, numeric=2)


def tiny_four_conv(width: int = 6) -> Graph:
    return four_conv(PICTURES, width=width)


def perceptron(shape: TaskShape = NUMBERS, units: int = 8, kind: str = "tanh") -> Graph:
    nodes = [Node("hidden", "dense", (("units", units),), (INPUT,)), Node("bend", "activation", (("kind", kind),), ("hidden",))]
    return Graph(shape, (*nodes, Node("head", "dense", (("units", shape.outputs),), ("bend",))))


def episodes(shape: TaskShape, tasks: int = 3, support: int = 2, query: int = 3, seed: int = 0) -> Episode:
    """Stacked random episodes: classification, so many examples per class, or regression for tables of one output."""
    rng = np.random.default_rng(seed)

    def draw(each: int) -> tuple[Tensor, Tensor]:
        if shape.outputs == 1:
            x = rng.normal(size=(tasks, 3 * each, *shape.input)).astype(np.float32)
            return torch.from_numpy(x), torch.from_numpy(np.sin(x.sum(2, keepdims=True)).astype(np.float32))
        y = np.tile(np.repeat(np.arange(shape.outputs), each), (tasks, 1))
        if shape.data == "text":
            return torch.from_numpy(rng.integers(0, shape.vocabulary, (*y.shape, *shape.input))), torch.from_numpy(y)
        x = rng.normal(size=(*y.shape, *shape.input)) + y.reshape(*y.shape, *[1] * len(shape.input))
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y)

    return Episode(*draw(support), *draw(query), kind="regression" if shape.outputs == 1 else "classification")


def one(batch: Episode, task: int = 0) -> Episode:
    return Episode(*(a[task] for a in batch.arrays), kind=batch.kind)


def plain_network(graph: Graph, seed: int = 0) -> Network:
    """In float64; batch normalisation by the statistics of the batch, dropout off."""
    network = build_network(graph, seed=seed).double().eval()
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.running_mean = module.running_var = None  # type: ignore[assignment]
            module.train()
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return network


def plain_loss(network: nn.Module, weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivative
        raw = torch.func.functional_call(network, weights, (x,))
    return F.mse_loss(raw, y.to(raw.dtype)) if y.is_floating_point() else F.cross_entropy(raw, y)


def plain_steps(
    network: nn.Module,
    weights: dict[str, Tensor],
    episode: Episode,
    steps: int,
    rate: float | dict[str, Tensor],
    *,
    second_order: bool = True,
) -> dict[str, Tensor]:
    """Inner steps on one episode's support, differentiable."""
    for _ in range(steps):
        loss = plain_loss(network, weights, episode.x_support, episode.y_support)
        g = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()), create_graph=True, allow_unused=True), strict=True))
        kept = {
            name: torch.zeros_like(w) if g[name] is None else g[name] if second_order else g[name].detach() for name, w in weights.items()
        }
        weights = {name: w - (rate if isinstance(rate, float) else rate[name]) * kept[name] for name, w in weights.items()}
    return weights


def plain_maml(
    network: nn.Module,
    weights: dict[str, Tensor],
    batch: Episode,
    steps: int,
    rate: float | dict[str, Tensor],
    *,
    second_order: bool = True,
) -> Tensor:
    """Mean query loss over the tasks after the inner steps, differentiable."""
    losses = []
    for task in range(len(batch.x_support)):
        episode = one(batch, task)
        adapted = plain_steps(network, weights, episode, steps, rate, second_order=second_order)
        losses.append(plain_loss(network, adapted, episode.x_query, episode.y_query))
    return torch.stack(losses).mean()


def leaves(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: w.detach().clone().requires_grad_() for name, w in weights.items()}


def spread_out(weights: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """Weights moved at random, so that no scale is 1 and no bias 0."""
    generator = torch.Generator().manual_seed(seed)
    return {name: w + 0.2 * torch.randn(w.shape, generator=generator, dtype=w.dtype) for name, w in weights.items()}


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-10) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


def drawn_graphs() -> dict[str, Graph]:
    """Graphs of many operations: networks drawn from every space."""
    graphs = {"four-conv": tiny_four_conv(), "pooled": four_conv(PICTURES, width=4, down="max_pool"), "perceptron": perceptron()}
    rng = np.random.default_rng(3)
    shapes = {shape.data: shape for shape in SHAPES}
    wanted = {"mlp": "table", "convnet": "image", "sequence": "text", "cell": "image"}
    for name, data in wanted.items():
        space = make_space(name, shapes[data]).within(parameters=80_000)
        for i in range(3):
            graphs[f"{name}{i}"] = space.graph(space.sample(rng))
    return graphs


def outer_gradient(learner: EpisodeLearner, theta: dict[str, Tensor], batch: Episode, progress: float = 0.0) -> dict[str, Tensor]:
    """Of the mean outer loss over the tasks, as the learner computes it."""
    y = [a.to(learner.model.dtype) if a.is_floating_point() else a for a in batch.arrays]
    with torch.no_grad():
        found = learner.outcome(theta, Batch(*y), progress, 0)
    return {name: g / len(batch.x_support) for name, g in found.gradient.items()}


def plain_gradient(loss: Tensor, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    return {name: torch.zeros_like(w) if g is None else g for (name, w), g in zip(weights.items(), found, strict=True)}


def subjects() -> dict[str, tuple[Graph, Episode]]:
    """A network and episodes for each kind of task."""
    return {"pictures": (tiny_four_conv(), episodes(PICTURES)), "numbers": (perceptron(), episodes(NUMBERS))}


def learner_of(name: str, graph: Graph, batch: Episode, **settings: Any) -> EpisodeLearner:
    """In float64, with inner steps of a size at which the second order counts."""
    return make_meta_learner(name, graph, kind=batch.kind, **{"precision": "float64", "inner_rate": 0.1, "inner_steps": 3, **settings})
