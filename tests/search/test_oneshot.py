"""Searches by one-shot methods from end to end: a tiny supernet on tiny data, then its answers alone."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import search_examples
from oneshot_examples import ANSWERS, STEPS, oneshot_plan, saving, small
from search_examples import Sentences, points, stripes

import metanas
from metanas.delivery import summary_lines
from metanas.delivery.result import read_result
from metanas.delivery.supernet_words import LITTLE, too_short
from metanas.errors import InputError, MetaNASError
from metanas.evaluation import memory
from metanas.experience import Experience
from metanas.oneshot import SupernetMethod, oneshot_bytes, oneshots, registry
from metanas.search import oneshot, sitting, supernet_job
from metanas.search.folder import SUPERNET
from metanas.search.reach import reachable
from metanas.search.supernet_data import halves, judges
from metanas.search.supernet_plan import SupernetPlan
from metanas.spaces import Draft
from metanas.spaces.architecture import Architecture
from metanas.states import load_state, save_state

OPTIONS = {"trials": ANSWERS, "seed": 3, "space": small}


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch):
    monkeypatch.setattr(sitting, "make_plan", oneshot_plan)
    monkeypatch.setattr(registry, "_METHODS", dict(registry._METHODS))


def search(out, method="gdas", **options):
    return metanas.search(stripes(), **{**OPTIONS, "strategy": method, "workers": 0, "out": out, "store": False, **options})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that nothing has disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sitting, "make_plan", oneshot_plan)
        patch.setenv("METANAS_STORE", str(tmp_path_factory.mktemp("own") / "own.db"))
        return search(tmp_path_factory.mktemp("whole") / "out")


def outcome(found):
    """All that must not depend on the machine's mood."""
    evaluations = [(e.proposal, e.metrics, e.curve, e.seed, e.reason) for e in found.evaluations]
    told = {**found.result.oneshot, "seconds": 0.0}
    return evaluations, found.result.architecture, found.result.test, told


# -- what comes out ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", oneshots())
def test_every_method_trains_and_its_answers_are_evaluated_alone(method, tmp_path):
    found = search(tmp_path / "out", method)
    told, space = found.result.oneshot, small(stripes().prepare()[0].shape)
    assert found.result.strategy == told["method"] == method
    assert told["steps"] == STEPS
    assert set(told["open"]) == {"first", "second", "shape"}
    assert "width" in told["closed"]
    proposed = [e.proposal.architecture for e in found.evaluations]
    assert len({a.key for a in proposed}) == len(proposed) == found.result.trials == ANSWERS
    assert proposed[0] == space.baseline  # so few steps have learned nothing
    assert not told["learned"]
    for architecture in proposed:
        space.validate(architecture)
    answered = {Architecture.from_json(a["architecture"]).key: a for a in told["answers"]}
    for evaluation in found.evaluations:
        answer = answered[evaluation.proposal.architecture.key]
        assert answer["alone"] == evaluation.metrics["accuracy"]
        assert 0 <= answer["inherited"] <= 1
    assert told["points"] == ANSWERS
    assert told["history"]
    assert {"step", "loss", "skip_share"} <= set(told["diagnosis"])
    assert read_result(found.folder).oneshot == json.loads(json.dumps(told))
    with Experience(found.folder / "store.db") as experience:
        (record,) = experience.searches()
    assert (record.strategy, record.trials, record.result["oneshot"]["steps"]) == (method, ANSWERS, STEPS)
    assert not (found.folder / ".supernet").exists()


def test_worker_processes_answer_the_same(whole, tmp_path):
    assert outcome(search(tmp_path / "out", workers=2)) == outcome(whole)


def test_the_user_is_told_what_is_open_and_how_it_went(tmp_path):
    heard = Sentences()
    found = search(tmp_path / "out", observers=[heard])
    assert "the supernet keeps 3 choices open (first, second, shape); as in the plain network stay width 4" in heard.messages
    text = "\n".join(summary_lines(found.result, found.folder))
    assert "The supernet (gdas)" in text
    assert f"{STEPS} steps in" in text
    assert "of the largest possible" in text


def test_answers_of_an_earlier_search_are_known_from_the_store(tmp_path):
    first = search(tmp_path / "first", store=tmp_path / "store.db")
    again = search(tmp_path / "again", store=tmp_path / "store.db")
    assert all(e.reused for e in again.evaluations)
    assert [e.metrics for e in again.evaluations] == [e.metrics for e in first.evaluations]


def test_a_limit_holds_for_all_that_is_answered(tmp_path):
    space = small(stripes().prepare()[0].shape)
    limit = space.graph(space.baseline).parameters
    found = search(tmp_path / "out", max_params=limit)
    assert found.evaluations
    assert all(e.costs["parameters"] <= limit for e in found.evaluations)


