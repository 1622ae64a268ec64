"""The registry of benchmarks, NAS-Bench-201 and NAS-Bench-Graph, and what is said of files that aren't what they should be."""

import contextlib
import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_examples import CELLS, DEVICES, REAL, nasbench201_columns, save

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables import benchmarks, nasbench201, open_problem, says
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.nasbenchgraph import OPERATIONS, nasbenchgraph
from metanas.errors import InputError
from metanas.records import Fidelity, Proposal
from metanas.spaces import Architecture

read201 = nasbench201.nasbench201
OURS = [(name, dataset) for name in ("nasbench201", "nasbenchgraph") for b in benchmarks() if b.name == name for dataset in b.datasets]


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    return nasbench201_columns()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, columns: dict[str, np.ndarray]) -> Path:
    """All of NAS-Bench-201's files, made up."""
    made = tmp_path_factory.mktemp("tables")
    save(made / nasbench201.FILE, columns)
    save(made / "nasbench201/nasbench201_mean_val.npz", {"c10_val_acc_200_mean": np.linspace(10, 90, CELLS)})
    latency = np.linspace(1, 2, CELLS)
    latency[7] = -1
    measured = {f"c10_{device}_{kind}": latency for device in DEVICES for kind in ("latency", "energy")}
    save(made / "hardware/hwnasbench_nb201.npz", measured)
    help_columns = {"nb201_devices": np.array([b"fpga", b"pixel2"]), "nb201_latency_ms": np.stack([latency * 5, latency * 3])}
    save(made / "hardware/help_latency.npz", help_columns)
    attacked = {"attack": np.array([b"pgd@Linf_eps-1.0"]), "accuracy": np.full((CELLS, 1), 25.0)}
    save(made / "nb201_robustness/nb201_robustness.npz", attacked)
    return made


def architecture(problem: Problem, ops: np.ndarray) -> Architecture:
    chosen = {d.name: d.options[int(op)] for d, op in zip(problem.space.decisions, ops, strict=True)}
    return problem.space.architecture(chosen)


# -- NAS-Bench-201 -----------------------------------------------------------------------------------------------------


def test_every_cell_has_the_row_of_its_operations(folder: Path, columns: dict[str, np.ndarray]) -> None:
    problem = read201(folder, "cifar10")
    assert problem.space.count() == problem.rows == CELLS
    for row in range(0, CELLS, 501):
        found = architecture(problem, columns["ops"][row])
        assert problem.row(found) == row
        backwards = Architecture(found.space, tuple(reversed(found.choices)))
        assert problem.row(backwards) == row


def test_answers_are_shares_numbers_and_si_units(folder: Path, columns: dict[str, np.ndarray]) -> None:
    problem = read201(folder, "cifar10")
    answer = problem.evaluation(Proposal(0, architecture(problem, columns["ops"][7]), Fidelity(200)))
    assert answer.metrics["accuracy"] == pytest.approx(columns["c10_val_acc_200"][7] / 100, abs=1e-7)
    assert answer.metrics["accuracy:pgd@Linf_eps-1.0"] == 0.25
    assert answer.costs["parameters"] == round(float(columns["c10_params_m"][7]) * 1e6)
    assert answer.costs["flops"] == 2 * round(float(columns["c10_flops_m"][7]) * 1e6)
    assert "latency:edgetpu" not in answer.costs  # it could not run there
    assert problem.costs["latency:edgetpu"][0] == 0.001
    assert problem.costs["latency:fpga"][0] == 0.001, "HW-NAS-Bench comes before HELP"
    assert problem.costs["latency:pixel2"][0] == 0.003
    assert problem.tested is not None
    assert problem.tested[7] == pytest.approx(columns["c10_test_acc_200"][7] / 100, abs=1e-7)


def test_twelve_epochs_may_guide_and_two_hundred_are_reported(folder: Path) -> None:
    both, short = read201(folder, "cifar10"), read201(folder, "cifar10", guide="12")
    assert [f.epochs for f in both.fidelities] == [12, 200]
    assert [f.epochs for f in short.fidelities] == [12]
    np.testing.assert_array_equal(short.validation, both.signed(both.levels[0].metrics["accuracy"]))
    np.testing.assert_array_equal(short.tested, both.tested)


def test_the_mean_validation_is_taken_where_asked(folder: Path) -> None:
    problem = read201(folder, "cifar10", mean_validation=True)
    np.testing.assert_allclose(problem.validation, np.linspace(0.1, 0.9, CELLS), atol=1e-7)


