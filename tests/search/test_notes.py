import numpy as np
from search_examples import toy

from metanas.records import Candidate, Evaluation, Fidelity, Proposal
from metanas.search.notes import candid_notes

SPACE = toy()


def candidate(architecture):
    return Candidate(Proposal(0, architecture, Fidelity(1)), SPACE.graph(architecture), SPACE.recipe(architecture), 0)


def failed(number, reason):
    return Evaluation(Proposal(number, SPACE.baseline, Fidelity(1)), reason=reason)


def other():
    rng = np.random.default_rng(0)
    return next(a for a in (SPACE.sample(rng) for _ in range(1000)) if a != SPACE.baseline)


def test_nothing_to_tell():
    fine = Evaluation(Proposal(0, SPACE.baseline, Fidelity(1)), {"accuracy": 1.0})
    assert candid_notes([fine, fine], candidate(other()), SPACE) == []
    assert candid_notes([fine], candidate(SPACE.baseline), SPACE) == []


def test_the_plain_network_as_the_answer_is_told():
    fine = Evaluation(Proposal(0, SPACE.baseline, Fidelity(1)), {"accuracy": 1.0})
    (note,) = candid_notes([fine, fine], candidate(SPACE.baseline), SPACE)
    assert note.startswith("nothing better was found than the plain network")


def test_reasons_are_counted_and_the_commonest_come_first():
    evaluations = [failed(i, reason) for i, reason in enumerate("abbcccde")]
    assert candid_notes(evaluations, candidate(other()), SPACE) == [
        "3 trials failed: c",
        "2 trials failed: b",
        "1 trial failed: a",
        "2 more trials failed for other reasons",
    ]