def test_options_beyond_a_limit_have_no_place_in_the_supernet():
    space = small(stripes().prepare()[0].shape)
    limited = space.within(parameters=space.graph(space.baseline).parameters)
    left = {d.name: d.options for d in reachable(limited).decisions}
    assert left["first"] == ("conv", "sep_conv", "skip")  # the plain one, and what is smaller
    assert left["second"] == ("conv", "sep_conv", "skip")  # in reach where the first layer skips
    assert left["width"] == (2, 4)
    assert reachable(space.within(parameters=40)).decisions[0].options == (2,)
    assert reachable(space) is space


def test_messages_of_the_method_are_told_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("metanas.oneshot.base.SupernetMethod.messages", lambda self, state: ["the choices collapsed"] * (state["step"] > 2))
    monkeypatch.setattr(supernet_job, "TELL_EVERY", 0.0)
    heard = Sentences()
    found = search(tmp_path / "out", observers=[heard])
    assert heard.messages.count("the choices collapsed") == 1
    assert found.result.oneshot["messages"] == ["the choices collapsed"]
    assert "  the choices collapsed" in summary_lines(found.result, found.folder)


def task_of(kind):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 2
    if kind == "regression":
        x = rng.normal(size=(90, 4)).astype(np.float32)
        return metanas.Task.from_arrays(x, 1000 + 50 * (x[:, :1] - x[:, 1:2]), kind="table", name="plane")
    if kind == "text":
        words = [" ".join(["no", "yes"][label : label + 1] + [f"word{i}" for i in rng.integers(0, 9, 5)]) for label in y]
        return metanas.Task.from_arrays(words, y, name="words")
    waves = np.sin(np.arange(256) * (1 + y[:, None]) / 5 + rng.uniform(0, 6, (90, 1))).astype(np.float32)
    if kind == "sound":
        return metanas.Task.from_arrays(waves, y, kind="sound", rate=1000, name="tones")
    return metanas.Task.from_arrays(waves[:, :64, None], y, kind="series", name="waves")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gdas", "darts", "single-path"])
@pytest.mark.parametrize(
    ("kind", "space"), [("regression", None), ("table", "openml_mlp"), ("text", None), ("sound", None), ("series", "sequence")]
)
def test_every_kind_of_data_has_supernets(kind, space, method, tmp_path):
    task = points() if kind == "table" else task_of(kind)
    found = metanas.search(task, trials=3, strategy=method, space=space, workers=0, out=tmp_path / "out", store=False)
    told = found.result.oneshot
    assert told["steps"] == STEPS
    assert 2 <= found.result.trials <= 3
    for answer in told["answers"]:
        assert (answer["inherited"] > 0) == (answer["alone"] > 0)  # errors have the same sign, too


# -- stopped, killed, resumed ------------------------------------------------------------------------------------------------