def test_times_are_simulated_only_where_asked_and_say_so(folder: Path, columns: dict[str, np.ndarray]) -> None:
    assert not read201(folder, "cifar10").clock
    problem = read201(folder, "cifar10", clock="flops")
    assert problem.clock
    assert "simulated, not measured" in problem.seconds_note
    short, long = (level.seconds for level in problem.levels)
    np.testing.assert_allclose(long, short * 200 / 12)
    np.testing.assert_allclose(short, 12 * 25_000 * 3 * problem.costs["flops"] / nasbench201.SPEED)


def test_files_beside_are_not_needed(tmp_path: Path, columns: dict[str, np.ndarray]) -> None:
    save(tmp_path / nasbench201.FILE, columns)
    problem = read201(tmp_path, "cifar10")
    assert set(problem.costs) == {"parameters", "flops"}
    assert set(problem.levels[-1].metrics) == {"accuracy"}
    with pytest.raises(InputError, match=r"there is no file .*mean_val\.npz"):
        read201(tmp_path, "cifar10", mean_validation=True)


def wrong_operation(c: dict[str, np.ndarray]) -> None:
    c["ops"][3, 2] = 5


def cell_twice(c: dict[str, np.ndarray]) -> None:
    c["ops"][3] = c["ops"][4]


def row_short(c: dict[str, np.ndarray]) -> None:
    c["c10_val_acc_12"] = c["c10_val_acc_12"][:-1]


def beyond_percent(c: dict[str, np.ndarray]) -> None:
    c["c10_val_acc_200"][0] = 900


def no_numbers(c: dict[str, np.ndarray]) -> None:
    c["c10_params_m"] = np.full(CELLS, b"many")


def column_gone(c: dict[str, np.ndarray]) -> None:
    del c["c10_flops_m"]


@pytest.mark.parametrize(
    ("fault", "says_so"),
    [
        (wrong_operation, "no operation"),
        (cell_twice, "each of the 15,625 architectures once"),
        (row_short, "shape"),
        (beyond_percent, "between 0 and 100"),
        (no_numbers, "no numbers"),
        (column_gone, "no column 'c10_flops_m'"),
    ],
)
def test_a_foreign_table_is_refused_in_one_sentence(tmp_path: Path, columns: dict[str, np.ndarray], fault, says_so: str) -> None:
    changed = {name: column.copy() for name, column in columns.items()}
    fault(changed)
    save(tmp_path / nasbench201.FILE, changed)
    with pytest.raises(InputError, match=says_so) as error:
        read201(tmp_path, "cifar10")
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("column", "value", "says_so"),
    [
        ("c10_params_m", np.inf, "values of parameters that are beyond all measure"),
        ("c10_flops_m", -3.0, "values of flops that are beyond all measure"),
        ("c10_flops_m", 1e300, "values of flops that are beyond all measure"),
        ("c10_test_acc_200", np.nan, "holds values that are not between 0 and 100"),
        ("ops", np.nan, "holds no whole numbers"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    tmp_path: Path, columns: dict[str, np.ndarray], column: str, value: float, says_so: str
) -> None:
    save(tmp_path / nasbench201.FILE, {**columns, column: np.full(columns[column].shape, value)})
    with pytest.raises(InputError, match=says_so):
        open_problem("nasbench201", "cifar10", tmp_path)


def test_another_optimum_than_the_published_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"best validation result .* accuracy 86\.30 %, not the published accuracy 91\.57 %"):
        open_problem("nasbench201", "cifar10", folder)
    with pytest.raises(InputError, match=r"best test result .*94\.37 %"):
        open_problem("nasbench201", "cifar10", folder, guide="12")


# -- NAS-Bench-Graph ---------------------------------------------------------------------------------------------------


@pytest.fixture
def graphs(tmp_path: Path) -> Path:
    """Three wirings: a chain, a star, two chains."""
    table = {
        "wiring": np.array([[0, 1, 2, 3], [0, 0, 0, 0], [0, 0, 1, 2]], dtype=np.uint8),
        "ops": np.array([[1, 2, 3, 4], [0, 1, 2, 8], [5, 6, 7, 8]], dtype=np.uint8),
        "op_names": np.array([name.encode() for name in OPERATIONS]),
    }
    for dataset in ("cora", "proteins"):
        figures = {"val": [0.7, 0.8, np.nan if dataset == "proteins" else 0.6], "test": [0.6, 0.7, 0.5], "latency_s": [1e-3] * 3}
        table |= {f"{dataset}_{kind}": np.array(column) for kind, column in {**figures, "params_m": [1.0, 2.0, 3.0]}.items()}
    save(tmp_path / "nasbenchgraph/nasbenchgraph.npz", table)
    return tmp_path


