"""The contract of meta-learners as laws that anyone's method can be held against.

Each law takes what makes the learner, and the name of one of :func:`meta_tasks`, and raises ``AssertionError`` where it is broken::

    @pytest.mark.parametrize("law", META_LAWS, ids=lambda law: law.__name__)
    @pytest.mark.parametrize("task", meta_tasks())
    def test_my_learner(law, task):
        law(partial(make_meta_learner, "mine", inner_steps=2, inner_rate=0.05, outer_rate=0.02), task)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from metanas.interfaces import State
from metanas.meta import EpisodeLearner, four_conv, load_checkpoint, save_checkpoint
from metanas.spaces import TaskShape
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.tasks.data import Kind
from metanas.tasks.few_shot import Episode, Sinusoids

STEPS = 3
"""Outer steps per run of a law."""
LEARNING_STEPS = 80
"""Outer steps in which meta-training must lower the loss of new tasks."""
BATCH = 4
_PICTURES = TaskShape("image", (1, 8, 8), 3)


class MakeMetaLearner(Protocol):
    """What makes a learner for a graph."""

    def __call__(self, graph: Graph, *, kind: Kind, **settings: Any) -> EpisodeLearner:
        """The learner."""


MetaLaw = Callable[[MakeMetaLearner, str], None]


@dataclass(frozen=True)
class MetaTask:
    """A family of tasks and a network for it.

    Args:
        graph: of the network.
        kind: of the tasks.
        draw: the stacked episodes of a number of tasks, by a seed.
    """

    graph: Graph
    kind: Kind
    draw: Callable[[int, int], Episode]


@cache
def meta_tasks() -> Mapping[str, MetaTask]:
    """Classification of small pictures by a convolution network, and sinusoids by a perceptron."""
    sinusoids = Sinusoids(5, 5, seed=0)
    return {
        "pictures": MetaTask(four_conv(_PICTURES, width=8), "classification", planted_pictures),
        "sinusoids": MetaTask(
            perceptron(sinusoids.shape),
            "regression",
            lambda tasks, seed: sinusoids.batch("train", seed * 1000, tasks).tensors(),
        ),
    }


def perceptron(shape: TaskShape, units: int = 20) -> Graph:
    """One hidden layer of units that bend smoothly."""
    nodes = (
        Node("hidden", "dense", (("units", units),), (INPUT,)),
        Node("bend", "activation", (("kind", "tanh"),), ("hidden",)),
        Node("head", "dense", (("units", shape.outputs),), ("bend",)),
    )
    return Graph(shape, nodes)


def planted_pictures(tasks: int, seed: int) -> Episode:
    """Episodes of three ways, two shots and four queries: each way is one of 32 fixed patterns, under noise."""
    patterns = np.random.default_rng(0).normal(size=(32, 1, 8, 8))
    rng = np.random.default_rng([1, seed])
    ways, shots, queries = _PICTURES.outputs, 2, 4
    chosen = np.stack([rng.choice(len(patterns), ways, replace=False) for _ in range(tasks)])

    def draw(each: int) -> tuple[torch.Tensor, torch.Tensor]:
        labels = np.tile(np.repeat(np.arange(ways), each), (tasks, 1))
        x = patterns[np.take_along_axis(chosen, labels, 1)]
        return torch.from_numpy((x + rng.normal(size=x.shape)).astype(np.float32)), torch.from_numpy(labels)

    return Episode(*draw(shots), *draw(queries))


def meta_train(learner: EpisodeLearner, task: MetaTask, steps: int, seed: int = 0, state: State | None = None) -> State:
    """The state after so many outer steps, from ``state`` or from the start."""
    state = state or learner.init(seed)
    for step in range(state["step"], state["step"] + steps):
        state = learner.update(state, task.draw(BATCH, 1 + step), progress=step / LEARNING_STEPS)
    return state


# -- the laws ----------------------------------------------------------------------------------------------------------


def meta_training_repeats(make: MakeMetaLearner, task: str) -> None:
    """With the same seed the same state, whatever the global generator says, which stays as it was; with another seed another."""
    runs = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)
        before = torch.get_rng_state().clone()
        runs.append(meta_train(*_made(make, task), STEPS, seed)["theta"])
        assert torch.equal(torch.get_rng_state(), before)
    assert _equal(runs[0], runs[1])
    assert not _equal(runs[0], runs[2])


def an_update_leaves_the_state_as_it_was(make: MakeMetaLearner, task: str) -> None:
    """The same update of the same state twice gives the same; steps are counted, and the last batch's loss is a number."""
    learner, given = _made(make, task)
    first = meta_train(learner, given, 1)
    again = [learner.update(first, given.draw(BATCH, 9)) for _ in range(2)]
    assert _equal(again[0]["theta"], again[1]["theta"])
    assert (first["step"], again[0]["step"]) == (1, 2)
    assert all(np.isfinite(value) for value in again[0]["last"].values())
    assert set(again[0]["last"]) == {"loss", "accuracy" if given.kind == "classification" else "rmse"}


