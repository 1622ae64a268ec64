import pytest
import torch
import torch.nn.functional as F
from meta_examples import (
    NUMBERS,
    PICTURES,
    assert_close,
    episodes,
    learner_of,
    leaves,
    one,
    outer_gradient,
    perceptron,
    plain_gradient,
    plain_maml,
    plain_network,
    plain_steps,
    spread_out,
    subjects,
    tiny_four_conv,
)
from torch.func import functional_call, grad, vmap

SUBJECTS = subjects()


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_outer_gradient_is_that_of_the_unrolled_steps(subject: str, steps: int) -> None:
    graph, batch = SUBJECTS[subject]
    learner = learner_of("maml", graph, batch, inner_steps=steps)
    theta = leaves(spread_out(learner.init(0)["theta"]))
    loss = plain_maml(plain_network(graph), theta, batch, steps, 0.1)
    assert_close(outer_gradient(learner, {n: w.detach() for n, w in theta.items()}, batch), plain_gradient(loss, theta), 1e-8)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_outer_gradient_is_that_of_finite_differences(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner = learner_of("maml", graph, batch)
    theta = spread_out(learner.init(0)["theta"])
    direction = spread_out({name: torch.zeros_like(w) for name, w in theta.items()}, seed=7)
    size = 1e-6  # so small that hardly a rectifier switches
    up, down = (learner.evaluate({"theta": {n: w + s * direction[n] for n, w in theta.items()}}, batch)["loss"] for s in (size, -size))
    slope = (up - down).mean() / (2 * size)
    found = sum((g * direction[n]).sum() for n, g in outer_gradient(learner, theta, batch).items())
    torch.testing.assert_close(found, slope, rtol=1e-5, atol=1e-8)


def test_the_outer_gradient_is_that_of_higher() -> None:
    higher = pytest.importorskip("higher", reason="compares with the package `higher` where it is installed")
    graph, batch = tiny_four_conv(), episodes(PICTURES)
    learner = learner_of("maml", graph, batch)
    theta = spread_out(learner.init(0)["theta"])
    network = plain_network(graph)
    network.load_state_dict(theta, strict=False)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for task in range(len(batch.x_support)):
        episode = one(batch, task)
        with higher.innerloop_ctx(network, optimiser, copy_initial_weights=False) as (inner, step):
            for _ in range(3):
                step.step(F.cross_entropy(inner(episode.x_support), episode.y_support))
            (F.cross_entropy(inner(episode.x_query), episode.y_query) / len(batch.x_support)).backward()
    assert_close(outer_gradient(learner, theta, batch), {n: p.grad for n, p in network.named_parameters() if p.grad is not None}, 1e-8)


def test_the_outer_gradient_is_that_of_vmap() -> None:
    """All tasks at once by PyTorch's own means."""
    graph, batch = perceptron(), episodes(NUMBERS)
    learner, network = learner_of("maml", graph, batch), plain_network(graph)
    theta = spread_out(learner.init(0)["theta"])

    def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(functional_call(network, weights, (x,)), y.double())

    def outer(weights: dict[str, torch.Tensor], *task: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            weights = {n: weights[n] - 0.1 * g for n, g in grad(loss)(weights, *task[:2]).items()}
        return loss(weights, *task[2:])

    found = vmap(grad(outer), in_dims=(None, 0, 0, 0, 0))(theta, *batch.arrays)
    assert_close(outer_gradient(learner, theta, batch), {n: g.mean(0) for n, g in found.items()})


@pytest.mark.parametrize("steps", [0, 2, 4])
def test_adapting_is_gradient_descent_on_the_support(steps: int) -> None:
    graph, batch = SUBJECTS["pictures"]
    learner = learner_of("maml", graph, batch, test_steps=steps)
    state = learner.init(0)
    episode = one(batch)
    expected = plain_steps(plain_network(graph), leaves(state["theta"]), episode, steps, 0.1)
    assert_close(learner.adapt(state, episode)["weights"], {n: w.detach() for n, w in expected.items()})


def test_an_outer_step_is_one_of_adam() -> None:
    graph, batch = SUBJECTS["numbers"]
    learner = learner_of("maml", graph, batch, outer_rate=0.01, outer_end=1.0)
    state = learner.init(0)
    weights = leaves(state["theta"])
    optimiser = torch.optim.Adam(list(weights.values()), lr=0.01)
    for _ in range(3):
        optimiser.zero_grad()
        plain_maml(plain_network(graph), weights, batch, 3, 0.1).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        state = learner.update(state, batch)
    assert_close(state["theta"], {n: w.detach() for n, w in weights.items()}, 1e-7)