def test_the_motif_follows_the_wiring(graphs: Path) -> None:
    problem = nasbenchgraph(graphs, "cora")
    drawn = [{n.name: (n.op, n.inputs) for n in problem.space.motif_graph(a).nodes} for a in problem.space.listed]
    chain = {
        f"node{n}": (op, (before,)) for n, op, before in zip("1234", OPERATIONS[1:5], ("input", "node1", "node2", "node3"), strict=True)
    }
    assert drawn[0] == chain
    assert drawn[1]["output"] == ("add", ("node1", "node2", "node3", "node4"))
    assert drawn[2]["output"] == ("add", ("node3", "node4"))
    assert drawn[2]["node4"] == ("skip", ("node2",))


def test_the_space_is_the_list_of_measured_networks(graphs: Path) -> None:
    cora, proteins = nasbenchgraph(graphs, "cora"), nasbenchgraph(graphs, "proteins")
    assert (cora.space.count(), cora.metric) == (3, "accuracy")
    assert (proteins.space.count(), proteins.rows, proteins.metric) == (2, 2, "roc_auc")
    for row, listed in enumerate(cora.space.listed):
        cora.space.validate(listed)
        assert cora.row(listed) == row
        assert cora.evaluation(Proposal(0, listed, cora.fidelities[-1])).costs["parameters"] == (row + 1) * 1e6
    unlisted = {**cora.space.listed[0].as_dict, "node1": "gat"}
    with pytest.raises(ValueError, match="no row"):
        cora.row(cora.space.architecture(unlisted))


@pytest.mark.filterwarnings("error")
def test_other_operations_and_missing_results_are_refused(graphs: Path) -> None:
    file = graphs / "nasbenchgraph/nasbenchgraph.npz"
    table = dict(np.load(file))
    save(file, {**table, "cora_test": np.full(3, np.nan)})
    with pytest.raises(InputError, match="no results for cora"):
        open_problem("nasbenchgraph", "cora", graphs)
    save(file, {**table, "wiring": table["wiring"] + 0.5})
    with pytest.raises(InputError, match="no whole numbers"):
        nasbenchgraph(graphs, "cora")
    table["wiring"][0, 1] = 2
    save(file, table)
    with pytest.raises(InputError, match="wirings or operations"):
        nasbenchgraph(graphs, "cora")


# -- registry ----------------------------------------------------------------------------------------------------------


def test_every_benchmark_says_all_of_each_data_set() -> None:
    for benchmark in benchmarks():
        assert set(benchmark.rows) == set(benchmark.epochs) == set(benchmark.datasets)
        assert set(benchmark.published) <= set(benchmark.datasets)
        assert benchmark.title
        assert benchmark.licence
        assert all(list(epochs) == sorted(set(epochs)) for epochs in benchmark.epochs.values())


def test_what_is_not_known_is_named_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METANAS_BENCHMARKS", raising=False)
    with pytest.raises(InputError, match="did you mean 'nasbench201'"):
        open_problem("nasbench-201")
    with pytest.raises(InputError, match="several data sets; choose one of cifar10"):
        open_problem("nasbench201", path=tmp_path)
    with pytest.raises(InputError, match="no data set named 'mnist'"):
        open_problem("nasbench201", "mnist", tmp_path)
    with pytest.raises(InputError, match="not part of metanas; set METANAS_BENCHMARKS"):
        open_problem("nasbench201", "cifar10")
    with pytest.raises(InputError, match=r"there is no file .*nasbench201\.npz"):
        open_problem("nasbench201", "cifar10", tmp_path)
    with pytest.raises(InputError, match="no option 'epochs'; known: guide, mean_validation, clock"):
        open_problem("nasbench201", "cifar10", tmp_path, epochs=3)
    with pytest.raises(InputError, match=r"mean_validation .* can't be 'perhaps'"):
        open_problem("nasbench201", "cifar10", tmp_path, mean_validation="perhaps")
    with pytest.raises(InputError, match="guide=12 or guide=200"):
        open_problem("nasbench201", "cifar10", tmp_path, guide=13)


def test_found_is_the_file_or_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = next(b for b in benchmarks() if b.name == "nasbench201")
    monkeypatch.setenv("METANAS_BENCHMARKS", str(folder))
    assert benchmark.found() == folder / nasbench201.FILE
    assert benchmark.found(tmp_path) is None
    monkeypatch.delenv("METANAS_BENCHMARKS")
    assert benchmark.found() is None


# -- files that nobody vouches for -------------------------------------------------------------------------------------