def a_saved_state_goes_on_identically(make: MakeMetaLearner, task: str) -> None:
    """Through a file, into a learner made anew."""
    learner, given = _made(make, task)
    half = meta_train(learner, given, STEPS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        save_checkpoint(path, learner, half, {"note": "kept"})
        loaded = load_checkpoint(path)
    assert loaded.extra == {"note": "kept"}
    assert loaded.learner.settings == learner.settings
    ends = [meta_train(each, given, STEPS, state=state)["theta"] for each, state in ((learner, half), (loaded.learner, loaded.state))]
    assert _equal(*ends)


def tasks_together_or_alone_give_the_same(make: MakeMetaLearner, task: str) -> None:
    """However tasks are grouped for the arithmetic, and in however many threads, the outer step is the same but for rounding."""
    thetas, threads = [], torch.get_num_threads()
    try:
        for batching, number in (("loop", 1), ("all", 1), ("auto", 2)):
            torch.set_num_threads(number)
            thetas.append(meta_train(*_made(make, task, batching=batching, precision="float64"), 2)["theta"])
    finally:
        torch.set_num_threads(threads)
    for theta in thetas[1:]:
        for name, value in thetas[0].items():
            torch.testing.assert_close(theta[name], value, rtol=1e-6, atol=1e-8)


def a_list_of_episodes_will_do(make: MakeMetaLearner, task: str) -> None:
    """Instead of stacked ones."""
    learner, given = _made(make, task)
    batch, state = given.draw(BATCH, 1), learner.init(0)
    listed = [_one(batch, i) for i in range(BATCH)]
    assert _equal(learner.update(state, batch)["theta"], learner.update(state, listed)["theta"])


def adapting_sees_the_support_alone(make: MakeMetaLearner, task: str) -> None:
    """Whatever the queries; and scores are those of the adapted network."""
    learner, given = _made(make, task)
    state, batch = meta_train(learner, given, 1), given.draw(BATCH, 5)
    outputs, scores = learner.outputs(state, batch), learner.evaluate(state, batch)
    for i in range(BATCH):
        episode = _one(batch, i)
        adapted = learner.adapt(state, episode)
        blind = learner.adapt(state, replace(episode, x_query=episode.x_query[:0], y_query=episode.y_query[:0]))
        assert _equal(adapted["weights"], blind["weights"])
        raw = learner.predict(adapted, episode.x_query)
        torch.testing.assert_close(raw, outputs[i], rtol=1e-3, atol=1e-4)
        if given.kind == "classification":
            assert abs(float((raw.argmax(1) == episode.y_query).double().mean() - scores["accuracy"][i])) < 1e-9
        else:
            torch.testing.assert_close((raw - episode.y_query).square().mean().sqrt(), scores["rmse"][i], rtol=1e-3, atol=1e-4)


def meta_training_helps_new_tasks(make: MakeMetaLearner, task: str) -> None:
    """After a few outer steps the loss on tasks that were not seen is lower than at the start."""
    learner, given = _made(make, task)
    new = given.draw(40, 100)
    losses = [float(learner.evaluate(state, new)["loss"].mean()) for state in (learner.init(0), meta_train(learner, given, LEARNING_STEPS))]
    assert losses[1] < 0.97 * losses[0], losses


META_LAWS: tuple[MetaLaw, ...] = (
    meta_training_repeats,
    an_update_leaves_the_state_as_it_was,
    a_saved_state_goes_on_identically,
    tasks_together_or_alone_give_the_same,
    a_list_of_episodes_will_do,
    adapting_sees_the_support_alone,
    meta_training_helps_new_tasks,
)
"""All laws."""


def _made(make: MakeMetaLearner, task: str, **settings: Any) -> tuple[EpisodeLearner, MetaTask]:
    given = meta_tasks()[task]
    return make(given.graph, kind=given.kind, **settings), given


def _one(batch: Episode, task: int) -> Episode:
    x_support, y_support, x_query, y_query = (a[task] for a in batch.arrays)
    return Episode(x_support, y_support, x_query, y_query, kind=batch.kind)


def _equal(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)
