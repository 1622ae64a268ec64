"""The readers of FCNet, OpenML MLP, NMT, NAS-Bench-MR, Accel-NASBench, EC-NAS and NAS-Bench-NLP."""

import json
import math
import time
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from table_examples import REAL, save

from metanas.benchmarks.tables import accelnasbench, ecnas, fcnet, nasbenchmr, nasbenchnlp, nmt, open_problem, openml_mlp, says
from metanas.benchmarks.tables.recurrent_cells import MOST, NoCell, read_cell, recurrent_space
from metanas.benchmarks.tables.registry import benchmarks
from metanas.benchmarks.tables.repeats import Repeats
from metanas.errors import InputError
from metanas.records import Fidelity, Proposal
from metanas.spaces import TaskShape

READERS = (fcnet, openml_mlp, nmt, nasbenchmr, accelnasbench, ecnas, nasbenchnlp)
OURS = [(b.name, dataset) for b in benchmarks() if b.read.__module__ in {m.__name__ for m in READERS} for dataset in b.datasets]
real = pytest.mark.skipif(not (REAL / "joint_arch_hpo").is_dir(), reason="the tables are not here")

# -- the published tables ----------------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize(("name", "dataset"), OURS)
def test_the_published_table_is_known_again_quickly_and_each_row_found(name: str, dataset: str) -> None:
    (benchmark,) = (b for b in benchmarks() if b.name == name)
    begin = time.process_time()
    problem = open_problem(name, dataset, REAL)
    assert time.process_time() - begin < 2
    assert tuple(fidelity.epochs for fidelity in problem.fidelities) == benchmark.epochs[dataset]
    assert problem.clock == benchmark.clock
    assert problem.rows == problem.space.count() == benchmark.rows[dataset]
    columns = [*problem.test.values(), *problem.costs.values(), *(c for level in problem.levels for c in level.metrics.values())]
    assert {len(column) for column in columns} == {problem.rows}
    assert ("as published" in says(problem)) == (dataset in benchmark.published)
    rng = np.random.default_rng(0)
    drawn = [problem.space.sample(rng) for _ in range(50)]
    for architecture in drawn:
        problem.space.validate(architecture)
        answer = problem.evaluation(Proposal(0, architecture, problem.fidelities[-1]), seed=1)
        assert answer.failed == math.isnan(problem.validation[problem.row(architecture)])
        assert (answer.duration > 0) == problem.clock
    if problem.space.listed:
        assert [problem.row(a) for a in problem.space.listed] == list(range(problem.rows))


