"""What users read of the store: the list of searches, and what was forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from metanas.experience.rows import SearchRecord
from metanas.experience.store import Experience, Forgotten

_HEADINGS = (
    "search",
    "task",
    "strategy",
    "space",
    "started",
    "time",
    "trials",
    "failed",
    "validation",
    "test",
    "parameters",
    "status",
    "folder",
)


def _plain(metric: str, value: float) -> str:
    return f"{metric} {value:.4g}"


def history_rows(experience: Experience, task: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """One JSON-ready mapping per search, the latest first.

    Args:
        experience: the store.
        task: name or fingerprint (or its beginning) of a task; None takes all.
        limit: at most so many.

    Returns:
        Mappings with ``search``, ``task``, ``fingerprint``, ``strategy``, ``space``, ``metric``, ``seed``, ``started`` and
        ``updated`` (ISO 8601, universal time), ``seconds``, ``trials``, ``failures``, ``reused``, ``best`` (on validation), ``test``
        (score of the answer) and ``parameters`` (its size) or None, ``status``, ``folder``.
    """
    return [_row(record) for record in experience.searches(task, limit)]


def _row(record: SearchRecord) -> dict[str, Any]:
    result = record.result or {}
    return {
        "search": record.id,
        "task": record.task_name,
        "fingerprint": record.task,
        "strategy": record.strategy,
        "space": record.space,
        "metric": record.metric,
        "seed": record.seed,
        "started": record.started.isoformat(timespec="seconds"),
        "updated": record.updated.isoformat(timespec="seconds"),
        "seconds": round(record.elapsed, 3),
        "trials": record.trials,
        "failures": record.failures,
        "reused": record.reused,
        "best": record.best,
        "test": (result.get("test") or {}).get("score"),
        "parameters": result.get("parameters"),
        "status": record.status,
        "folder": record.folder,
    }


def history_text(
    rows: Sequence[Mapping[str, Any]],
    zone: tzinfo | None = None,
    *,
    task: str | None = None,
    score: Callable[[str, float], str] = _plain,
    at_work: Callable[[str], bool] = lambda folder: True,
) -> str:
    """The rows of :func:`history_rows` as a table for a terminal.

    Args:
        rows: as given there.
        zone: of the moments shown; None is the machine's own.
        task: that the rows are of, to say so if there are none.
        score: a metric's name and value in words.
        at_work: whether a process works in the folder of a search that has not ended; else it is shown as perhaps interrupted.
    """
    if not rows:
        none = "No searches yet; `metanas search digits` runs the first."
        return none if task is None else f"No search of a task {task!r}; `metanas history` lists all."
    cells = [_HEADINGS, *(_cells(row, zone, score, at_work) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def _cells(
    row: Mapping[str, Any], zone: tzinfo | None, score: Callable[[str, float], str], at_work: Callable[[str], bool]
) -> tuple[str, ...]:
    started = datetime.fromisoformat(row["started"]).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    best, test = ("-" if row[name] is None else score(row["metric"], row[name]) for name in ("best", "test"))
    size = "-" if row["parameters"] is None else f"{row['parameters']:,}"
    lost = row["status"] == "running" and not at_work(row["folder"])
    counts = (str(row["trials"]), str(row["failures"]))
    return (
        row["search"],
        row["task"],
        row["strategy"],
        row["space"],
        started,
        _duration(row["seconds"]),
        *counts,
        best,
        test,
        size,
        "interrupted?" if lost else row["status"],
        row["folder"] or "-",
    )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def forgotten_rows(gone: Forgotten) -> dict[str, Any]:
    """What was removed, JSON-ready: ``tasks`` (name and fingerprint of each), ``searches`` (their ids), ``evaluations`` (number)."""
    named = [{"name": task.description.name, "fingerprint": task.fingerprint} for task in gone.tasks]
    return {"tasks": named, "searches": [search.id for search in gone.searches], "evaluations": gone.evaluations}


def forgotten_text(gone: Forgotten) -> str:
    """What was removed, in one sentence; the folders of the searches, which stay, in another."""
    searches, evaluations = _number(len(gone.searches), "search", "searches"), _number(gone.evaluations, "evaluation", "evaluations")
    if gone.tasks:
        names = ", ".join(sorted({task.description.name for task in gone.tasks}))
        text = f"Forgot the task {names} with {searches} and {evaluations}."
    else:
        (search,) = gone.searches
        text = f"Forgot the search {search.id} of {search.task_name} with {evaluations}."
    if folders := [search.folder for search in gone.searches if search.folder]:
        text += f" The files of the searches stay in {', '.join(folders)}."
    return text


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
