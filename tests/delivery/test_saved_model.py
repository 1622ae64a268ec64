import json

import numpy as np
import pandas as pd
import pytest
import torch
from delivery_examples import KINDS, model_of, parts_of, table, task_of

import metanas.delivery.model as module
from metanas.delivery import load_model, save_model
from metanas.errors import InputError


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path, **parts_of(model_of("table")))
    return tmp_path


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_gives_exactly_the_same_outputs(kind, tmp_path):
    model, task = model_of(kind), task_of(kind)
    place = save_model(tmp_path, **parts_of(model))
    raw = task.rows(task.test)
    expected = model.outputs(raw)
    for where in (tmp_path, place, str(tmp_path)):
        assert np.array_equal(load_model(where).outputs(raw), expected)
    assert sorted(p.name for p in place.iterdir()) == ["architecture.json", "preprocessing.json", "weights.safetensors"]
    assert load_model(place).parameters == sum(p.numel() for p in model.network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_what_metrics_take(kind):
    model, task = model_of(kind), task_of(kind)
    outputs = model.outputs(task.rows(task.train))
    if task.kind == "classification":
        assert outputs.shape == (len(task.train), len(task.classes))
        assert outputs.sum(axis=1) == pytest.approx(np.ones(len(outputs)), abs=1e-5)
        assert set(model.decide(outputs)) <= set(task.classes)
    else:
        with torch.inference_mode():
            raw = model.network(torch.from_numpy(model.preprocessing.transform(task.rows(task.train)))).numpy()
        targets = task.targets[task.train]
        assert outputs == pytest.approx(raw * targets.std(axis=0) + targets.mean(axis=0), rel=1e-4, abs=1e-4)


def test_predictions_are_the_names_of_the_likeliest_classes():
    model, frame = model_of("table"), table()
    proba = model.predict_proba(frame)
    assert list(model.predict(frame)) == [model.classes[k] for k in proba.argmax(axis=1)]


def test_batches_change_nothing(monkeypatch):
    model, task = model_of("image"), task_of("image")
    whole = model.outputs(task.inputs)
    monkeypatch.setattr(module, "BATCH_NUMBERS", model.graph.activations * 7)
    assert model.outputs(task.inputs) == pytest.approx(whole, abs=1e-6)
    assert len(model.outputs(task.inputs[:0])) == 0


def test_a_number_has_no_probabilities():
    with pytest.raises(InputError, match="no class probabilities"):
        model_of("numbers").predict_proba(np.zeros((2, 4), np.float32))


def test_a_missing_column_is_named(folder):
    with pytest.raises(InputError, match="size"):
        load_model(folder).predict(table().drop(columns="size"))


def test_unknown_categories_and_missing_values_are_predicted(folder):
    new = pd.DataFrame({"size": [None, 1.0], "colour": ["violet", None], "noise": [0.0, np.inf]})
    assert np.isfinite(load_model(folder).predict_proba(new)).all()


@pytest.mark.parametrize("name", ["architecture.json", "preprocessing.json", "weights.safetensors"])
def test_missing_files_are_named(folder, name):
    (folder / "model" / name).unlink()
    with pytest.raises(InputError, match=name):
        load_model(folder)


@pytest.mark.parametrize("name", ["architecture.json", "preprocessing.json", "weights.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_files_are_one_sentence(folder, name, share):
    path = folder / "model" / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=name) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_a_newer_schema_is_refused(folder):
    edit(folder / "model" / "architecture.json", schema=99, metanas="9.1")
    with pytest.raises(InputError, match=r"metanas 9\.1.*update"):
        load_model(folder)
    edit(folder / "model" / "architecture.json", schema=1)
    edit(folder / "model" / "preprocessing.json", schema=99)
    with pytest.raises(InputError, match="newer"):
        load_model(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"schema": 1}', '{"name": "another program"}', "\x00\x01", "null"])
def test_foreign_descriptions_are_refused(folder, content):
    (folder / "model" / "architecture.json").write_text(content)
    with pytest.raises(InputError):
        load_model(folder)


@pytest.mark.parametrize(
    "changes", [{"graph": {}}, {"architecture": []}, {"graph": {"schema": 1, "shape": {}, "nodes": []}}, {"classes": None}]
)
def test_damaged_descriptions_are_refused(folder, changes):
    edit(folder / "model" / "architecture.json", **changes)
    with pytest.raises(InputError, match="damaged or of another version"):
        load_model(folder)


def test_an_operation_that_nobody_knows_is_named(folder):
    path = folder / "model" / "architecture.json"
    graph = json.loads(path.read_text())["graph"]
    graph["nodes"][0]["op"] = "warp"
    edit(path, graph=graph)
    with pytest.raises(InputError, match="warp"):
        load_model(folder)


def test_weights_of_another_network_are_refused(folder, tmp_path):
    other = save_model(tmp_path / "other", **parts_of(model_of("image")))
    (folder / "model" / "weights.safetensors").write_bytes((other / "weights.safetensors").read_bytes())
    with pytest.raises(InputError, match="another network"):
        load_model(folder)


def test_a_folder_without_model_is_refused(tmp_path):
    for where in (tmp_path, tmp_path / "nowhere", tmp_path / "model"):
        with pytest.raises(InputError, match="no trained model"):
            load_model(where)


def test_saving_again_replaces_the_model(tmp_path):
    save_model(tmp_path, **parts_of(model_of("table")))
    save_model(tmp_path, **parts_of(model_of("image")))
    assert load_model(tmp_path).graph.key == model_of("image").graph.key


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't write"):
        save_model(tmp_path / "file", **parts_of(model_of("table")))
