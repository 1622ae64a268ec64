"""Meta-training in a space, from the command to predictions."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from metanas.benchmarks import plots
from metanas.cli import app
from metanas.delivery.adaptation import adapt
from metanas.errors import InputError
from metanas.networks.supernet import Supernet
from metanas.networks.supernet_memory import supernet_parameters
from metanas.search.meta import meta_train, resume_meta_training
from metanas.search.meta.asked import read_meta_run
from metanas.search.meta.network import space_for
from metanas.spaces.shape import TaskShape

SMALL = {"ways": 3, "queries": 3, "width": 4, "validation_episodes": 4, "test_episodes": 6, "validate_every": 2}
QUICK = {"inner_steps": 1, "meta_batch": 2}


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(plots, "available", lambda: False)


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (12, 1, 8, 8))
    np.savez(tmp_path / "blobs.npz", x=np.clip(patterns + rng.integers(0, 56, (12, 10, 8, 8)), 0, 255).astype(np.uint8))
    return tmp_path / "blobs.npz"


@pytest.mark.parametrize("method", ["t-nas", "metanas-reptile"])
def test_a_command_trains_and_the_start_adapts(method, source, tmp_path):
    out = tmp_path / "run"
    options = ["--ways", "3", "--queries", "3", "--width", "4", "--steps", "2", "--validation-episodes", "4", "--test-episodes", "6"]
    options += ["--inner-steps", "2", "--meta-batch", "2", "--option", "logit-inner-rate=0.5"]
    done = CliRunner().invoke(app, ["meta-train", str(source), "--method", method, "--out", str(out), *options])
    assert done.exit_code == 0, done.output
    assert "each task's own network alone" in done.output
    record = json.loads((out / "result.json").read_text())
    run = read_meta_run(out)
    assert record["parameters"] == run.parameters == sum(p.numel() for p in Supernet(run.subject, seed=0).parameters())
    assert 0 <= record["decoded"]["accuracy"] <= 1
    x = np.load(source)["x"]
    adapted = adapt(out, (x[:3, 0], np.array(["a", "b", "c"])), (x[:3, 1], np.array(["a", "b", "c"])))
    assert adapted.outputs.shape == (3, 3)


def test_resuming_gives_the_same_as_never_stopping(source, tmp_path):
    class Stopped(Exception):
        pass

    class Stopper:
        def on_message(self, text): ...
        def on_step(self, step, share, left, score):
            if step == 3:
                raise Stopped

        def on_point(self, point, best): ...
        def on_test(self, done, whole): ...
        def close(self): ...

    whole = meta_train(source, method="t-nas", steps=4, settings=QUICK, out=tmp_path / "whole", **SMALL)
    with pytest.raises(Stopped):
        meta_train(source, method="t-nas", steps=4, settings=QUICK, out=tmp_path / "parts", observers=[Stopper()], **SMALL)
    parts = resume_meta_training(tmp_path / "parts")
    for name in ("test", "decoded", "validation", "steps"):
        assert whole.record[name] == parts.record[name]


def test_which_space_is_for_which_data():
    image = TaskShape("image", (1, 8, 8), 3)
    assert space_for(image)[0] == "few-shot"
    assert space_for(image, "convnet")[1].name == "convnet"
    assert space_for(TaskShape("table", (3,), 2, numeric=3))[0] == "mlp"
    assert supernet_parameters(space_for(image, width=8)[1]) > supernet_parameters(space_for(image, width=4)[1])
    for network, width, match in (("four-conv", None, "chooses in a space"), ("convnet", 8, "has no --width"), (None, 0, "at least 1")):
        with pytest.raises(InputError, match=match):
            space_for(image, network, width)
