"""The reader of many-task on a made-up shard."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metanas.benchmarks.command import list_command
from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import Budget, run_strategy
from metanas.benchmarks.tables import many_task_files as files
from metanas.benchmarks.tables import open_problem
from metanas.benchmarks.tables.many_task import EPOCHS, REGRET, many_task
from metanas.errors import InputError
from metanas.records import Fidelity, Proposal, TaskDescription
from metanas.spaces import TaskShape, make_space

COUNT, SEEDS, TOP = 300, 7, 20
NAMES = ("iris-0", "iris-1", "monks-0")
SHAPES = (TaskShape("table", (4,), 3, numeric=4), TaskShape("table", (3,), 1, numeric=3), TaskShape("table", (15,), 2))


def architectures() -> dict[str, Any]:
    """Different networks of the space, as the file lists them."""
    space, rng = make_space("mlp", SHAPES[0]), np.random.default_rng(0)
    found: dict[str, list[int]] = {}
    while len(found) < COUNT:
        drawn = space.sample(rng).as_dict
        apart = str([pair for pair in drawn.items() if not pair[0].startswith("encoding")])
        found.setdefault(apart, [d.options.index(drawn[d.name]) if d.name in drawn else -1 for d in space.decisions])
    decisions = {d.name: list(d.options) for d in space.decisions}
    return {"schema": 1, "spaces": {"mlp": {"decisions": decisions, "codes": list(found.values())}}}


def trainings(name: str) -> dict[str, Any]:
    """Two trainings of each architecture, seven of the first twenty; that of number 7 with seed 1 breaks off at the fourth point."""
    rng = np.random.default_rng(sum(name.encode()))
    rows = [(a, s) for a in range(COUNT) for s in range(SEEDS) if s < 2 or a < TOP]
    columns: dict[str, Any] = {"task": [name] * len(rows)}
    for place, column in enumerate(("architecture", "seed")):
        columns[column] = np.array([row[place] for row in rows], np.int16)
    broken = (columns["architecture"] == 7) & (columns["seed"] == 1)
    for kind in ("validation", "test", "validation_loss"):
        for point in range(1, files.POINTS + 1):
            figures = rng.integers(0, 20, len(rows)) / 20
            columns[f"{kind}_{point}"] = np.where(broken & (point >= 4), np.nan, figures).astype(np.float32)
    costs = {"seconds": 0.5 + columns["seed"], "parameters": 100 + columns["architecture"], "flops": 200 + columns["architecture"]}
    return columns | costs


def facts(name: str, shape: TaskShape) -> dict[str, Any]:
    metric = "rmse" if shape.outputs == 1 else "accuracy"
    description = TaskDescription(name, "regression" if metric == "rmse" else "classification", shape, 80, metric)
    recipe = {"name": name, "source": name.partition("-")[0], "space": "mlp", "epochs": EPOCHS[name]}
    known = {"kind": "table", "licence": "none", "shipped": False, "metric": metric}
    return {**known, "recipe": recipe, "description": description.to_json()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tables")
    (made / files.SHARDS).mkdir(parents=True)
    (made / files.ARCHITECTURES).write_text(json.dumps(architectures()))
    for number, part in enumerate((slice(0, 2), slice(2, 3))):
        table = pa.concat_tables([pa.table(trainings(name)) for name in NAMES[part]])
        tasks = [facts(name, shape) for name, shape in zip(NAMES[part], SHAPES[part], strict=True)]
        record = json.dumps({"schema": 1, "points": files.POINTS, "tasks": tasks}).encode()
        pq.write_table(table.replace_schema_metadata({files.KEY: record}), made / files.SHARDS / f"mlp-{number}.parquet")
    return made


@pytest.fixture(scope="module")
def problem(folder: Path) -> Problem:
    return open_problem("many-task", "iris-0", folder)


def test_every_task_of_every_shard_is_read(folder: Path) -> None:
    tasks = list(files.measured_tasks(folder))
    assert [task.name for task in tasks] == list(NAMES)
    assert [task.space.shape for task in tasks] == list(SHAPES)
    for task in tasks:
        assert task.space.count() == len({a.key for a in task.space.listed}) == COUNT
        assert task.validation.shape == (COUNT, SEEDS, files.POINTS)
        assert np.isfinite(task.seconds).sum() == 2 * COUNT + (SEEDS - 2) * TOP
    assert not any(name.startswith("encoding") for a in tasks[2].space.listed for name in a.as_dict)


@pytest.mark.parametrize("name", NAMES)
def test_what_counts_is_the_best_evaluation_so_far(folder: Path, name: str) -> None:
    task = next(task for task in files.measured_tasks(folder) if task.name == name)
    for point in (1, 4, 9):
        validation, test = task.after(point)
        for a, s in ((0, 0), (0, 6), (7, 0), (250, 1)):
            ranks = [(task.sign * task.validation[a, s, p], -task.validation_loss[a, s, p], -p) for p in range(point)]
            best = max(range(point), key=ranks.__getitem__)
            assert (validation[a, s], test[a, s]) == (task.validation[a, s, best], task.test[a, s, best])
    assert np.isfinite(task.after(3)[0][7, 1])
    assert np.isnan(task.after(4)[0][7, 1])
    assert np.isnan(task.after(9)[1][250, 2])


@pytest.mark.parametrize("name", NAMES)
def test_regret_is_0_for_the_best_and_1_for_the_median(folder: Path, name: str) -> None:
    task = next(task for task in files.measured_tasks(folder) if task.name == name)
    for of, scores in zip(("validation", "test"), task.after(files.POINTS), strict=True):
        means = files.mean_over_seeds(task.regret(scores, of))  # type: ignore[arg-type]
        assert means.min() == pytest.approx(0)
        assert np.median(means) == pytest.approx(1)
        assert np.argmin(means) == np.argmax(task.sign * files.mean_over_seeds(scores))


def test_the_problem_has_three_fidelities_and_a_clock(problem: Problem) -> None:
    assert [f.epochs for f in problem.fidelities] == [EPOCHS["iris-0"] // 9, EPOCHS["iris-0"] // 3, EPOCHS["iris-0"]]
    assert problem.clock
    assert problem.sign == -1
    assert problem.metric == REGRET
    assert problem.optimum == pytest.approx(0)
    architecture = problem.space.listed[3]
    answers = [problem.evaluation(Proposal(0, architecture, fidelity), seed=8) for fidelity in problem.fidelities]
    assert [a.duration for a in answers] == pytest.approx([1.5 / 9, 1.5 / 3, 1.5])  # of seven repetitions that of seed 8 is number 1
    assert answers[2].costs == {"parameters": 103, "flops": 203}
    assert answers[0].metrics["accuracy"] <= answers[1].metrics["accuracy"] <= answers[2].metrics["accuracy"]
    assert problem.tested is not None
    assert problem.tested.min() == pytest.approx(0)


def test_without_normalisation_the_tasks_own_metric_guides(folder: Path, problem: Problem) -> None:
    raw = open_problem("many-task", "iris-0", folder, normalised="false")
    assert (raw.metric, raw.sign) == ("accuracy", 1)
    assert np.argmax(raw.validation) == np.argmax(problem.validation)
    assert open_problem("many-task", "iris-1", folder, normalised=False).metric == "rmse"


def test_strategies_run_on_it(problem: Problem) -> None:
    run = run_strategy(problem, "evolution", 0, Budget(30))
    assert len(run) == 30
    assert np.isfinite(run.guide[run.rows != 7]).all()
    assert len(run_strategy(problem, "random", 0, Budget(seconds=20.0))) >= 8


def test_it_is_listed() -> None:
    with redirect_stdout(io.StringIO()) as told:
        list_command(as_json=True)
    (row,) = (row for row in json.loads(told.getvalue()) if row["name"] == "many-task")
    assert set(NAMES) <= set(row["datasets"])
    assert row["options"] == {"normalised": True}


def test_what_is_missing_or_damaged_is_said_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        many_task(tmp_path, "iris-0")
    place, shards = tmp_path / files.ARCHITECTURES, tmp_path / files.SHARDS
    shards.mkdir(parents=True)
    place.write_text("[1, 2]")
    with pytest.raises(InputError, match="doesn't list the architectures"):
        many_task(tmp_path, "iris-0")
    place.write_text(json.dumps({**architectures(), "schema": 2}))
    with pytest.raises(InputError, match="schema 2"):
        many_task(tmp_path, "iris-0")
    place.write_text(json.dumps(architectures()))
    with pytest.raises(InputError, match=r"no shard in .* holds the task 'iris-0'"):
        many_task(tmp_path, "iris-0")
    whole = (folder / files.SHARDS / "mlp-0.parquet").read_bytes()
    for number, content in enumerate((b"", whole[: len(whole) // 2], b"PAR1" + bytes(100) + b"PAR1")):
        (shards / "mlp-0.parquet").write_bytes(content)
        with pytest.raises(InputError, match="truncated, damaged or something else"):
            many_task(tmp_path, "iris-0")
        (shards / "mlp-0.parquet").rename(tmp_path / f"{number}")


def test_a_shard_of_other_architectures_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / files.SHARDS).mkdir(parents=True)
    (tmp_path / files.SHARDS / "mlp-0.parquet").write_bytes((folder / files.SHARDS / "mlp-0.parquet").read_bytes())
    fewer = architectures()
    fewer["spaces"]["mlp"]["codes"] = fewer["spaces"]["mlp"]["codes"][:100]
    for record in (fewer, {**fewer, "spaces": {}}):
        (tmp_path / files.ARCHITECTURES).write_text(json.dumps(record))
        with pytest.raises(InputError, match="does not fit the architectures"):
            many_task(tmp_path, "iris-0")


def test_a_fidelity_that_was_not_measured_fails(problem: Problem) -> None:
    assert problem.evaluation(Proposal(0, problem.space.listed[0], Fidelity(2))).failed
