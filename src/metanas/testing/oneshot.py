"""The contract of one-shot methods as laws that anyone's method can be held against.

Each law takes what makes the method of a :class:`~metanas.oneshot.OneShotBrief`, and the name of one of :func:`oneshot_tasks`, and raises
``AssertionError`` where it is broken::

    @pytest.mark.parametrize("law", ONESHOT_LAWS, ids=lambda law: law.__name__)
    @pytest.mark.parametrize("task", oneshot_tasks())
    def test_my_method(law, task):
        law(MyMethod, task)
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metanas.errors import InputError
from metanas.evaluation.tensors import Tensors
from metanas.interfaces import State
from metanas.networks import build_network
from metanas.oneshot import Batches, OneShotBrief, SupernetMethod, answers
from metanas.spaces import Draft, Space, TaskShape
from metanas.spaces.decision import Decision
from metanas.states import load_state, save_state
from metanas.tasks.data import LearningData

MakeOneShot = Callable[[OneShotBrief], SupernetMethod]
OneShotLaw = Callable[[MakeOneShot, str], None]

STEPS = 6
"""Updates per run of a law."""
PLANTED_STEPS = 200
"""Updates in which the planted operation must be found."""
_IMAGE = TaskShape("image", (1, 8, 8), 2)


@cache
def oneshot_tasks() -> Mapping[str, tuple[Space, LearningData]]:
    """Small spaces with data, by name: operations of one node, operations as nodes that may be absent (as in ``cell``), under a limit, a
    list of architectures, and regression with conditional decisions."""
    stripes = planted_data()
    cell = tiny_cell()
    rng = np.random.default_rng(0)
    listed = list({a.key: a for a in (cell.sample(rng) for _ in range(12))}.values())
    largest = max(cell.graph(a).parameters for a in cell.enumerate(most=100))
    return {
        "planted": (planted_operation(), stripes),
        "cell": (cell, stripes),
        "limited": (cell.within(parameters=largest - 1), stripes),
        "listed": (cell.only(listed), stripes),
        "regression": (_perceptron(), _plane()),
    }


def planted_operation() -> Space:
    """Pictures of stripes whose direction only a 3x3 convolution can tell: ``op`` is a convolution, pooling or nothing; ``kind`` is
    any of two activations."""
    draft = Draft()
    x = draft.node("stem", "conv", ["input"], channels=8, kernel=1)
    op = draft.decide("op", ("avg_pool", "conv", "identity"))
    x = draft.choose("op", op, {"avg_pool": {"kernel": 3, "stride": 1}, "conv": {"channels": 8, "kernel": 3}, "identity": {}}, [x])
    x = draft.node("norm", "batch_norm", [x])
    x = draft.node("bend", "activation", [x], kind=draft.decide("kind", ("relu", "silu")))
    x = draft.node("pool", "global_pool", [x], kind="avg")
    draft.node("head", "dense", [x], units=2)
    return draft.space("planted", _IMAGE, {"op": "avg_pool"})


def tiny_cell() -> Space:
    """A cell of three nodes and three edges, each none, a skip, or a convolution; written with nodes that may be absent."""
    draft = Draft()
    x = draft.node("stem", "conv", ["input"], channels=4, kernel=1)
    edges = {(i, j): draft.decide(f"edge{i}-{j}", ("none", "skip", "conv")) for j in (1, 2) for i in range(j)}
    nodes = [x]
    for to in (1, 2):
        brought = [_tiny_edge(draft, f"edge{i}-{to}", nodes[i], edges[i, to]) for i in range(to)]
        nodes.append(draft.node(f"node{to}", "add", brought))
    x = draft.node("pool", "global_pool", [nodes[-1]], kind="avg")
    draft.node("head", "dense", [x], units=2)
    return draft.space("tiny", _IMAGE, {"edge0-1": "skip", "edge0-2": "skip", "edge1-2": "skip"})


def planted_data(examples: int = 360) -> LearningData:
    """Noisy pictures ``(1, 8, 8)`` with horizontal or vertical stripes; a third is for validation."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, examples)
    waves = np.broadcast_to((np.arange(8) % 2 * 200).astype(np.uint8), (examples, 8, 8))
    x = np.where((y == 1)[:, None, None], waves, waves.transpose(0, 2, 1)) + rng.integers(0, 50, (examples, 8, 8), dtype=np.uint8)
    return _data(_IMAGE, x[:, None], y, np.full(1, 100, np.float32), np.full(1, 90, np.float32))


