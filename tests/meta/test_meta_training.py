"""Meta-training as a run: what it repeats, keeps, chooses and refuses, with a learner whose best step is known."""

import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_learner import FakeLearner, default_settings, load_checkpoint, make_meta_learner, save_checkpoint, takes

import metanas.meta
from metanas.benchmarks import plots
from metanas.delivery.adaptation import adapt
from metanas.delivery.meta_model import load_meta_model
from metanas.errors import InputError
from metanas.search.meta import meta_train, resume_meta_training
from metanas.search.meta.asked import read_meta_run
from metanas.search.meta.network import network_for
from metanas.search.meta.points import EpisodeScore, better
from metanas.spaces import make_space
from metanas.spaces.shape import TaskShape
from metanas.tasks.few_shot import Episode, EpisodeFamily, EpisodeSampler, Sinusoids, of_arrays, stack

SMALL = {
    "method": "fake",
    "ways": 3,
    "queries": 3,
    "network": "convnet",
    "validation_episodes": 20,
    "test_episodes": 40,
    "validate_every": 2,
}


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    for function in (make_meta_learner, save_checkpoint, load_checkpoint, default_settings, takes):
        monkeypatch.setattr(metanas.meta, function.__name__, function, raising=False)
    monkeypatch.setattr(plots, "available", lambda: False)  # pictures take most of a second


