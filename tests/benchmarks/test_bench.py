"""The whole bench: the same whatever the workers, kept on disk, told in a table, in words and as JSON."""

import io
import json
import os
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from synthetic import MadeUp

from metanas.benchmarks import Problem, command, drawing, plots
from metanas.benchmarks.archive import EVALUATIONS, PARTS, RUNS
from metanas.benchmarks.bench import REPORT, Bench, Plan, run_bench
from metanas.benchmarks.code_version import code_version, strategy_settings
from metanas.benchmarks.command import _numbers, _sources, bench_command, list_command, print_bench
from metanas.benchmarks.many import guided_by
from metanas.benchmarks.printed import headline, table
from metanas.benchmarks.runs import Budget
from metanas.errors import InputError, MetaNASError, StrategyError
from metanas.strategies import base, choose_strategy, register_strategy
from metanas.strategies.random import RandomSearch

PLAN = Plan((MadeUp(4),), ("evolution", "random"), (0, 1, 2), Budget(30), baselines=False)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "available", lambda: False)


def essence(bench: Bench) -> str:
    """All that was found, but for the milliseconds."""
    record = bench.to_json()
    for problem in record["problems"]:
        for strategy in problem["strategies"].values():
            del strategy["ms_per_evaluation"]
    return json.dumps(record["problems"], allow_nan=False)


def test_the_result_does_not_depend_on_the_number_of_processes() -> None:
    assert essence(run_bench(PLAN)) == essence(run_bench(replace(PLAN, workers=2)))


def test_running_again_adds_what_is_missing(tmp_path: Path) -> None:
    plan = replace(PLAN, out=tmp_path / "bench")
    first = run_bench(plan)
    assert (first.made, run_bench(plan).made) == (6, 0)
    assert essence(run_bench(plan)) == essence(run_bench(PLAN))  # read back, as if made anew
    assert run_bench(replace(plan, seeds=(0, 1, 2, 3))).made == 2
    assert run_bench(replace(plan, strategies=("evolution", "random", "hyperband"))).made == 3
    shorter = replace(plan, budget=Budget(10))
    assert run_bench(shorter).made == 0
    assert essence(run_bench(shorter)) == essence(run_bench(replace(shorter, out=None)))
    assert run_bench(replace(plan, budget=Budget(40))).made == 6
    assert run_bench(plan).made == 0
    assert run_bench(replace(plan, sources=(MadeUp(4, seed=1),))).made == 6
    assert json.loads((tmp_path / "bench" / REPORT).read_text())["schema"] == 1


def test_another_version_of_a_strategy_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(PLAN, out=tmp_path)
    run_bench(plan)
    monkeypatch.setattr("metanas.benchmarks.bench.code_version", lambda name: "another" if name == "random" else code_version(name))
    assert run_bench(plan).made == 3


def test_what_had_finished_before_a_crash_is_kept(tmp_path: Path) -> None:
    def crash(done: int, whole: int, now: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    plan = replace(PLAN, out=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_bench(plan, crash)
    parts = sorted((tmp_path / PARTS).glob("*.parquet"))
    assert len(parts) == 4
    parts[0].write_bytes(parts[0].read_bytes()[:200])  # cut off
    again = run_bench(plan)
    assert again.made == 3
    assert essence(again) == essence(run_bench(PLAN))
    assert not (tmp_path / PARTS).exists()


@pytest.mark.parametrize("name", [EVALUATIONS, RUNS])
@pytest.mark.parametrize("how", ["cut", "foreign", "gone"])
def test_results_that_cannot_be_read_are_refused_in_one_sentence(tmp_path: Path, name: str, how: str) -> None:
    plan = replace(PLAN, out=tmp_path, seeds=(0,), budget=Budget(5))
    run_bench(plan)
    file = tmp_path / name
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:300] if how == "cut" else b"nothing of the kind")
    with pytest.raises(InputError, match=r"can't be read .* remove it"):
        run_bench(plan)