@real
@pytest.mark.parametrize("name", ["fcnet", "ecnas", "nasbench201", "nasbenchgraph"])
def test_opening_takes_little_memory(name: str) -> None:
    tracemalloc.start()
    open_problem(name, next(b.datasets[0] for b in benchmarks() if b.name == name), REAL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500e6


@real
def test_a_motif_tells_the_cells_of_a_table_apart() -> None:
    for name, dataset in (("ecnas", "cifar10-v4"), ("nasbenchnlp", "wikitext-2")):
        space = open_problem(name, dataset, REAL).space
        assert len({space.motif_graph(a).key for a in space.listed}) == space.count()


@real
def test_networks_of_ecnas_have_the_tables_parameters_but_for_rounded_channels() -> None:
    problem = open_problem("ecnas", "cifar10-v5", REAL)
    for row in range(0, problem.rows, 100):
        architecture = problem.space.listed[row]
        thirds = architecture["vertices"] == 5 and architecture["edge1-out"] and architecture["edge2-out"]
        counted = problem.space.graph(architecture).parameters
        assert counted == pytest.approx(problem.costs["parameters"][row], rel=0.03 if thirds else 1e-6)


# -- tables of the same make -------------------------------------------------------------------------------------------


def fcnet_columns() -> dict[str, np.ndarray]:
    """A complete table with rows in an order of its own; the published choices are the best for naval propulsion."""
    lists = {
        "activation_fn_1": ["tanh", "relu"],
        "activation_fn_2": ["relu", "tanh"],
        "batch_size": [8, 16, 32, 64],
        "dropout_1": [0.0, 0.3, 0.6],
        "dropout_2": [0.0, 0.3, 0.6],
        "init_lr": [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1],
        "lr_schedule": ["cosine", "const"],
        "n_units_1": [128, 16, 32, 64, 256, 512],
        "n_units_2": [512, 256, 128, 64, 32, 16],
    }
    config = np.array(list(product(*(range(len(values)) for values in lists.values()))), dtype=np.uint8)
    config = config[np.random.default_rng(0).permutation(len(config))]
    error = 1 + config.sum(axis=1, dtype=float)
    return {
        "config": config,
        "fields": np.array(list(lists), dtype="S"),
        "choices_json": np.array(json.dumps(lists).encode()),
        "naval_propulsion_valid_mse": np.stack([error, error + 0.1, error + 0.2, error + 0.3], axis=1).astype(np.float32),
        "naval_propulsion_runtime_s": (10 * error).astype(np.float32),
    }


@pytest.fixture(scope="module")
def fcnet_table() -> dict[str, np.ndarray]:
    return fcnet_columns()


def test_choices_are_those_that_the_numbers_stand_for(tmp_path: Path, fcnet_table: dict[str, np.ndarray]) -> None:
    save(tmp_path / fcnet.FILE, fcnet_table)
    problem = fcnet.fcnet(tmp_path, "naval_propulsion")
    lists = json.loads(fcnet_table["choices_json"].item())
    fields = [field.decode() for field in fcnet_table["fields"]]
    for row in range(0, problem.rows, 7_001):
        said = dict(zip(fields, fcnet_table["config"][row], strict=True))
        found = problem.space.architecture({name: lists[field][said[field]] for name, field in fcnet.FIELDS.items()})
        assert problem.row(found) == row
        answers = [problem.evaluation(Proposal(0, found, Fidelity(100)), seed) for seed in range(4)]
        assert [a.metrics["mse"] for a in answers] == fcnet_table["naval_propulsion_valid_mse"][row].tolist()
        assert answers[0].duration == fcnet_table["naval_propulsion_runtime_s"][row]


def test_tables_that_are_not_fcnet_are_refused(tmp_path: Path, fcnet_table: dict[str, np.ndarray]) -> None:
    twice, outside = (fcnet_table["config"].copy() for _ in range(2))
    twice[0] = twice[1]
    outside[5, 2] = 9
    fractions = fcnet_table["config"].astype(np.float32)
    lists = json.loads(fcnet_table["choices_json"].item())
    best = int(np.argmin(fcnet_table["naval_propulsion_runtime_s"]))
    other = fcnet_table["naval_propulsion_valid_mse"].copy()
    other[best] += 1e6
    changes = {
        "each of the 62,208 architectures once": {"config": twice},
        "that it doesn't list": {"config": outside},
        "no whole numbers": {"config": fractions},
        "no option of 'batch_size'": {"choices_json": np.array(json.dumps({**lists, "batch_size": [7, 16, 32, 64]}))},
        "no JSON object": {"choices_json": np.array("[" * 100_000)},
        "no JSON": {"choices_json": np.array('{"batch_size": 3}')},
        "no field 'lr_schedule'": {"fields": np.char.replace(fcnet_table["fields"].astype(str), "lr_schedule", "schedule")},
        "another best network": {"naval_propulsion_valid_mse": other},
        "not between 0 and inf": {"naval_propulsion_valid_mse": np.full_like(other, np.nan)},
        "62,207": {name: c[:-1] if c.ndim and len(c) == fcnet.ROWS else c for name, c in fcnet_table.items()},
    }
    (tmp_path / fcnet.FILE).parent.mkdir()
    for says_so, change in changes.items():
        np.savez(tmp_path / fcnet.FILE, **{**fcnet_table, **change})
        with pytest.raises(InputError, match=says_so.replace("62,207", "62207")):
            fcnet.fcnet(tmp_path, "naval_propulsion")


def test_a_failed_translation_is_a_failure(tmp_path: Path) -> None:
    config = np.array(list(product(*(d.options for d in nmt.DECISIONS))), dtype=float)
    scores = np.arange(648, dtype=np.float32) / 648
    columns = {
        "config": config,
        "fields": np.array([d.name for d in nmt.DECISIONS]),
        "sw-en_bleu": scores,
        "sw-en_decoding_s": 300 + scores,
    }
    save(tmp_path / nmt.FILE, columns)
    problem = nmt.nmt(tmp_path, "sw-en")
    first, last = (problem.space.architecture({d.name: d.options[at] for d in nmt.DECISIONS}) for at in (0, -1))
    answer = problem.evaluation(Proposal(0, first, problem.fidelities[-1]))
    assert answer.failed
    assert answer.costs == {"seconds:decoding": 300}
    assert not problem.evaluation(Proposal(0, last, problem.fidelities[-1])).failed
    save(tmp_path / nmt.FILE, {**columns, "config": config + 1})
    with pytest.raises(InputError, match="no option of 'bpe'"):
        nmt.nmt(tmp_path, "sw-en")


def ecnas_columns() -> dict[str, np.ndarray]:
    """Ninety-one graphs of the kind, all different though not all of the benchmark's."""
    graphs = []
    for edges in product((0, 1), repeat=4):
        matrix = np.zeros((4, 4), dtype=np.uint8)
        matrix[0, 1] = matrix[2, 3] = 1
        matrix[[0, 0, 1, 1], [2, 3, 2, 3]] = edges
        if (edges[0] or edges[2]) and (edges[2] or edges[3]):
            graphs += [(matrix, (0, a, b, 4)) for a in (1, 2, 3) for b in (1, 2, 3)]
    small = np.zeros((4, 4), dtype=np.uint8)
    small[0, 1] = 1
    graphs = [(small, (0, 4, 255, 255)), *graphs[:90]]
    curves = {name: np.linspace(0.1, 0.9, 91 * 12).reshape(91, 4, 3) for name in ("val_acc", "test_acc")}
    curves |= {name: np.full((91, 4, 3), 7.0) for name in ("train_time_s", "energy_kwh", "total_co2_g")}
    hashes = np.array([f"cell{number}" for number in range(91)])
    columns = {"adjacency": np.stack([m for m, _ in graphs]), "ops": np.array([o for _, o in graphs], dtype=np.uint8), "hash": hashes}
    columns |= {"epochs": np.array(ecnas.EPOCHS["cifar10-v4"]), "params_m": np.full(91, 0.5), **curves}
    made = {f"v4_{name}": column for name, column in columns.items()} | {"op_names": np.array(ecnas.NAMES)}
    for card in ecnas.CARDS:
        made |= {f"v4_{card}_hash": hashes[::-1][:88], f"v4_{card}_train_time_s": np.arange(88.0)[:, None, None] * np.ones((1, 4, 1))}
        made[f"v4_{card}_energy_kwh"] = np.ones((88, 4, 1))
    return made


def test_cells_of_ecnas_follow_their_graphs(tmp_path: Path) -> None:
    columns = ecnas_columns()
    save(tmp_path / ecnas.FILE, columns)
    problem = ecnas.ecnas(tmp_path, "cifar10-v4")
    assert problem.space.listed[0].as_dict == {"vertices": 2}
    for row in (3, 45, 90):
        architecture, matrix = problem.space.listed[row], columns["v4_adjacency"][row]
        assert [architecture["edge0-2"], architecture["edge0-out"], architecture["edge1-2"], architecture["edge1-out"]] == [
            bool(matrix[a, b]) for a, b in ((0, 2), (0, 3), (1, 2), (1, 3))
        ]
        assert [architecture["vertex1.op"], architecture["vertex2.op"]] == [ecnas.NAMES[o] for o in columns["v4_ops"][row, 1:3]]
        answer = problem.evaluation(Proposal(0, architecture, Fidelity(36)), seed=2)
        assert answer.metrics["accuracy"] == columns["v4_val_acc"][row, 2, 2]
        assert answer.costs["energy"] == pytest.approx(7 * 3.6e6)
        assert answer.costs["seconds:titanxp"] == 90 - row  # by hash
    assert math.isnan(problem.costs["seconds:titanxp"][0])


def test_graphs_that_are_no_cells_are_refused(tmp_path: Path) -> None:
    columns = ecnas_columns()
    backwards, dangling, padded = (columns["v4_adjacency"].copy() for _ in range(3))
    backwards[5, 2, 1], dangling[5, 2, 3], padded[0, 2, 3] = 1, 0, 1
    operations = columns["v4_ops"].copy()
    operations[5, 1] = 4
    twice = columns["v4_ops"].copy()
    twice[2] = twice[1]
    for change in ({"v4_adjacency": backwards}, {"v4_adjacency": dangling}, {"v4_adjacency": padded}, {"v4_ops": operations}):
        save(tmp_path / ecnas.FILE, {**columns, **change})
        with pytest.raises(InputError, match="no cells of NAS-Bench-101"):
            ecnas.ecnas(tmp_path, "cifar10-v4")
    save(tmp_path / ecnas.FILE, {**columns, "v4_ops": twice})
    with pytest.raises(InputError, match="the same cell twice"):
        ecnas.ecnas(tmp_path, "cifar10-v4")


@pytest.mark.parametrize("reader", READERS, ids=[m.__name__.rsplit(".", 1)[-1] for m in READERS])
def test_files_that_are_missing_truncated_or_foreign_are_refused_in_one_sentence(reader, tmp_path: Path) -> None:
    name = reader.__name__.rsplit(".", 1)[-1]
    (benchmark,) = (b for b in benchmarks() if b.name == name)
    file = tmp_path / benchmark.file
    with pytest.raises(InputError, match="there is no file"):
        open_problem(name, benchmark.datasets[0], tmp_path)
    save(file, {"something": np.arange(3)})
    with pytest.raises(InputError, match="has no column"):
        open_problem(name, benchmark.datasets[0], tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="can't be read"):
        open_problem(name, benchmark.datasets[0], tmp_path)


# -- repetitions and recurrent cells -----------------------------------------------------------------------------------


def test_trainings_of_one_architecture_become_its_repetitions() -> None:
    a, b, c = ((("width", width),) for width in (1, 2, 3))
    repeats = Repeats([b, a, b, c, b])
    assert repeats.choices == (b, a, c)
    np.testing.assert_equal(repeats.spread(np.arange(5)), [[0, 2, 4], [1, np.nan, np.nan], [3, np.nan, np.nan]])
    np.testing.assert_equal(repeats.mean(np.array([1.0, 5.0, np.nan, np.nan, 2.0])), [1.5, 5.0, np.nan])


def cell(**nodes: tuple) -> str:
    return json.dumps({name: {"op": op, "input": list(inputs)} for name, (op, *inputs) in nodes.items()})


GATED = cell(
    z=("linear", "x", "h_prev_0"),
    r=("linear", "x", "h_prev_0"),
    gate=("activation_sigm", "z"),
    new=("activation_tanh", "r"),
    h_new_0=("blend", "gate", "h_prev_0", "new"),
)


def test_the_same_cell_gives_the_same_choices_whatever_its_nodes_are_called_and_how_they_are_ordered() -> None:
    renamed = cell(
        h_new_0=("blend", "b", "h_prev_0", "d"),
        d=("activation_tanh", "a"),
        a=("linear", "h_prev_0", "x"),
        b=("activation_sigm", "c"),
        c=("linear", "h_prev_0", "x"),
    )
    assert read_cell(GATED) == read_cell(renamed)
    assert read_cell(GATED) != read_cell(GATED.replace('"gate", "h_prev_0", "new"', '"new", "h_prev_0", "gate"'))
    shared = cell(
        z=("linear", "x", "h_prev_0"),
        gate=("activation_sigm", "z"),
        new=("activation_tanh", "z"),
        h_new_0=("blend", "gate", "h_prev_0", "new"),
    )
    assert read_cell(GATED) != read_cell(shared)  # one linear node instead of two with weights of their own


def test_a_cells_choices_are_an_architecture_whose_motif_is_the_cell() -> None:
    space = recurrent_space("cells", TaskShape("text", (5,), 9, vocabulary=9))
    architecture = space.architecture(dict(read_cell(GATED)))
    assert architecture.choices == read_cell(GATED)
    ops = [node.op for node in space.motif_graph(architecture).nodes]
    assert sorted(ops) == sorted(["previous_state0", "linear", "linear", "activation_sigm", "activation_tanh", "blend", "new_state0"])
    rng = np.random.default_rng(0)
    for _ in range(50):
        space.motif_graph(space.sample(rng))


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[" * 100_000,
        "[]",
        "{}",
        '{"a": 3, "b": 4}',
        cell(a=("linear", "x", "h_prev_0"), b=("activation_tanh", "a")),
        cell(a=("linear", "x", "h_prev_7"), h_new_0=("activation_tanh", "a")),
        cell(a=("linear", "x", "nowhere"), h_new_0=("activation_tanh", "a")),
        cell(a=("linear", "x", "h_new_0"), h_new_0=("activation_tanh", "a")),
        cell(a=("linear", "x", "h_prev_0"), h_new_0=("softmax", "a")),
        cell(a=("linear", "x"), h_new_0=("activation_tanh", "a")),
        cell(x=("linear", "x", "h_prev_0"), h_new_0=("activation_tanh", "x")),
        cell(**{f"n{i}": ("activation_tanh", "x") for i in range(MOST)}, h_new_0=("activation_tanh", "n0")),
    ],
)
def test_texts_that_are_no_cell_are_refused(text: str) -> None:
    with pytest.raises(NoCell):
        read_cell(text)


