import json

import numpy as np
import pytest
from delivery_examples import model_of, task_of

import metanas.delivery.files as files
from metanas.delivery import ANSWER, Entry, Result, baseline_records, describe_graph, fit_baselines, read_result, score_once, versions
from metanas.errors import InputError

KEYS = {
    *("test", "validation", "architecture", "parameters", "flops", "trials", "failures", "seconds", "baselines", "versions", "seed"),
    *("data_fingerprint", "task", "strategy", "space", "metric", "budget", "notes", "schema", "comparison", "interrupted"),
}


@pytest.fixture(scope="module")
def result():
    task, model = task_of("table"), model_of("table")
    left_out = Entry("slow", None, reason="it would not have finished in the time that was left")
    others = [*fit_baselines(task), left_out]
    scores = score_once(task, [Entry(ANSWER, model.outputs), *others])
    return Result(
        task=task.name,
        kind=task.kind,
        data=task.data,
        target=task.target,
        classes=len(task.classes),
        examples={"train": len(task.train), "validation": len(task.validation), "test": len(task.test)},
        data_fingerprint=task.fingerprint,
        metric=task.metric,
        test=scores[ANSWER].to_json(),
        validation={"accuracy": 0.5, "score": 0.5},
        baselines=baseline_records(others, scores),
        comparison=scores.comparison.to_json(),
        architecture=model.architecture.to_json(),
        network=describe_graph(model.graph),
        parameters=model.parameters,
        flops=model.graph.flops,
        space="mlp",
        strategy="random",
        seed=3,
        trials=7,
        failures=np.int64(1),
        seconds=12.5,
        budget={"seconds": 10.0, "trials": None, "max_params": None},
        versions=versions(),
        notes=("a note",),
    )


def test_the_file_has_all_keys_and_comes_back_equal(result, tmp_path):
    path = result.write(tmp_path / "new")
    record = json.loads(path.read_text())
    assert set(record) >= KEYS
    assert record["test"]["score"] == record["test"][record["metric"]]
    assert read_result(tmp_path / "new").to_json() == record
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]


def test_baselines_have_scores_or_reasons(result):
    records = result.to_json()["baselines"]
    assert "time" in records["slow"]["reason"]
    assert "score" not in records["slow"]
    assert all({"score", "interval", "accuracy", "roc_auc"} <= set(record) for name, record in records.items() if name != "slow")


def test_numbers_that_json_lacks_become_null(result, tmp_path):
    odd = Result(**{name: getattr(result, name) for name in result.__dataclass_fields__} | {"validation": {"a": float("nan"), "b": np.inf}})
    record = json.loads(odd.write(tmp_path).read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert record["validation"] == {"a": None, "b": None}
    assert record["failures"] == 1


def test_newer_foreign_and_missing_results_are_refused(result, tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_result(tmp_path)
    path = result.write(tmp_path)
    whole = path.read_text()
    for content, words in (
        (whole[:-20], "damaged"),
        ("[1]", "another program"),
        ("{}", "incomplete"),
        ('{"schema": 9, "metanas": "7.0"}', "7.0"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=words):
            read_result(tmp_path)


def test_keys_of_later_additions_are_passed_over(result, tmp_path):
    path = result.write(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "later": 1}))
    assert read_result(tmp_path).parameters == result.parameters


def test_a_crash_while_writing_leaves_the_old_file(result, tmp_path, monkeypatch):
    path = result.write(tmp_path)
    before = path.read_bytes()

    def crash(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", crash)
    with pytest.raises(InputError, match="No space left"):
        result.write(tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_versions_name_what_decides():
    found = versions()
    assert found["numpy"] == np.__version__
    assert {"python", "metanas", "torch", "scikit-learn"} <= set(found)
