"""``metanas learn``, and what a search does with what was learned: words, files, refusals. Real searches, with short trainings."""

import json
import re
import shutil
from datetime import timedelta

import numpy as np
import pytest

import metanas
from cli_examples import refused, run
from metanas import InputError, Task
from metanas.experience import Experience
from metanas.meta.prior import due, learning, load_prior, make_prior, making
from metanas.records import Fidelity
from metanas.search import sitting
from metanas.search.memory import FIRST, worth
from metanas.search.objective import objective_for
from metanas.search.plan import Plan
from metanas.spaces import make_space

QUICK = Plan((Fidelity(2),), final_epochs=3.0, group=3, lookahead=1, confirm=0, folds=0)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sitting, "make_plan", lambda situation: QUICK)
        patch.setattr(learning, "STEPS", 20)
        patch.setattr(learning, "FOLD_STEPS", 5)
        yield


def searched(data, store, out, *more, trials=6):
    result = run("search", data, "--trials", trials, "--workers", 0, "--store", store, "--out", out, *more)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return tmp_path_factory.mktemp("stores")


@pytest.fixture(scope="module")
def before(quick, places):
    """What the searches said that filled the store, and what `learn` said then."""
    said = [searched(data, places / "store.db", places / data) for data in ("iris", "wine")]
    return [*said, run("learn", "--store", places / "store.db")]


@pytest.fixture(scope="module")
def prior(before, places):
    return places / "store.prior.safetensors"


@pytest.fixture(scope="module")
def remembering(prior, places):
    """A search with the prior beside its store."""
    return searched("wine", places / "store.db", places / "remembering", "--seed", 1, trials=12)


def test_learning_says_from_what_and_where_it_lies(before, prior):
    first, second, told = before
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert re.fullmatch(r"learned from 2 tasks and 12 evaluations in [\d.]+ s", lines[0])
    assert lines[1] == "  mlp: 12 networks on iris, wine"
    assert re.fullmatch(rf"prior [0-9a-f]{{12}} in {re.escape(str(prior))} \(0\.\d MB\); `metanas search` uses it by itself, .*", lines[-1])
    assert "learning" not in first.stderr
    assert "the store knows 2 tasks by now: learning from it" in second.stderr
    assert "the next search starts from it (prior " in second.stderr
    assert load_prior(prior).evaluations == 12


def test_a_search_says_what_it_remembers_and_what_that_was_worth(remembering, prior, places):
    said, digest = remembering.stderr, json.loads((places / "remembering" / "run.json").read_text())["prior"]["digest"]
    assert f"memory: 2 earlier tasks with 12 evaluations in space mlp (prior {digest} of 20" in said
    assert re.search(r"  like wine \(distance 0\.\d\d\): .+", said)
    assert "too few earlier tasks to say how much that will gain" in said
    assert said.index("memory:") < said.index("1 of 12 trials")
    assert "The memory of earlier searches" in remembering.stdout
    assert re.search(
        r"of the first 8 networks, which it led to, the best came \d+(st|nd|rd|th) of 11 and the middle one", remembering.stdout
    )
    record = json.loads((places / "remembering" / "result.json").read_text())["prior"]
    assert record["digest"] == digest
    assert {"first": FIRST, "later": 3}.items() <= record["worth"].items()
    assert (places / "remembering" / "prior.safetensors").read_bytes() == prior.read_bytes()
    with Experience(places / "store.db") as experience:
        assert experience.searches("wine", 1)[0].settings["prior"] == digest


def test_the_first_proposals_are_the_priors(remembering, prior, places):
    with Experience(places / "store.db") as experience:
        search = json.loads((places / "remembering" / "run.json").read_text())["search"]
        tried = [e.proposal.architecture for e in experience.evaluations(search)]
    task = Task.read("wine", seed=1)
    space = make_space("mlp", task.prepare()[0].shape)
    assert tried[0] == space.baseline
    rng = np.random.default_rng(0)
    others = [space.sample(rng) for _ in range(50)]
    expected = load_prior(prior).surrogate(space, task.describe()).condition([], np.empty(0), [*tried[1:9], *others])[0]
    assert np.median(expected[:8]) > np.quantile(expected[8:], 0.9)


def architectures(folder, store):
    with Experience(store) as experience:
        search = json.loads((folder / "run.json").read_text())["search"]
        return [e.proposal.architecture for e in experience.evaluations(search)]


