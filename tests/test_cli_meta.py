"""``metanas meta-train`` and ``metanas adapt`` as commands: what they print, write and refuse."""

import io
import json
import re
import shutil

import numpy as np
import pytest

import metanas
from cli_examples import refused, run
from metanas.benchmarks import plots
from metanas.delivery.adaptation import episode_of_files
from metanas.search.meta import meta_train, resume_meta_training
from metanas.search.meta.observers import MetaJson
from metanas.tasks.few_shot import task_of_arrays


def blobs(classes=12, examples=10, seed=0):
    """Pictures of 8 x 8 pixels, a pattern for each class under noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 200, (classes, 1, 8, 8))
    return np.clip(patterns + rng.integers(0, 56, (classes, examples, 8, 8)), 0, 255).astype(np.uint8)


SMALL = ("--ways", "3", "--queries", "2", "--test-queries", "4", "--width", "8", "--inner-steps", "1", "--meta-batch", "2", "--steps", "4")
QUICK = (*SMALL, "--validation-episodes", "10", "--test-episodes", "20")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "blobs.npz"
    np.savez(path, x=blobs())
    return path


@pytest.fixture(scope="module")
def trained(source, tmp_path_factory):
    """A training's folder and what it printed."""
    out = tmp_path_factory.mktemp("run") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "available", lambda: False)
        result = run("meta-train", source, "--out", out, *QUICK)
    assert result.exit_code == 0, result.output
    return out, result


def a_task(tmp_path, labels=("cat", "dog", "ant")):
    x, y = blobs(classes=len(labels), examples=5, seed=1), np.array(labels)
    np.savez(tmp_path / "support.npz", x=x[:, :2].reshape(-1, 8, 8), y=np.repeat(y, 2))
    np.savez(tmp_path / "query.npz", x=x[:, 2:].reshape(-1, 8, 8), y=np.repeat(y, 3))
    return tmp_path / "support.npz", tmp_path / "query.npz"


def test_what_a_training_says(trained):
    out, result = trained
    assert "blobs: 6 classes to train, 3 to validate and 3 to test on (split random, seed 0)" in result.stderr
    assert "3-way 1-shot episodes, 2 queries of each class (4 to validate and test); 2 episodes to an outer step of maml" in result.stderr
    assert re.search(r"network four-conv, [\d,]+ parameters, on cpu; budget 4 steps; seed 0", result.stderr)
    assert f"writing to {out}" in result.stderr
    assert re.search(r"before training: validation accuracy [\d.]+ % ± [\d.]+", result.stderr)
    assert re.search(r"step 4 \(8 episodes\): training accuracy [\d.]+ %, validation [\d.]+ % ± [\d.]+", result.stderr)
    assert re.search(
        r"Its accuracy: [\d.]+ % ± [\d.]+\n  mean over 20 test episodes of 3 classes that were never seen before", result.stdout
    )
    assert f"metanas adapt {out} SUPPORT.npz --query QUERY.npz" in result.stdout
    record = json.loads((out / "result.json").read_text())
    assert record["method"] == "maml"
    assert record["settings"]["inner_steps"] == 1


def test_json_for_machines(source, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "available", lambda: False)
    result = run("meta-train", source, "--out", tmp_path / "out", *QUICK, "--json", "--method", "reptile", "--no-rotations")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["folder"] == str(tmp_path / "out")
    assert 0 <= record["test"]["accuracy"] <= 1
    assert {"point", "best"} <= json.loads(result.stderr.splitlines()[-1]).keys()


def test_the_same_command_again(trained, source):
    out, _ = trained
    assert "has ended" in refused("meta-train", source, "--out", out, *QUICK)
    assert "has ended" in refused("meta-train", "--resume", out)
    assert "seed 0, not 1" in refused("meta-train", source, "--out", out, *QUICK, "--seed", "1")
    assert "leave out --budget" in refused("meta-train", "--resume", out, "--budget", "3m")
    assert "leave out --method, --ways" in refused("meta-train", "--resume", out, "--ways", "5", "--method", "maml")


