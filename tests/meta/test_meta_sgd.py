import pytest
import torch
from meta_examples import (
    assert_close,
    learner_of,
    leaves,
    one,
    outer_gradient,
    plain_gradient,
    plain_maml,
    plain_network,
    spread_out,
    subjects,
)

from metanas.meta.meta_sgd import RATE

SUBJECTS = subjects()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_equal_step_sizes_are_maml(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner, maml = (learner_of(name, graph, batch, inner_steps=3) for name in ("meta-sgd", "maml"))
    theta = learner.init(0)["theta"]
    found = outer_gradient(learner, theta, batch)
    weights = {name: theta[name] for name in learner.model.names}
    assert_close({name: found[name] for name in weights}, outer_gradient(maml, weights, batch))
    assert (learner.outputs({"theta": theta}, batch) - maml.outputs({"theta": weights}, batch)).abs().max() < 1e-10


@pytest.mark.parametrize("subject", SUBJECTS)
def test_gradients_of_weights_and_sizes_are_those_of_the_unrolled_steps(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner = learner_of("meta-sgd", graph, batch, inner_steps=3)
    theta = leaves(spread_out(learner.init(0)["theta"]))
    weights, rates = ({n: theta[prefix + n] for n in learner.model.names} for prefix in ("", RATE))
    loss = plain_maml(plain_network(graph), weights, batch, 3, rates)
    assert_close(outer_gradient(learner, {n: w.detach() for n, w in theta.items()}, batch), plain_gradient(loss, theta), 1e-8)


def test_an_update_learns_the_sizes() -> None:
    graph, batch = SUBJECTS["numbers"]
    learner = learner_of("meta-sgd", graph, batch)
    state = learner.update(learner.init(0), batch)
    assert all((state["theta"][RATE + n] != 0.1).any() for n in learner.model.names)
    assert set(learner.adapt(state, one(batch))["weights"]) == set(learner.model.names)


def test_sizes_start_at_the_inner_rate() -> None:
    graph, batch = SUBJECTS["numbers"]
    theta = learner_of("meta-sgd", graph, batch, inner_rate=0.3).init(0)["theta"]
    assert all(torch.all(p == 0.3) for n, p in theta.items() if n.startswith(RATE))