def blobs(classes=12, examples=10):
    """Pictures of 6 x 6 pixels, a pattern for each class under noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (classes, 1, 6, 6))
    return np.clip(patterns + rng.integers(0, 56, (classes, examples, 6, 6)), 0, 255).astype(np.uint8)


@pytest.fixture
def source(tmp_path):
    np.savez(tmp_path / "blobs.npz", x=blobs())
    return tmp_path / "blobs.npz"


class Listener:
    """Hears a training, and may stop it at a step."""

    def __init__(self, at=None, by=None):
        self.at, self.by, self.points, self.messages, self.tested = at, by, [], [], 0

    def on_message(self, text):
        self.messages.append(text)

    def on_step(self, step, share, left, score):
        if step == self.at:
            self.by()

    def on_point(self, point, best):
        self.points.append((point, best))

    def on_test(self, done, whole):
        self.tested = done

    def close(self):
        pass


def dies():
    raise RuntimeError("the machine went down")


def interrupts():
    os.kill(os.getpid(), signal.SIGINT)


def lasting(record):
    """A result without what a clock says."""
    return {k: v for k, v in record.items() if k not in ("seconds", "versions")}


def curve(folder):
    points = json.loads((folder / "curve.json").read_text())["points"]
    return [{k: v for k, v in point.items() if k != "seconds"} for point in points]


def weights(folder):
    return load_checkpoint(folder / "last.safetensors").state


def test_a_run_leaves_what_it_says(source, tmp_path):
    heard = Listener()
    found = meta_train(source, steps=9, out=tmp_path / "run", observers=[heard], command="metanas meta-train", **SMALL)
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (record["steps"], record["episodes_seen"], record["complete"], record["command"]) == (9, 18, True, "metanas meta-train")
    assert record["classes"] == {"train": 6, "val": 3, "test": 3}
    assert (record["ways"], record["shots"], record["queries"], record["test_queries"]) == (3, 1, 3, 9)
    assert record["parameters"] == network_for(TaskShape("image", (1, 6, 6), 3), "convnet")[1].parameters
    assert {"torch", "numpy", "python"} <= record["versions"].keys()
    assert found.score == record["test"]["accuracy"] > 0.9
    assert record["test"]["interval"] == pytest.approx([found.score - found.margin, found.score + found.margin])
    assert [point.step for point, _ in heard.points] == [0, 2, 4, 6, 8, 9]
    assert heard.tested == 40
    assert [p["step"] for p in curve(tmp_path / "run")] == [0, 2, 4, 6, 8, 9]
    assert curve(tmp_path / "run")[0]["score"] is None
    assert (tmp_path / "run" / "model" / "architecture.json").exists()


def test_there_is_a_picture_of_the_curve(source, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.undo()
    for function in (make_meta_learner, save_checkpoint, load_checkpoint, default_settings, takes):
        monkeypatch.setattr(metanas.meta, function.__name__, function, raising=False)
    meta_train(source, steps=4, out=tmp_path / "run", **SMALL)
    assert (tmp_path / "run" / "curve.png").stat().st_size > 5000


def test_the_test_score_is_that_of_the_fixed_episodes(source, tmp_path):
    """Beside a plain loop over the same episodes, one by one."""
    found = meta_train(source, steps=4, out=tmp_path / "run", **SMALL)
    model = load_meta_model(tmp_path / "run")
    family = EpisodeSampler(read_meta_run(tmp_path / "run").episodes.families()[0].data, 3, 1, 9)
    values = []
    for number in range(40):
        e = family.episode("test", number)
        said = model.learner.predict(model.learner.adapt(model.state, e.tensors()), torch.as_tensor(e.x_query)).argmax(1)
        values.append(float((said.numpy() == e.y_query).mean()))
    assert found.score == pytest.approx(np.mean(values))
    assert found.margin == pytest.approx(1.96 * np.std(values, ddof=1) / math.sqrt(40), rel=1e-4)


def test_the_best_on_validation_is_kept(source, tmp_path):
    heard = Listener()
    settings = {"best": 6}
    found = meta_train(source, steps=14, out=tmp_path / "run", settings=settings, observers=[heard], **SMALL)
    scores = [point.validation for point, _ in heard.points]
    assert found.record["best_step"] == heard.points[int(np.argmax(scores))][0].step <= 8
    assert load_meta_model(tmp_path / "run").state["step"] == found.record["best_step"] < 14
    assert found.record["validation"]["accuracy"] == max(scores)
    assert weights(tmp_path / "run")["step"] == 14


@pytest.mark.parametrize("at", [1, 4, 7])
def test_a_crash_changes_nothing(source, tmp_path, at):
    whole = meta_train(source, steps=9, out=tmp_path / "whole", **SMALL)
    with pytest.raises(RuntimeError):
        meta_train(source, steps=9, out=tmp_path / "run", observers=[Listener(at, dies)], **SMALL)
    assert not (tmp_path / "run" / "result.json").exists()
    again = meta_train(source, steps=9, out=tmp_path / "run", **SMALL)
    assert lasting(again.record) == lasting(whole.record)
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")
    assert torch.equal(weights(tmp_path / "run")["seen"], weights(tmp_path / "whole")["seen"])


def test_ctrl_c_scores_and_goes_on(source, tmp_path):
    whole = meta_train(source, steps=9, out=tmp_path / "whole", **SMALL)
    heard = Listener(5, interrupts)
    stopped = meta_train(source, steps=9, out=tmp_path / "run", observers=[heard], **SMALL)
    assert (stopped.record["complete"], stopped.record["steps"]) == (False, 5)
    assert stopped.score > 0
    assert any("stopped after step 5" in text for text in heard.messages)
    heard = Listener()
    again = resume_meta_training(tmp_path / "run", observers=[heard])
    assert any("after step 5" in text for text in heard.messages)
    assert lasting(again.record) == lasting(whole.record)
    assert torch.equal(weights(tmp_path / "run")["seen"], weights(tmp_path / "whole")["seen"])


def test_a_training_that_has_ended_is_not_begun_again(source, tmp_path):
    meta_train(source, steps=2, out=tmp_path / "run", **SMALL)
    for again in (lambda: meta_train(source, steps=2, out=tmp_path / "run", **SMALL), lambda: resume_meta_training(tmp_path / "run")):
        with pytest.raises(InputError, match=r"has ended .*metanas adapt"):
            again()


def test_other_options_in_the_same_folder_are_refused(source, tmp_path):
    with pytest.raises(RuntimeError):
        meta_train(source, steps=9, out=tmp_path / "run", observers=[Listener(2, dies)], **SMALL)
    for change, words in (
        ({"shots": 2}, r"shots 1, not 2"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"settings": {"inner_steps": 3}}, "settings"),
    ):
        with pytest.raises(InputError, match=words):
            meta_train(source, steps=9, out=tmp_path / "run", **{**SMALL, **change})
    np.savez(source, x=blobs()[::-1])
    with pytest.raises(InputError, match="have changed"):
        resume_meta_training(tmp_path / "run")


def test_a_folder_with_something_else_is_left_alone(source, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        meta_train(source, steps=2, out=tmp_path / "mine", **SMALL)
    with pytest.raises(InputError, match="holds no meta-training"):
        resume_meta_training(tmp_path / "mine")


def test_progress_follows_the_steps_or_the_time(source, tmp_path, monkeypatch):
    learners = []

    def remember(*args, **kwargs):
        learners.append(make_meta_learner(*args, **kwargs))
        return learners[-1]

    monkeypatch.setattr(metanas.meta, "make_meta_learner", remember)
    meta_train(source, steps=4, out=tmp_path / "steps", **SMALL)
    assert learners[0].calls == [0, 0.25, 0.5, 0.75]
    found = meta_train(source, budget=3, out=tmp_path / "time", **SMALL)
    assert learners[1].calls == sorted(learners[1].calls)
    assert learners[1].calls[-1] <= 1
    assert learners[1].calls[-1] > 0.9
    assert found.record["seconds"] < 3.5


def test_losses_that_are_no_numbers_end_the_training(source, tmp_path):
    found = meta_train(source, steps=9, out=tmp_path / "run", settings={"infinite": 5}, **SMALL)
    assert found.record["steps"] == 5
    assert found.record["best_step"] <= 4
    assert "--outer-rate" in found.record["notes"][0]


def test_regression_is_judged_by_squared_error(tmp_path):
    found = meta_train("sinusoid", method="fake", shots=5, steps=4, out=tmp_path / "run", validation_episodes=20, test_episodes=30)
    assert found.record["kind"] == "regression"
    assert found.record["network"] == "two-dense"
    assert found.record["parameters"] == 1 * 40 + 40 + 40 * 40 + 40 + 40 + 1
    assert found.score == found.record["test"]["mse"] > 0
    x = np.linspace(-5, 5, 10)
    adapted = adapt(tmp_path / "run", (x, np.sin(x)), (x, np.sin(x)))
    assert adapted.score == pytest.approx(np.var(np.sin(x)) + np.mean(np.sin(x)) ** 2 - np.mean(np.sin(x)) ** 2, rel=1e-4)
    assert adapted.csv().splitlines()[0] == "row,prediction"
    wave = Sinusoids(10, 20).task("test", 3)
    assert len(adapt(tmp_path / "run", wave).truth) == len(wave.test) == 20


def test_data_in_memory(tmp_path):
    data = of_arrays(blobs(), ways=3)
    with pytest.raises(RuntimeError):
        meta_train(data, steps=6, out=tmp_path / "run", observers=[Listener(3, dies)], **SMALL)
    with pytest.raises(InputError, match="in memory"):
        resume_meta_training(tmp_path / "run")
    assert resume_meta_training(tmp_path / "run", data=data).record["steps"] == 6
    turned = replace(data, classes=data.classes[::-1])
    with pytest.raises(InputError, match="have changed"):
        resume_meta_training(tmp_path / "run", data=turned)


def test_a_family_of_ones_own(tmp_path):
    class Halves(EpisodeFamily):
        """Whether the only number is below a half."""

        name, kind, shape = "halves", "classification", TaskShape("table", (1,), 2, numeric=1)
        input_mean, input_std = np.zeros(1, np.float32), np.ones(1, np.float32)

        def episode(self, part, number):
            x = np.random.default_rng([number, len(part)]).uniform(size=(12, 1)).astype(np.float32)
            x[:2, 0] = 0.2, 0.8
            y = (x[:, 0] > 0.5).astype(np.int64)
            return Episode(x[:4], y[:4], x[4:], y[4:], ("low", "high"))

        def batch(self, part, first, count):
            return stack([self.episode(part, first + i) for i in range(count)])

    found = meta_train(Halves(), method="fake", steps=4, out=tmp_path / "run", validation_episodes=10, test_episodes=30)
    assert found.record["data"] == "halves"
    assert (found.record["support"], found.record["asked"]) == (4, 8)
    assert found.score > 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ways": 5}, "5 ways need at least 15 classes"),
        ({"queries": 10}, "1 shot and 10 queries need 11 examples of every class"),
        ({"shots": 9, "queries": None}, None),
        ({"shots": 10, "queries": None}, "10 shots and 1 queries need 11"),
        ({"network": "four-cone"}, "no network or space named 'four-cone'"),
        ({"network": "convnet", "width": 8}, "convnet has no --width"),
        ({"network": "four-conv", "width": 0}, "--width must be above 0"),
        ({"network": "mlp"}, "does not take image"),
        ({"network": "absent.json"}, "can't be read"),
        ({"steps": "many"}, "whole number above zero"),
        ({"budget": "soon"}, "budget must be a time"),
        ({"device": "abacus"}, "can't compute on device 'abacus'"),
        ({"test_episodes": 1}, "--test-episodes must be a whole number above 1"),
    ],
)
def test_bad_input(source, tmp_path, change, words):
    asked = {"steps": 2, "out": tmp_path / "run", **SMALL, **change}
    if words is None:
        assert meta_train(source, **asked).record["queries"] == 1
        return
    with pytest.raises(InputError) as error:
        meta_train(source, **asked)
    assert words in str(error.value)
    assert not (tmp_path / "run").exists()


# -- networks --------------------------------------------------------------------------------------------------------------


def test_networks_from_files(tmp_path):
    space = make_space("convnet", TaskShape("image", (1, 8, 8), 10))
    chosen = space.sample(np.random.default_rng(0))
    shape = TaskShape("image", (1, 8, 8), 5)
    for name, record in (
        ("architecture.json", chosen.to_json()),
        ("graph.json", space.graph(chosen).to_json()),
        ("model.json", {"architecture": chosen.to_json(), "graph": space.graph(chosen).to_json()}),
    ):
        (tmp_path / name).write_text(json.dumps(record))
        assert network_for(shape, str(tmp_path / name))[1].key == make_space("convnet", shape).graph(chosen).key
    with pytest.raises(InputError, match=r"shape \(1, 8, 8\), and examples here have \(3, 8, 8\)"):
        network_for(TaskShape("image", (3, 8, 8), 5), str(tmp_path / "graph.json"))
    (tmp_path / "no.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="holds no architecture"):
        network_for(shape, str(tmp_path / "no.json"))


# -- adapting --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def trained(source, tmp_path):
    return meta_train(source, steps=9, out=tmp_path / "run", **SMALL).folder


def a_task(labels):
    x = blobs(classes=len(labels), examples=6)
    return (x[:, :2].reshape(-1, 6, 6), np.repeat(labels, 2)), (x[:, 2:].reshape(-1, 6, 6), np.repeat(labels, 4))


def test_whole_numbers_are_labels_however_they_are_kept(trained):
    (x, y), (queries, truth) = a_task([3, 7, 900])
    assert adapt(trained, (x, y.astype(float)), (queries, truth.astype(np.uint16))).score > 0.9


@pytest.mark.parametrize("labels", [["cat", "dog", "ant"], [7, 3, 900], [True, False]])
def test_any_labels_do(trained, labels):
    support, query = a_task(labels)
    adapted = adapt(trained, support, query)
    assert set(adapted.model.classes) == {str(label) for label in labels}
    assert adapted.score > 0.9
    assert adapted.right == round(adapted.score * len(query[1]))
    lines = adapted.csv().splitlines()
    assert lines[0] == "row,prediction," + ",".join(f"probability_{name}" for name in sorted(map(str, labels)))
    np.testing.assert_allclose(adapted.outputs.sum(1), 1, rtol=1e-6)
    assert len(lines) == 1 + len(query[1])
    assert adapt(trained, support, (query[0], None)).score is None
    assert adapt(trained, support).predictions is None


def test_what_does_not_suit_a_start(trained, tmp_path):
    (x, y), (queries, truth) = a_task([0, 1, 2])
    for support, query, words in (
        ((x, y[:-1]), None, "6 examples and 5 labels"),
        ((x[:, :, :, None].repeat(3, 3), y), None, "the support: the network takes 1 channels, but the examples have 3"),
        ((x.reshape(6, 36), y), None, "the support: "),
        (
            (x, np.arange(6)),
            None,
            "trained for 3 classes, and the support has 6 (0, 1, 2, 3, 4 and 1 more); leave out some, or train a start",
        ),
        ((x, y * 0), None, "has 1 (0); give examples of two or more"),
        ((x[:0], y[:0]), None, "the support has no examples"),
        ((x, y), (queries, truth + 1), "the queries have the label 3, and the support has examples of 0, 1, 2"),
        ((x, y), (queries, truth[1:]), "12 queries and 11 labels"),
        ((x, y), (queries[:0], None), "queries are none"),
        ((tmp_path / "no.npz"), None, "there is no file"),
    ):
        with pytest.raises(InputError) as error:
            adapt(trained, support, query)
        assert words in str(error.value)


def test_a_start_of_another_architecture_is_refused(trained, source, tmp_path):
    other = meta_train(source, steps=2, out=tmp_path / "other", **{**SMALL, "network": "cell"}).folder
    (trained / "model" / "weights.safetensors").write_bytes((other / "model" / "weights.safetensors").read_bytes())
    with pytest.raises(InputError, match="belong to another architecture"):
        load_meta_model(trained)
    with pytest.raises(InputError, match="no meta-learned start"):
        load_meta_model(tmp_path)


# -- numbers ---------------------------------------------------------------------------------------------------------------


def test_intervals_hold_the_truth_95_times_in_100():
    """Of 4,000 samples of 100 the interval of the mean must miss about 5 %: a binomial share within four deviations (rate 6e-5)."""
    rng = np.random.default_rng(0)
    scores = [EpisodeScore.of(rng.uniform(size=100)) for _ in range(4000)]
    missed = np.mean([abs(s.mean - 0.5) > s.margin for s in scores])
    assert abs(missed - 0.053) < 4 * math.sqrt(0.05 * 0.95 / 4000)  # 5.3 %: Student's tails at 99 degrees of freedom


def test_better_knows_what_is_no_number():
    assert better("classification", 0.5, 0.4)
    assert better("regression", 0.4, 0.5)
    assert better("regression", 9.0, math.nan)
    assert not better("regression", math.nan, 9.0)
    assert not better("classification", math.nan, math.nan)


def test_the_learner_is_never_shown_test_classes(source, tmp_path, monkeypatch):
    data = of_arrays(blobs(), ways=3)
    held = {data.x[data.starts[c] + i].tobytes() for c in data.split.test for i in range(10)}
    own = FakeLearner.update

    def watched(self, state, episodes, *, progress=0.0):
        for x in (*episodes.x_support.flatten(0, 1), *episodes.x_query.flatten(0, 1)):
            assert x.numpy().tobytes() not in held
        return own(self, state, episodes, progress=progress)

    monkeypatch.setattr(FakeLearner, "update", watched)
    meta_train(data, steps=6, out=tmp_path / "run", **SMALL)
