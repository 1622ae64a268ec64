"""How the tasks of many-task are made and trained: repeatable, without leaks, as the ordinary evaluator trains."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.many_task import shards
from benchmarks.many_task.architectures import DRAWS, draw, to_json
from benchmarks.many_task.catalogue import catalogue
from benchmarks.many_task.make import ARCHITECTURES, make
from benchmarks.many_task.parts import STEPS, TEST, TRAIN, Parts, cut
from benchmarks.many_task.raw import KINDS, SOURCES, Raw
from benchmarks.many_task.recipe import Recipe
from benchmarks.many_task.splits import splits
from benchmarks.many_task.trainings import Judge, train_some
from benchmarks.many_task.views import VIEWS

from metanas.benchmarks.tables import many_task_files as files
from metanas.benchmarks.tables.many_task import EPOCHS, problem_of
from metanas.evaluation import TrainingEvaluator
from metanas.evaluation.guard import TrainingSettings
from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import TaskShape, make_space

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NOWHERE = Path("/nowhere")
RECIPES = {recipe.name: recipe for recipe in catalogue()}
MADE_UP = ("friedman1-1", "monks-1", "clusters-2", "wine-2", "shapes-1", "tones-1", "chaos-1", "markov_text-1", "votes-1", "digits-c1")
real = pytest.mark.skipif(not DATA.is_dir(), reason="the data are not here")


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_there_are_enough_tasks_and_every_beginning_is_balanced() -> None:
    spaces = [recipe.space for recipe in RECIPES.values()]
    assert spaces.count("mlp") >= 300
    assert spaces.count("convnet") >= 60
    first = [recipe.source for recipe in RECIPES.values()][: len(SOURCES)]
    assert sorted(first) == sorted(SOURCES)
    assert {source.kind for source in SOURCES.values()} == set(KINDS)


def test_recipes_are_json_and_the_reader_knows_their_names() -> None:
    for recipe in RECIPES.values():
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
        assert recipe.epochs % files.POINTS == 0
    assert {recipe.name: recipe.epochs for recipe in RECIPES.values()} == EPOCHS


def test_shards_hold_every_task_once() -> None:
    named = shards.shards()
    assert [recipe.name for _, recipes in named for recipe in recipes] == list(RECIPES)
    assert len({name for name, _ in named}) == len(named)


def test_no_source_is_in_two_folds_and_the_splits_are_those_written_down() -> None:
    made = splits()
    assert sorted(name for fold in made["sources"] for name in fold) == sorted(SOURCES)
    assert sorted(name for kind in made["kinds"].values() for name in kind) == sorted(SOURCES)
    assert "digits" not in made["shipped"]
    assert json.loads(ARCHITECTURES.with_name("splits.json").read_text()) == made


# -- tasks -------------------------------------------------------------------------------------------------------------


def check(recipe: Recipe, data: Path) -> None:
    task = recipe.task(data)
    shape = task.prepare()[1].shape
    assert recipe.task(data).fingerprint == task.fingerprint
    assert not set(task.train) & set(task.validation)
    assert not set(task.test) & {*task.train, *task.validation}
    assert len(task.train) >= 50
    assert math.prod(shape.input) <= (128 if recipe.space == "mlp" else 3 * 16 * 16)
    if task.kind == "regression":
        y = task.targets[task.train]
        assert (float(y.mean()), float(y.std())) == pytest.approx((0, 1), abs=1e-5)


@pytest.mark.parametrize("name", MADE_UP)
def test_tasks_are_made_the_same_twice_with_disjoint_parts(name: str) -> None:
    check(RECIPES[name], NOWHERE)


@real
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if name not in MADE_UP])
def test_all_tasks_can_be_made(name: str) -> None:
    check(RECIPES[name], DATA)


def test_parts_share_no_example() -> None:
    raw = Raw(np.arange(300.0)[:, None], np.repeat(np.arange(3), 100))
    parts = cut(raw, (100, 50, 60), "", np.random.default_rng(0))
    rows = [x[:, 0].tolist() for x in parts.inputs]
    assert [len(r) for r in rows] == [100, 50, 60]
    assert len({row for part in rows for row in part}) == 210
    assert [np.bincount(y).tolist() for y in parts.targets][2] == [20, 20, 20]


def test_domains_are_on_one_side_of_a_cut() -> None:
    domain = np.repeat(np.arange(20), 30)
    raw = Raw(domain[:, None].astype(float), np.tile(np.arange(2), 300), domain)
    train, validation, test = (set(x[:, 0]) for x in cut(raw, (300, 100, 100), "all", np.random.default_rng(0)).inputs)
    assert not train & validation
    assert not test & (train | validation)
    train, validation, test = (set(x[:, 0]) for x in cut(raw, (300, 100, 100), "test", np.random.default_rng(0)).inputs)
    assert train & validation
    assert not test & (train | validation)


@pytest.mark.parametrize("name", sorted({name for views in VIEWS.values() for name, _ in views} | {"bins", "rotate", "stretch"}))
def test_nothing_is_fitted_on_the_test_part(name: str) -> None:
    """Other test examples leave the training part as it was."""
    rng = np.random.default_rng(0)
    kind = next((kind for kind, views in VIEWS.items() if name in dict(views)), "table")
    settings = next((dict(s) for views in VIEWS.values() for n, s in views if n == name), {"count": 3} if name == "bins" else {})

    def examples(seed: int) -> object:
        own = np.random.default_rng(seed)
        match kind:
            case "image":
                return own.integers(0, 256, (40, 16, 16), dtype=np.uint8)
            case "sound":
                return own.normal(size=(40, 1024, 1)).astype(np.float32)
            case "series":
                return own.normal(size=(40, 50, 1)).astype(np.float32)
            case "text":
                return np.array(["".join(own.choice(list("abcdef gh"), 30)) for _ in range(40)])
        return pd.DataFrame(own.normal(size=(40, 5)), columns=list("abcde"))

    targets = tuple(rng.integers(0, 2, 40) for _ in range(3))
    first, second = (
        STEPS[name](Parts((examples(1), examples(2), examples(seed)), targets, 4000), np.random.default_rng(0), **settings)
        for seed in (3, 4)
    )
    assert np.array_equal(np.asarray(first.inputs[TRAIN]), np.asarray(second.inputs[TRAIN]))
    assert not np.array_equal(np.asarray(first.inputs[TEST]), np.asarray(second.inputs[TEST]))


def test_wrong_labels_leave_the_test_part_as_it_is() -> None:
    targets = tuple(np.arange(1000) % 4 for _ in range(3))
    parts = Parts((None, None, None), targets)
    wrong = STEPS["wrong_labels"](parts, np.random.default_rng(0), share=0.4)
    changed = [float((a != b).mean()) for a, b in zip(wrong.targets, targets, strict=True)]
    assert changed[:2] == pytest.approx([0.3, 0.3], abs=0.06)  # a quarter of the labels drawn anew are what they were
    assert changed[TEST] == 0


# -- architectures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", list(DRAWS))
def test_the_architectures_differ_on_every_task(space: str) -> None:
    choices = files.read_choices(ARCHITECTURES)[space]
    assert len(choices) == DRAWS[space].count
    for shape in (DRAWS[space].shape, DRAWS[space].blind):
        made = make_space(space, shape)
        listed = [files.adapted(made, one) for one in choices]
        assert len({(made.graph(a).key, tuple(made.recipe(a).items())) for a in listed}) == len(listed)
    assert listed[0] == made.baseline
    for decision in made.decisions:
        assert {a.as_dict.get(decision.name) for a in listed} >= set(decision.options)


@pytest.mark.slow
def test_the_architectures_are_those_that_are_drawn() -> None:
    assert json.loads(ARCHITECTURES.read_text()) == to_json({name: draw(name) for name in DRAWS})


# -- trainings and shards ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["wine-2", "wine-1"])
def test_curves_are_those_of_the_ordinary_evaluator(name: str) -> None:
    recipe = RECIPES[name]
    task = recipe.task(NOWHERE)
    data, preprocessing = task.prepare()
    space = make_space("mlp", preprocessing.shape)
    choices = dict(list(enumerate(files.read_choices(ARCHITECTURES)["mlp"]))[:6])
    found = {t.architecture: t for t in train_some(Judge(task), space, 9, choices, seed=3)}
    candidates = [
        Candidate(Proposal(number, a, Fidelity(9)), space.graph(a), space.recipe(a), 3)
        for number, a in ((number, files.adapted(space, one)) for number, one in choices.items())
    ]
    evaluator = TrainingEvaluator(data, TrainingSettings(evaluations=files.POINTS, patience=files.POINTS))
    # All populations of the evaluator draw batches and dropout with seed 0; ours with that of their members.
    same = {t.architecture: t for t in train_some(Judge(task), space, 9, choices, seed=0)}
    for evaluation in evaluator.evaluate([Candidate(c.proposal, c.graph, c.recipe, 0) for c in candidates], math.inf):
        ours = same[evaluation.proposal.id]
        assert [c["score"] for c in evaluation.curve] == pytest.approx(ours.validation.tolist(), rel=1e-4)
        assert [c["loss"] for c in evaluation.curve] == pytest.approx(ours.loss.tolist(), rel=1e-4)
        assert not np.array_equal(ours.validation, found[evaluation.proposal.id].validation)


def test_a_shard_is_what_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("moons-0", "moons", "mlp", 5, (60, 40, 50), 9, {"noise": 0.2, "idle": 0})
    choices = {name: chosen[:24] for name, chosen in files.read_choices(ARCHITECTURES).items()}
    monkeypatch.setattr(files, "read_choices", lambda file: choices)
    file = tmp_path / files.SHARDS / "mlp-000.parquet"
    file.parent.mkdir(parents=True)
    make(file, [recipe], NOWHERE, choices, "abc")
    (task,) = files.measured_tasks(tmp_path)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert Recipe.from_json(task.facts["recipe"]) == recipe
    assert (task.source, task.kind, task.shipped, task.facts["code"]) == ("moons", "generated", True, "abc")
    assert task.validation.shape == (24, 7, files.POINTS)
    assert np.isfinite(task.validation[:, :2]).all()
    assert np.isfinite(task.validation[:, 6, 0]).sum() == 20
    assert task.description.shape == TaskShape("table", (2,), 2, numeric=2)
    counted = task.test[:, :2] * 50
    assert np.abs(counted - np.round(counted)).max() < 0.01
    assert task.parameters[0] == task.space.graph(task.space.listed[0]).parameters
    assert task.facts["baselines"]["linear"] > task.facts["baselines"]["constant"]
    assert problem_of(task).space.count() == 24


def test_rounding_keeps_three_digits_and_gaps() -> None:
    values = np.array([0.123456, 1e-9, 3.0, np.nan, -2.71828, 0.0], np.float32)
    kept = shards.rounded(values, 12)
    assert np.isnan(kept[3])
    assert kept[[2, 5]].tolist() == [3.0, 0.0]
    assert np.nanmax(np.abs(kept - values) / np.maximum(np.abs(values), 1e-30)) < 2e-4