def script(code, *arguments):
    """A Python process that can import the examples, with short plans."""
    begin = "import os, signal, sys, metanas\nfrom search_examples import *\nfrom oneshot_examples import *\nplan_oneshot()\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(search_examples.__file__).parent)}
    command = [sys.executable, "-c", begin + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_killed_in_the_middle_it_goes_on_and_ends_as_if_nothing_had_been(whole, tmp_path):
    code = f"""
save_at({STEPS // 2}, lambda: os.kill(os.getpid(), signal.SIGKILL))
metanas.search(stripes(), trials={ANSWERS}, seed=3, space=small, strategy="gdas", workers=0, out=sys.argv[1], store=False)
"""
    ended = script(code, tmp_path / "out")
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (tmp_path / "out" / ".supernet" / oneshot.CHECKPOINT).exists()
    assert not (tmp_path / "out" / ".supernet" / oneshot.ANSWERS).exists()
    found = metanas.resume(tmp_path / "out", task=stripes(), space=small)
    assert outcome(found) == outcome(whole)


@pytest.mark.parametrize("timed", [True, False])
def test_a_budget_without_time_for_a_supernet_trains_the_plain_network_and_says_what_it_would_take(timed, tmp_path, monkeypatch):
    plan = SupernetPlan(STEPS, 8, ANSWERS).timed(0.0, overhead=4.0, share=0.2, step_seconds=0.01 if timed else None)
    monkeypatch.setattr(sitting, "make_plan", lambda at: replace(oneshot_plan(at), supernet=plan))
    heard = Sentences()
    found = search(tmp_path / "out", observers=[heard])
    told, text = found.result.oneshot, "\n".join(summary_lines(found.result, found.folder))
    assert (told["steps"], told["answers"], found.result.trials) == (0, [], 0)
    assert found.result.architecture["choices"] == small(stripes().prepare()[0].shape).baseline.as_dict
    longer = too_short(told["needed"])
    assert longer in heard.messages
    assert longer in text
    assert "steps" not in text.split("The supernet (gdas)")[1]
    assert 4.0 + LITTLE * 0.01 / 0.2 < told["needed"] < 1000 if timed else told["needed"] is None
    assert any("the plain network is the answer" in note for note in found.result.notes)


class Once:
    """Does something at a call, once."""

    def __init__(self, act):
        self._act, self.done = act, False

    def __call__(self, *arguments, **options):
        if not self.done:
            self.done = True
            self._act()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("learned", [True, False])
def test_ctrl_c_in_the_middle_takes_what_the_supernet_holds_for_the_best_if_it_has_learned_something(learned, tmp_path, monkeypatch):
    monkeypatch.setattr(SupernetMethod, "learned", lambda self, state: learned)
    pressed = Once(interrupt)
    with saving(STEPS // 2, pressed):
        found = search(tmp_path / "out")
    assert pressed.done
    assert found.result.interrupted
    assert found.result.trials == 0
    told = found.result.oneshot
    assert 0 < told["steps"] < STEPS
    assert found.result.architecture["choices"] == told["answers"][0]["architecture"]["choices"]
    plain = small(stripes().prepare()[0].shape).baseline.as_dict
    assert (found.result.architecture["choices"] == plain) == (not learned)
    said = "so the answer is the one that gdas holds" if learned else "the choices of gdas were not learned yet, so the plain network is"
    assert any("no network was tried alone" in note and said in note for note in found.result.notes)
    assert (found.folder / "model").is_dir()


def test_ctrl_c_before_the_first_checkpoint_gives_the_plain_network(tmp_path):
    found = search(tmp_path / "out", observers=[Pressed("supernet")])
    assert found.result.interrupted
    assert found.result.oneshot["steps"] == 0
    assert any("stopped before its training" in line for line in summary_lines(found.result, found.folder))
    assert any("were not learned yet" in note for note in found.result.notes)
    space = small(stripes().prepare()[0].shape)
    assert Architecture.from_json(found.result.architecture) == space.baseline


def test_a_search_that_is_stopped_after_the_answers_does_not_train_again(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "out", observers=[Pressed("search", "final training")])
    assert (tmp_path / "out" / ".supernet" / oneshot.ANSWERS).exists()
    heard = Sentences()
    found = metanas.resume(tmp_path / "out", task=stripes(), space=small, observers=[heard])
    assert not any("keeps 3 choices open" in message for message in heard.messages)
    assert outcome(found) == outcome(whole)


def test_two_ctrl_c_in_the_middle_leave_nothing_that_a_resumed_search_would_take_for_the_end(whole, tmp_path):
    with saving(STEPS // 2, Once(interrupt)), pytest.raises(KeyboardInterrupt):
        search(tmp_path / "out", observers=[Pressed("final training")])
    assert not (tmp_path / "out" / ".supernet" / oneshot.ANSWERS).exists()
    assert outcome(metanas.resume(tmp_path / "out", task=stripes(), space=small)) == outcome(whole)


class Pressed(Sentences):
    """An observer that presses Ctrl-C when phases begin, once for each name."""

    def __init__(self, *names):
        super().__init__()
        self._names = list(names)

    def on_phase(self, name, seconds):
        if name in self._names:
            self._names.remove(name)
            raise KeyboardInterrupt


# -- when things go wrong ----------------------------------------------------------------------------------------------------


def test_a_supernet_that_diverges_ends_the_search_with_the_reason(tmp_path, monkeypatch):
    before = SupernetMethod.update
    monkeypatch.setattr(SupernetMethod, "update", lambda self, state, batch: {**before(self, state, batch), "loss": float("nan")})
    with pytest.raises(MetaNASError, match=r"the supernet of space small .* by gdas: diverged: the loss was not finite at step \d+"):
        search(tmp_path / "out")
    with Experience(tmp_path / "out" / "store.db") as experience:
        assert experience.searches()[0].status == "failed"


def test_a_method_in_a_users_file_whose_worker_dies_ends_the_search_with_the_reason(tmp_path):
    plugin = tmp_path / "deadly.py"
    plugin.write_text(
        "import os\nfrom metanas.oneshot import register_oneshot\nfrom metanas.oneshot.gdas import Gdas\n\n\n"
        "@register_oneshot('deadly')\nclass Deadly(Gdas):\n    def update(self, state, batch):\n        os.kill(os.getpid(), 9)\n"
    )
    with pytest.raises(MetaNASError, match="by deadly: the process that trained it was killed, most likely for lack of memory"):
        search(tmp_path / "out", str(plugin), workers=1)


ROOMY = r"^the supernet of darts in space small would need about .* of memory, and 800 bytes are there for it; lower --max-params"


def without_room(monkeypatch):
    monkeypatch.setattr(memory, "total_bytes", lambda device="cpu": 1000)


def test_a_supernet_without_room_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    without_room(monkeypatch)
    with pytest.raises(InputError, match=ROOMY) as refused:
        search(tmp_path / "out", "darts")
    assert "\n" not in str(refused.value)
    assert "single-path" not in str(refused.value)  # has no room either
    assert not (tmp_path / "out").exists()


def test_where_single_paths_have_room_the_refusal_says_so(tmp_path, monkeypatch):
    space, batch = small(stripes().prepare()[0].shape), 16
    whole, single = (oneshot_bytes(name, space, batch) for name in ("darts", "single-path"))
    monkeypatch.setattr(memory, "total_bytes", lambda device="cpu": int((whole + single) / 2 / memory.MEMORY_SHARE))
    with pytest.raises(InputError, match=r"or single-path, which trains one path at a time$"):
        search(tmp_path / "out", "darts")


def test_on_a_smaller_machine_a_stopped_search_is_refused_too(tmp_path, monkeypatch):
    with saving(STEPS // 2, Once(interrupt)), pytest.raises(KeyboardInterrupt):
        search(tmp_path / "out", "darts", observers=[Pressed("final training")])
    without_room(monkeypatch)
    with pytest.raises(InputError, match=ROOMY):
        metanas.resume(tmp_path / "out", task=stripes(), space=small)


@pytest.mark.parametrize("damage", [b"", "another"])
def test_a_checkpoint_of_something_else_is_refused_in_one_sentence(damage, tmp_path):
    out = tmp_path / "out"
    with saving(STEPS // 2, Once(interrupt)), pytest.raises(KeyboardInterrupt):
        search(out, observers=[Pressed("final training")])
    path = out / SUPERNET / oneshot.CHECKPOINT
    if damage == "another":
        saved = load_state(path)
        save_state(path, {**saved, "state": {**saved["state"], "space": "another"}})
    else:
        path.write_bytes(damage)
    with pytest.raises(InputError, match=r"^(the checkpoint is of another one-shot method|.* is damaged or of another program)"):
        metanas.resume(out, task=stripes(), space=small)


def closed(shape):
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=draft.decide("units", (2, 3, 4), ordered=True))
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("closed", shape, {"units": 2})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "dart"}, "there is no strategy named 'dart'; did you mean 'darts'"),
        ({"strategy": "magic"}, r"there is no strategy named 'magic'; choose one of .*random.* one-shot methods darts, .*single-path"),
        ({"strategy": "hyperband:gdas"}, "'gdas' is a one-shot method, which can't be wrapped; say --strategy gdas"),
        ({"strategy": "gdas:evolution"}, "'gdas' takes no strategy"),
        ({"strategy": "single-path:evolutoin"}, "names no strategy to search on inherited weights"),
        ({"strategy": "single-path:hyperband:evolutoin"}, "there is no strategy named 'evolutoin'; did you mean 'evolution'"),
        ({"space": closed}, "space 'closed' has no choice that a supernet could leave open"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_written(options, words, tmp_path):
    with pytest.raises(InputError, match=words) as refused:
        metanas.search(points(90), **{"trials": 2, "strategy": "gdas", "workers": 0, "out": tmp_path / "out", **options})
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


# -- the parts of it ---------------------------------------------------------------------------------------------------------


def test_halves_share_no_row_and_keep_the_classes_in_proportion():
    data = stripes().prepare()[0]
    cut = halves(data, 1)
    assert abs(len(cut.y_train) - len(cut.y_val)) <= 1
    assert len(cut.y_train) + len(cut.y_val) == len(data.y_train)
    rows = sorted(x.tobytes() for x in (*cut.x_train, *cut.x_val))
    assert rows == sorted(x.tobytes() for x in data.x_train)
    assert abs(cut.y_train.mean() - cut.y_val.mean()) < 0.05
    assert (halves(data, 1).y_val == cut.y_val).all()
    assert not (halves(data, 2).x_val == cut.x_val).all()


def test_judges_are_few_and_keep_the_classes_in_proportion(monkeypatch):
    data = stripes().prepare()[0]
    assert judges(data) is data
    monkeypatch.setattr("metanas.search.supernet_data.JUDGES", 10)
    few = judges(data)
    assert len(few.x_val) == len(few.y_val) == 10
    assert abs(few.y_val.mean() - data.y_val.mean()) < 0.1
    assert few.x_train is data.x_train


def test_a_job_survives_json(tmp_path):
    space = small(stripes().prepare()[0].shape)
    job = supernet_job.SupernetJob("gdas", space, 3, 5, 16, 2, tmp_path / "x", 12.5)
    again = supernet_job.SupernetJob.from_json(json.loads(json.dumps(job.to_json())))
    assert replace(again, space=space) == job
    assert again.space.decisions == space.decisions
