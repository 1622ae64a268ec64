import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from experience_examples import FINGERPRINT, candidate, description, evaluation, numbered, recorded, start
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError, StoreError
from metanas.experience import MEMORY, Experience, open_experience, training_key
from metanas.records import Evaluation, Fidelity

OTHER = "f" * 32
NUMBERS = st.dictionaries(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70), max_size=4)


@given(
    metrics=NUMBERS,
    costs=NUMBERS,
    curve=st.lists(NUMBERS, max_size=3),
    epochs=st.integers(0, 10**6),
    seed=st.integers(0, 2**128),
    duration=st.floats(0, 1e9),
    reason=st.none() | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
)
@settings(max_examples=60, deadline=None)
def test_evaluations_come_back_as_they_were(metrics, costs, curve, epochs, seed, duration, reason):
    with Experience(MEMORY) as experience:
        experience.add_task(FINGERPRINT, description())
        search = start(experience)
        asked = candidate(7)
        asked = replace(asked, proposal=replace(asked.proposal, continue_from=2, weights_from="prior"))
        given_ = Evaluation(asked.proposal, metrics, costs, tuple(curve), epochs, seed, duration, reason)
        experience.record(search, FINGERPRINT, given_, asked, 1.0)
        assert experience.evaluations(search) == [given_]


@pytest.mark.parametrize("number", [5e-324, 0.1 + 0.2, 1.7976931348623157e308, -0.0])
def test_extreme_numbers_are_exact(experience, number):
    search = start(experience)
    recorded(experience, search, candidate(), {"accuracy": number})
    back = experience.evaluations(search)[0].metrics["accuracy"]
    assert (back, math.copysign(1, back)) == (number, math.copysign(1, number))


def test_numbers_that_are_not_finite_are_absent(experience):
    search, asked = start(experience), candidate()
    sick = Evaluation(asked.proposal, {"accuracy": math.nan, "f1": 0.5}, {"flops": math.inf}, ({"epoch": 1, "loss": math.nan},))
    experience.record(search, FINGERPRINT, sick, asked, 1.0)
    (back,) = experience.evaluations(search)
    assert (back.metrics, back.costs, back.curve) == ({"f1": 0.5}, {}, ({"epoch": 1},))
    assert experience.search(search).best is None


def test_evaluations_are_in_the_order_of_proposals(experience):
    search = start(experience)
    for number in (2, 0, 1):
        recorded(experience, search, candidate(number))
    assert [e.proposal.id for e in experience.evaluations(search)] == [0, 1, 2]


def test_a_group_is_written_whole_or_not_at_all(experience):
    search = start(experience)
    recorded(experience, search, candidate(1))
    group = [(evaluation(c), c) for c in (candidate(0), candidate(1))]
    with pytest.raises(StoreError, match="already"):
        experience.record_many(search, FINGERPRINT, group, elapsed=9.0)
    assert [e.proposal.id for e in experience.evaluations(search)] == [1]
    assert experience.search(search).elapsed == 2.0
    experience.record_many(search, FINGERPRINT, [group[0]], elapsed=9.0)
    assert len(experience.evaluations(search)) == 2
    assert experience.search(search).elapsed == 9.0


def test_evaluation_and_candidate_must_be_of_one_proposal(experience):
    with pytest.raises(ValueError, match="proposal"):
        experience.record(start(experience), FINGERPRINT, evaluation(candidate(1)), candidate(2), 1.0)


def test_another_search_of_the_task_is_answered(experience):
    known = recorded(experience, start(experience), candidate(0))
    asked = numbered(candidate(0), 5)
    assert experience.find(FINGERPRINT, asked) == known.for_proposal(asked.proposal)
    assert experience.find(FINGERPRINT, candidate(1)) is None
    assert experience.find(OTHER, asked) is None


def test_the_recipe_the_fidelity_and_the_metric_must_be_equal(experience):
    known = candidate(0, fidelity=Fidelity(4, 0.5))
    recorded(experience, start(experience), known)
    warm = replace(known, proposal=replace(known.proposal, weights_from="prior"))
    others = [candidate(0, fidelity=Fidelity(4)), replace(known, recipe={**known.recipe, "learning_rate": 0.5}), warm]
    assert [experience.find(FINGERPRINT, other) for other in others] == [None, None, None]
    assert experience.find(FINGERPRINT, known, metric="f1") is None
    assert experience.find(FINGERPRINT, known, metric="accuracy") is not None


