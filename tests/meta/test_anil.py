import pytest
import torch
from meta_examples import (
    assert_close,
    learner_of,
    leaves,
    one,
    outer_gradient,
    plain_gradient,
    plain_loss,
    plain_network,
    plain_steps,
    spread_out,
    subjects,
)

SUBJECTS = subjects()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_only_the_head_adapts(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner = learner_of("anil", graph, batch)
    state = learner.init(0)
    adapted = learner.adapt(state, one(batch))["weights"]
    moved = {name for name, w in adapted.items() if not torch.equal(w, state["theta"][name])}
    assert moved == set(learner.model.head_names) == {"nodes.head.dense.weight", "nodes.head.dense.bias"}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_outer_gradient_passes_through_the_heads_steps(subject: str) -> None:
    """MAML whose inner steps have the size 0 for all weights but the head's."""
    graph, batch = SUBJECTS[subject]
    learner, network = learner_of("anil", graph, batch), plain_network(graph)
    theta = leaves(spread_out(learner.init(0)["theta"]))
    rates = {n: torch.tensor(0.1 if n in learner.model.head_names else 0.0, dtype=torch.float64) for n in theta}
    losses = []
    for task in range(len(batch.x_support)):
        episode = one(batch, task)
        losses.append(plain_loss(network, plain_steps(network, theta, episode, 3, rates), episode.x_query, episode.y_query))
    expected = plain_gradient(torch.stack(losses).mean(), theta)
    assert_close(outer_gradient(learner, {n: w.detach() for n, w in theta.items()}, batch), expected, 1e-8)
