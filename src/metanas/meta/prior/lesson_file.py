"""Lessons as a file: what a package of experience holds, in a hundredth of the room that the store they come from takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.meta.prior.form import Choices, Form
from metanas.meta.prior.lessons import UNREADABLE, Lesson, form_of, space_of
from metanas.records import TaskDescription
from metanas.states import load_state, save_state

SCHEMA = 1
SHIPPED = Path(__file__).with_name("shipped")
"""Folder of what comes with the package."""
LESSONS, PRIOR = "lessons.safetensors", "prior.safetensors"
KEY = "lessons"


def shipped_lessons() -> list[Lesson]:
    """The lessons that come with the package; none where it was installed without."""
    return load_lessons(SHIPPED / LESSONS) if (SHIPPED / LESSONS).is_file() else []


def shipped_prior() -> Path | None:
    """The file of the prior that was learned of them."""
    return SHIPPED / PRIOR if (SHIPPED / PRIOR).is_file() else None


def save_lessons(path: Path, lessons: Sequence[Lesson]) -> None:
    """Write lessons; values are kept to seven digits, which searches they come from is not."""
    ordered = sorted(lessons, key=lambda lesson: lesson.form.space)
    save_state(path, {KEY: {"schema": SCHEMA, "spaces": {n: _space(list(g)) for n, g in groupby(ordered, key=lambda o: o.form.space)}}})


def load_lessons(path: Path) -> list[Lesson]:
    """The lessons that :func:`save_lessons` wrote.

    Raises:
        InputError: one sentence, where the file is missing, damaged, something else, or written by a newer version.
    """
    state: Any = load_state(path)
    try:
        record = state[KEY]
        if record["schema"] > SCHEMA:
            raise InputError(f"the lessons {path} were written by a newer version; update metanas")
        return [lesson for name, space in record["spaces"].items() for lesson in _lessons(name, space)]
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} holds no lessons, or is damaged; install metanas again, or name another file") from error


def _space(lessons: Sequence[Lesson]) -> dict[str, Any]:
    form = reduce(Form.merged, [lesson.form for lesson in lessons])
    codes: dict[tuple[int, ...], int] = {}
    rows = [[codes.setdefault(tuple(form.code(c)), len(codes)) for c in lesson.choices] for lesson in lessons]
    return {
        "form": form.to_json(),
        "codes": np.array(list(codes), np.int16),
        "rows": np.concatenate([np.array(some, np.int32) for some in rows]),
        "values": np.concatenate([lesson.values for lesson in lessons]).astype(np.float32),
        "failed": np.concatenate([lesson.failed for lesson in lessons]).astype(np.uint8),
        "tasks": [
            {"fingerprint": o.fingerprint, "task": o.task.to_json(), "metric": o.metric, "architectures": len(o.choices)} for o in lessons
        ],
    }


def _lessons(name: str, record: Mapping[str, Any]) -> list[Lesson]:
    form = Form.from_json(record["form"])
    codes = [tuple(map(int, code)) for code in record["codes"]]
    found, start = [], 0
    for facts in record["tasks"]:
        part = slice(start, start := start + int(facts["architectures"]))
        task = TaskDescription.from_json(facts["task"])
        choices: tuple[Choices, ...] = tuple(form.choices(codes[row]) for row in record["rows"][part])
        values, failed = record["values"][part].astype(np.float64), record["failed"][part].astype(bool)
        if not len(values) or len(values) != len(choices) or not np.isfinite(values).all():
            raise ValueError("lessons without values")
        made = space_of(name, task)
        plain = made.baseline.as_dict if made else {}
        form_there = form_of(name, made, choices)
        lesson = Lesson(facts["fingerprint"], task, facts["metric"], form_there, choices, values, failed, plain, (), shipped=True)
        found.append(lesson)
    return found
