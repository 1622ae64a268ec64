"""The pictures of ``docs/how_it_works.md``: drawn from what there is."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from metanas.tasks import Task

pytest.importorskip("matplotlib")
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        import how_it_works_pictures
    finally:
        sys.path.remove(str(DOCS))
    return how_it_works_pictures


def test_the_map_keeps_what_lies_in_two_directions(pictures: ModuleType) -> None:
    flat = np.random.default_rng(0).standard_normal((20, 2))
    turned = flat @ np.linalg.qr(np.random.default_rng(1).standard_normal((30, 30)))[0][:2]
    places, share = pictures.flattened(turned)
    assert share == pytest.approx(1.0)
    np.testing.assert_allclose(np.linalg.norm(places[:, None] - places, axis=2), np.linalg.norm(flat[:, None] - flat, axis=2))


def test_names_on_the_map_do_not_lie_over_one_another(pictures: ModuleType) -> None:
    places = np.array([[0.0, 0.0], [0.01, 0.01], [0.01, 0.5], [1.0, 1.0]])
    assert pictures.legible(places, [0, 1, 2, 3], 9) == [0, 2, 3]
    assert pictures.legible(places, [1, 0, 2, 3], 2) == [1, 2]


def test_what_there_is_is_drawn(pictures: ModuleType, tmp_path: Path) -> None:
    line = {"points": [1, 2, 3], "mean": [2.0, 0.5, 0.1], "low": [1.0, 0.4, 0.05], "high": [3.0, 0.6, 0.2]}
    record = {
        "curves": {"meta": line, "random": {"mean": [3.0, 2.0]}},
        "by_tasks": {"0": 0.5, "all": {"mean": 0.2, "low": 0.1, "high": 0.3}},
    }
    (tmp_path / "sources.json").write_text(json.dumps(record), encoding="utf-8")
    found = pictures.read(tmp_path / "sources.json")
    assert pictures.read(tmp_path / "kinds.json") == {}
    names = ("iris", "wine", "diabetes")
    tasks = [{"description": Task.read(n).describe().to_json(), "kind": "table", "recipe": {"name": f"{n}-0", "source": n}} for n in names]
    drawn = [pictures.task_map(tasks), pictures.learning_curve(found["by_tasks"]), pictures.regret_curves({"sources": found["curves"]})]
    for place, figure in enumerate(drawn):
        svg = pictures.write(figure, tmp_path / f"{place}.svg").read_text(encoding="utf-8")
        assert {0: "wine", 1: "all", 2: "random"}[place] in svg