def test_training_keys_do_not_hang_on_how_numbers_are_written():
    one = candidate(0)
    assert training_key(replace(one, recipe={"weight_decay": 0})) == training_key(replace(one, recipe={"weight_decay": 0.0}))


@pytest.mark.parametrize(
    "reason", ["took longer than 30 s", "would need about 1.2 GB, more than the 0.5 GB allowed", "its process was killed"]
)
def test_passing_failures_answer_their_own_search_only(experience, reason):
    search = start(experience)
    recorded(experience, search, candidate(0), reason=reason)
    assert experience.find(FINGERPRINT, candidate(0)) is None
    assert experience.find(FINGERPRINT, candidate(0), search_id=start(experience)) is None
    own = experience.find(FINGERPRINT, numbered(candidate(0), 1), search_id=search)
    assert own is not None
    assert own.reason == reason
    better = recorded(experience, start(experience), candidate(0))
    assert experience.find(FINGERPRINT, candidate(0)) == better.for_proposal(better.proposal)


def test_divergence_answers_every_search(experience):
    recorded(experience, start(experience), candidate(0), reason="diverged: the loss was not finite at epoch 3")
    answer = experience.find(FINGERPRINT, candidate(0))
    assert answer is not None
    assert answer.failed


def test_answers_stay_the_same_when_more_is_recorded(experience):
    first = recorded(experience, start(experience), candidate(0), {"accuracy": 0.5})
    recorded(experience, start(experience), candidate(0), {"accuracy": 0.8})
    assert experience.find(FINGERPRINT, candidate(0)) == first.for_proposal(first.proposal)


def test_a_search_is_remembered_with_its_end(path: Path):
    moments = iter(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in range(9))
    with Experience(path, now=lambda: next(moments)) as experience:
        experience.add_task(FINGERPRINT, description())
        search = start(experience, metric="cross_entropy")
        for number, metrics in enumerate(({"cross_entropy": 0.7}, {"cross_entropy": 0.4})):
            recorded(experience, search, candidate(number), metrics)
        recorded(experience, search, candidate(2), reason="took longer than 30 s")
        running = experience.search(search)
        assert (running.status, running.finished, running.result) == ("running", None, None)
        experience.finish_search(search, "finished", {"test": {"score": 0.5, "auc": math.nan}}, elapsed=60.5)
        record = experience.search(search[:6])
    assert (record.id, record.task, record.task_name, record.seed) == (search, FINGERPRINT, "iris", 3)
    assert (record.trials, record.failures, record.reused, record.best) == (3, 1, 0, 0.4)
    assert (record.settings, record.versions, record.result) == ({"trials": 9}, {}, {"test": {"score": 0.5}})
    assert (record.status, record.elapsed, record.started.hour, record.finished.hour) == ("finished", 60.5, 1, 5)


def test_a_search_that_goes_on_is_running_again(experience):
    search = start(experience)
    recorded(experience, search, candidate(4))
    experience.finish_search(search, "interrupted", {"trials": 1})
    experience.finish_search(search, "running")
    record = experience.search(search)
    assert (record.status, record.finished, record.elapsed, record.result) == ("running", None, 5.0, {"trials": 1})


def test_searches_are_listed_latest_first(experience):
    experience.add_task(OTHER, description("wine"))
    made = [start(experience), start(experience, OTHER), start(experience)]
    recorded(experience, made[0], candidate(0))
    assert [s.id for s in experience.searches()] == made[::-1]
    assert [s.id for s in experience.searches(limit=2)] == made[:0:-1]
    assert [(s.id, s.trials) for s in experience.searches(task="iris")] == [(made[2], 0), (made[0], 1)]
    assert [s.id for s in experience.searches(task=OTHER[:8])] == [made[1]]
    assert experience.searches(task="") == []


