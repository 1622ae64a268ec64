import io
from pathlib import Path

import pytest
from rich.console import Console
from test_result import result as result

from metanas.delivery import ANSWER, PLAIN, Result, print_summary, summary_lines
from metanas.delivery.summary import verdict
from metanas.delivery.words import metric_name, metric_text, metric_words
from metanas.tasks import METRICS


def changed(result, **changes):
    return Result(**{name: getattr(result, name) for name in result.__dataclass_fields__} | changes)


def comparison(kind, difference=0.031):
    low, high = {"wins": (0.01, 0.05), "loses": (-0.05, -0.01)}.get(kind, (-0.01, 0.05))
    return {"against": "gradient-boosted trees", "difference": difference, "interval": [low, high], "verdict": kind}


def test_it_says_all_that_a_user_asks(result):
    text = "\n".join(summary_lines(result, "runs/fruit"))
    for part in (f"{result.parameters:,} parameters", "7 trials, 1 of them failed", "30 test examples", "95 % confidence", "a note"):
        assert part in text
    for line in result.network:
        assert line in text
    assert str(Path("runs/fruit/result.json")) in text
    assert "metanas predict runs/fruit NEW.csv" in text
    assert "slow" in text
    assert "left out: it would not have finished" in text


def test_competitors_stand_in_order_of_their_scores(result):
    lines = summary_lines(result, "x")
    scores = {ANSWER: result.score} | {n: r["score"] for n, r in result.baselines.items() if "score" in r}
    placed = [
        next(k for k, line in enumerate(lines) if line.startswith(f"  {name} ")) for name in sorted(scores, key=scores.get, reverse=True)
    ]
    assert len(set(scores.values())) == len(scores)
    assert placed == sorted(placed)


def test_errors_are_ranked_with_the_smallest_first(result):
    few = {"good": {"rmse": 1.0, "score": 1.0, "interval": [0.9, 1.1]}, "bad": {"rmse": 9.0, "score": 9.0, "interval": [8.0, 10.0]}}
    told = changed(result, metric="rmse", test={"rmse": 2.0, "score": 2.0, "interval": [1.8, 2.2]}, baselines=few, comparison=None)
    lines = [line.split("  ")[1] for line in summary_lines(told, "x") if line.startswith(("  good", "  bad", f"  {ANSWER}"))]
    assert lines == ["good", ANSWER, "bad"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wins", "The network found wins: its accuracy is 3.1 points better"),
        ("loses", "A baseline wins"),
        ("no clear difference", "No clear difference"),
    ],
)
def test_the_verdict_names_the_winner(result, kind, words):
    sentence = verdict(changed(result, metric="accuracy", comparison=comparison(kind)))
    assert sentence.startswith(words)
    assert "gradient-boosted trees" in sentence
    if kind != "no clear difference":
        assert "1.0 points to 5.0 points" in sentence


def test_a_tie_is_a_tie(result):
    tie = comparison("no clear difference", 0.0)
    sentence = verdict(changed(result, metric="accuracy", comparison=tie))
    assert sentence == "A tie: the accuracy of the network found is the same as that of the best baseline, gradient-boosted trees."


def test_where_the_plain_network_is_better_its_folder_is_named(result):
    plain = comparison("loses") | {"against": PLAIN}
    lines = summary_lines(changed(result, metric="accuracy", comparison=plain), "runs/x")
    assert any(f"it is in {Path('runs/x/plain')}, and `metanas predict` takes that folder" in line for line in lines)


def test_the_positive_class_is_named(result):
    lines = "\n".join(summary_lines(changed(result, metric="recall", test={**result.test, "recall": 0.5}, positive="ill"), "x"))
    assert "the share of the examples of class “ill” that was found" in lines


def test_the_ways_to_give_new_pictures_are_told(result):
    assert any("an .npz with them as array x" in line for line in summary_lines(changed(result, data="image"), "x"))


def test_a_pipe_whose_reader_has_gone_is_told_to_the_caller(result, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):
        print_summary(result, "x")


def test_an_interrupted_search_says_so_and_a_plain_one_does_not(result):
    assert "Stopped" not in "\n".join(summary_lines(result, "x"))
    assert "Stopped" in "\n".join(summary_lines(changed(result, interrupted=True), "x"))


def test_what_the_store_answered_is_told(result):
    assert "remembered" not in "\n".join(summary_lines(changed(result, reused=0), "run"))
    assert any("3 of them remembered from earlier searches" in line for line in summary_lines(changed(result, reused=3), "run"))


def test_a_folder_with_spaces_is_quoted(result):
    assert any('"my runs/1"' in line for line in summary_lines(result, "my runs/1"))


def test_colour_on_a_terminal_and_plain_text_elsewhere(result):
    plain, coloured = io.StringIO(), io.StringIO()
    print_summary(result, "x", Console(file=plain, width=40))
    print_summary(result, "x", Console(file=coloured, force_terminal=True, color_system="standard"))
    assert plain.getvalue() == "\n".join(summary_lines(result, "x")) + "\n"
    assert "\x1b[" in coloured.getvalue()


def test_square_brackets_are_no_markup(result):
    out = io.StringIO()
    print_summary(changed(result, task="[bold]x[/]"), "x", Console(file=out))
    assert "[bold]x[/]" in out.getvalue()


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_explained(metric):
    assert metric_words(metric, "price", 3) != "as its author defines it"
    assert "_" not in metric_name(metric)


def test_values_have_the_unit_of_their_metric():
    assert metric_text("accuracy", 0.9876) == "98.8 %"
    assert metric_text("rmse", 47268.4) == "47,268"
    assert metric_text("mae", 0.5) == "0.5000"
    assert metric_text("roc_auc", 0.98765) == "0.988"
