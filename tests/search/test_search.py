"""Searches from end to end on tiny data, short trainings: see ``quick_plan``."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import search_examples
from search_examples import Sentences, points, quick_plan, stripes

import metanas
from metanas import Task
from metanas.delivery.result import Result
from metanas.delivery.scoring import Comparison, score_once
from metanas.errors import InputError, MetaNASError
from metanas.experience import Experience
from metanas.search import conclusion, sitting
from metanas.spaces import Draft, make_space
from metanas.strategies import strategies

TRIALS, LIMIT, SEED = 14, 900, 4
PICTURES = {"trials": TRIALS, "seed": 2, "max_params": 3000}


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sitting, "make_plan", quick_plan)
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return tmp_path_factory.mktemp("searches")


@pytest.fixture(scope="module")
def one_worker(places):
    return metanas.search(points(), trials=TRIALS, seed=SEED, max_params=LIMIT, workers=1, out=places / "one", store=places / "one.db")


@pytest.fixture(scope="module")
def two_workers(places):
    return metanas.search(points(), trials=TRIALS, seed=SEED, max_params=LIMIT, workers=2, out=places / "two", store=places / "two.db")


@pytest.fixture(scope="module")
def pictures(places):
    return metanas.search(stripes(), **PICTURES, workers=1, out=places / "pictures", store=places / "pictures.db")


def outcome(found):
    """All that must not depend on the machine's mood."""
    evaluations = [(e.proposal, e.metrics, e.costs, e.curve, e.epochs, e.seed, e.reason) for e in found.evaluations]
    varying = ("seconds", "search", "notes", "interrupted", "reused")
    return evaluations, {k: v for k, v in found.result.to_json().items() if k not in varying}


def script(code, *arguments, **options):
    """A Python process that can import the examples, with quick plans."""
    begin = "import sys, metanas\nfrom search_examples import *\nplan_quickly()\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(search_examples.__file__).parent)}
    command = [sys.executable, "-c", begin + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options)


def ended(process, seconds=120):
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out, err


def wait_for_evaluations(process, count):
    seen = 0
    for line in process.stdout:
        seen += line.startswith("evaluation")
        if seen == count:
            return
    raise AssertionError(process.stderr.read())


# -- what comes out ----------------------------------------------------------------------------------------------------------


def test_one_worker_and_two_in_separate_stores_find_the_same(one_worker, two_workers):
    assert outcome(one_worker) == outcome(two_workers)


def test_trials_are_kept_and_every_one_is_in_the_store(one_worker, places):
    assert len(one_worker.evaluations) == one_worker.result.trials == TRIALS
    assert [e.proposal.id for e in one_worker.evaluations] == sorted(e.proposal.id for e in one_worker.evaluations)
    with Experience(places / "one.db") as experience:
        (record,) = experience.searches()
        assert experience.evaluations(record.id) == list(one_worker.evaluations)
    assert (record.status, record.trials, record.failures, record.reused) == ("finished", TRIALS, 0, 0)
    assert record.result == json.loads(json.dumps(one_worker.result.to_json()))


def test_the_first_candidate_is_the_plain_network_and_the_last_ones_confirm(one_worker):
    first, *others = one_worker.evaluations
    assert first.proposal.architecture == make_space("mlp", points().prepare()[0].shape).within(parameters=LIMIT).baseline
    assert [e.proposal.fidelity.fold for e in others] == [0] * (TRIALS - 3) + [1] * 2


def test_nothing_above_the_limit_is_trained_or_returned(one_worker):
    assert all(e.costs["parameters"] <= LIMIT for e in one_worker.evaluations)
    assert one_worker.result.parameters <= LIMIT
    assert sum(p.numel() for p in one_worker.model.network.parameters()) == one_worker.result.parameters


def test_the_folder_holds_the_result_and_a_model_that_predicts(one_worker):
    written = Result.from_json(json.loads((one_worker.folder / "result.json").read_text()))
    assert written.to_json() == json.loads(json.dumps(one_worker.result.to_json()))
    task = points()
    predicted = one_worker.model.predict(task.rows(task.test))
    accuracy = np.mean([p == task.classes[y] for p, y in zip(predicted, task.targets[task.test], strict=True)])
    assert accuracy == pytest.approx(written.test["accuracy"])
    assert written.score == written.test["score"] == written.test["accuracy"]
    assert written.score > 0.5
    assert {"the plain network", "logistic regression", "gradient-boosted trees"} <= set(written.baselines)
    assert not list(one_worker.folder.rglob("*.pkl"))