@pytest.mark.parametrize("method", ["maml", "maml++", "meta-sgd", "anil", "reptile", "fomaml"])
def test_a_real_learner_goes_on_as_if_nothing_had_happened(source, tmp_path, monkeypatch, method):
    monkeypatch.setattr(plots, "available", lambda: False)
    asked = {"method": method, "ways": 3, "queries": 2, "width": 4, "steps": 5, "validation_episodes": 5, "test_episodes": 10}
    asked |= {"validate_every": 2, "settings": {"inner_steps": 2, "meta_batch": 2}}

    class Dies(MetaJson):
        def on_step(self, step, share, left, score):
            if step == 3:
                raise RuntimeError

    whole = meta_train(source, out=tmp_path / "whole", **asked)
    with pytest.raises(RuntimeError):
        meta_train(source, out=tmp_path / "run", observers=[Dies(io.StringIO())], **asked)
    again = resume_meta_training(tmp_path / "run")
    assert (again.score, again.record["validation"], again.record["best_step"]) == (
        whole.score,
        whole.record["validation"],
        whole.record["best_step"],
    )
    assert (tmp_path / "run" / "model" / "weights.safetensors").read_bytes() == (
        tmp_path / "whole" / "model" / "weights.safetensors"
    ).read_bytes()


def test_checkpoints_of_another_architecture_are_refused(source, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "available", lambda: False)
    quick = [*QUICK, "--steps", "2", "--test-episodes", "4"]
    for name, width in (("narrow", "4"), ("wide", "6")):
        assert run("meta-train", source, "--out", tmp_path / name, *quick, "--width", width).exit_code == 0
        (tmp_path / name / "result.json").unlink()  # as if it had been stopped
    narrow, wide = tmp_path / "narrow", tmp_path / "wide"
    own = (narrow / "last.safetensors").read_bytes()
    shutil.copy(wide / "last.safetensors", narrow)
    assert "of another architecture" in refused("meta-train", "--resume", narrow)
    shutil.copy(narrow / "model" / "weights.safetensors", narrow / "last.safetensors")
    assert "does not say how far the training was" in refused("meta-train", "--resume", narrow)
    (narrow / "last.safetensors").write_bytes(own)
    shutil.copy(wide / "model" / "weights.safetensors", narrow / "model")
    assert "of another architecture" in refused("meta-train", "--resume", narrow)
    support, query = a_task(tmp_path)
    assert "belong to another architecture" in refused("adapt", narrow, support, "--query", query)


def test_the_files_of_adapting_are_a_task_and_a_task_can_be_adapted_to(trained, tmp_path):
    out, _ = trained
    support, query = a_task(tmp_path)
    task = episode_of_files(support, query)
    assert (task.name, task.classes, task.data) == ("support", ("ant", "cat", "dog"), "image")
    assert [len(part) for part in (task.train, task.validation, task.test)] == [3, 3, 9]
    assert task.describe().examples == 3
    told, files = metanas.adapt(out, task), metanas.adapt(out, support, query)
    assert np.array_equal(told.outputs, files.outputs)
    assert told.score == files.score
    one_shot = task_of_arrays(task.inputs[:6:2, 0], np.arange(3), task.inputs[6:, 0], np.repeat(np.arange(3), 3))
    assert metanas.adapt(out, one_shot).model.support == 3


def test_adapting(trained, tmp_path):
    out, _ = trained
    support, query = a_task(tmp_path)
    result = run("adapt", out, support, "--query", query)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "row,prediction,probability_ant,probability_cat,probability_dog"
    assert len(lines) == 10
    said = [line.split(",")[1] for line in lines[1:]]
    right = sum(a == b for a, b in zip(said, ["cat"] * 3 + ["dog"] * 3 + ["ant"] * 3, strict=True))
    assert result.stderr.strip() == f"accuracy {100 * right / 9:.1f} % ({right} of 9 right)"


