import io
import json

import pytest
from search_examples import toy

from metanas.records import Evaluation, Fidelity, Proposal
from metanas.search.budget import Budget
from metanas.search.observers import EVERY, JsonObserver, LogObserver, RichObserver

SPACE = toy()


def evaluation(number, accuracy=0.5, reason=None):
    metrics = {} if reason else {"accuracy": accuracy}
    return Evaluation(Proposal(number, SPACE.baseline, Fidelity(2)), metrics, {"parameters": 12_345.0}, reason=reason)


def test_plain_lines_tell_every_new_best_and_else_one_in_ten_seconds():
    now, out = [0.0], io.StringIO()
    observer = LogObserver("accuracy", Budget(60.0, clock=lambda: now[0], began=0.0), None, out, lambda: now[0])
    observer.on_message("hello")
    observer.on_phase("search", 30.0)
    observer.on_phase("test", None)
    best = evaluation(0)
    observer.on_evaluation(best, best)
    observer.on_evaluation(evaluation(1, 0.1), best)
    now[0] = EVERY
    observer.on_evaluation(evaluation(2, reason="ran out of memory"), best)
    observer.on_progress(0.5)
    observer.close()
    assert out.getvalue().splitlines() == [
        "[   0.0s] hello",
        "[   0.0s] search, about 30 s; 1:00 of the budget left",
        "[   0.0s] test; 1:00 of the budget left",
        "[   0.0s] 1 trial, 0 failed, best validation accuracy 50.0 % (12,345 parameters)",
        "[  10.0s] 3 trials, 1 failed, best validation accuracy 50.0 % (12,345 parameters)",
    ]


def test_lines_before_there_is_a_best():
    out = io.StringIO()
    observer = LogObserver("accuracy", Budget(clock=lambda: 0.0, began=0.0), None, out, iter([0.0, EVERY, EVERY]).__next__)
    observer.on_evaluation(evaluation(0, reason="diverged"), None)
    assert out.getvalue() == "[   0.0s] 1 trial, 1 failed\n"


def test_json_lines_are_json_for_machines_whatever_the_numbers():
    out = io.StringIO()
    observer = JsonObserver(out)
    observer.on_evaluation(evaluation(3, float("nan")), None)
    observer.on_evaluation(evaluation(4), evaluation(4))
    observer.on_phase("search", 12.0)
    observer.on_message("a\nb")
    observer.on_progress(0.1)
    observer.close()

    def refused(name):
        raise AssertionError(name)

    lines = [json.loads(line, parse_constant=refused) for line in out.getvalue().splitlines()]
    assert lines[0]["evaluation"]["metrics"] == {"accuracy": None}
    assert (lines[0]["best"], lines[1]["best"]) == (None, 4)
    assert Evaluation.from_json(lines[1]["evaluation"]) == evaluation(4)
    assert lines[2:] == [{"phase": "search", "seconds": 12.0}, {"message": "a\nb"}]


def test_the_bar_tells_phase_time_left_counts_and_best(capsys):
    now = [0.0]
    observer = RichObserver("accuracy", Budget(600.0, clock=lambda: now[0], began=0.0), None, lambda: now[0])
    try:
        observer.on_phase("search", 100.0)
        best = evaluation(0)
        observer.on_evaluation(best, best)
        now[0] = 25.0
        assert observer._done() == 0.25
        assert observer._time_left() == "1:15 left, 9:35 in all"
        now[0] = 500.0
        assert observer._done() == 1.0
        assert observer._time_left() == "0:00 left, 1:40 in all"
        observer.on_phase("final training", None)
        now[0] += 30.0
        assert observer._time_left() == "0:30, 1:10 in all"
        observer.on_progress(0.5)
        assert observer._done() == 0.5
        assert observer._time_left() == "about 0:30 left, 1:10 in all"
        observer.on_message("something")
        assert observer._counts.text == "1 trial, 0 failed, best validation accuracy 50.0 % (12,345 parameters)"
    finally:
        observer.close()
    assert "something" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["column 'rate [/h]' left out", "[m/s] and [bold]", "[red]"])
def test_square_brackets_are_the_users_own(text, capsys):
    observer = RichObserver("accuracy", Budget())
    try:
        observer.on_message(text)
        observer.on_phase(text, None)
        observer._counts.metric = text
        observer.on_evaluation(evaluation(0), None)
        observer._progress.refresh()
        assert text in str(observer._progress.columns[0].render(observer._progress.tasks[0]))
    finally:
        observer.close()
    assert text in capsys.readouterr().err


def test_a_number_of_trials_gives_the_bar_its_length():
    now = [0.0]
    observer = RichObserver("accuracy", Budget(clock=lambda: now[0], began=0.0), 4, lambda: now[0])
    try:
        observer.on_phase("search", None)
        now[0] = 30.0
        observer.on_evaluation(evaluation(0), evaluation(0))
        assert observer._done() == 0.25
        assert observer._time_left() == "about 1:30 left"
        assert observer._counts.text.startswith("1 of 4 trials, 0 failed")
    finally:
        observer.close()