def train_oneshot(
    method: SupernetMethod, data: LearningData, steps: int, seed: int = 0, state: State | None = None, until: int | None = None
) -> State:
    """A method's state after the updates up to ``until`` (None: all) of a schedule of ``steps``, from ``state`` or from the start."""
    batches = Batches(Tensors.of(data), seed)
    state = state or method.init(seed)
    for step in range(state["step"], steps if until is None else until):
        state = method.update(state, batches.at(step, step / steps))
    return state


# -- the laws ----------------------------------------------------------------------------------------------------------


def one_shot_runs_repeat(make: MakeOneShot, task: str) -> None:
    """With the same seed the same state, whatever the global generators say, which stay as they were; with another seed another."""
    runs = []
    for number, seed in enumerate((1, 1, 2)):
        np.random.seed(number)
        torch.manual_seed(number)
        before, numpys = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # type: ignore[index]
        method, data = _made(make, task)
        runs.append(train_oneshot(method, data, STEPS, seed))
        assert torch.equal(torch.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], numpys)  # type: ignore[index]
    assert same_state(runs[0], runs[1])
    assert not same_state(runs[0], runs[2])


def update_is_pure(make: MakeOneShot, task: str) -> None:
    """The state given stays as it was, and gives the same again."""
    method, data = _made(make, task)
    state = train_oneshot(method, data, STEPS, until=STEPS - 1)
    before = _copied(state)
    batch = Batches(Tensors.of(data), 0).at(STEPS - 1, (STEPS - 1) / STEPS)
    first, second = method.update(state, batch), method.update(state, batch)
    assert same_state(state, before)
    assert same_state(first, second)
    assert not same_state(first, state)
    assert first["step"] == state["step"] + 1


