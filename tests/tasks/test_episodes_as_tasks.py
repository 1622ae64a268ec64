"""Episodes as tasks: their parts, descriptions, trainings, searches, and the files of `metanas adapt`."""

import math
from dataclasses import replace

import numpy as np
import pytest

import metanas
from metanas.errors import InputError
from metanas.evaluation import TrainingEvaluator
from metanas.records import Candidate, Fidelity, Proposal
from metanas.search import sitting
from metanas.search.plan import Plan
from metanas.spaces import make_space
from metanas.tasks import Task
from metanas.tasks.few_shot import EpisodeSampler, Sinusoids, of_arrays, stack, task_of_arrays


def pictures(ways=3, shots=3, queries=4):
    """Episodes of pictures of one grey each, with noise: 9 greys, 3 to a part."""
    rng = np.random.default_rng(0)
    x = (25 * np.arange(9)[:, None, None, None] + rng.integers(0, 20, (9, 12, 8, 8))).astype(np.uint8)
    classes = np.arange(9)
    data = of_arrays(x, split={"train": classes[:3], "val": classes[3:6], "test": classes[6:]}, name="greys")
    return EpisodeSampler(data, ways, shots, queries, rotations=False)


def trained(task, space, epochs=2):
    """The evaluation of a space's plain network on a task."""
    data = task.prepare()[0]
    plain = make_space(space, data.shape)
    candidate = Candidate(Proposal(0, plain.baseline, Fidelity(epochs)), plain.graph(plain.baseline), plain.recipe(plain.baseline), 0)
    (evaluation,) = TrainingEvaluator(data).evaluate([candidate], math.inf)
    return evaluation


def test_an_episode_is_a_task_whose_test_rows_are_the_queries():
    family = pictures()
    episode = family.episode("test", 5)
    task = family.task("test", 5)
    assert (task.name, task.kind, task.data, task.metric) == ("greys, test episode 5", "classification", "image", "accuracy")
    assert task.classes == episode.classes
    support = np.sort(np.concatenate([task.train, task.validation]))
    assert np.array_equal(task.rows(support), episode.x_support)
    assert np.array_equal(task.targets[support], episode.y_support)
    assert np.array_equal(task.test_data()[0], episode.x_query)
    assert np.array_equal(task.test_data()[1], episode.y_query)
    assert np.bincount(task.targets[task.validation]).tolist() == [1, 1, 1]  # of three shots one is kept back to choose by
    assert task.fingerprint == episode.task(family.shape).fingerprint != family.task("test", 6).fingerprint


def test_with_one_shot_nothing_can_be_kept_back_and_the_task_says_so():
    task = pictures(shots=1).task("val", 0)
    assert np.array_equal(task.train, task.validation)
    assert any("the same examples that they learn from" in note for note in task.notes)
    assert not pictures(shots=2).task("val", 0).notes


@pytest.mark.parametrize(
    ("family", "space"), [(pictures(), "convnet"), (pictures(shots=1), "convnet"), (Sinusoids(10, 6), "mlp")], ids=["3", "1", "waves"]
)
def test_a_network_trains_on_an_episodes_task_and_a_description_tells_of_it(family, space):
    task = family.task("train", 0)
    told = task.describe()
    assert (told.shape.outputs, told.examples, told.kind) == (family.shape.outputs, len(task.train), family.kind)
    assert all(math.isfinite(value) for value in told.features.values())
    evaluation = trained(task, space)
    assert evaluation.reason is None
    assert math.isfinite(evaluation.metrics[task.metric])


@pytest.mark.parametrize("shots", [1, 3])
def test_a_search_runs_on_an_episodes_task(shots, tmp_path, monkeypatch):
    monkeypatch.setattr(sitting, "make_plan", lambda at: Plan((Fidelity(2), Fidelity(6)), final_epochs=8.0, group=3, lookahead=2))
    task = pictures(shots=shots).task("test", 0)
    found = metanas.search(task, trials=2, workers=0, out=tmp_path / "out", store=False, prior=False)
    assert found.result.examples["test"] == len(task.test)
    assert found.result.trials == 2
    assert 0 <= found.score <= 1


def test_episodes_of_texts_keep_which_token_is_which():
    texts = np.array([f"{animal} {i} {animal} runs" for animal in ("cat", "dog", "cow") for i in range(8)])
    task = Task.from_arrays(list(texts), np.repeat([0, 1, 2], 8), name="texts")
    x = task.prepare()[0].x_train
    episode = replace(pictures().episode("train", 0), x_support=x[:9], x_query=x[:12])
    words = episode.task(task.prepare()[0].shape).inputs
    same = np.array([[a == b for b in words] for a in words])
    rows = np.concatenate([x[:9], x[:12]])
    assert np.array_equal(same, (rows[:, None] == rows[None]).all(-1))


def test_arrays_with_any_labels_are_a_task():
    x, names = np.zeros((6, 4), np.float32), np.array(["cat", "dog", "cat", "dog", "cat", "dog"])
    task = task_of_arrays(x, names, x[:2], names[:2])
    assert (task.classes, task.data, task.targets.tolist()) == (("cat", "dog"), "table", [0, 1, 0, 1, 0, 1, 0, 1])
    assert (task.train.tolist(), task.validation.tolist(), task.test.tolist()) == ([0, 1, 2, 3], [4, 5], [6, 7])
    numbers = task_of_arrays(x, np.arange(6.0), x[:2], np.arange(2.0), kind="regression")
    assert (numbers.kind, numbers.metric, numbers.targets.shape) == ("regression", "rmse", (8, 1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_query": np.array(["cow", "dog"])}, "the queries have the label cow, and the support has examples of cat, dog"),
        ({"y": np.array(["dog"] * 6), "y_query": np.array(["dog"] * 2)}, "two classes or more"),
        ({"y": np.array(["cat"] * 5)}, "belong together one by one, not 6 and 5 of the support"),
        ({"x_query": np.zeros((2, 3), np.float32)}, "must be the same"),
        ({"y": np.full(6, np.inf), "kind": "regression", "y_query": np.arange(2.0)}, "finite numbers"),
    ],
)
def test_arrays_that_make_no_episode_are_refused_in_one_sentence(changes, words):
    x, y = np.zeros((6, 4), np.float32), np.array(["cat", "dog"] * 3)
    with pytest.raises(InputError, match=words):
        task_of_arrays(**{"x": x, "y": y, "x_query": x[:2], "y_query": y[:2], **changes})


def test_several_stacked_episodes_are_no_task():
    family = pictures()
    with pytest.raises(ValueError, match="one episode"):
        stack([family.episode("train", 0), family.episode("train", 1)]).task(family.shape)