def test_every_evaluation_has_a_row(tmp_path: Path) -> None:
    import pandas as pd

    source = MadeUp(4, metric="mse", repeats=3, clock=True)
    run_bench(replace(PLAN, sources=(source,), out=tmp_path))
    rows, problem = pd.read_parquet(tmp_path / EVALUATIONS), source.open()
    assert len(rows) == 180
    numbers = rows.groupby(["problem", "dataset", "strategy", "seed"], observed=True).evaluation.apply(list)
    assert all(each == list(range(1, 31)) for each in numbers)
    assert rows.test.to_numpy() == pytest.approx(problem.test["mse"][rows.row])
    assert rows.validation.to_numpy() == pytest.approx(-problem.validation[rows.row])
    assert (np.abs(rows.guide.to_numpy()[:, None] - problem.levels[0].metrics["mse"][rows.row]).min(axis=1) == 0).all()
    assert (rows.seconds == 90 * rows.evaluation).all()
    headers = [json.loads(h) for h in pd.read_parquet(tmp_path / RUNS).header]
    assert {h["strategy"]: h["settings"] for h in headers}["evolution"] == {"population": 20, "tournament": 5}
    assert all(h["code"] == code_version(h["strategy"]) for h in headers)


def test_settings_and_code_of_wrappers_are_those_of_both() -> None:
    assert strategy_settings("hyperband:evolution")["evolution.population"] == 20
    assert code_version("hyperband:random") != code_version("hyperband:evolution") != code_version("evolution")


def test_a_clock_needs_training_times() -> None:
    clock = replace(PLAN, budget=Budget(seconds=900.0))
    with pytest.raises(InputError, match="no training times"):
        run_bench(clock)
    found = run_bench(replace(clock, sources=(MadeUp(4, clock=True),))).to_json()["problems"][0]
    assert found["simulated_seconds"] == 900.0
    assert found["random_search"]["evaluations"] == 10  # of 90 seconds each


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, strategies=("nonsense",)),
        replace(PLAN, strategies=()),
        replace(PLAN, seeds=()),
        replace(PLAN, budget=Budget()),
        replace(PLAN, objective="accuracy,speed"),
    ],
)
def test_mistakes_are_found_before_the_first_run(plan: Plan) -> None:
    with pytest.raises(InputError):
        run_bench(plan)


class Broken(RandomSearch):
    def learn(self, told: object) -> None:
        if len(self.known) == 3 and self.brief.seed == 1:
            raise ZeroDivisionError("of no use")


def test_a_fault_of_a_strategy_ends_its_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))
    register_strategy("broken")(Broken)
    found = run_bench(replace(PLAN, strategies=("broken", "random")))
    assert found.failures == 1
    record = found.to_json()["problems"][0]
    assert record["strategies"]["broken"]["runs"] == 2
    assert record["failures"]["broken"]["1"].startswith("the strategy 'broken' failed in learn (")
    assert "1 of the runs of broken" in record["sentences"][-1]


def test_a_fault_of_our_own_is_not_the_users_to_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_sources", lambda *asked: (MadeUp(4),))
    monkeypatch.setattr(RandomSearch, "learn", Broken.learn)
    with pytest.raises(MetaNASError, match="1 of the runs were ended by a fault of their strategy; see above") as caught:
        bench_command("made-up", strategy="random", seeds=2, evaluations=9, workers=0)
    assert not isinstance(caught.value, InputError)


OWN = """
from metanas.strategies import BaseStrategy, register_strategy

@register_strategy("mine")
class Mine(BaseStrategy):
    'Words.'

    def propose(self):
        return self.space.sample(self.rng)
"""


@pytest.fixture
def unregistered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))
    monkeypatch.setattr(command, "_sources", lambda *asked: (MadeUp(4),))


def own(file: Path, text: str = OWN) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return str(file)


