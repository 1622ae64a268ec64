"""Initial weights: what fits where, what is blended with what, and the way into the prior's file and back."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from prior_examples import described
from test_prior_file import changed, refused

from metanas.meta.initialiser import Bank, EarlierData, Initialisation, Layer, fitted_layers, layers_of, outer_step, reptile
from metanas.meta.initialiser.bank import SAME, TEMPERATURE
from metanas.meta.initialiser.channels import NOBODY, channels
from metanas.meta.initialiser.runs import source_of
from metanas.meta.prior import LearnedPrior, Provenance, load_prior, save_prior
from metanas.meta.prior.embedding import attribute_names
from metanas.networks import build_network
from metanas.networks.network import weight_name
from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import Architecture, Graph, Node, TaskShape, make_space
from metanas.tasks.data import LearningData

PICTURE, COLOUR = TaskShape("image", (1, 8, 8), 3), TaskShape("image", (3, 8, 8), 3)
SHAPES = {
    "mlp": TaskShape("table", (6,), 3, numeric=6),
    "convnet": PICTURE,
    "sequence": TaskShape("text", (12,), 2, vocabulary=30),
    "cell": PICTURE,
}


def two_convolutions(first: int = 6, second: int = 5, kernel: int = 3, shape: TaskShape = PICTURE, outputs: int = 3) -> Graph:
    nodes = (
        Node("stem", "conv", (("channels", first), ("kernel", kernel)), ("input",)),
        Node("bend", "activation", (("kind", "relu"),), ("stem",)),
        Node("second", "conv", (("channels", second), ("kernel", kernel)), ("bend",)),
        Node("norm", "batch_norm", (), ("second",)),
        Node("pool", "global_pool", (("kind", "avg"),), ("norm",)),
        Node("head", "dense", (("units", outputs),), ("pool",)),
    )
    return Graph(replace(shape, outputs=outputs), nodes)


def state_of(graph: Graph, seed: int = 1) -> dict[str, torch.Tensor]:
    """As if trained: every number is its own."""
    generator = torch.Generator().manual_seed(seed)
    state = build_network(graph, seed=seed).state_dict()
    return {n: v + 0.1 * torch.rand(v.shape, generator=generator) if v.is_floating_point() else v for n, v in state.items()}


def embedding(*numbers: float) -> np.ndarray:
    return np.array(numbers or (0.0, 0.0), np.float64)


def entry(graph: Graph, seed: int, at: np.ndarray, origin: str = "o", source: str = "") -> Initialisation:
    return Initialisation(f"task{seed}", (source or f"task{seed}",), origin, graph.shape.data, at, layers_of(graph, state_of(graph, seed)))


FAR = embedding(1.0, 1.0)
"""From the entries at 0, beyond what may be the same data."""


# -- matching --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_names_and_shapes_are_those_of_the_network(name):
    """From any architecture of a space into any other."""
    space, rng = make_space(name, SHAPES[name]), np.random.default_rng(0)
    graphs = [space.graph(a) for a in (space.baseline, *(space.sample(rng) for _ in range(7)))]
    counts = []
    for one, other in pairwise(graphs):
        fresh = build_network(other, seed=0).state_dict()
        found = fitted_layers(other, layers_of(one, state_of(one)), fresh)
        assert all(found[n].shape == fresh[n].shape and bool(found[n].isfinite().all()) for n in found)
        assert not any(n.startswith(f"nodes.{other.nodes[-1].name}.") or n.startswith("input_") for n in found)
        counts.append(len(found))
    assert any(counts)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_network_of_the_same_architecture_gets_the_weights_as_they_are(name):
    space, rng = make_space(name, SHAPES[name]), np.random.default_rng(1)
    for _ in range(3):
        graph = space.graph(space.sample(rng))
        state = state_of(graph)
        found = fitted_layers(graph, layers_of(graph, state), build_network(graph, seed=0).state_dict())
        makers = {node.name: {maker for name in node.inputs for maker, _ in channels(graph)[name]} for node in graph.nodes}
        for node in graph.nodes:
            own = {n: v for n, v in found.items() if n.startswith(f"nodes.{weight_name(node.name)}.")}
            assert NOBODY in makers[node.name] or all(torch.equal(value, state[n]) for n, value in own.items())


def test_beside_channels_of_the_task_itself_the_others_are_known():
    """A layer that reads the columns, too."""
    nodes = (
        Node("first", "dense", (("units", 4),), ("input",)),
        Node("join", "concat", (), ("input", "first")),
        Node("second", "dense", (("units", 5),), ("join",)),
        Node("head", "dense", (("units", 3),), ("second",)),
    )
    graph = Graph(SHAPES["mlp"], nodes)
    state, fresh = state_of(graph), build_network(graph, seed=0).state_dict()
    found = fitted_layers(graph, layers_of(graph, state), fresh)
    name = "nodes.second.dense.weight"
    assert torch.equal(found[name], torch.cat([fresh[name][:, :6], state[name][:, 6:]], 1))
    assert set(found) == {name, "nodes.second.dense.bias"}


def known_channels(graph: Graph, weights: dict[str, torch.Tensor], node: str, x: torch.Tensor) -> torch.Tensor:
    network = build_network(graph, seed=3)
    network.load_state_dict({**network.state_dict(), **weights})
    seen = []
    network.eval()
    step = next(s for s in network.steps if s.name == node)
    step.module.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    network(x)
    return seen[0]


@pytest.mark.parametrize("sizes", [(9, 7, 3), (6, 5, 5), (9, 7, 5)])
def test_in_a_wider_network_with_larger_kernels_the_known_channels_compute_what_they_did(sizes):
    small, large = two_convolutions(), two_convolutions(*sizes)
    state = state_of(small)
    found = fitted_layers(large, layers_of(small, state), build_network(large, seed=0).state_dict())
    x = torch.rand(4, 1, 8, 8)
    body = {n: v for n, v in state.items() if "head" not in n and "input" not in n}
    before, after = known_channels(small, body, "second", x), known_channels(large, found, "second", x)
    torch.testing.assert_close(after[:, :5], before)


def test_a_narrower_one_takes_the_first_channels_with_sums_of_the_same_size():
    large, small = two_convolutions(8, 6), two_convolutions(2, 3)
    state = state_of(large)
    found = fitted_layers(small, layers_of(large, state), build_network(small, seed=0).state_dict())
    torch.testing.assert_close(found["nodes.stem.conv.weight"], state["nodes.stem.conv.weight"][:2])
    torch.testing.assert_close(found["nodes.second.conv.weight"], state["nodes.second.conv.weight"][:3, :2] * 2.0)
    torch.testing.assert_close(found["nodes.norm.batch_norm.running_var"], state["nodes.norm.batch_norm.running_var"][:3])


def test_channels_side_by_side_are_matched_by_who_made_them():
    def joined(*order: str) -> Graph:
        ends = tuple(Node(n, "dense", (("units", 4),), ("first",)) for n in ("a", "b"))
        first = Node("first", "dense", (("units", 3),), ("input",))
        meet = (Node("join", "concat", (), order), Node("last", "dense", (("units", 2),), ("join",)))
        return Graph(SHAPES["mlp"], (first, *ends, *meet, Node("head", "dense", (("units", 3),), ("last",))))

    one, other = joined("a", "b"), joined("b", "a")
    state = state_of(one)
    found = fitted_layers(other, layers_of(one, state), build_network(other, seed=0).state_dict())
    whole = state["nodes.last.dense.weight"]
    assert torch.equal(found["nodes.last.dense.weight"], torch.cat([whole[:, 4:], whole[:, :4]], 1))


def test_what_belongs_to_the_task_stays_fresh():
    """Columns of tables, words, the head; grey pictures are no colour pictures."""
    table, text = (make_space(n, SHAPES[n]) for n in ("mlp", "sequence"))
    kept = layers_of(table.graph(table.baseline), state_of(table.graph(table.baseline)))
    assert sorted(kept) == ["layer2.dense/dense/bias", "layer2.dense/dense/weight"]
    assert not any("embedding" in key for key in layers_of(text.graph(text.baseline), state_of(text.graph(text.baseline))))
    grey, colour = two_convolutions(), two_convolutions(shape=COLOUR)
    layers = layers_of(grey, state_of(grey))
    assert "nodes.stem.conv.weight" in fitted_layers(grey, layers, build_network(grey, seed=0).state_dict())
    found = fitted_layers(colour, layers, build_network(colour, seed=0).state_dict())
    assert "nodes.stem.conv.weight" not in found
    assert "nodes.second.conv.weight" in found


# -- blending --------------------------------------------------------------------------------------------------------------


def test_one_entry_is_given_back():
    graph = two_convolutions()
    start = Bank((entry(graph, 4, embedding()),)).start(graph, FAR)
    assert start is not None
    state = state_of(graph, 4)
    assert all(torch.equal(value, state[n]) for n, value in start.weights.items())
    assert set(start.weights) == {n for n in state if "head" not in n and not n.startswith("input_")}


def test_a_blend_is_the_sum_weighted_by_the_distances():
    graph, at = two_convolutions(), (embedding(0.0, 0.0), embedding(0.9, 0.3))
    bank, asked = Bank(tuple(entry(graph, i, e) for i, e in enumerate(at))), embedding(0.5, 0.6)
    far = [math.sqrt(sum((a - b) ** 2 for a, b in zip(e, asked, strict=True)) / 2) for e in at]
    share = 1 / (1 + math.exp((far[0] - far[1]) / TEMPERATURE))
    start = bank.start(graph, asked)
    assert start is not None
    name = "nodes.second.conv.weight"
    expected = share * state_of(graph, 0)[name] + (1 - share) * state_of(graph, 1)[name]
    torch.testing.assert_close(start.weights[name], expected)


def test_weights_of_different_starts_are_not_mixed():
    graph = two_convolutions()
    bank = Bank((entry(graph, 0, embedding(0.5, 0.5), "a"), entry(graph, 1, embedding(0.4, 0.4), "b"), entry(graph, 2, embedding(), "b")))
    start = bank.start(graph, FAR)
    assert start is not None
    assert (start.origin, start.names) == ("a", ("task0",))


def test_nothing_is_taken_from_the_same_data_nor_from_another_kind_nor_where_nothing_fits():
    graph, near = two_convolutions(), embedding(SAME / 2, SAME / 2)
    assert Bank((entry(graph, 0, embedding()),)).start(graph, near) is None
    assert Bank((entry(graph, 0, embedding(), source="same"),)).start(graph, FAR, "same") is None
    assert Bank((replace(entry(graph, 0, embedding()), data="sound"),)).start(graph, FAR) is None
    assert Bank().start(graph, FAR) is None
    renamed = Graph(
        graph.shape,
        tuple(replace(n, name=f"x{n.name}", inputs=tuple(f"x{i}" if i != "input" else i for i in n.inputs)) for n in graph.nodes),
    )
    assert Bank((entry(graph, 0, embedding()),)).start(renamed, FAR) is None


def test_a_bank_that_is_too_large_merges_what_is_alike_and_then_forgets_the_oldest():
    graph = two_convolutions()
    entries = [entry(graph, i, embedding(float(i), 0.0), origin="xy"[i == 3]) for i in range(4)]
    each = entries[0].numbers
    merged = Bank(tuple(entries)).within(3 * each)
    assert [e.sources for e in merged.entries] == [("task0", "task1"), ("task2",), ("task3",)]
    key = "second/conv/weight"
    torch.testing.assert_close(merged.entries[0].layers[key].value, (entries[0].layers[key].value + entries[1].layers[key].value) / 2)
    assert [e.sources for e in Bank(tuple(entries)).within(each).entries] == [("task3",)]
    assert Bank(tuple(entries)).within(4 * each).entries == tuple(entries)


# -- Reptile -----------------------------------------------------------------------------------------------------------------


def test_the_outer_step():
    one, other = (layers_of(two_convolutions(), state_of(two_convolutions(), seed)) for seed in (1, 2))
    key = "second/conv/weight"
    assert all(torch.equal(layer.value, other[k].value) for k, layer in outer_step(one, other, 1.0).items())
    torch.testing.assert_close(outer_step(one, other, 0.0)[key].value, one[key].value)
    torch.testing.assert_close(outer_step(one, other, 0.25)[key].value, 0.75 * one[key].value + 0.25 * other[key].value)
    assert outer_step({}, other, 0.3) == dict(other)
    wider = layers_of(two_convolutions(9), state_of(two_convolutions(9)))
    assert outer_step(one, wider, 0.3)[key] is wider[key]


def bars(number: int) -> EarlierData:
    """Pictures with a bright row, column or neither."""
    rng = np.random.default_rng(number)
    y = rng.integers(0, 3, 90)
    x = rng.integers(0, 80, (90, 1, 8, 8))
    x[y == 1, :, number % 8] += 120
    x[y == 2, :, :, number % 8] += 120
    one, none = np.ones(1, np.float32), np.zeros(3, np.float32)
    x = x.astype(np.uint8)
    data = LearningData(PICTURE, "classification", "accuracy", x[:60], y[:60], x[60:], y[60:], 60 * one, 60 * one, none, none + 1)
    proposal = Proposal(0, Architecture("test", ()), Fidelity(2))
    candidate = Candidate(proposal, two_convolutions(), {"learning_rate": 0.01}, 0)
    return EarlierData(f"bars{number}", f"bars{number}", embedding(float(number), 0.0), data, candidate)


def test_reptile_gives_an_entry_per_task_from_one_start_and_the_same_again():
    tasks = [bars(0), bars(1)]
    one, again = (reptile(tasks, rounds=2, epochs=1, origin="o", seed=3) for _ in range(2))
    assert [(e.name, e.origin, e.data) for e in one.entries] == [("bars0", "o", "image"), ("bars1", "o", "image")]
    for first, second in zip(one.entries, again.entries, strict=True):
        assert all(torch.equal(layer.value, second.layers[key].value) for key, layer in first.layers.items())
    key = "second/conv/weight"
    apart, size = (one.entries[0].layers[key].value - one.entries[1].layers[key].value).norm(), one.entries[0].layers[key].value.norm()
    assert 0 < apart < size  # fresh ones of two seeds are 1.4 times their size apart


# -- the file ----------------------------------------------------------------------------------------------------------------


def with_bank(*entries: Initialisation) -> LearnedPrior:
    prior = LearnedPrior({}, attribute_names(), Provenance("", "test"))
    prior.bank = Bank(entries)
    return prior


@pytest.fixture
def path(tmp_path):
    somewhere = np.full(len(attribute_names()), 0.7)
    save_prior(tmp_path / "prior", with_bank(entry(two_convolutions(), 5, somewhere, source="old, image, classification, 3")))
    return tmp_path / "prior"


def test_the_file_gives_the_weights_back_in_half_precision(path):
    weights = load_prior(path).initial_weights(two_convolutions(), described(1, PICTURE))
    assert weights is not None
    state = state_of(two_convolutions(), 5)
    assert all(torch.equal(value, state[n].half().float()) for n, value in weights.items())
    assert path.stat().st_size < 2 * sum(v.numel() for v in weights.values()) + 8000
    assert source_of(described(1, PICTURE)) == "task1, image, classification, 3"


def test_a_prior_without_a_bank_has_no_weights(path):
    found = load_prior(changed(path, lambda record: record.pop("bank")))
    assert found.initial_weights(two_convolutions(), described(1, PICTURE)) is None


def broken(change):
    def do(record):
        change(record["bank"]["entries"][0])

    return do


DAMAGE = {
    "no entries": lambda record: record["bank"].pop("entries"),
    "no embeddings": lambda record: record["bank"].pop("embeddings"),
    "embeddings of another length": lambda record: record["bank"].update(embeddings=np.zeros((1, 3))),
    "embeddings that are no numbers": lambda record: record["bank"]["embeddings"].fill(np.nan),
    "one embedding too few": lambda record: record["bank"].update(embeddings=record["bank"]["embeddings"][:0]),
    "a name that is none": broken(lambda e: e.update(name=3)),
    "no layers": broken(lambda e: e.pop("layers")),
    "weights that are no numbers": broken(lambda e: e["layers"]["second/conv/weight"]["value"].fill(np.inf)),
    "weights that are no array": broken(lambda e: e["layers"]["second/conv/weight"].update(value=[1.0])),
    "weights of another kind": broken(lambda e: e["layers"]["second/conv/weight"].update(value=np.zeros((5, 6, 3, 3)))),
    "parts of another width": broken(lambda e: e["layers"]["second/conv/weight"].update(parts=[["stem", 77]])),
    "parts that are none": broken(lambda e: e["layers"]["second/conv/weight"].update(parts=[["stem"]])),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_bank_is_refused_in_one_sentence(path, what):
    assert "is damaged; make it again" in refused(changed(path, DAMAGE[what]))


def test_layers_that_fit_nowhere_are_passed_over():
    """Someone else's bank may hold anything under a name: other numbers of axes, other sizes."""
    graph = two_convolutions()
    strange = {"second/conv/weight": Layer(torch.ones(4)), "stem/conv/weight": Layer(torch.ones(1, 1, 1, 1), (("image1", 1),))}
    found = fitted_layers(graph, strange, build_network(graph, seed=0).state_dict())
    assert set(found) == {"nodes.stem.conv.weight"}
    assert found["nodes.stem.conv.weight"].shape == (6, 1, 3, 3)
