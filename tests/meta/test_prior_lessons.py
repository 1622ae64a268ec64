"""What stores teach, and that nothing in them breaks it."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from prior_examples import begun, candidates, described, evaluated, numbered, quality, searched, space

from metanas.errors import StoreError
from metanas.experience import Experience
from metanas.meta.prior import gather, learn, lessons_from, read
from metanas.records import Fidelity, TaskDescription
from metanas.spaces import TaskShape


@pytest.fixture
def experience(tmp_path: Path):
    with Experience(tmp_path / "store.db") as opened:
        yield opened


def test_a_search_gives_one_lesson(experience):
    search = searched(experience, 0, 12, noise=0.0)
    (lesson,) = lessons_from(experience)
    assert (lesson.fingerprint, lesson.task.name, lesson.metric, lesson.searches) == (f"{0:032x}", "task0", "accuracy", (search,))
    expected = {c.proposal.architecture.key: quality(c.proposal.architecture) for c in candidates(space(), 12, 0)}
    assert len(lesson.values) == len(expected)
    found = {space().architecture(choices).key: value for choices, value in zip(lesson.choices, lesson.values, strict=True)}
    assert found == pytest.approx(expected)
    assert lesson.plain == dict(space().baseline.choices)


def test_half_finished_searches_teach_as_well(experience):
    search = searched(experience, 0, 6)
    assert experience.search(search).status == "running"
    assert len(lessons_from(experience)) == 1


def test_failures_are_worse_than_the_worst(experience):
    searched(experience, 0, 12, failures=(2, 5))
    (lesson,) = lessons_from(experience)
    assert lesson.failed.sum() == 2
    assert lesson.values[lesson.failed].max() < lesson.values[~lesson.failed].min()
    assert np.isfinite(lesson.values).all()


def test_too_little_or_nothing_but_failures_is_no_lesson(experience):
    searched(experience, 0, 4)
    searched(experience, 1, 30, failures=range(30))
    searched(experience, 2, 30, failures=range(4, 30))
    assert lessons_from(experience) == []


def test_less_is_better_where_the_metric_says_so(experience):
    task = TaskDescription("prices", "regression", TaskShape("table", (6,), 1, numeric=6), 90, "rmse")
    search = begun(experience, "a" * 32, task)
    for candidate in candidates(space(), 6, 0):
        experience.record(search, "a" * 32, evaluated(candidate, 1.0 + candidate.proposal.id, "rmse"), candidate, 1.0)
    (lesson,) = lessons_from(experience)
    assert lesson.values.tolist() == [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]


def test_scores_of_untrained_networks_and_other_cuts_do_not_count(experience):
    search = searched(experience, 0, 6)
    kinds = (Fidelity(0), Fidelity(10, fold=1))
    extra = [numbered(c, 100 + c.proposal.id, kinds[c.proposal.id % 2]) for c in candidates(space(), 9, 7)]
    for candidate in extra:
        experience.record(search, f"{0:032x}", evaluated(candidate, 0.999), candidate, 1.0)
    (lesson,) = lessons_from(experience)
    assert len(lesson.values) == 6
    assert lesson.values.max() < 0.999


def test_the_most_thorough_evaluation_counts(experience):
    search = searched(experience, 0, 8, noise=0.0)
    again = [numbered(c, 50 + i, Fidelity(30)) for i, c in enumerate(candidates(space(), 8, 0)[:3])]
    for candidate, gain in zip(again, (0.02, 0.02, 0.04), strict=True):
        value = quality(candidate.proposal.architecture) + gain
        experience.record(search, f"{0:032x}", evaluated(candidate, value), candidate, 1.0)
    (lesson,) = lessons_from(experience)
    expected = [quality(c.proposal.architecture) for c in candidates(space(), 8, 0)]
    expected[2] += 0.02  # 0.02 more than the level it is on
    assert lesson.values.tolist() == pytest.approx(expected)


def test_a_task_in_two_stores_is_one_lesson(tmp_path):
    with Experience(tmp_path / "a.db") as first, Experience(tmp_path / "b.db") as second:
        searched(first, 0, 6)
        searched(second, 0, 9)
        searched(second, 1, 6)
        found = gather([read(first), read(second)])
    assert [(lesson.task.name, len(lesson.values)) for lesson in found] == [("task0", 9), ("task1", 6)]


def test_tasks_of_unknown_kinds_and_spaces_teach_by_what_was_chosen(experience):
    odd = TaskDescription("films", "ranking", TaskShape("video", (3, 8, 8, 4), 5), 90, "accuracy", {"linear": float("nan")})  # type: ignore[arg-type]
    search = begun(experience, "b" * 32, odd)
    for candidate in candidates(space(), 8, 0):
        experience.record(search, "b" * 32, evaluated(candidate, quality(candidate.proposal.architecture)), candidate, 1.0)
    (lesson,) = lessons_from(experience)
    assert dict(lesson.plain) == {}
    prior = learn([lesson])
    assert prior.shortlist(space(), described(0), 3)
    assert prior.nearest(space(), odd, 1)[0].distance == 0


def test_records_that_can_not_be_read_are_passed_over(tmp_path):
    with Experience(tmp_path / "store.db") as experience:
        good, newer, strange = (searched(experience, number, 8) for number in range(3))
    with sqlite3.connect(tmp_path / "store.db") as raw:
        raw.execute("update evaluations set architecture = json_set(architecture, '$.schema', 99) where search_id = ?", [newer])
        raw.execute('update tasks set description = \'{"name": "who"}\' where fingerprint = ?', [f"{2:032x}"])
    raw.close()
    with Experience(tmp_path / "store.db") as experience:
        found = read(experience)
    assert set(found.passed_over) == {newer, strange}
    assert [lesson.searches for lesson in gather([found])] == [(good,)]


def test_a_broken_store_is_said_to_be_broken(tmp_path):
    with Experience(tmp_path / "store.db") as experience:
        searched(experience, 0, 6)
        experience.close()
        (tmp_path / "store.db").write_bytes(b"no database at all" * 100)
        (tmp_path / "store.db-wal").unlink(missing_ok=True)
        with pytest.raises(StoreError):
            read(experience)


def test_options_that_the_space_no_longer_has_are_kept(experience):
    task = described(0)
    search = begun(experience, "c" * 32, task)
    for candidate in candidates(space(), 8, 0):
        architecture = candidate.proposal.architecture
        old = type(architecture)("mlp", tuple((n, 7 if n == "depth" else v) for n, v in architecture.choices))
        proposal = type(candidate.proposal)(candidate.proposal.id, old, candidate.proposal.fidelity)
        changed = type(candidate)(proposal, candidate.graph, candidate.recipe, 0)
        experience.record(search, "c" * 32, evaluated(changed, 0.5 + 0.01 * proposal.id), changed, 1.0)
    (lesson,) = lessons_from(experience)
    assert 7 in next(d for d in lesson.form.decisions if d.name == "depth").options
    (first, *_) = learn([lesson]).shortlist(space(), task, 3)
    space().validate(first)