@pytest.mark.parametrize("outcome", ["good", "refused", "stopped"])
def test_no_arrays_are_left_anywhere(outcome, troublesome, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    options = {"refused": {"space": f"{troublesome}:hopeless"}, "stopped": {"observers": [Presses("search", "final training")]}}.get(
        outcome, {}
    )
    with suppress(MetaNASError, KeyboardInterrupt):
        metanas.search(points(90), trials=1, workers=0, out=tmp_path / "out", store=False, **options)
    assert (tmp_path / "out" / "result.json").exists() == (outcome == "good")
    assert not list((tmp_path / "temporary").glob("metanas*"))  # PyTorch may leave folders of its own
    assert not list((tmp_path / "out").rglob("*.npy"))


class Breaks(Sentences):
    """An observer that can't bear the first message."""

    def on_message(self, text):
        raise RuntimeError("a broken observer")


def test_a_search_that_breaks_while_it_is_introduced_does_not_run_for_ever(places):
    with pytest.raises(RuntimeError, match="a broken observer"):
        metanas.search(points(90), trials=1, workers=0, out=places / "breaks", store=False, observers=[Breaks()])
    with Experience(places / "breaks" / "store.db") as experience:
        assert experience.searches()[0].status == "failed"


def test_arrays_that_find_no_room_are_bad_input(places, monkeypatch):
    def full(self, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("metanas.tasks.LearningData.save", full)
    with pytest.raises(InputError, match=r"can't be written into .*full \(No space left on device\); make room there"):
        metanas.search(points(90), trials=1, workers=0, out=places / "full", store=False)


def test_a_plain_network_that_is_better_is_kept_beside_the_answer(places, monkeypatch):
    def scored(task, entries, **options):
        scores = score_once(task, entries, **options)
        plain = Comparison("the plain network", -0.2, (-0.3, -0.1), "loses")
        return replace(scores, comparison=plain if any(e.name == plain.against for e in entries) else scores.comparison)

    monkeypatch.setattr(conclusion, "score_once", scored)
    found = metanas.search(points(), trials=TRIALS, seed=SEED, max_params=LIMIT, workers=0, out=places / "plain", store=False)
    assert "the plain network" in found.result.baselines
    plain = metanas.load_model(found.folder / "plain")
    assert plain.parameters != found.result.parameters
    assert len(plain.predict(points().rows(np.arange(5)))) == 5


def test_a_second_search_with_the_same_store_and_seed_trains_no_candidate(one_worker, places):
    again = metanas.search(points(), trials=TRIALS, seed=SEED, max_params=LIMIT, workers=1, out=places / "again", store=places / "one.db")
    assert all(e.reused and e.duration == 0 for e in again.evaluations)
    assert again.result.reused == again.result.trials
    assert outcome(again) == outcome(one_worker)


def test_without_a_store_the_users_own_is_left_alone(own_store, places):
    found = metanas.search(points(90), trials=2, seed=1, workers=0, out=places / "no-store", store=False)
    assert not own_store.exists()
    with Experience(found.folder / "store.db") as experience:
        assert experience.searches()[0].trials == 2


def test_the_users_store_is_the_default(own_store, places):
    metanas.search(points(90), trials=2, seed=1, workers=0, out=places / "own-store")
    with Experience() as experience:
        assert experience.where == str(own_store)
        assert [s.task_name for s in experience.searches()] == ["points"]


def test_networks_that_train_alone_are_the_same_with_two_workers(pictures, places):
    found = metanas.search(stripes(), **PICTURES, workers=2, out=places / "pictures2", store=places / "pictures2.db")
    assert outcome(found) == outcome(pictures)
    assert {e.proposal.fidelity.epochs for e in pictures.evaluations} == {2, 6}


# -- stopped, killed, resumed ------------------------------------------------------------------------------------------------


def test_after_kill_9_the_search_goes_on_and_ends_as_if_nothing_had_been(pictures, places):
    """With pictures, whose networks train alone: in a population that is cut in two the last digits of its members may differ."""
    folder, store = places / "killed", places / "killed.db"
    process = script(
        f"metanas.search(stripes(), **{PICTURES}, workers=1, out=sys.argv[1], store=sys.argv[2], observers=[Sentences(True)])",
        folder,
        store,
    )
    wait_for_evaluations(process, 4)
    process.kill()
    process.communicate()
    with Experience(store) as experience:
        (record,) = experience.searches()
        before = experience.evaluations(record.id)
    assert 4 <= len(before) < TRIALS
    assert record.status == "running"
    assert list((folder / ".arrays").rglob("*.npy"))  # left by the kill, but in the run's own folder

    heard = Sentences()
    found = metanas.resume(folder, task=stripes(), observers=[heard])
    with Experience(store) as experience:
        (record,) = experience.searches()
        after = {e.proposal.id: e for e in experience.evaluations(record.id)}
    assert {e.proposal.id: e for e in before}.items() <= after.items()
    assert len(heard.evaluations) == TRIALS  # those of the earlier sitting first, so that counts go on
    assert heard.evaluations[: len(before)] == before
    assert any(f"going on after {len(before)} evaluations; " in message for message in heard.messages)
    assert not (folder / ".arrays").exists()
    assert (record.status, record.trials) == ("finished", TRIALS)
    assert outcome(found) == outcome(pictures)


def test_ctrl_c_gives_the_best_so_far_as_a_complete_result(places):
    folder = places / "interrupted"
    code = "metanas.search(points(), trials=5000, seed=1, workers=1, out=sys.argv[1], store=False, observers=[Sentences(True)])"
    process = script(code, folder)
    wait_for_evaluations(process, 5)
    process.send_signal(signal.SIGINT)
    ended(process)
    result = Result.from_json(json.loads((folder / "result.json").read_text()))
    assert result.interrupted
    assert 5 <= result.trials < 5000
    assert result.validation["score"] > 0.4
    assert (folder / "model").is_dir()
    with Experience(folder / "store.db") as experience:
        assert experience.searches()[0].status == "interrupted"


class Presses:
    """An observer that presses Ctrl-C when phases begin, once for each name."""

    def __init__(self, *names):
        self._names = list(names)
        self.messages = []

    def on_phase(self, name, seconds):
        if name in self._names:
            self._names.remove(name)
            raise KeyboardInterrupt

    def on_message(self, text):
        self.messages.append(text)

    def on_evaluation(self, evaluation, best):
        pass

    def on_progress(self, share):
        pass

    def close(self):
        pass


def test_ctrl_c_in_the_final_training_still_gives_a_result(places):
    observer = Presses("final training")
    found = metanas.search(points(90), trials=3, workers=0, out=places / "late", store=False, observers=[observer])
    assert found.result.interrupted
    assert found.result.trials == 3
    assert any("Ctrl-C again" in message for message in observer.messages)


def test_ctrl_c_while_the_result_is_written_is_too_late_to_stop_it(places, monkeypatch):
    def pressed(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return score_once(*arguments, **options)

    monkeypatch.setattr(conclusion, "score_once", pressed)
    handler = signal.getsignal(signal.SIGINT)
    found = metanas.search(points(90), trials=1, workers=0, out=places / "too-late", store=False)
    assert (found.folder / "result.json").exists()
    assert not found.result.interrupted
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_while_the_result_is_written_does_stop_it(places, monkeypatch):
    def pressed(*arguments, **options):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)  # so that both are heard
        return score_once(*arguments, **options)

    monkeypatch.setattr(conclusion, "score_once", pressed)
    with pytest.raises(KeyboardInterrupt):
        metanas.search(points(90), trials=1, workers=0, out=places / "not-too-late", store=False)
    assert not (places / "not-too-late" / "result.json").exists()


def test_a_second_ctrl_c_stops_at_once_and_the_search_can_go_on(places):
    folder = places / "twice"
    with pytest.raises(KeyboardInterrupt):
        metanas.search(points(90), trials=4, workers=0, out=folder, store=False, observers=[Presses("search", "final training")])
    assert not (folder / "result.json").exists()
    with Experience(folder / "store.db") as experience:
        assert experience.searches()[0].status == "interrupted"
    found = metanas.resume(folder, task=points(90))
    assert found.result.trials == 4
    assert not found.result.interrupted


@pytest.mark.slow
def test_two_searches_in_two_processes_share_a_store(places):
    store = places / "shared.db"
    code = "metanas.search(points(90), trials=8, seed=int(sys.argv[1]), workers=1, out=sys.argv[2], store=sys.argv[3])"
    for process in [script(code, seed, places / f"shared{seed}", store) for seed in (1, 2)]:
        ended(process)
    with Experience(store) as experience:
        assert [(s.status, s.trials, s.failures) for s in experience.searches()] == [("finished", 8, 0)] * 2
        assert len(experience.tasks()) == 1


# -- when things go wrong ----------------------------------------------------------------------------------------------------


def test_a_users_space_in_one_file_is_searched_by_worker_processes_and_failing_candidates_do_no_harm(troublesome, places):
    heard = Sentences()
    found = metanas.search(
        points(90), trials=14, seed=3, workers=2, space=troublesome, strategy="random", out=places / "users", store=False, observers=[heard]
    )
    kinds = {e.proposal.id: dict(e.proposal.architecture.choices)["kind"] for e in found.evaluations}
    assert set(kinds.values()) == {"well_behaved", "refuses", "gives_nonsense"}
    for evaluation in found.evaluations:
        kind, reason = kinds[evaluation.proposal.id], evaluation.reason
        assert (reason is None) == (kind == "well_behaved")
        assert kind != "refuses" or reason == "could not be trained: this network refuses its input"
        assert kind != "gives_nonsense" or reason.startswith("diverged: ")
    failures = sum(kind != "well_behaved" for kind in kinds.values())
    assert found.result.failures == failures > 1
    assert found.result.space == "troublesome"
    assert found.result.architecture["choices"]["kind"] == "well_behaved"
    with Experience(found.folder / "store.db") as experience:
        assert experience.searches()[0].failures == failures


def test_where_nothing_can_be_trained_the_search_ends_with_the_reason(troublesome, places):
    folder = places / "hopeless"
    with pytest.raises(MetaNASError, match="no network could be trained: could not be trained: this network refuses its input"):
        metanas.search(points(90), trials=3, workers=0, space=f"{troublesome}:hopeless", out=folder, store=False)
    with Experience(folder / "store.db") as experience:
        (record,) = experience.searches()
    assert (record.status, record.trials, record.failures) == ("failed", 3, 3)


def test_a_limit_on_flops_that_nothing_keeps_is_given_up_since_only_the_plan_wanted_it(places, monkeypatch):
    monkeypatch.setattr(sitting, "make_plan", lambda situation: replace(quick_plan(situation), flops_ratio=1e-6))
    found = metanas.search(points(90), trials=2, workers=0, max_params=LIMIT, out=places / "flops", store=False)
    assert found.result.trials == 2
    assert found.result.parameters <= LIMIT


def test_a_space_given_as_a_function_must_be_given_again(places):
    def tiny(shape):
        draft = Draft()
        x = draft.node("hidden", "dense", ["input"], units=draft.decide("units", (2, 3, 4), ordered=True))
        draft.recipe()
        draft.node("head", "dense", [x], units=shape.outputs)
        return draft.space("tiny", shape, {"units": 2})

    folder = places / "function"
    with pytest.raises(KeyboardInterrupt):
        metanas.search(
            points(90), trials=4, workers=0, space=tiny, out=folder, store=False, observers=[Presses("search", "final training")]
        )
    with pytest.raises(InputError, match="a space as a function"):
        metanas.resume(folder, task=points(90))
    assert metanas.resume(folder, task=points(90), space=tiny).result.space == "tiny"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_params": 3}, "no network of space 'mlp' keeps the limit of 3 parameters"),
        ({"max_params": "few"}, "expected a whole number above zero"),
        ({"trials": 0}, "expected a whole number above zero"),
        ({"budget": 0}, "a budget must be a time above zero"),
        ({"strategy": "evolutoin"}, "there is no strategy named 'evolutoin'; did you mean 'evolution'"),
        ({"space": "mpl"}, "there is no space named 'mpl'; did you mean 'mlp'"),
        ({"space": "convnet"}, "space 'convnet' does not take table data"),
        ({"space": "missing.py"}, "there is no file missing.py to take a space from"),
        ({"metric": "acuracy"}, "metric"),
        ({"workers": -1}, "--workers must be 0"),
        ({"seed": -1}, "the seed must be 0 or more, not -1"),
        ({"device": "abacus"}, "can't compute on device 'abacus'"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_written(options, words, own_store, tmp_path):
    with pytest.raises(InputError, match=words) as refused:
        metanas.search(points(90), **{"trials": 1, "workers": 0, "out": tmp_path / "out", **options})
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
    assert not own_store.exists()


@pytest.mark.parametrize("strategy", strategies())
def test_every_strategy_searches_real_data(strategy, tmp_path):
    """Long enough for those with models to use them."""
    iris = Task.from_sklearn("iris")
    found = metanas.search(iris, strategy=strategy, trials=TRIALS, seed=SEED, workers=0, out=tmp_path, store=False)
    assert strategy in found.result.strategy
    assert found.result.trials >= TRIALS
    assert found.score > 0.5


def test_a_store_that_can_not_be_opened_leaves_no_folder(tmp_path):
    (tmp_path / "notes.db").write_text("these are notes, and no database, of which there is more than a page" * 20)
    with pytest.raises(InputError, match="is no database"):
        metanas.search(points(90), trials=1, workers=0, out=tmp_path / "out", store=tmp_path / "notes.db")
    assert not (tmp_path / "out").exists()
