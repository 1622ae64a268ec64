import pytest
from search_examples import FakeExecutor, Scripted, journal_of, toy

from metanas.experience import Experience
from metanas.records import Candidate, Evaluation, Fidelity, Objective, Proposal
from metanas.search.journal import Journal
from metanas.search.loop import Loop

SPACE = toy()


def candidate(number, choice=0, epochs=2):
    architecture = SPACE.architecture({**SPACE.baseline.as_dict, "width": SPACE.decisions[0].options[choice]})
    proposal = Proposal(number, architecture, Fidelity(epochs))
    return Candidate(proposal, SPACE.graph(architecture), SPACE.recipe(architecture), 7)


def evaluated(of, accuracy=0.5, reason=None):
    return Evaluation(of.proposal, {} if reason else {"accuracy": accuracy}, seed=of.seed, duration=1.0, reason=reason)


@pytest.fixture
def experience():
    with Experience("sqlite://") as store:
        yield store


def test_what_another_search_of_the_task_has_trained_is_known(experience):
    first = candidate(3)
    journal_of(experience).record([(evaluated(first, 0.75), first)])
    found = journal_of(experience).find(candidate(9))
    assert found is not None
    assert (found.proposal.id, found.metrics, found.reused, found.duration) == (9, {"accuracy": 0.75}, True, 0.0)


def test_another_fidelity_metric_task_or_graph_is_not_the_same(experience):
    first = candidate(0)
    journal_of(experience).record([(evaluated(first), first)])
    assert journal_of(experience).find(candidate(0, epochs=3)) is None
    assert journal_of(experience).find(candidate(0, choice=1)) is None
    assert journal_of(experience, metric="f1").find(candidate(0)) is None
    journal = journal_of(experience)
    assert Journal(experience, journal.search_id, "0" * 32, "accuracy", lambda: 0.0).find(candidate(0)) is None


def test_failures_of_the_moment_answer_their_own_search_alone(experience):
    slow, broken = candidate(0), candidate(1, choice=1)
    journal = journal_of(experience)
    journal.record([(evaluated(slow, reason="took longer than 10 s"), slow), (evaluated(broken, reason="diverged: at epoch 1"), broken)])
    other = journal_of(experience)
    assert other.find(candidate(5)) is None
    assert other.find(candidate(6, choice=1)).reason == "diverged: at epoch 1"
    assert journal_of(experience, search=journal.search_id).find(slow).reason == "took longer than 10 s"


def test_nothing_is_recorded_twice(experience):
    first = candidate(0)
    journal = journal_of(experience)
    journal.record([(evaluated(first, 0.5), first)])
    journal.record([(evaluated(first, 0.9), first)])
    again = journal_of(experience, search=journal.search_id)
    again.record([(evaluated(first, 0.9), first)])
    assert [e.metrics["accuracy"] for e in experience.evaluations(journal.search_id)] == [0.5]


def test_what_was_recorded_is_there_in_the_order_of_the_proposals(experience):
    journal = journal_of(experience)
    for number in (4, 1, 3):
        of = candidate(number, choice=number)
        journal.record([(evaluated(of), of)])
    again = journal_of(experience, search=journal.search_id)
    assert [e.proposal.id for e in again.finished] == [e.proposal.id for e in journal.finished] == [1, 3, 4]
    assert again.finished == journal.finished


def test_a_record_of_another_proposal_under_that_number_is_no_answer(experience):
    journal = journal_of(experience)
    of = candidate(0)
    journal.record([(evaluated(of), of)])
    assert journal.find(candidate(0, choice=2)) is None


def test_elapsed_time_is_kept_with_every_record(experience):
    journal = journal_of(experience)
    of = candidate(0)
    journal.record([(evaluated(of), of)])
    assert experience.search(journal.search_id).elapsed == 1.0


def test_a_second_search_of_the_task_trains_nothing_that_the_first_has(experience):
    architectures = list(SPACE.enumerate(most=1000))[:12]
    executors = [FakeExecutor(), FakeExecutor()]
    for executor, chosen in zip(executors, (architectures[:8], architectures), strict=True):
        loop = Loop(SPACE, Scripted(chosen), Objective.of("accuracy"), executor, journal_of(experience), seed=0, clock=executor.clock)
        loop.run(float("inf"))
    keys = [{c.graph.key + str(c.recipe) for c in executor.trained} for executor in executors]
    assert not keys[0] & keys[1]
    assert [e.reused for e in loop.evaluations].count(True) == len(keys[0])