def member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(file: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return file


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    file = tmp_path / "t.npz"
    np.savez(file, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="pickled objects"):
        load_arrays(file, {"x": ("rows",)})


@pytest.mark.parametrize("shape", ["(3,)", "(9999999999999,)", "(-1,)", "(99999, 99999, 99999, 99999)", "'x'"])
def test_a_header_that_lies_about_the_size_takes_no_memory(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 16
    file = archive(tmp_path / "t.npz", x=content)
    tracemalloc.start()
    with pytest.raises(InputError):
        load_arrays(file, {"x": ("rows",)})
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metanas.benchmarks.tables.arrays.LARGEST", 2**20)
    file = archive(tmp_path / "t.npz", x=member(np.zeros(2**18)))
    assert file.stat().st_size < 10_000
    with pytest.raises(InputError, match="claims more than 1 MB"):
        load_arrays(file, {"x": ("rows",)})


def test_columns_keep_kind_order_and_text(tmp_path: Path) -> None:
    numbers = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    file = save(tmp_path / "t.npz", {"x": numbers, "t": np.array([b"k\xc3\xa4se", b"b"]), "empty": np.empty((0, 3))})
    table = load_arrays(file, {"x": ("rows", 3), "empty": ("none", 3)}, {"t": ("rows",)})
    np.testing.assert_array_equal(table["x"], numbers)
    assert table["x"].dtype == np.float32
    assert table["t"].tolist() == ["käse", "b"]
    with pytest.raises(InputError, match=r"shape \(2, 3\), but rows x 4"):
        load_arrays(file, {"x": ("rows", 4)})
    with pytest.raises(InputError, match="holds no text"):
        load_arrays(file, {}, {"x": ("rows", 3)})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), at=st.integers(0, 400), byte=st.integers(0, 255))
def test_any_damage_is_an_input_error_or_harmless(tmp_path: Path, cut: int, at: int, byte: int) -> None:
    whole = archive(tmp_path / "whole.npz", x=member(np.arange(30)), y=member(np.array([b"ab", b"c"]))).read_bytes()
    damaged = bytearray(whole[: len(whole) - cut])
    if damaged:
        damaged[at % len(damaged)] = byte
    file = tmp_path / "damaged.npz"
    file.write_bytes(bytes(damaged))
    with contextlib.suppress(InputError):
        load_arrays(file, {"x": ("rows",)}, {"y": ("names",)})


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06" + b"\0" * 18, b"\x93NUMPY\x01\x00"])
def test_something_else_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "t.npz"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"get (it again|the one that belongs here)"):
        load_arrays(file, {"x": ("rows",)})


# -- the real tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dataset"), OURS)
def test_the_real_table_is_the_published_one(name: str, dataset: str) -> None:
    benchmark = next(b for b in benchmarks() if b.name == name)
    if benchmark.found(REAL) is None:
        pytest.skip("the table is not here")
    begin = time.process_time()
    problem = open_problem(name, dataset, REAL)
    assert time.process_time() - begin < 2
    assert says(problem).endswith("as published")
    assert problem.space.count() == problem.rows == benchmark.rows[dataset]
    assert tuple(f.epochs for f in problem.fidelities) == benchmark.epochs[dataset]
    assert problem.clock == benchmark.clock
    rng = np.random.default_rng(0)
    for _ in range(5):
        answer = problem.evaluation(Proposal(0, problem.space.sample(rng), problem.fidelities[-1]))
        assert not answer.failed
    assert problem.space.motif_graph(problem.space.sample(rng)).nodes


@pytest.mark.skipif(not (REAL / "nasbench201/nasbench201_mean_val.npz").is_file(), reason="the table is not here")
@pytest.mark.parametrize(
    ("dataset", "best", "tested"), [("cifar10", 91.61, 94.37), ("cifar100", 73.49, 73.51), ("imagenet16-120", 46.73, 46.20)]
)
def test_the_mean_validation_has_the_published_optimum(dataset: str, best: float, tested: float) -> None:
    problem = open_problem("nasbench201", dataset, REAL, mean_validation="yes")
    assert 100 * problem.optimum == pytest.approx(best, abs=0.006)
    assert problem.tested is not None
    assert 100 * problem.tested[np.nanargmax(problem.validation)] == pytest.approx(tested, abs=0.006)


@pytest.mark.skipif(not (REAL / "nb201_robustness").is_dir(), reason="the table is not here")
def test_the_real_rows_join_with_attacks_and_devices() -> None:
    problem = open_problem("nasbench201", "cifar10", REAL)
    assert problem.levels[-1].metrics["accuracy:pgd@Linf_eps-1.0"][13433] == pytest.approx(0.336, abs=1e-6)
    assert problem.costs["latency:edgegpu"][0] == pytest.approx(5.8074e-3, abs=1e-7)
    assert problem.costs["energy:edgegpu"][0] == pytest.approx(24.2266e-3, abs=1e-7)
    assert np.isnan(problem.costs["latency:edgetpu"]).sum() == 4_699