def saved_states_go_on_identically(make: MakeOneShot, task: str) -> None:
    """Saved in the middle, loaded by another instance: from there on both are the same."""
    method, data = _made(make, task)
    half = train_oneshot(method, data, STEPS, until=STEPS // 2)
    with tempfile.TemporaryDirectory() as folder:
        save_state(Path(folder) / "state.safetensors", half)
        loaded = load_state(Path(folder) / "state.safetensors")
    other, _ = _made(make, task)
    other.check(loaded)
    whole, resumed = train_oneshot(method, data, STEPS, state=half), train_oneshot(other, data, STEPS, state=loaded)
    assert same_state(whole, resumed)
    assert method.decode(whole, 3) == other.decode(resumed, 3)


def decoded_architectures_are_valid_and_distinct(make: MakeOneShot, task: str) -> None:
    """At the start and at the end, of the full space and within its limits; the first ``n`` don't depend on ``n`` for the best."""
    method, data = _made(make, task)
    space = oneshot_tasks()[task][0]
    for state in (method.init(0), train_oneshot(method, data, STEPS)):
        found = method.decode(state, 4)
        assert 1 <= len(found) <= 4
        assert len({a.key for a in found}) == len(found)
        for architecture in found:
            space.validate(architecture)
        assert method.decode(state, 1) == found[:1]


def diagnoses_are_numbers(make: MakeOneShot, task: str) -> None:
    """Finite, shares in [0, 1], and the history is JSON that only grows."""
    method, data = _made(make, task)
    state = train_oneshot(method, data, STEPS)
    found = method.diagnosis(state)
    assert all(math.isfinite(value) for value in found.values())
    assert all(-1e-6 <= found[name] <= 1 + 1e-6 for name in ("skip_share", "collapsed", "entropy_share") if name in found)
    history = method.history(state)
    assert json.loads(json.dumps(history)) == history
    assert [point["step"] for point in history] == sorted({point["step"] for point in history})


def what_inherits_answers_like_its_path(make: MakeOneShot, task: str) -> None:
    """A network of the space with the shared weights gives what the supernet gives on its path, or inheriting is refused."""
    method, data = _made(make, task)
    state = train_oneshot(method, data, STEPS)
    x = Tensors.of(data).x_val[:16]
    for architecture in (method.space.baseline, method.decode(state, 1)[0]):
        try:
            weights = method.inherit(state, architecture)
        except InputError:
            return
        network = build_network(method.space.graph(architecture), seed=0).train()  # with the statistics of the batch, as the supernet
        network.load_state_dict(weights)
        with torch.no_grad():
            expected = method.outputs(state["weights"], method.path(architecture), x, exact=True)
            torch.testing.assert_close(network(x), expected, rtol=1e-3, atol=1e-4)


def foreign_states_are_refused(make: MakeOneShot, task: str) -> None:
    """A state of another space is not gone on from."""
    other = "cell" if task == "planted" else "planted"
    state = _made(make, other)[0].init(0)
    try:
        _made(make, task)[0].check(state)
    except ValueError:
        return
    raise AssertionError("a checkpoint of another space was taken")


def the_planted_operation_is_found(make: MakeOneShot, task: str) -> None:
    """The one operation that can solve the task comes first, from two seeds (``task`` is not used)."""
    method, data = _made(make, "planted")
    for seed in (0, 1):
        state = train_oneshot(method, data, PLANTED_STEPS, seed)
        assert answers(method, state, Tensors.of(data), 1, evaluations=6)[0].architecture["op"] == "conv"
        assert method.decode(state, 1)[0]["op"] == "conv"


ONESHOT_LAWS: tuple[OneShotLaw, ...] = (
    one_shot_runs_repeat,
    update_is_pure,
    saved_states_go_on_identically,
    decoded_architectures_are_valid_and_distinct,
    diagnoses_are_numbers,
    what_inherits_answers_like_its_path,
    foreign_states_are_refused,
)
"""For every task."""
ONESHOT_LAWS_ONCE: tuple[OneShotLaw, ...] = (the_planted_operation_is_found,)
"""Bring their own task."""


def same_state(first: Any, second: Any) -> bool:
    """Whether two states are equal to the last bit."""
    if isinstance(first, Mapping):
        return isinstance(second, Mapping) and list(first) == list(second) and all(same_state(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(same_state(a, b) for a, b in zip(first, second, strict=True))
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return isinstance(second, np.ndarray) and first.dtype == second.dtype and np.array_equal(first, second)
    return bool(first == second)


# -- helpers -----------------------------------------------------------------------------------------------------------


def _made(make: MakeOneShot, task: str) -> tuple[SupernetMethod, LearningData]:
    space, data = oneshot_tasks()[task]
    return make(OneShotBrief.of(space, data)), data


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def _tiny_edge(draft: Draft, name: str, x: str, operation: Decision) -> str:
    x = draft.node(f"{name}.zero", "zero", [x], operation.among("none"))
    x = draft.node(f"{name}.activation", "activation", [x], operation.among("conv"), kind="relu")
    x = draft.node(f"{name}.conv", "conv", [x], operation.among("conv"), channels=4, kernel=3, bias=0)
    return draft.node(f"{name}.norm", "batch_norm", [x], operation.among("conv"))


def _perceptron() -> Space:
    """One or two hidden layers; the second one's activation is a decision that is not always active."""
    draft = Draft()
    depth = draft.decide("depth", (1, 2), ordered=True)
    x = draft.node("first", "dense", ["input"], units=8)
    x = draft.node("bend", "activation", [x], kind=draft.decide("bend", ("relu", "tanh")))
    here = depth.at_least(2)
    x = draft.node("second", "dense", [x], here, units=8)
    x = draft.node("bend2", "activation", [x], here, kind=draft.decide("bend2", ("relu", "tanh"), when=here))
    draft.node("head", "dense", [x], units=1)
    return draft.space("perceptron", TaskShape("table", (3,), 1, numeric=3), {})


def _plane(examples: int = 240) -> LearningData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [-2.0], [0.5]])).astype(np.float32)
    return _data(TaskShape("table", (3,), 1, numeric=3), x, y, np.zeros(3, np.float32), np.ones(3, np.float32))


def _data(shape: TaskShape, x: Any, y: Any, mean: Any, std: Any) -> LearningData:
    cut, regression = 2 * len(x) // 3, y.dtype == np.float32
    kind, metric = ("regression", "rmse") if regression else ("classification", "accuracy")
    target_mean = y.mean(0) if regression else np.zeros(shape.outputs, np.float32)
    target_std = y.std(0) if regression else np.ones(shape.outputs, np.float32)
    return LearningData(shape, kind, metric, x[:cut], y[:cut], x[cut:], y[cut:], mean, std, target_mean, target_std)  # type: ignore[arg-type]