def nlp_columns(runs: int = nasbenchnlp.RUNS) -> dict[str, np.ndarray]:
    """As many recipes as belong there, of which only a few are different cells; the second training fails in epoch 8."""
    ops = ("activation_tanh", "activation_sigm", "activation_leaky_relu")
    recipes = [cell(**{f"node_{i}": ("linear", "x", "h_prev_0"), "h_new_0": (ops[i % 3], f"node_{i}")}) for i in range(nasbenchnlp.RECIPES)]
    losses = np.tile(np.linspace(9, 5, 50), (runs, 1))
    losses[0, 20] = 4.0
    losses[1, 7:] = np.nan
    texts = [recipes[run % len(recipes)] for run in range(runs)]
    times = np.full((runs, 50), 2.0)
    return {
        "recipe_json": np.array(texts, dtype="S"),
        "val_losses": losses,
        "test_losses": losses + 1,
        "wall_times": times,
        "params_m": np.ones(runs),
    }


def test_results_are_the_best_epochs_and_failed_trainings_none(tmp_path: Path) -> None:
    save(tmp_path / nasbenchnlp.FILE, nlp_columns())
    problem = nasbenchnlp.nasbenchnlp(tmp_path, "wikitext-2")
    assert problem.space.count() == problem.rows == 3
    first, second = problem.space.listed[:2]
    assert problem.evaluation(Proposal(0, first, Fidelity(50)), seed=0).metrics["loss"] == 4
    assert problem.evaluation(Proposal(0, first, Fidelity(10)), seed=0).metrics["loss"] == pytest.approx(9 - 9 * 4 / 49)
    assert problem.evaluation(Proposal(0, first, Fidelity(10))).duration == 20
    assert problem.levels[0].metrics["loss"][1, 0] < 9  # before it fails
    assert math.isnan(problem.levels[1].metrics["loss"][1, 0])
    assert math.isnan(problem.levels[1].seconds[1, 0])  # its cell has other trainings
    assert not problem.evaluation(Proposal(0, second, Fidelity(10))).failed


