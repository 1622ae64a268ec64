import numpy as np
import prior_examples as examples
import pytest

from metanas.errors import InputError
from metanas.experience import Experience
from metanas.meta.prior import lessons_from, load_lessons, save_lessons
from metanas.states import save_state


@pytest.fixture
def lessons(tmp_path):
    with Experience(tmp_path / "a.db") as experience:
        for number in range(3):
            examples.searched(experience, number, failures=(3, 7))
        examples.searched(experience, 3, shape=examples.WORDS)
        return lessons_from(experience)


def test_what_is_read_is_what_was_written(lessons, tmp_path):
    save_lessons(tmp_path / "lessons", lessons)
    again = load_lessons(tmp_path / "lessons")
    assert len(again) == 4
    for one, other in zip(sorted(lessons, key=lambda o: o.fingerprint), sorted(again, key=lambda o: o.fingerprint), strict=True):
        assert (one.fingerprint, one.task, one.metric, one.source) == (other.fingerprint, other.task, other.metric, other.source)
        assert [dict(c) for c in one.choices] == [dict(c) for c in other.choices]
        assert (one.form, dict(one.plain)) == (other.form, dict(other.plain))
        np.testing.assert_allclose(one.values, other.values, rtol=1e-6)
        np.testing.assert_array_equal(one.failed, other.failed)
        assert other.shipped
        assert not one.shipped


def test_what_is_written_is_small(lessons, tmp_path):
    save_lessons(tmp_path / "lessons", lessons)
    assert (tmp_path / "lessons").stat().st_size < 40_000


def test_damage_is_one_sentence(lessons, tmp_path):
    save_lessons(tmp_path / "lessons", lessons)
    whole = (tmp_path / "lessons").read_bytes()
    (tmp_path / "short").write_bytes(whole[: len(whole) // 2])
    save_state(tmp_path / "other", {"step": 3})
    save_state(tmp_path / "newer", {"lessons": {"schema": 99}})
    for name in ("short", "other", "newer", "nowhere"):
        with pytest.raises(InputError) as told:
            load_lessons(tmp_path / name)
        assert "\n" not in str(told.value)