def test_a_task_that_chooses_its_architecture_says_which(source, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "available", lambda: False)
    out, (support, query) = tmp_path / "out", a_task(tmp_path)
    assert run("meta-train", source, "--out", out, *QUICK, "--method", "t-nas", "--steps", "1").exit_code == 0
    result = run("adapt", out, support, "--query", query)
    told = re.search(r"^its own architecture: block1.op (\w+), block1.shortcut (True|False), .*block4.shortcut \w+$", result.stderr, re.M)
    chosen = json.loads(run("adapt", out, support, "--query", query, "--json").stdout)["architecture"]["choices"]
    assert (told[1], told[2]) == (chosen["block1.op"], str(chosen["block1.shortcut"]))


def test_adapting_into_a_file(trained, tmp_path):
    out, _ = trained
    support, query = a_task(tmp_path)
    first = run("adapt", out, support, "--query", query, "--out", tmp_path / "said.csv")
    assert first.stdout.splitlines()[0] == f"predictions in {tmp_path / 'said.csv'}"
    assert (tmp_path / "said.csv").read_text().startswith("row,prediction,")
    assert "is not overwritten" in refused("adapt", out, support, "--query", query, "--out", tmp_path / "said.csv")
    as_json = json.loads(run("adapt", out, support, "--query", query, "--json").stdout)
    assert as_json["classes"] == ["ant", "cat", "dog"]
    assert len(as_json["predictions"]) == as_json["queries"] == 9


def test_adapting_to_what_does_not_suit(trained, tmp_path):
    out, _ = trained
    support, query = a_task(tmp_path)
    many = tmp_path / "many"
    many.mkdir()
    four, _ = a_task(many, ("a", "b", "c", "d"))
    assert "trained for 3 classes, and the support has 4" in refused("adapt", out, four, "--query", query)
    np.savez(tmp_path / "no_y.npz", x=np.zeros((3, 8, 8), np.uint8))
    assert "lacks the array 'y'" in refused("adapt", out, tmp_path / "no_y.npz", "--query", query)
    assert "metanas adapt" in refused("predict", out, query)
    assert "metanas meta-train --resume" in refused("resume", out)
    assert "no meta-learned start" in refused("adapt", tmp_path, support, "--query", query)
    assert "--query FILE" in refused("adapt", out, support)
    assert "there is no file" in refused("adapt", out, support, "--query", tmp_path / "absent.npz")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ways", "5"), "5 ways need at least 15 classes"),
        (("--shots", "9"), "9 shots and 2 queries need 11 examples of every class"),
        (("--split", "vinyals"), "no split named 'vinyals'"),
        (("--rotations", "--kind", "table"), "only square pictures"),
        (("--option", "precision"), "NAME=VALUE"),
        (("--option", "fancy=3"), "fancy"),
        (("--option", "inner_steps=some"), "inner_steps must be a whole number, not 'some'"),
        (("--method", "maml++", "--option", "step_norms=off"), "step_norms must be true or false, not 'off'"),
        (("--width", "200000"), "the network would need about"),
        (("--method", "t-nas", "--width", "200000"), "the supernet would need about"),
        (("--method", "mamla"), "mamla"),
        (("--network", "two-dense"), "two-dense does not take image data; choose one of four-conv"),
        (("--inner-steps", "0"), "inner"),
        (("--budget", "never"), "--budget"),
        (("--steps", "0"), "--steps"),
    ],
)
def test_bad_command_lines(source, tmp_path, options, words):
    assert words in refused("meta-train", source, *QUICK, "--out", tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()


def test_data_or_a_folder():
    assert "either DATA" in refused("meta-train")
    assert "nowhere.npz" in refused("meta-train", "nowhere.npz")