@pytest.mark.usefixtures("unregistered")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_of_ones_own_is_benched(capsys: pytest.CaptureFixture[str], tmp_path: Path, workers: int) -> None:
    """The runs of a copy of random search are those of random search; wrapped it runs, too."""
    file = own(tmp_path / "own.py")
    bench_command("made-up", strategy=f"{file},hyperband:{file}:mine", seeds=2, evaluations=20, workers=workers, as_json=True)
    found = json.loads(capsys.readouterr().out)["problems"][0]["strategies"]
    assert set(found) == {"mine", "hyperband:mine", "random", "local-search"}
    assert found["mine"]["validation"] == found["random"]["validation"]


@pytest.mark.usefixtures("unregistered")
def test_a_fault_in_a_file_of_ones_own_leaves_the_other_runs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = own(tmp_path / "own.py", OWN.replace("self.rng)", "self.rng) if len(self.known) < 4 else 1 / 0"))
    with pytest.raises(
        StrategyError, match=r"^the strategy 'mine' failed in propose \(.*own.py, line 9\): Zero.* \(3 of the runs"
    ) as caught:
        bench_command("made-up", strategy=file, seeds=3, evaluations=9, workers=2, out=out)
    assert str(caught.value).endswith(f"ended so, the others are in {out})")
    assert "random" in capsys.readouterr().out
    bench_command("made-up", strategy="random", seeds=3, evaluations=9, workers=0, out=out, as_json=True)
    assert json.loads(capsys.readouterr().out)["runs_made"] == 0