def test_searches_are_found_by_the_beginning_of_their_ids(experience):
    with pytest.raises(InputError, match="no search"):
        experience.search("zz")
    made = [start(experience) for _ in range(17)]
    with pytest.raises(InputError, match="begin with"):  # 17 ids can't have 17 different first digits of 16
        [experience.search(search[0]) for search in made]
    with pytest.raises(InputError, match="no search"):
        experience.search("%")


def test_tasks_are_remembered_once(experience):
    experience.add_task(OTHER, description("wine"))
    experience.add_task(FINGERPRINT, description("iris flowers"))
    start(experience)
    seen = [(t.fingerprint, t.description.name, t.searches) for t in experience.tasks()]
    assert seen == [(FINGERPRINT, "iris flowers", 1), (OTHER, "wine", 0)]
    assert experience.tasks()[1].description == description("wine")


def test_a_search_is_forgotten_for_good(experience, path):
    gone, kept = start(experience), start(experience)
    recorded(experience, gone, candidate(0), reason="SECRET-REASON " * 400)
    recorded(experience, kept, candidate(1))
    removed = experience.forget(gone[:8])
    assert ([s.id for s in removed.searches], removed.tasks, removed.evaluations) == ([gone], (), 1)
    assert [s.id for s in experience.searches()] == [kept]
    assert len(experience.evaluations(kept)) == 1
    assert experience.evaluations(gone) == []
    assert all(b"SECRET-REASON" not in file.read_bytes() for file in path.parent.iterdir())


def test_of_several_tasks_of_a_name_one_is_chosen_or_all(experience):
    experience.add_task(OTHER, description("iris"))
    mine = start(experience)
    with pytest.raises(
        InputError, match=rf"2 tasks are named 'iris'; give the fingerprint of one, or --all .*{FINGERPRINT[:12]} \(1 search, "
    ):
        experience.forget("iris")
    assert len(experience.tasks()) == 2
    assert [t.fingerprint for t in experience.forget(OTHER).tasks] == [OTHER]
    experience.add_task(OTHER, description("iris"))
    removed = experience.forget("iris", every=True)
    assert (len(removed.tasks), [s.id for s in removed.searches]) == (2, [mine])


def test_a_task_is_forgotten_with_its_searches(experience):
    experience.add_task(OTHER, description("wine"))
    recorded(experience, start(experience), candidate(0))
    kept = start(experience, OTHER)
    removed = experience.forget("iris")
    assert ([t.fingerprint for t in removed.tasks], len(removed.searches), removed.evaluations) == ([FINGERPRINT], 1, 1)
    assert [t.fingerprint for t in experience.tasks()] == [OTHER]
    assert [s.id for s in experience.searches()] == [kept]
    assert experience.find(FINGERPRINT, candidate(0)) is None


def test_forgetting_works_while_another_process_reads(experience, path):
    search = start(experience)
    recorded(experience, search, candidate(0))
    with Experience(path) as other, other._engine.connect() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM evaluations").all()
        assert experience.forget(search).evaluations == 1
    assert experience.searches() == []


@pytest.mark.parametrize("what", ["", "a", "nothing-like-that", "%%%%"])
def test_nothing_is_forgotten_by_a_slip(experience, what):
    start(experience)
    with pytest.raises(InputError):
        experience.forget(what)
    assert len(experience.searches()) == len(experience.tasks()) == 1


def test_what_may_mean_two_things_is_not_forgotten(experience):
    experience.add_task(FINGERPRINT[:8] + "0" * 24, description("wine"))
    with pytest.raises(InputError, match="may mean any of"):
        experience.forget(FINGERPRINT[:8])
    assert len(experience.tasks()) == 2


def test_a_search_that_was_forgotten_while_it_ran_says_so(experience, path):
    search = start(experience)
    recorded(experience, search, candidate(0))
    with Experience(path) as other:
        other.forget(search)
    with pytest.raises(StoreError, match="it was forgotten while it ran") as caught:
        recorded(experience, search, candidate(1))
    assert "\n" not in str(caught.value)


def test_a_store_in_memory_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_experience(MEMORY) as experience:
        experience.add_task(FINGERPRINT, description())
        recorded(experience, start(experience), candidate(0))
        assert experience.where == "in memory"
        assert experience.find(FINGERPRINT, candidate(0)) is not None
    assert list(tmp_path.iterdir()) == []