def test_a_cell_whose_every_training_failed_took_its_time(tmp_path: Path) -> None:
    columns = nlp_columns()
    columns["val_losses"][:, 40] = np.nan
    columns["wall_times"][:, 40:] = np.nan
    save(tmp_path / nasbenchnlp.FILE, columns)
    problem = nasbenchnlp.nasbenchnlp(tmp_path, "wikitext-2")
    answer = problem.evaluation(Proposal(0, problem.space.listed[0], Fidelity(50)))
    assert answer.failed
    assert answer.duration == 80


def test_recipes_of_another_table_are_refused(tmp_path: Path) -> None:
    columns = nlp_columns()
    other = columns["recipe_json"].copy()
    other[3] = other[4]
    save(tmp_path / nasbenchnlp.FILE, {**columns, "recipe_json": np.where(np.arange(345) % 291 == 3, other[4], other)})
    with pytest.raises(InputError, match="290 different recipes"):
        nasbenchnlp.nasbenchnlp(tmp_path, "wikitext-2")
    broken = columns["recipe_json"].copy()
    broken[broken == broken[3]] = b"{}"
    save(tmp_path / nasbenchnlp.FILE, {**columns, "recipe_json": broken})
    with pytest.raises(InputError, match="no recurrent cell"):
        nasbenchnlp.nasbenchnlp(tmp_path, "wikitext-2")