def test_the_same_search_again_and_one_without_and_one_with_another_prior(prior, before, tmp_path):
    """Copies of the store, so that each knows the same."""
    tried = {}
    for name, options in {"one": (), "two": (), "none": ("--prior", "none"), "file": ("--prior", tmp_path / "named")}.items():
        shutil.copy(prior.with_name("store.db"), tmp_path / f"{name}.db")
        shutil.copy(prior, tmp_path / f"{name}.prior.safetensors")
        shutil.copy(prior, tmp_path / "named")
        said = searched("iris", tmp_path / f"{name}.db", tmp_path / name, "--seed", 3, *options)
        tried[name] = architectures(tmp_path / name, tmp_path / f"{name}.db")
        assert ("memory:" in said.stderr) == (name != "none")
        assert ((tmp_path / name / "prior.safetensors").exists()) == (name != "none")
    assert tried["one"] == tried["two"] == tried["file"] != tried["none"]
    assert json.loads((tmp_path / "none" / "result.json").read_text())["prior"] is None


def test_without_a_store_there_is_no_prior_beside_it(prior, tmp_path, monkeypatch):
    monkeypatch.setenv("METANAS_STORE", str(prior.with_name("store.db")))
    result = run("search", "iris", "--trials", 2, "--workers", 0, "--no-store", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "memory" not in result.output


def test_help_names_the_verb_and_the_option():
    assert "learn" in run("--help").output
    assert "--prior" in run("search", "--help").output
    assert all(f"--{name}" in run("learn", "--help").output for name in ("store", "from", "out", "seed", "json"))


class Stops:
    """An observer that ends a search in its middle, as a kill would."""

    def on_evaluation(self, evaluation, best):
        if evaluation.proposal.id == 4:
            raise RuntimeError

    def on_message(self, text): ...

    def on_phase(self, name, seconds): ...

    def on_progress(self, share): ...

    def close(self): ...


def test_a_search_goes_on_with_the_prior_that_it_began_with(prior, tmp_path):
    for name in ("whole", "cut"):
        shutil.copy(prior.with_name("store.db"), tmp_path / f"{name}.db")
        shutil.copy(prior, tmp_path / f"{name}.prior.safetensors")
    asked = {"trials": 7, "seed": 4, "workers": 0}
    metanas.search("iris", out=tmp_path / "whole", store=tmp_path / "whole.db", **asked)
    with pytest.raises(RuntimeError):
        metanas.search("iris", out=tmp_path / "cut", store=tmp_path / "cut.db", observers=[Stops()], **asked)
    (tmp_path / "cut.prior.safetensors").unlink()  # forgotten, or made anew meanwhile
    kept = tmp_path / "cut" / "prior.safetensors"
    content = kept.read_bytes()
    kept.unlink()
    with pytest.raises(InputError, match=r"is gone: put prior\.safetensors back into it, or start a new search"):
        metanas.resume(tmp_path / "cut")
    kept.write_bytes(content[:-4] + b"\x00\x00\x00\x01")
    with pytest.raises(InputError, match=r"is not the prior that the search began with|is damaged"):
        metanas.resume(tmp_path / "cut")
    kept.write_bytes(content)
    found = metanas.resume(tmp_path / "cut")
    assert architectures(tmp_path / "cut", tmp_path / "cut.db") == architectures(tmp_path / "whole", tmp_path / "whole.db")
    assert found.result.prior["worth"]["first"] == 6


def test_a_prior_as_an_object(prior, tmp_path):
    asked = {"trials": 6, "workers": 0, "store": False}
    learned = load_prior(prior)
    found = metanas.search("iris", out=tmp_path / "learned", prior=learned, **asked)
    assert found.result.prior["digest"] == json.loads((tmp_path / "learned" / "run.json").read_text())["prior"]["digest"]
    assert (tmp_path / "learned" / "prior.safetensors").read_bytes() == prior.read_bytes()

    class Own:
        def shortlist(self, space, task, n):
            return [space.edit(space.baseline, "depth", 4)]

        def surrogate(self, space, task):
            return None

        def policy(self, space, task):
            return None

        def director(self, space, task):
            return None

        def initial_weights(self, graph, task):
            return None

    with pytest.raises(RuntimeError):
        metanas.search("iris", out=tmp_path / "own", prior=Own(), observers=[Stops()], **asked)
    with pytest.raises(InputError, match=r"call metanas\.resume\(folder, prior=\.\.\.\)"):
        metanas.resume(tmp_path / "own")
    assert metanas.resume(tmp_path / "own", prior=Own()).evaluations[1].proposal.architecture["depth"] == 4


def test_a_strategy_that_does_not_ask_says_so(prior, tmp_path):
    said = searched("iris", tmp_path / "s.db", tmp_path / "out", "--strategy", "random", "--prior", prior, trials=2)
    assert "memory: the strategy that was named begins from nothing; --strategy warm-start:NAME begins with" in said.stderr
    assert "the strategy did not ask it" in said.stdout


def test_priors_that_can_not_be_used_are_refused_before_anything_is_written(prior, tmp_path):
    shutil.copy(prior.with_name("store.db"), tmp_path / "store.db")
    (tmp_path / "store.prior.safetensors").write_bytes(prior.read_bytes()[:1000])
    line = ("search", "iris", "--trials", "2", "--workers", "0", "--store", tmp_path / "store.db", "--out", tmp_path / "out")
    assert "truncated, damaged or something else; make it again with `metanas learn`, or search without it: --prior none" in refused(*line)
    assert "there is no prior" in refused(*line, "--prior", tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


def test_merging_another_laboratory(prior, tmp_path):
    searched("breast_cancer", tmp_path / "other.db", tmp_path / "out")
    told = run("learn", "--store", prior.with_name("store.db"), "--from", tmp_path / "other.db", "--out", tmp_path / "both", "--json")
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    assert {t["name"] for t in record["spaces"]["mlp"]["tasks"]} == {"iris", "wine", "breast_cancer"}
    assert (record["tasks"], record["prior"], record["passed_over"], record["lost"]) == (3, str(tmp_path / "both"), [], [])
    assert 0 <= record["spaces"]["mlp"]["better"] <= 1
    alone = run("learn", "--store", tmp_path / "none.db", "--from", tmp_path / "other.db", "--out", tmp_path / "both")
    assert alone.exit_code == 0, alone.output
    assert "this one has lost them: iris, wine" in alone.stdout
    assert "one task alone" in alone.stdout
    assert f"use it with: --prior {tmp_path / 'both'}" in alone.stdout


def test_what_can_not_be_learned_from(prior, tmp_path):
    assert f"there is no store {tmp_path / 'a.db'}" in refused("learn", "--store", tmp_path / "a.db")
    assert "--from names another" in refused("learn", "--store", prior.with_name("store.db"), "--from", tmp_path / "b.db")
    Experience(tmp_path / "empty.db").close()
    assert "there is nothing to learn from yet" in refused("learn", "--store", tmp_path / "empty.db")
    (tmp_path / "letter.txt").write_text("Dear all")
    assert "is no prior, so it is not overwritten" in refused(
        "learn", "--store", prior.with_name("store.db"), "--out", tmp_path / "letter.txt"
    )
    assert "is a folder" in refused("learn", "--store", prior.with_name("store.db"), "--out", tmp_path)
    assert "no place for a prior" in refused("learn", "--store", "sqlite://", "--from", prior.with_name("store.db"))


def test_learning_is_due_where_there_is_much_new(prior, tmp_path):
    assert due(tmp_path / "none.db") == ""
    shutil.copy(prior.with_name("store.db"), tmp_path / "store.db")
    assert "the store knows 2 tasks" in due(tmp_path / "store.db")
    shutil.copy(prior, tmp_path / "store.prior.safetensors")
    assert due(tmp_path / "store.db") == ""
    metanas.search("iris", seed=9, strategy="random", trials=30, workers=0, store=tmp_path / "store.db", out=tmp_path / "out")
    assert re.search(r"the store has \d\d evaluations that its prior has not seen", due(tmp_path / "store.db"))
    again = searched("wine", tmp_path / "store.db", tmp_path / "again", "--seed", 9)
    assert re.search(r"has not seen: learning from it .*\nlearned in", again.stderr)
    assert due(tmp_path / "store.db") == ""


def test_what_was_learned_from_a_moment_ago_is_no_news(prior, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "NEWS", 1)
    shutil.copy(prior.with_name("store.db"), tmp_path / "store.db")
    with Experience(tmp_path / "store.db") as experience:
        last = max(search.started for search in experience.searches())
    make_prior(tmp_path / "store.db", now=last + timedelta(microseconds=1))
    assert due(tmp_path / "store.db") == ""
    make_prior(tmp_path / "store.db", now=last - timedelta(microseconds=1))
    assert "evaluations that its prior has not seen" in due(tmp_path / "store.db")


def test_worth_of_no_trials_and_of_a_few(prior):
    task = Task.read("iris")
    plain = make_space("mlp", task.prepare()[0].shape).baseline
    assert worth([], objective_for(task.kind, task.metric), plain) == {"first": 0, "later": 0}
