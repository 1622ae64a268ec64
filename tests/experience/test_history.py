import json
from datetime import UTC

from experience_examples import FINGERPRINT, candidate, description, recorded, start

from metanas.experience import forgotten_rows, forgotten_text, history_rows, history_text

OTHER = "f" * 32


def test_rows_are_what_the_store_knows_and_survive_json(experience):
    search = start(experience)
    recorded(experience, search, candidate(0), {"accuracy": 0.95})
    recorded(experience, search, candidate(1), reason="diverged: the loss was not finite at epoch 1")
    experience.finish_search(search, "finished", elapsed=125.0)
    (row,) = history_rows(experience)
    assert json.loads(json.dumps(row)) == row
    assert row == {
        **{
            "search": search,
            "task": "iris",
            "fingerprint": FINGERPRINT,
            "strategy": "random",
            "space": "mlp",
            "metric": "accuracy",
            "seed": 3,
        },
        **{"seconds": 125.0, "trials": 2, "failures": 1, "reused": 0, "best": 0.95, "status": "finished", "folder": "runs/iris"},
        **{"test": None, "parameters": None},
        **{"started": row["started"], "updated": row["updated"]},
    }
    assert row["started"] <= row["updated"]


def test_rows_of_a_task(experience):
    experience.add_task(OTHER, description("wine"))
    mine = start(experience, OTHER)
    start(experience)
    assert [row["search"] for row in history_rows(experience, "wine")] == [mine]
    assert len(history_rows(experience, limit=1)) == 1


def test_the_table_has_a_line_per_search():
    row = {
        "search": "ab12",
        "task": "iris",
        "strategy": "random",
        "space": "mlp",
        "metric": "accuracy",
        "started": "2025-01-02T03:04:05+00:00",
    }
    row |= {"seconds": 125.0, "trials": 2, "failures": 1, "best": 0.95, "test": 0.9, "parameters": 1234, "status": "finished", "folder": ""}
    longer = {**row, "task": "a long name", "seconds": 7380, "best": None, "test": None, "parameters": None, "folder": "runs/x"}
    lines = history_text([row, longer], UTC).splitlines()
    assert lines[0].split() == [
        *("search", "task", "strategy", "space", "started", "time", "trials", "failed", "validation", "test", "parameters"),
        *("status", "folder"),
    ]
    assert lines[1].split() == [
        "ab12",
        "iris",
        "random",
        "mlp",
        "2025-01-02",
        "03:04",
        "2m05s",
        "2",
        "1",
        "accuracy",
        "0.95",
        "accuracy",
        "0.9",
        "1,234",
        "finished",
        "-",
    ]
    assert "2h03m" in lines[2]
    assert lines[1].index("random") == lines[2].index("random") == lines[0].index("strategy")


def test_a_search_without_a_process_is_perhaps_interrupted(experience):
    start(experience)
    rows = history_rows(experience)
    assert " running " in history_text(rows)
    assert " interrupted? " in history_text(rows, at_work=lambda folder: folder != "runs/iris")
    experience.finish_search(rows[0]["search"], "finished", {"test": {"score": 0.5}, "parameters": 12_000})
    ended = history_text(history_rows(experience), score=lambda metric, value: f"<{metric} {value}>", at_work=lambda folder: False)
    assert " finished " in ended
    assert " <accuracy 0.5>  12,000 " in ended


def test_a_name_that_no_task_has_is_not_an_empty_history(experience):
    start(experience)
    assert history_text(history_rows(experience, "wine"), task="wine") == "No search of a task 'wine'; `metanas history` lists all."


def test_an_empty_history_says_how_to_begin(experience):
    assert "metanas search" in history_text(history_rows(experience))


def test_what_was_forgotten_is_told(experience):
    first, second = start(experience), start(experience)
    recorded(experience, first, candidate(0))
    gone = experience.forget(first)
    assert forgotten_text(gone) == f"Forgot the search {first} of iris with 1 evaluation. The files of the searches stay in runs/iris."
    gone = experience.forget("iris")
    assert forgotten_text(gone) == "Forgot the task iris with 1 search and 0 evaluations. The files of the searches stay in runs/iris."
    assert forgotten_rows(gone) == {"tasks": [{"name": "iris", "fingerprint": FINGERPRINT}], "searches": [second], "evaluations": 0}