def test_runs_of_a_file_are_kept_until_code_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither words nor where the file lies count; its code does, and that of a module beside it."""

    def key(folder: str, text: str = OWN, beside: str = "") -> str:
        with monkeypatch.context() as patch:
            patch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))
            patch.syspath_prepend(tmp_path / folder)
            patch.delitem(sys.modules, "beside_mine", raising=False)
            own(tmp_path / folder / "beside_mine.py", beside)
            return code_version(choose_strategy(own(tmp_path / folder / "own.py", text)).name)

    first = key("first")
    assert first == key("moved") == key("words", OWN.replace("Words", "Other words"))
    assert first != key("code", OWN.replace("return", "return 0 or"))
    importing = f"import beside_mine\n{OWN}"
    assert key("one", importing, "A = 1") == key("same", importing, "A = 1  # as before") != key("other", importing, "A = 2")


@dataclass(frozen=True)
class Deadly(MadeUp):
    """Ends every process that opens it, but this one."""

    home: int = 0

    def open(self) -> Problem:
        if os.getpid() != self.home:
            os._exit(1)
        return super().open()


def test_a_worker_that_dies_ends_the_bench_in_one_sentence() -> None:
    with pytest.raises(MetaNASError, match="worker process died"):
        run_bench(replace(PLAN, sources=(Deadly(4, home=os.getpid()),), workers=1))


def printed(bench: Bench, number: int = 0) -> str:
    out = io.StringIO()
    Console(file=out, width=120, color_system="standard", force_terminal=True).print(table(bench.outcomes[number]))
    return headline(bench.outcomes[number]) + out.getvalue()


def test_the_table_has_the_best_in_bold_and_the_baselines() -> None:
    many = run_bench(replace(PLAN, seeds=tuple(range(12)), budget=Budget(60), targets=(50.0,)))
    record, text = many.to_json()["problems"][0], printed(many)
    means = {name: found["test"]["mean"] for name, found in record["strategies"].items()}
    best = max(means, key=lambda name: means[name])
    shown = f"{100 * means[best]:.2f} ± {100 * record['strategies'][best]['test']['std']:.2f}"
    assert f"\x1b[1m{shown}\x1b[0m" in text
    for words in ("random search, exact", "random sampling", "to optimum", "reached", "to 50.00", "accuracy in %"):
        assert words in text
    assert record["random_search"]["test"]["mean"] == pytest.approx(means["random"], abs=0.02)
    assert len(record["comparisons"]) == 1
    assert record["sentences"][0].startswith(("evolution is", "No difference could be shown between evolution and random"))


def test_results_without_a_test_part_are_judged_by_validation() -> None:
    bench = run_bench(replace(PLAN, sources=(MadeUp(4, metric="mse", tested=False),)))
    record, problem = bench.to_json()["problems"][0], MadeUp(4, metric="mse", tested=False).open()
    assert record["reported"] == "validation"
    assert record["validation_optimum"] == pytest.approx(problem.levels[0].metrics["mse"].min())
    for found in record["strategies"].values():
        assert found["regret"]["mean"] == pytest.approx(found["validation"]["mean"] - record["validation_optimum"])
        assert found["regret"]["mean"] >= 0
    assert "mse; best validation" in printed(bench)


def test_random_search_that_has_drawn_all_has_no_regret() -> None:
    record = run_bench(replace(PLAN, sources=(MadeUp(2, 3),), budget=Budget(20))).to_json()["problems"][0]
    assert record["random_search"]["regret"]["mean"] == 0
    assert {found["regret"]["mean"] for found in record["strategies"].values()} == {0}


def test_several_problems_are_ranked_and_several_goals_have_a_volume() -> None:
    sources = tuple(MadeUp(4, seed=seed) for seed in range(3))
    bench = run_bench(replace(PLAN, sources=sources, strategies=("evolution", "random", "hyperband")))
    assert bench.ranking is not None
    assert bench.ranking.problems == 3
    assert sum(bench.ranking.ranks) == pytest.approx(6.0)
    goals = run_bench(replace(PLAN, objective="accuracy,parameters"))
    record = goals.to_json()["problems"][0]
    assert record["objective"] == ["accuracy", "parameters"]
    assert 0.3 < record["strategies"]["random"]["hypervolume"]["mean"] <= 1
    assert "hypervolume" in printed(goals)


def test_a_single_other_goal_is_what_is_judged(tmp_path: Path) -> None:
    plan = replace(PLAN, objective="parameters", workers=2, out=tmp_path, strategies=("evolution", "hyperband"), budget=Budget(60))
    plan = replace(plan, sources=(MadeUp(4, levels=(1, 9)),))
    bench = run_bench(plan)
    record = bench.to_json()["problems"][0]
    assert (record["metric"], record["reported"], record["test_at_validation_optimum"]) == ("parameters", "validation", None)
    assert record["validation_optimum"] == 100.0
    assert all(0 <= found["regret"]["mean"] < 300 for found in record["strategies"].values())
    assert "parameters; best validation 100" in printed(bench)
    assert essence(run_bench(plan)) == essence(bench)


def test_runs_of_several_goals_are_read_back(tmp_path: Path) -> None:
    plan = replace(PLAN, objective="accuracy,parameters", out=tmp_path)
    first = run_bench(plan)
    again = run_bench(plan)
    assert again.made == 0
    assert essence(first) == essence(again)


def test_baselines_join_once() -> None:
    names = replace(PLAN, baselines=True, strategies=("random", "evolution")).names
    assert names[:2] == ("random", "evolution")
    assert len(set(names)) == len(names)


def test_a_lower_fidelity_may_guide() -> None:
    problem = guided_by(MadeUp(levels=(1, 3, 9)).open(), 3)
    assert [fidelity.epochs for fidelity in problem.fidelities] == [1, 3]
    with pytest.raises(InputError, match="choose among 1, 3, 9"):
        guided_by(MadeUp(levels=(1, 3, 9)).open(), 4)


def test_json_is_one_object_and_text_has_sentences(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bench = run_bench(PLAN)
    print_bench(bench, None, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1
    print_bench(bench, tmp_path, as_json=False)
    text = capsys.readouterr().out
    assert "too few to show any difference" in text
    assert "Selected on validation; test is reported." in text


def test_words_of_the_command_line_become_a_plan() -> None:
    assert _numbers("73.4, 73.49") == (73.4, 73.49)
    with pytest.raises(InputError, match="--target"):
        _numbers("high")
    with pytest.raises(InputError, match="NAME=VALUE"):
        _sources("made-up", None, None, ["clock"], None)
    with pytest.raises(InputError, match="--dataset all"):
        _sources("table.json", "all", None, [], None)
    assert [s.dataset for s in _sources("made-up", "a,b,a", None, ["x=1"], 12)] == ["a", "b"]  # type: ignore[attr-defined]


def test_the_command_runs_and_prints(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(command, "_sources", lambda *asked: (MadeUp(4),))
    bench_command("made-up", strategy="evolution, evolution", seeds=8, evaluations=20, workers=0, out=tmp_path)
    text = capsys.readouterr().out
    assert "The table: 625 architectures; there is no published optimum to compare with." in text
    assert f"24 runs made now, 0 kept from before; 3 files in {tmp_path}" in text
    bench_command("made-up", strategy="evolution", seeds=8, evaluations=20, workers=0, out=tmp_path, as_json=True)
    record = json.loads(capsys.readouterr().out)
    assert record["runs_made"] == 0
    assert set(record["problems"][0]["strategies"]) >= {"evolution", "random"}
    monkeypatch.setattr(base, "_STRATEGIES", dict(base._STRATEGIES))
    register_strategy("broken")(Broken)
    with pytest.raises(StrategyError, match=r"ZeroDivisionError: of no use; correct it \(1 of the runs ended so\)"):
        bench_command("made-up", strategy="broken", seeds=2, evaluations=9, workers=0)
    with pytest.raises(InputError, match="no training times"):
        bench_command("made-up", clock="5m", workers=0)


def test_the_list_names_benchmarks_and_where_their_tables_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    list_command(tmp_path)
    assert "nasbench201: " in (text := capsys.readouterr().out)
    assert "not found" in text
    list_command(tmp_path, as_json=True)
    assert {"name", "datasets", "found"} <= set(json.loads(capsys.readouterr().out)[0])


def test_plain_lines_of_progress_tell_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    lines = command._Lines(every=0.0)
    lines(2, 10, "")
    lines(6, 10, "made-up random")
    assert "6 of 10 runs, about 0 s left (made-up random)" in capsys.readouterr().err


def test_labels_are_moved_apart_but_stay_in_order_and_near() -> None:
    wished = [0.1, 0.11, 0.11, 0.5, 0.93, 0.97]
    moved = drawing.apart(wished, 0.05)
    assert all(b - a >= 0.05 - 1e-9 for a, b in pairwise(moved))
    assert np.mean(moved[:3]) == pytest.approx(np.mean(wished[:3]))
    assert moved[3] == 0.5


def test_lines_begin_where_all_runs_that_ever_have_a_result_have_one() -> None:
    nan = float("nan")
    runs, begin = plots._begun(np.array([[nan, nan, 3.0, 3.0], [nan, nan, nan, nan], [nan, 1.0, 1.0, 2.0]]))
    assert (runs.tolist(), begin) == ([0, 2], 2)
    assert plots._begun(np.full((2, 3), nan))[0].tolist() == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("failed", [0.0, 0.6, 0.97])
def test_errors_over_a_clock_are_drawn_even_if_many_runs_fail(tmp_path: Path, failed: float) -> None:
    pytest.importorskip("matplotlib")
    source = MadeUp(4, metric="mse", clock=True, failed=failed)
    bench = run_bench(replace(PLAN, sources=(source,), budget=Budget(seconds=900.0)))
    assert len(plots.save_plots(bench.outcomes[0], tmp_path)) == 2


def test_plots_are_drawn_where_matplotlib_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    two = replace(PLAN, sources=(MadeUp(4), MadeUp(4, seed=1)), strategies=("evolution", "random", "hyperband"))
    bench = run_bench(two)
    files = plots.save_plots(bench.outcomes[0], tmp_path)
    assert bench.ranking is not None
    files += plots.save_ranking(bench.ranking, tmp_path)
    files += plots.save_plots(run_bench(replace(PLAN, objective="accuracy,parameters")).outcomes[0], tmp_path)
    assert len(files) == 6
    assert all(file.stat().st_size > 5_000 for file in files)


def test_without_matplotlib_the_rest_is_written(tmp_path: Path) -> None:
    bench = run_bench(replace(PLAN, out=tmp_path))
    assert {file.name for file in bench.files} == {EVALUATIONS, RUNS, REPORT}
