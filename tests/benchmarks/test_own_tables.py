"""Tables of the user's own: the example of the documentation, what rows mean, and a sentence for every fault."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from table_examples import code_blocks, own_header

from metanas.benchmarks.problem import Problem
from metanas.benchmarks.tables import open_problem, says
from metanas.errors import InputError
from metanas.records import Fidelity, Proposal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "table_format.md"


def write(folder: Path, header: dict[str, Any], name: str = "table.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(header))
    return file


def small(folder: Path, **changes: Any) -> Problem:
    return open_problem(write(folder, own_header(**changes)))


def columns(**lists: list[Any]) -> dict[str, list[Any]]:
    return {**own_header()["columns"], **lists}


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The example of the documentation, as its reader would copy it."""
    page = PAGE.read_text()
    (tmp_path / "digits.json").write_text(next(code_blocks(page, "json")))
    (tmp_path / "digits.csv").write_text(next(code_blocks(page, "csv")))
    return tmp_path / "digits.json"


def as_parquet(header: Path) -> Path:
    """The same table as Parquet."""
    import pandas as pd

    frame = pd.read_csv(header.with_name("digits.csv"), keep_default_na=False, na_values={"second": [""], "val_percent": [""]})
    frame = frame.astype({name: float for name in ("val_loss", "test_percent") if name in frame}, errors="ignore")
    for name in ("val_loss", "test_percent"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce")
    frame.to_parquet(header.with_name("digits.parquet"))
    return write(header.parent, {**json.loads(header.read_text()), "table": "digits.parquet"}, "parquet.json")


# -- the example -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_documented_example_is_what_the_page_says(digits: Path, form: str) -> None:
    problem = open_problem(digits if form == "csv" else as_parquet(digits), dataset="digits")
    assert says(problem).startswith("3 architectures")
    assert problem.clock
    assert problem.seconds_note == "measured on one core"
    assert [f.epochs for f in problem.fidelities] == [5, 20]
    space = problem.space
    first = space.architecture({"depth": 1, "width": 8, "activation": "relu"})
    assert [problem.evaluation(Proposal(0, first, Fidelity(20)), seed).metrics["accuracy"] for seed in (0, 1, 2)] == [0.90, 0.91, 0.90]
    assert problem.evaluation(Proposal(0, first, Fidelity(20)), 1).duration == 4.2
    assert problem.tested is not None
    assert problem.tested[problem.row(first)] == pytest.approx(0.895)
    assert problem.costs["latency:phone"][problem.row(first)] == pytest.approx(0.0005)
    failed = problem.evaluation(
        Proposal(0, space.architecture({"depth": 2, "width": 16, "second": 8, "activation": "none"}), Fidelity(20)), 0
    )
    assert failed.failed
    assert failed.duration == 2.0
    assert problem.optimum == pytest.approx(0.94)
    assert space.baseline.as_dict == {"depth": 1, "width": 16, "activation": "relu"}


def test_data_sets_are_told_apart(digits: Path) -> None:
    with pytest.raises(InputError, match="several data sets; choose one of digits, wine"):
        open_problem(digits)
    wine = open_problem(digits, dataset="wine")
    assert (wine.space.count(), wine.fidelities, wine.optimum) == (1, (Fidelity(20),), 0.97)


# -- what rows mean ----------------------------------------------------------------------------------------------------


def test_a_complete_table_is_the_whole_space(tmp_path: Path) -> None:
    problem = small(tmp_path)
    assert not problem.space.listed
    assert problem.space.count() == problem.rows == 6
    assert not problem.clock
    assert problem.dataset == problem.name == "small"
    for row, architecture in enumerate(problem.space.enumerate(10)):
        assert problem.validation[problem.row(architecture)] == pytest.approx(0.5 + 0.01 * row)


def test_an_incomplete_table_is_a_list(tmp_path: Path) -> None:
    cut = {name: cells[1:] for name, cells in own_header()["columns"].items()}
    problem = small(tmp_path, columns=cut)
    assert len(problem.space.listed) == problem.rows == 5
    assert {problem.space.mutate(problem.space.listed[0], np.random.default_rng(s)) for s in range(9)} <= set(problem.space.listed)


@given(order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_does_not_matter(tmp_path: Path, order: list[int]) -> None:
    shuffled = {name: [cells[row] for row in order] for name, cells in own_header()["columns"].items()}
    problem, other = small(tmp_path), small(tmp_path, columns=shuffled)
    for architecture in problem.space.enumerate(10):
        proposal = Proposal(0, architecture, problem.fidelities[-1])
        assert problem.evaluation(proposal) == other.evaluation(proposal)


def test_repetitions_are_ordered_by_seed_and_averaged(tmp_path: Path) -> None:
    table = columns(width=[8] * 3, activation=["relu"] * 3, val=[0.3, 0.1, 0.2], params=[5, 5, 8], rep=[30, 10, 20])
    problem = small(tmp_path, columns=table, seed="rep", test={"accuracy": "val"})
    proposal = Proposal(0, problem.space.listed[0], problem.fidelities[-1])
    assert [problem.evaluation(proposal, seed).metrics["accuracy"] for seed in range(4)] == [0.1, 0.2, 0.3, 0.1]
    assert problem.validation.tolist() == pytest.approx([0.2])
    assert problem.test["accuracy"].tolist() == pytest.approx([0.2])
    assert problem.costs["parameters"].tolist() == [6.0]


def test_options_keep_their_kind(tmp_path: Path) -> None:
    decisions = [{"name": "width", "options": [8, 16.5, "none", True]}]
    table = {"width": [8, 16.5, "none", True], "val": [0.1, 0.2, 0.3, 0.4]}
    problem = small(tmp_path, decisions=decisions, columns=table, costs=None)
    assert [architecture["width"] for architecture in problem.space.enumerate(4)] == [8, 16.5, "none", True]
    (tmp_path / "t.csv").write_text("width,val\nTRUE,0.4\nnone,0.3\n16.50,0.2\n8.0,0.1\n")
    same = small(tmp_path, decisions=decisions, columns=None, table="t.csv", costs=None)
    for architecture in problem.space.enumerate(4):
        assert problem.validation[problem.row(architecture)] == same.validation[same.row(architecture)]


def test_less_is_better_of_a_loss(tmp_path: Path) -> None:
    problem = small(tmp_path, metrics={"loss:perplexity": "val"})
    assert problem.optimum == -0.5


# -- faults ------------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"format": "csv"}, '"format": "metanas-table"'),
    ({"version": 2}, '"version": 1'),
    ({"name": "../x"}, "short name of letters"),
    ({"name": "nasbench201"}, "belongs to a benchmark"),
    ({"colour": "red"}, "no entry 'colour'"),
    ({"table": "a.csv"}, "either 'table'"),
    ({"columns": None}, "either 'table'"),
    ({"columns": None, "table": "a.csv"}, "there is no file"),
    ({"columns": None, "table": "../a.csv"}, "outside the header's folder"),
    ({"columns": None, "table": "/etc/passwd"}, "outside the header's folder"),
    ({"columns": {"width": [1]}}, "no column 'activation'"),
    ({"columns": {"width": [1], "val": []}}, "equally long"),
    ({"columns": {"width": 3}}, "object of lists"),
    ({"columns": columns(val=["good"] * 6)}, "'good' in row 1, which is no number"),
    ({"columns": columns(val=[True] * 6)}, "no number"),
    ({"columns": columns(val=[10**400] * 6)}, "beyond all measure"),
    ({"columns": columns(val=[None] * 6)}, "no value of the metric 'accuracy'"),
    ({"columns": columns(val=[90.0] * 6)}, "between 0 and 1.*times"),
    ({"columns": columns(width=[8, 8, 16, 16, 32, 64])}, "row 6 has in column 'width' '64', which is none of its options"),
    ({"columns": columns(width=[8, 8, 16, 16, 32, None])}, "row 6 has in column 'width' nothing"),
    ({"columns": columns(width=[8, 8, 16, 16, 32, [8]])}, "row 6 has in column 'width'"),
    ({"columns": columns(width=[8] * 6)}, "two rows for the same choices"),
    ({"columns": {name: [] for name in columns()}}, "no rows"),
    ({"seed": "nothing"}, "no column 'nothing'"),
    ({"seed": "width"}, "both a choice or data set and a number"),
    ({"dataset": "params"}, "both a choice or data set and a number"),
    ({"epochs": 0}, "'epochs' must be"),
    ({"epochs": 10**40}, "'epochs' must be"),
    ({"epochs": True}, "'epochs' must be"),
    ({"epochs": "val"}, "row 1 has no whole number of epochs"),
    ({"metric": "f1"}, "'metric' must name"),
    ({"metrics": {}}, "'metrics' must be"),
    ({"metrics": {"accuracy": "val", "f1": "val"}}, "'metric' must name"),
    ({"metrics": {"accuracy": {"column": "val", "times": 0}}}, "a number above 0"),
    ({"metrics": {"accuracy": {"column": "val", "scale": 2}}}, "no entry 'scale'"),
    ({"costs": {"parameters": 3}}, "a column's name"),
    ({"seconds": "val", "columns": columns(val=[-1.0] * 6), "metrics": {"loss": "val"}}, "seconds of at least 0"),
    ({"decisions": []}, "'decisions' must be"),
    ({"decisions": [{"name": "width"}]}, "'options' must be"),
    ({"decisions": [{"name": "width", "options": [[8]]}]}, "'options' must be"),
    ({"decisions": [{"name": "width", "options": [1, True]}]}, "listed twice"),
    ({"decisions": [{"name": "width", "options": [8], "when": {"depth": [1]}}]}, "no earlier decision"),
    ({"decisions": [{"name": "width", "options": [8], "ordered": "yes"}]}, "true or false"),
    ({"decisions": [{"name": "width", "options": [8]}] * 2}, "a 'name' of its own"),
    ({"plain": {"width": 9}}, "'plain' must be"),
    ({"seconds_note": 3}, "'seconds_note' must be a text"),
]


@pytest.mark.parametrize(("changes", "sentence"), FAULTS)
def test_a_fault_ends_in_one_clear_sentence(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        small(tmp_path, **changes)
    assert "\n" not in str(error.value)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("width,activation,val,params\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "t.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(InputError, match="outside the header's folder"):
        small(inner, columns=None, table="t.csv")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("width,activation,params\n8,relu,1\n", "no column 'val'"),
        ("width,activation,val,val,params\n8,relu,1,1,1\n", "more than one column 'val'"),
        ("width,activation,val,params\n8,relu,good,1\n", "can't be read as a table: .*good"),
        ("width,activation,val,params\n8,relu,0.5\n", "can't be read as a table"),
        ("width,activation,val,params\n", "no rows"),
        ("", "can't be read as a table"),
        ("\0\1\2", "no column|can't be read"),
    ],
)
def test_a_broken_csv_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        small(tmp_path, columns=None, table="t.csv")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_parquet_is_named(digits: Path, share: float) -> None:
    header = as_parquet(digits)
    file = header.with_name("digits.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="can't be read as a table"):
        open_problem(header, "digits")


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"format": ' + "9" * 5000 + "}", "\xff"])
def test_what_is_no_header_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "t.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="no JSON"):
        open_problem(file)


def test_a_missing_header_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        open_problem(tmp_path / "t.json")
    with pytest.raises(InputError, match="takes no options"):
        open_problem(write(tmp_path, own_header()), guide="12")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_header_ends_in_a_problem_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """One entry of a sound header is replaced by anything that JSON can say."""
    names = st.sampled_from(["name", "options", "width", "column", "val", ""])
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=5,
    )
    header = own_header(plain={"width": 8}, epochs=3, test={"accuracy": "val"}, seconds="params", dataset="activation")
    header["decisions"] = header["decisions"][:1]
    place = data.draw(st.sampled_from([*header, "seed", "metric"]))
    header[place] = data.draw(anything)
    with contextlib.suppress(InputError):
        assert open_problem(write(tmp_path, header), "relu").rows >= 1
