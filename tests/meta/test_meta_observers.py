"""What a meta-training shows."""

import io
import json

import pytest

from metanas.search.meta.observers import MetaJson, MetaLines, clock_text, point_text
from metanas.search.meta.points import EpisodeScore, Point, Position

START = Point(0, 0, 2.0, None, None, 0.345, 0.0071)
LATER = Point(410, 3280, 61.0, 0.3, 0.912, 0.925, 0.0069)


def test_points_in_words():
    assert point_text("classification", START, True) == "before training: validation accuracy 34.5 % ± 0.7"
    best = "step 410 (3,280 episodes): training accuracy 91.2 %, validation 92.5 % ± 0.7, the best so far"
    assert point_text("classification", LATER, True) == best
    wave = Point(10, 40, 3.0, 2.0, 2.0, 1.5, 0.25)
    assert point_text("regression", wave, False) == "step 10 (40 episodes): training squared error 2, validation 1.5 ± 0.25"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (-3, "0:00"), (61.4, "1:01"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert clock_text(seconds) == text


def test_lines_break_a_long_silence():
    now, out = [0.0], io.StringIO()
    lines = MetaLines("classification", 0.0, out, clock=lambda: now[0])
    for second in range(40):
        now[0] = float(second)
        lines.on_step(second, second / 100, 100.0 - second, 0.5)
    lines.on_point(LATER, False)
    written = out.getvalue().splitlines()
    assert written[0] == "[  15.0s] step 15, 15 % of the training; 1:25 left"
    assert written[1].startswith("[  30.0s] step 30")
    assert written[2] == "[  39.0s] " + point_text("classification", LATER, False) + "; 1:01 left"
    assert len(written) == 3


def test_json_lines():
    out = io.StringIO()
    shown = MetaJson(out)
    shown.on_message("hello")
    shown.on_point(START, True)
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {"message": "hello"}
    assert (second["point"]["validation"], second["point"]["score"], second["best"]) == (0.345, None, True)


def test_positions_pass_through_json():
    position = Position()
    for step in range(5):
        position.add(1.0 / (step + 1), step / 10)
        if step in (1, 3):
            position.validated("classification", EpisodeScore(0.5 + step / 10, 0.01, 20), 8)
    assert Position.from_json(json.loads(json.dumps(position.to_json()))) == position
    assert (position.best, position.points[1].episodes, position.mean("loss")) == (1, 32, 0.2)
    assert position.points[0].score == pytest.approx(0.05)
