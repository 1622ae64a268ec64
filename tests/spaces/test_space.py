"""Laws of the spaces, over hundreds of random architectures of every built-in space and kind of data."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.spaces import Architecture, Decision, Draft, Graph, Node, Space, TaskShape, make_space, spaces
from metanas.spaces.graph import prune
from metanas.testing import SHAPES

SPACES = [(name, shape) for shape in SHAPES for name in spaces(shape.data)]
every_space = pytest.mark.parametrize(("name", "shape"), SPACES, ids=[f"{n}-{s.data}{len(s.input)}" for n, s in SPACES])
seeds = st.integers(0, 2**32 - 1)


@every_space
@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_sampled_architectures_are_valid_and_survive_json(name: str, shape: TaskShape, seed: int) -> None:
    space = make_space(name, shape)
    architecture = space.sample(np.random.default_rng(seed))
    space.validate(architecture)
    again = Architecture.from_json(json.loads(json.dumps(architecture.to_json())))
    assert again == architecture
    assert again.key == architecture.key
    graph = space.graph(architecture)
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph
    assert graph.shapes[graph.nodes[-1].name] == (shape.outputs,)


@every_space
@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_every_mutation_and_crossover_is_valid(name: str, shape: TaskShape, seed: int) -> None:
    space, rng = make_space(name, shape), np.random.default_rng(seed)
    first, second = space.sample(rng), space.sample(rng)
    mutant = space.mutate(first, rng)
    space.validate(mutant)
    assert mutant != first
    child = space.crossover(first, second, rng)
    space.validate(child)
    for decision, option in child.choices:
        donors = [parent.as_dict[decision] for parent in (first, second) if decision in parent.as_dict]
        assert not donors or option in donors


@every_space
def test_neighbours_differ_in_one_choice_and_edits_lead_to_them(name: str, shape: TaskShape) -> None:
    space = make_space(name, shape)
    neighbours = list(space.neighbours(space.baseline))
    assert len({n.key for n in neighbours}) == len(neighbours) == len(space.edits(space.baseline))
    for neighbour in neighbours:
        space.validate(neighbour)
        shared = set(neighbour.as_dict) & set(space.baseline.as_dict)
        assert sum(neighbour[d] != space.baseline[d] for d in shared) == 1


@every_space
@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_encoding_tells_architectures_apart_and_stays_in_the_unit_cube(name: str, shape: TaskShape, seed: int) -> None:
    space, rng = make_space(name, shape), np.random.default_rng(seed)
    first = space.sample(rng)
    second = space.mutate(first, rng)
    vectors = [space.encode(a) for a in (first, second)]
    assert all(v.shape == (len(space.encoding_names),) and v.min() >= 0 and v.max() <= 1 for v in vectors)
    assert not np.array_equal(*vectors)


@every_space
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_nothing_above_a_limit_leaves_a_narrowed_space(name: str, shape: TaskShape, seed: int) -> None:
    space, rng = make_space(name, shape), np.random.default_rng(seed)
    limit = int(0.8 * space.graph(space.baseline).parameters)
    narrow = space.within(parameters=limit)
    first = narrow.sample(rng)
    for architecture in (narrow.baseline, first, narrow.mutate(first, rng), narrow.crossover(first, narrow.baseline, rng)):
        narrow.validate(architecture)
        assert narrow.graph(architecture).parameters <= limit


@every_space
def test_a_limit_that_nothing_fits_is_refused_with_the_smallest_size(name: str, shape: TaskShape) -> None:
    with pytest.raises(InputError, match=r"keeps the limit of 3 parameters \(the smallest network found has [\d,]+\)"):
        make_space(name, shape).within(parameters=3)


def toy(depths: tuple[int, ...], widths: tuple[int, ...]) -> Space:
    draft = Draft()
    depth = draft.decide("depth", depths, ordered=True)
    x = "input"
    for layer in depths:
        here = depth.at_least(layer)
        width = draft.decide(f"width{layer}", widths, ordered=True, when=here)
        kind = draft.decide(f"kind{layer}", ("relu", "tanh"), when=here)
        x = draft.node(f"dense{layer}", "dense", [x], here, units=width)
        x = draft.node(f"activation{layer}", "activation", [x], here, kind=kind)
    draft.node("head", "dense", [x], units=2)
    return draft.space("toy", TaskShape("table", (3,), 2, numeric=3), {})


@settings(max_examples=25, deadline=None)
@given(depth=st.integers(1, 3), widths=st.integers(1, 4))
def test_count_equals_what_enumeration_finds(depth: int, widths: int) -> None:
    space = toy(tuple(range(1, depth + 1)), tuple(range(4, 4 + widths)))
    found = [a.key for a in space.enumerate(most=10_000)]
    assert len(set(found)) == len(found) == space.count() == sum((2 * widths) ** d for d in range(1, depth + 1))


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_sampling_is_uniform_over_each_active_choice(seed: int) -> None:
    # False alarms: a binomial of 400 draws at p = 1/2 strays by more than 100 with a probability below 1e-22.
    space, rng = toy((1, 2), (4, 8)), np.random.default_rng(seed)
    deep = sum(space.sample(rng)["depth"] == 2 for _ in range(400))
    assert 100 < deep < 300


def test_keys_are_stable_across_processes() -> None:
    code = (
        "import numpy as np; from metanas.spaces import make_space; from metanas.testing import SHAPES\n"
        "s = make_space('convnet', SHAPES[1]); a = s.sample(np.random.default_rng(7)); print(a.key, s.graph(a).key)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}, timeout=60
        ).stdout
        for seed in ("1", "2")
    }
    space = make_space("convnet", SHAPES[1])
    architecture = space.sample(np.random.default_rng(7))
    assert printed == {f"{architecture.key} {space.graph(architecture).key}\n"}


def test_graphs_of_equal_computation_have_equal_keys_whatever_their_nodes_are_called() -> None:
    space = make_space("mlp", TaskShape("table", (4,), 2, numeric=4))
    chain = {**space.baseline.as_dict, "depth": 1}
    one_layer = [space.graph(space._complete({**chain, "connection": c})).key for c in ("chain", "dense")]
    assert one_layer[0] == one_layer[1]  # with one layer there is nothing earlier to join
    wide = [space.graph(space._complete({**chain, "layer1.width": w})).key for w in (16, 32)]
    assert wide[0] != wide[1]


def test_architectures_that_do_not_belong_are_refused() -> None:
    space = make_space("mlp", TaskShape("table", (4,), 2, numeric=4))
    with pytest.raises(ValueError, match="no decision 'colour'"):
        space.architecture({"colour": "red"})
    with pytest.raises(ValueError, match="no option of 'depth'"):
        space.architecture({**space.baseline.as_dict, "depth": 99})
    with pytest.raises(ValueError, match="of space 'other'"):
        space.validate(Architecture("other", space.baseline.choices))
    with pytest.raises(ValueError, match="newer than this version"):
        Architecture.from_json({"schema": 99, "space": "mlp", "choices": {}})


def test_decisions_need_distinct_options() -> None:
    for options in ((), ("a", "a")):
        with pytest.raises(ValueError, match="options without repeats"):
            Decision("d", options)


def test_two_nodes_of_their_own_are_not_one_that_is_used_twice() -> None:
    def graph(second: str) -> Graph:
        nodes = [Node("a", "dense", (("units", 3),), ("input",)), Node("b", "dense", (("units", 3),), ("input",))]
        nodes += [Node("left", "activation", (("kind", "relu"),), ("a",)), Node("right", "activation", (("kind", "tanh"),), (second,))]
        return Graph(SHAPES[0], prune([*nodes, Node("sum", "add", (), ("left", "right"))]))

    assert graph("a").key != graph("b").key


def test_a_limit_makes_the_plain_network_narrower_or_shorter_and_leaves_its_kind() -> None:
    shape = TaskShape("image", (1, 28, 28), 10)
    space = make_space("convnet", shape)
    narrowed = space.within(parameters=space.graph(space.baseline).parameters * 3 // 4)
    kinds = ("connection", "norm", "activation", "down")
    assert [narrowed.baseline[kind] for kind in kinds] == [space.baseline[kind] for kind in kinds]
