import pytest
import torch
from meta_examples import assert_close, learner_of, leaves, one, plain_loss, plain_network, plain_steps, subjects

from metanas.meta import Episode
from metanas.meta.learner import Batch
from metanas.meta.reptile import drawn

SUBJECTS = subjects()


def pooled(batch: Episode) -> Episode:
    """All examples of each task as its support."""
    x, y = torch.cat([batch.x_support, batch.x_query], 1), torch.cat([batch.y_support, batch.y_query], 1)
    return Episode(x, y, x, y, kind=batch.kind)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_one_inner_step_is_plain_training(subject: str) -> None:
    """Steps of gradient descent on the mean loss of all tasks, at the product of both rates."""
    graph, batch = SUBJECTS[subject]
    learner = learner_of("reptile", graph, batch, inner_steps=1, inner_batch=0, outer_rate=0.5, outer_end=1.0)
    state = learner.init(0)
    weights, network, tasks = leaves(state["theta"]), plain_network(graph), pooled(batch)
    optimiser = torch.optim.SGD(list(weights.values()), lr=0.1 * 0.5)
    for _ in range(3):
        optimiser.zero_grad()
        losses = [plain_loss(network, weights, *one(tasks, t).arrays[:2]) for t in range(len(tasks.x_support))]
        torch.stack(losses).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        state = learner.update(state, batch)
    assert_close(state["theta"], {n: w.detach() for n, w in weights.items()}, 1e-8)


def test_more_steps_lead_towards_the_mean_of_the_adapted_weights() -> None:
    graph, batch = SUBJECTS["pictures"]
    learner = learner_of("reptile", graph, batch, inner_batch=0, outer_rate=0.25)
    state, network, tasks = learner.init(0), plain_network(graph), pooled(batch)
    start = leaves(state["theta"])
    ends = [plain_steps(network, start, one(tasks, t), 3, 0.1) for t in range(len(tasks.x_support))]
    expected = {n: (w + 0.25 * (torch.stack([end[n] for end in ends]).mean(0) - w)).detach() for n, w in start.items()}
    assert_close(learner.update(state, batch)["theta"], expected, 1e-8)


def test_inner_batches_are_drawn_anew_for_every_step() -> None:
    """Distinct examples in a batch; other ones in other steps, tasks and updates; the same for the same."""
    graph, _ = SUBJECTS["numbers"]
    numbered = torch.arange(15.0).view(1, 15, 1).expand(2, -1, 1)
    learner = learner_of("reptile", graph, SUBJECTS["numbers"][1], inner_batch=4, inner_steps=3)
    batch = Batch(numbered[:, :6], numbered[:, :6], numbered[:, 6:], numbered[:, 6:])
    steps = [[support.y.squeeze(2) for support in drawn(learner.model, learner.settings, batch, draw)] for draw in (0, 0, 2)]
    assert all(len(set(row.tolist())) == 4 for step in steps[0] for row in step)
    assert all(torch.equal(a, b) for a, b in zip(steps[0], steps[1], strict=True))
    rows = [tuple(row.tolist()) for run in (steps[0], steps[2]) for step in run for row in step]
    assert len(set(rows)) == len(rows)