def sampled(decisions, rows: int, rng: np.random.Generator) -> np.ndarray:
    return np.stack([np.array(d.options)[rng.integers(len(d.options), size=rows)] for d in decisions], axis=1)


def test_networks_that_occur_twice_are_rows_with_two_repetitions(tmp_path: Path) -> None:
    decisions, rng = accelnasbench._decisions(), np.random.default_rng(0)
    code = sampled(decisions, accelnasbench.RUNS, rng).astype(np.uint8)
    code[-13:] = code[:13]
    speeds = [f"throughput_{d}_mean" for d in accelnasbench.THROUGHPUT] + [f"latency_{d}_mean" for d in accelnasbench.LATENCY]
    names = ("val_top1", "val_top5", "train_time", "macs_m", "params_m", *speeds)
    figures = {name: np.linspace(10, 60, accelnasbench.RUNS) for name in names}
    figures["val_top1"][2_000] = 67.05
    fields = np.array([d.name.replace(".", "_") for d in decisions], dtype="S")
    save(tmp_path / accelnasbench.FILE, {"code": code, "code_fields": fields, **figures})
    problem = open_problem("accelnasbench", path=tmp_path)
    assert problem.rows == 5_125
    (level,) = problem.levels
    expected = figures["val_top1"][[0, -13]] / 100
    np.testing.assert_allclose(level.metrics["accuracy"][0], expected, atol=1e-7)
    assert problem.costs["latency:zcu102"][100] == pytest.approx(figures["latency_zcu102_mean"][100] / 1000)
    found = dict(zip((d.name for d in decisions), code[20].tolist(), strict=True))
    assert problem.row(problem.space.architecture(found)) == 20
    untimed = {**figures, "train_time": np.where(code[:, 0] > 4, np.nan, 9.0)}
    save(tmp_path / accelnasbench.FILE, {"code": code, "code_fields": fields, **untimed})
    with pytest.raises(InputError, match="results without their training times"):
        open_problem("accelnasbench", path=tmp_path)
    save(tmp_path / accelnasbench.FILE, {"code": code + 9, "code_fields": fields, **figures})
    with pytest.raises(InputError, match=r"no option of 'block0\.e'"):
        open_problem("accelnasbench", path=tmp_path)


