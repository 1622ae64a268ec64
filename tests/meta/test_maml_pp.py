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
    spread_out,
    subjects,
)
from torch import Tensor

from metanas.meta import Episode
from metanas.meta.maml_pp import RATE

SUBJECTS = subjects()
BARE = {"multi_step": 0.0, "first_order": 0.0, "step_norms": False}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_is_maml_without_its_additions(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner, maml = learner_of("maml++", graph, batch, **BARE), learner_of("maml", graph, batch)
    theta = learner.init(0)["theta"]
    found = outer_gradient(learner, theta, batch)
    weights = {name: theta[name] for name in learner.model.names}
    assert_close({name: found[name] for name in weights}, outer_gradient(maml, weights, batch))
    assert (learner.outputs({"theta": theta}, batch) - maml.outputs({"theta": weights}, batch)).abs().max() < 1e-10


def plain_plus(graph_network: torch.nn.Module, theta: dict[str, Tensor], norms: set[str], episode: Episode, counts: list[float]) -> Tensor:
    """The multi-step loss of one task, written out."""
    weights = {n: w for n, w in theta.items() if n not in norms and not n.startswith(RATE)}
    total = torch.zeros((), dtype=torch.float64)
    for k, count in enumerate(counts):
        own = {n: theta[n][k] for n in norms}
        loss = plain_loss(graph_network, {**weights, **own}, episode.x_support, episode.y_support)
        found = torch.autograd.grad(loss, list(weights.values()), create_graph=True, allow_unused=True)
        weights = {n: w if g is None else w - theta[RATE + n][k] * g for (n, w), g in zip(weights.items(), found, strict=True)}
        own = {n: theta[n][k + 1] for n in norms}
        total = total + count * plain_loss(graph_network, {**weights, **own}, episode.x_query, episode.y_query)
    return total


@pytest.mark.parametrize(("progress", "counts"), [(0.0, [1 / 3, 1 / 3, 1 / 3]), (0.2, [1 / 6, 1 / 6, 2 / 3]), (0.7, [0, 0, 1])])
@pytest.mark.parametrize("step_norms", [True, False])
def test_gradients_of_everything_learned_are_those_of_the_unrolled_steps(progress: float, counts: list[float], step_norms: bool) -> None:
    graph, batch = SUBJECTS["pictures"]
    learner = learner_of("maml++", graph, batch, multi_step=0.4, step_norms=step_norms)
    theta = leaves(spread_out(learner.init(0)["theta"]))
    norms = set(learner.model.norm_names) if step_norms else set()
    network = plain_network(graph)
    loss = torch.stack([plain_plus(network, theta, norms, one(batch, t), counts) for t in range(len(batch.x_support))]).mean()
    found = outer_gradient(learner, {n: w.detach() for n, w in theta.items()}, batch, progress)
    assert_close(found, plain_gradient(loss, theta), 1e-8)


def test_second_derivatives_come_with_time() -> None:
    graph, batch = SUBJECTS["numbers"]
    learner, first, second = (
        learner_of("maml++", graph, batch, **{**BARE, "first_order": 0.5}),
        learner_of("fomaml", graph, batch),
        learner_of("maml", graph, batch),
    )
    theta = learner.init(0)["theta"]
    weights = {name: theta[name] for name in learner.model.names}
    for progress, same in ((0.2, first), (0.5, second)):
        found = outer_gradient(learner, theta, batch, progress)
        assert_close({name: found[name] for name in weights}, outer_gradient(same, weights, batch))


def test_sizes_belong_to_steps_and_weights() -> None:
    graph, batch = SUBJECTS["pictures"]
    learner = learner_of("maml++", graph, batch, inner_steps=3)
    theta = learner.init(0)["theta"]
    norms = set(learner.model.norm_names)
    assert len(norms) == 8
    for name in learner.model.names:
        assert (RATE + name in theta) == (name not in norms)
        assert name in norms or theta[RATE + name].shape == (3,)
        assert name not in norms or len(theta[name]) == 4


def test_more_steps_than_learned_repeat_the_last() -> None:
    graph, batch = SUBJECTS["pictures"]
    two, four = (learner_of("maml++", graph, batch, inner_steps=2, test_steps=steps) for steps in (None, 4))
    state = two.update(two.init(0), batch)
    assert two.outputs(state, batch).shape == four.outputs(state, batch).shape
    assert not torch.equal(two.outputs(state, batch), four.outputs(state, batch))
