from dataclasses import replace

import pytest
import torch
from meta_examples import PICTURES, assert_close, drawn_graphs, episodes, leaves, one, plain_loss, plain_network, spread_out, tiny_four_conv

from metanas.meta.loss import loss_of
from metanas.meta.together import GraphModel

GRAPHS = drawn_graphs()


@pytest.mark.parametrize("name", GRAPHS)
def test_outputs_gradient_and_curvature_are_those_of_the_plain_network(name: str) -> None:
    graph = GRAPHS[name]
    model, network = GraphModel(graph, dtype=torch.float64), plain_network(graph)
    batch = episodes(graph.shape, tasks=2)
    loss = loss_of(batch.kind)
    weights = [spread_out(model.init(0), seed) for seed in (1, 2)]
    stacked = {n: torch.cat([model.spread(w, 1)[n] for w in weights]) for n in model.names}
    ran = model.run(stacked, model.inputs(batch.x_support), twice=True)
    y = batch.y_support.double() if batch.kind == "regression" else batch.y_support
    gradient = model.gather(ran.gradient(loss.gradient(ran.outputs, y)))
    direction = spread_out({n: torch.zeros_like(w) for n, w in stacked.items()})
    curved = {n: torch.zeros_like(w) for n, w in stacked.items()}
    change = ran.tangent(direction)
    ran.add_curvature(loss.curvature(ran.outputs, change), curved, 1.0)
    along, curved = model.gather(direction), model.gather(curved)
    for task, own in enumerate(weights):
        free, episode = leaves(own), one(batch, task)
        torch.testing.assert_close(ran.outputs[task], torch.func.functional_call(network, free, (episode.x_support,)))
        value = plain_loss(network, free, episode.x_support, episode.y_support)
        torch.testing.assert_close(loss.values(ran.outputs, y)[task], value)
        g = torch.autograd.grad(value, list(free.values()), create_graph=True, allow_unused=True)
        found = {n: torch.zeros_like(free[n]) if part is None else part for n, part in zip(free, g, strict=True)}
        assert_close({n: part[task] for n, part in gradient.items()}, {n: part.detach() for n, part in found.items()})
        product = sum((part * along[n][task]).sum() for n, part in found.items())
        second = torch.autograd.grad(product, list(free.values()), allow_unused=True)
        expected = {n: torch.zeros_like(free[n]) if part is None else part for n, part in zip(free, second, strict=True)}
        assert_close({n: part[task] for n, part in curved.items()}, expected, 1e-8)


def test_gathering_undoes_spreading() -> None:
    model = GraphModel(tiny_four_conv())
    weights = model.init(0)
    spread = model.spread(weights, 3)
    assert all(w.shape[0] == 3 and w.is_contiguous() for w in spread.values())
    for task in range(3):
        assert_close({n: w[task] for n, w in model.gather(spread).items()}, weights, 0)


def test_body_and_head_make_the_whole() -> None:
    model = GraphModel(tiny_four_conv(), dtype=torch.float64)
    batch, weights = episodes(PICTURES), model.spread(spread_out(model.init(0)), 3)
    inputs = model.inputs(batch.x_support)
    whole = model.run(weights, inputs)
    body = model.run(weights, inputs, part="body")
    head = model.run(weights, replace(inputs, values=body.values, constant=False, memo={}), part="head")
    torch.testing.assert_close(head.outputs, whole.outputs)
    g = torch.ones_like(whole.outputs)
    gradient = head.gradient(g)
    assert_close({**gradient, **body.gradient(head.inputs_gradient)}, whole.gradient(g))
    assert set(model.head_names) == set(gradient)


def test_what_stays_as_it_is_has_no_direction() -> None:
    """Directions in some weights only: the others count as not moving."""
    model = GraphModel(tiny_four_conv(), dtype=torch.float64)
    batch, weights = episodes(PICTURES), model.spread(spread_out(model.init(0)), 3)
    loss = loss_of("classification")
    ran = model.run(weights, model.inputs(batch.x_support), twice=True)
    ran.gradient(loss.gradient(ran.outputs, batch.y_support))
    for part in (model.norm_names, model.head_names, [n for n in model.names if n not in model.norm_names]):
        direction = spread_out({n: torch.zeros_like(weights[n]) for n in part})
        zeros = {n: torch.zeros_like(w) for n, w in weights.items() if n not in direction}
        changes = []
        for given in (direction, {**zeros, **direction}):
            into = {n: torch.zeros_like(w) for n, w in weights.items()}
            ran.add_curvature(loss.curvature(ran.outputs, ran.tangent(given)), into, 2.0)
            changes.append(into)
        assert_close(changes[0], changes[1])