def test_settings_of_nasbenchmr_have_their_own_metrics(tmp_path: Path) -> None:
    decisions = nasbenchmr._decisions()
    code = sampled(decisions, nasbenchmr.ROWS, np.random.default_rng(0)).astype(np.int16)
    figures = {name: np.linspace(10, 79.10, nasbenchmr.ROWS) for name in ("flops_g", "params_m", "seg_mIoU", "seg_mAcc", "seg_aAcc")}
    save(tmp_path / nasbenchmr.FILE, {"code": code, **figures})
    problem = open_problem("nasbenchmr", "seg", tmp_path)
    assert problem.metric == "miou"
    assert problem.optimum == pytest.approx(0.791)
    assert len(decisions) == 27
    save(tmp_path / nasbenchmr.FILE, {"code": code, **figures, "seg_mIoU": figures["seg_mIoU"] / 2})
    with pytest.raises(InputError, match="not the published"):
        open_problem("nasbenchmr", "seg", tmp_path)
    save(tmp_path / nasbenchmr.FILE, {"code": code, **figures, "seg_mIoU": figures["seg_mIoU"] * 2})
    with pytest.raises(InputError, match="not between 0 and 100"):
        open_problem("nasbenchmr", "seg", tmp_path)


def test_shares_of_the_openml_table_keep_their_repetitions(tmp_path: Path) -> None:
    space = openml_mlp.openml_mlp_choices(TaskShape("table", (6,), 4, numeric=6))
    names = [openml_mlp.FIELDS[d.name] for d in space.decisions]
    lists = {name: list(d.options) for name, d in zip(names, space.decisions, strict=True)}
    config = np.array(list(product(*(range(len(values)) for values in lists.values()))), dtype=np.uint8)
    shares = np.linspace(0, 1, 150_000, dtype=np.float32).reshape(30_000, 5)
    columns = {"config": config, "fields": np.array(names), "choices_json": np.array(json.dumps(lists))}
    columns |= {"car_bal_acc": shares, "car_precision": shares[:, 0]}
    save(tmp_path / openml_mlp.FILE, columns)
    problem = openml_mlp.openml_mlp(tmp_path, "car")
    architecture = problem.space.sample(np.random.default_rng(3))
    row = problem.row(architecture)
    answers = [problem.evaluation(Proposal(0, architecture, Fidelity(243)), seed).metrics for seed in range(5)]
    assert [a["balanced_accuracy"] for a in answers] == shares[row].tolist()
    assert {a["precision"] for a in answers} == {float(shares[row, 0])}
    assert not problem.clock
