import json
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import metanas
from metanas.cli import app, main
from metanas.errors import InputError, MetaNASError
from metanas.experience import open_experience

runner = CliRunner()


def run(*arguments):
    return runner.invoke(app, [str(a) for a in arguments])


def refused(*arguments, code=2):
    """The one sentence on standard error of a refused command line."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("metanas: ")
    return lines[0]


def test_help_loads_nothing_heavy():
    code = "import sys; from metanas.cli import app; import metanas; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "sklearn", "pandas", "scipy", "numpy", "sqlalchemy"):
        assert f"'{heavy}'" not in loaded


def test_help_names_every_verb_and_option():
    text = run("--help").output
    for verb in ("search", "resume", "predict", "history", "forget"):
        assert verb in text
    options = run("search", "--help").output
    for name in (
        *("budget", "trials", "seed", "strategy", "space", "device", "out", "target", "text", "group", "time", "kind", "metric"),
        *("max-params", "workers", "store", "no-store", "json", "test", "size", "rate", "seconds", "mirror", "positive"),
    ):
        assert re.search(rf"--{name}\b", options)


def test_version():
    assert run("--version").output.strip() == f"metanas {metanas.__version__}"


@pytest.mark.parametrize("budget", ["0", "0s", "-5m", "soon", "5 parsecs", ""])
def test_budgets_that_are_none(budget):
    assert "--budget" in refused("search", "iris", "--budget", budget)


def test_help_names_what_strategies_and_spaces_may_be():
    text = " ".join(run("search", "--help").output.replace("│", " ").split())
    assert "hyperband:NAME" in text
    assert "FILE.py" in text
    assert "DATA" in run("search", "--help").output.split("Options:")[0]


@pytest.mark.parametrize(("option", "value"), [("--max-params", "many"), ("--max-params", "0"), ("--trials", "0"), ("--trials", "-3")])
def test_counts_that_are_none(option, value):
    assert option in refused("search", "iris", option, value)


def test_two_stores_at_once():
    assert "exclude each other" in refused("search", "iris", "--store", "x.db", "--no-store")


def test_data_that_are_not_there(tmp_path):
    assert "nowhere.csv" in refused("search", tmp_path / "nowhere.csv", "--trials", "1", "--no-store")


def test_a_column_that_is_not_there(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n" + "1,x\n2,y\n" * 20)
    assert "income" in refused("search", tmp_path / "data.csv", "--target", "income", "--trials", "1", "--no-store")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("search", "iris", "--fast"), "No such option: --fast"),
        (("find",), "metanas: No such command 'find'; see `metanas --help`"),
        (("search", "iris", "--workers", "-1"), "--workers"),
        (("search", "iris", "--trials", "two"), "--trials: expected a whole number above zero, such as 40, not 'two'"),
        (("search", "iris", "--trials", "0"), "--trials: expected a whole number above zero, such as 40, not '0'"),
        (("search",), "metanas: Missing argument 'DATA'; see `metanas search --help`"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_in_one_sentence(monkeypatch, capsys, line, words):
    monkeypatch.setattr(sys, "argv", ["metanas", *line])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.startswith("metanas: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("line", "code"), [(("--version",), 0), (("--help",), 0), (("resume", "no-such-folder"), 2)])
def test_exit_codes_reach_the_shell(monkeypatch, line, code):
    monkeypatch.setattr(sys, "argv", ["metanas", *line])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == code


def test_the_list_of_verbs_is_not_cut_short():
    assert "..." not in run("--help").output.split("Commands:")[1]


def test_options_for_pictures_and_sound_are_passed_on(tmp_path):
    (tmp_path / "data.csv").write_text("a,t\n" + "1,x\n2,y\n" * 20)
    for option, value in (("--size", "16"), ("--rate", "8000"), ("--seconds", "0.5")):
        told = refused("search", tmp_path / "data.csv", "--target", "t", option, value, "--trials", "1", "--no-store")
        assert option in told
        assert "means nothing for a table" in told
    assert "nowhere.csv" in refused("search", tmp_path / "data.csv", "--target", "t", "--test", tmp_path / "nowhere.csv", "--no-store")


def test_predicting_without_a_model(tmp_path):
    assert "no trained model" in refused("predict", tmp_path, tmp_path / "new.csv")


def test_resuming_without_a_search(tmp_path):
    assert str(tmp_path) in refused("resume", tmp_path)


def test_reading_makes_no_store(tmp_path):
    store = tmp_path / "new" / "store.db"
    assert f"No searches yet: there is no store {store}" in run("history", "--store", store).output
    assert json.loads(run("history", "--store", store, "--json").output) == []
    assert "there is no search or task 'iris': there is no store" in refused("forget", "iris", "--store", store)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_history_and_a_search_that_is_not_in_it(tmp_path):
    store = tmp_path / "store.db"
    open_experience(store).close()
    assert "No searches yet" in run("history", "--store", store).output
    assert "No search of a task 'iris'" in run("history", "iris", "--store", store).output
    assert json.loads(run("history", "--store", store, "--json").output) == []
    assert "abc" in refused("forget", "abc", "--store", store)


def test_errors_are_json_where_json_is_asked_for(tmp_path, monkeypatch, capsys):
    result = run("search", tmp_path / "nowhere.csv", "--no-store", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere.csv" in json.loads(result.stderr)["error"]
    monkeypatch.setattr(sys, "argv", ["metanas", "search", "iris", "--fast", "--json"])
    with pytest.raises(SystemExit):
        main()
    assert "No such option: --fast" in json.loads(capsys.readouterr().err)["error"]


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path):
    """As ``metanas history | head -1`` and the summary of a search into a closed pipe."""
    code = "import sys; sys.argv = ['metanas', 'search', 'iris', '--no-store']; from types import SimpleNamespace as N\n"
    code += "import metanas.search, metanas.delivery.summary as summary; from metanas.cli import main\n"
    code += "metanas.search.search = lambda task, **options: N(result=None, folder='x')\n"
    code += "summary._lines = lambda result, folder: (('a line of words', '') for _ in range(100_000))\nmain()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_store_that_cannot_be_opened(tmp_path):
    assert refused("history", "--store", tmp_path)


@pytest.fixture
def called(monkeypatch):
    """What the search was called with; no search runs."""
    import metanas.search as room

    calls = {}

    def search(task, **options):
        calls.update(options, task=task)
        return SimpleNamespace(result=SimpleNamespace(to_json=lambda: {"score": 1.0}), folder="runs/x")

    monkeypatch.setattr(room, "search", search)
    return calls


def test_options_arrive_as_numbers_and_names(called, tmp_path):
    arguments = ["--budget", "1.5h", "--trials", "40", "--seed", "3", "--strategy", "evolution", "--space", "mlp", "--max-params", "100k"]
    result = run("search", "iris", *arguments, "--workers", "2", "--out", tmp_path / "o", "--metric", "f1", "--store", "s.db", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"score": 1.0}
    assert (called["budget"], called["trials"], called["seed"], called["max_params"]) == (5400.0, 40, 3, 100_000)
    assert (called["strategy"], called["space"], called["device"], called["workers"]) == ("evolution", "mlp", "cpu", 2)
    assert (called["out"], called["store"], called["task"].metric) == (tmp_path / "o", "s.db", "f1")


def test_defaults_are_left_to_the_search(called):
    assert run("search", "iris", "--json").exit_code == 0
    assert called["task"].positive == ""
    assert all(called[name] is None for name in ("budget", "trials", "strategy", "space", "out", "max_params", "workers", "store"))


def test_no_store_is_false(called):
    run("search", "iris", "--no-store", "--json")
    assert called["store"] is False


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("this is\nwrong"), 2, "metanas: this is wrong"),
        (MetaNASError("nothing could be trained"), 1, "metanas: nothing could be trained"),
        (KeyboardInterrupt(), 130, "metanas: stopped before there was a result"),
    ],
)
def test_errors_are_one_sentence(monkeypatch, error, code, words):
    import metanas.search as room

    def search(task, **options):
        raise error

    monkeypatch.setattr(room, "search", search)
    assert refused("search", "iris", code=code) == words
