from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_examples import FakeExecutor, Kept, Scripted, journal_of, quality, toy

from metanas.experience import Experience, training_key
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.search.loop import CONFIRMING, EARLIER, KNOWN_IN_A_ROW, Loop, answer, ranked
from metanas.strategies import Brief, make_strategy

SPACE = toy()
ACCURACY = Objective.of("accuracy")
FIDELITIES = (Fidelity(1), Fidelity(2), Fidelity(3))
FOREVER = float("inf")


def loop_of(strategy, executor, journal=None, **options):
    options = {"seed": 0, "clock": executor.clock, "objective": ACCURACY, **options}
    return Loop(SPACE, strategy, executor=executor, journal=journal or journal_of(Experience("sqlite://")), **options)


def architectures(count, seed=0):
    """Different ones, all with different graphs."""
    rng, found = np.random.default_rng(seed), {}
    while len(found) < count:
        drawn = SPACE.sample(rng)
        found.setdefault((SPACE.graph(drawn).key, drawn["recipe.learning_rate"]), drawn)
    return list(found.values())


ALL = architectures(25)


def searched(name, workers, seed, **options):
    """Protocol, evaluations and answer of a search with so many imaginary workers that answer in a random order."""
    strategy = Kept(make_strategy(name, Brief(SPACE, ACCURACY, FIDELITIES, seed=1)))
    loop = loop_of(strategy, FakeExecutor(workers, seed), **{"group": 3, "lookahead": 2, "trials": 30, **options})
    loop.run(FOREVER)
    return strategy.protocol, sorted(loop.evaluations, key=lambda e: e.proposal.id), loop.best


@pytest.mark.parametrize("name", ["random", "evolution", "hyperband:evolution"])
@given(workers=st.integers(1, 6), seed=st.integers(0, 10**6), group=st.integers(1, 5), lookahead=st.integers(1, 4), first=st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_the_search_is_the_same_whatever_the_workers_and_the_order_of_their_answers(name, workers, seed, group, lookahead, first):
    sizes = {"group": group, "lookahead": lookahead, "first": first}
    assert searched(name, workers, seed, **sizes) == searched(name, 1, 0, **sizes)


@given(groups=st.integers(1, 4), lookahead=st.integers(1, 4), workers=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_results_are_told_in_the_order_asked_and_the_look_ahead_is_kept(groups, lookahead, workers, seed):
    strategy, executor = Scripted(architectures(20)), FakeExecutor(workers, seed)
    loop_of(strategy, executor, group=groups, lookahead=lookahead).run(FOREVER)
    asked = [ids for what, ids in strategy.protocol if what == "ask" and ids]
    told = [ids for what, ids in strategy.protocol if what == "tell"]
    assert asked == told
    assert executor.most_groups <= lookahead
    waiting, most = 0, 0
    for what, ids in strategy.protocol:
        waiting += bool(ids) if what == "ask" else -1
        most = max(most, waiting)
    assert most == min(lookahead, len(asked))


@given(first=st.integers(1, 6), group=st.integers(1, 9), count=st.integers(1, 25))
@settings(max_examples=30, deadline=None)
def test_groups_grow_with_what_was_asked_and_stay_within_their_bounds(first, group, count):
    strategy = Scripted(ALL[:count])
    loop_of(strategy, FakeExecutor(), group=group, first=first).run(FOREVER)
    sizes = [len(ids) for what, ids in strategy.protocol if what == "ask" and ids]
    before = np.cumsum([0, *sizes[:-1]])
    assert sum(sizes) == count
    assert sizes[:-1] == [min(group, max(first, asked // EARLIER)) for asked in before[:-1]]


def test_the_same_training_is_done_once_and_its_repeats_are_no_trials():
    first, second, third = architectures(3)
    strategy, executor = Scripted([first, first, second, first, third, second]), FakeExecutor()
    loop = loop_of(strategy, executor, group=2, trials=3)
    loop.run(FOREVER)
    assert [c.proposal.id for c in executor.trained] == [0, 2, 4]
    assert [e.proposal.id for e in loop.evaluations] == [0, 2, 4]
    assert [e.proposal.id for e in strategy.told] == [0, 1, 2, 3, 4]
    assert [e.reused for e in strategy.told] == [False, True, False, True, False]
    assert {e.metrics["accuracy"] for e in strategy.told if e.proposal.architecture == first} == {strategy.told[0].metrics["accuracy"]}


def test_different_choices_with_one_graph_are_one_training_and_another_recipe_is_not():
    plain = SPACE.baseline
    other_recipe = SPACE.architecture({**plain.as_dict, "recipe.learning_rate": 1e-2})
    executor = FakeExecutor()
    loop = loop_of(Scripted([plain, plain, other_recipe]), executor)
    loop.run(FOREVER)
    assert [c.proposal.architecture for c in executor.trained] == [plain, other_recipe]
    assert len({training_key(c) for c in executor.trained}) == 2


def test_a_strategy_without_news_ends():
    strategy, executor = Scripted([SPACE.baseline] * (3 * KNOWN_IN_A_ROW)), FakeExecutor()
    loop_of(strategy, executor, group=8).run(FOREVER)
    assert len(executor.trained) == 1
    assert KNOWN_IN_A_ROW <= len(strategy.told) <= KNOWN_IN_A_ROW + 8


def test_a_strategy_with_nothing_left_ends_and_all_of_the_space_was_evaluated_once():
    executor = FakeExecutor(3)
    loop = loop_of(make_strategy("random", Brief(SPACE, ACCURACY, FIDELITIES)), executor, group=4, lookahead=2)
    loop.run(FOREVER)
    trainings = {(SPACE.graph(a).key, a["recipe.learning_rate"]) for a in SPACE.enumerate(most=1000)}
    assert len(executor.trained) == len(trainings)
    assert {(c.graph.key, c.recipe["learning_rate"]) for c in executor.trained} == trainings


@pytest.mark.parametrize("trials", [1, 2, 7, 12])
def test_trials_are_spent_to_the_last_and_not_exceeded(trials):
    executor = FakeExecutor(2)
    loop = loop_of(Scripted(architectures(20)), executor, group=4, lookahead=3, trials=trials)
    loop.run(FOREVER)
    assert len(executor.trained) == len(loop.evaluations) == trials


def test_the_deadline_ends_the_search_and_nothing_is_asked_after_it():
    strategy, executor = Scripted(architectures(25)), FakeExecutor()
    loop = loop_of(strategy, executor, group=2, lookahead=2)
    loop.run(7.5)
    assert executor.now == 7.5
    assert len(loop.evaluations) == 8  # the eighth came at the deadline
    asked = sum(len(ids) for what, ids in strategy.protocol if what == "ask")
    assert asked <= 7 + 2 * 2
    loop_of(late := Scripted(architectures(3)), executor).run(7.5)
    assert late.protocol == []


def test_answers_that_finished_just_before_the_deadline_are_kept():
    class Sudden(FakeExecutor):
        """Has nothing before the deadline and everything at it."""

        def results(self, timeout):
            late, self.now = timeout == 0, self.now + timeout
            ready = [c for g in self._groups for c in g] if late else []
            return [self._judge(c) for c in ready]

    loop = loop_of(Scripted(architectures(4)), Sudden(), group=2, lookahead=2)
    loop.run(5.0)
    assert len(loop.evaluations) == 4


def test_failures_are_recorded_told_and_never_the_answer():
    def judge(candidate):
        if candidate.proposal.id % 2 == 0:
            return Evaluation(candidate.proposal, reason="diverged: the loss was not finite at epoch 1")
        return Evaluation(candidate.proposal, {"accuracy": 0.1})

    strategy, executor = Scripted(architectures(6)), FakeExecutor(judge=judge)
    journal = journal_of(Experience("sqlite://"))
    loop = loop_of(strategy, executor, journal)
    loop.run(FOREVER)
    assert [e.failed for e in strategy.told] == [True, False] * 3
    assert [e.failed for e in journal.finished] == [True, False] * 3
    assert loop.best == strategy.told[1]
    assert all(e.costs["parameters"] == SPACE.graph(e.proposal.architecture).parameters for e in loop.evaluations)


def test_where_everything_fails_there_is_no_answer():
    executor = FakeExecutor(judge=lambda c: Evaluation(c.proposal, reason="ran out of memory"))
    loop = loop_of(Scripted(architectures(5)), executor)
    loop.run(FOREVER)
    assert loop.best is None
    assert len(loop.evaluations) == 5
    loop.confirm(3, 2, FOREVER)
    assert len(loop.evaluations) == 5


def test_the_first_proposal_is_the_plain_network_whatever_the_look_ahead():
    protocol, evaluations, _ = searched("evolution", 3, 5)
    assert protocol[0][0].architecture == SPACE.baseline == evaluations[0].proposal.architecture


def test_scores_of_untrained_networks_are_no_trials_and_never_the_answer():
    strategy = make_strategy("screen:random", Brief(SPACE, ACCURACY, FIDELITIES, seed=1))
    loop = loop_of(strategy, FakeExecutor(2, 0), trials=6)
    loop.run(FOREVER)
    scored = [e for e in loop.evaluations if e.proposal.fidelity.training_free]
    assert len(scored) >= 6
    assert loop.trials == len(loop.evaluations) - len(scored) == 6
    assert answer(ACCURACY, scored) is None
    assert not loop.best.proposal.fidelity.training_free


@pytest.mark.parametrize("killed_after", [0, 1, 5, 11, 23])
def test_a_search_that_was_cut_off_goes_on_to_the_same_end_without_training_anything_again(killed_after):
    protocol, whole, best = searched("hyperband:evolution", 2, 3)
    experience = Experience("sqlite://")
    journal = journal_of(experience)
    executor = FakeExecutor(2, 9)
    strategy = make_strategy("hyperband:evolution", Brief(SPACE, ACCURACY, FIDELITIES, seed=1))
    loop_of(strategy, executor, journal, group=3, lookahead=2, trials=30).run(killed_after)
    done = {e.proposal.id for e in experience.evaluations(journal.search_id)}
    assert len(done) == killed_after

    journal = journal_of(experience, search=journal.search_id)
    executor = FakeExecutor(1)
    strategy = Kept(make_strategy("hyperband:evolution", Brief(SPACE, ACCURACY, FIDELITIES, seed=1)))
    loop = loop_of(strategy, executor, journal, group=3, lookahead=2, trials=30)
    loop.restore(journal.finished)
    loop.run(FOREVER)
    assert not done & {c.proposal.id for c in executor.trained}
    assert len(executor.trained) == 30 - len(done)
    assert [(e.proposal, e.metrics) for e in sorted(loop.evaluations, key=lambda e: e.proposal.id)] == [
        (e.proposal, e.metrics) for e in whole
    ]
    assert strategy.protocol == protocol
    assert loop.best.proposal == best.proposal


def test_observers_hear_of_every_evaluation_once_those_of_an_earlier_sitting_first():
    heard = []

    class Listener:
        def on_evaluation(self, evaluation, best):
            heard.append((evaluation.proposal.id, best.proposal.id))

        def on_progress(self, share):
            assert 0 <= share <= 1

    experience, candidates = Experience("sqlite://"), architectures(6)
    journal = journal_of(experience)
    loop_of(Scripted(candidates[:3]), FakeExecutor(), journal).run(FOREVER)
    again = journal_of(experience, search=journal.search_id)
    loop = loop_of(Scripted(candidates), FakeExecutor(), again, observers=[Listener()])
    loop.restore(again.finished)
    loop.run(FOREVER)
    assert [number for number, _ in heard] == [0, 1, 2, 3, 4, 5]
    assert heard[-1][1] == loop.best.proposal.id


def evaluation(number, accuracy, epochs=3, fold=0, architecture=None):
    proposal = Proposal(number, architecture or architectures(12)[number % 12], Fidelity(epochs, fold=fold))
    return Evaluation(proposal, {"accuracy": accuracy})


def test_the_answer_is_the_best_of_the_most_thorough_and_of_equals_the_first_asked():
    cheap, first, second, worse = evaluation(0, 0.99, epochs=1), evaluation(1, 0.8), evaluation(2, 0.8), evaluation(3, 0.7)
    for order in ([cheap, first, second, worse], [second, worse, first, cheap]):
        assert answer(ACCURACY, order) == first
        assert [e.proposal.id for e in ranked(ACCURACY, order)] == [1, 2, 3]
    assert answer(ACCURACY, [cheap]) == cheap
    assert answer(ACCURACY, []) is None
    assert answer(ACCURACY, [Evaluation(first.proposal, {"accuracy": float("nan")})]) is None
    assert answer(Objective.of("accuracy", parameters=10), [replace(first, costs={"parameters": 11}), worse]) is None


def test_of_confirmed_architectures_the_mean_over_the_cuts_decides():
    lucky, solid, other = architectures(3)
    found = [
        evaluation(0, 0.95, architecture=lucky), evaluation(1, 0.9, architecture=solid), evaluation(2, 0.94, architecture=other),
        evaluation(100, 0.7, fold=1, architecture=lucky), evaluation(101, 0.9, fold=1, architecture=solid),
    ]  # fmt: skip
    assert [e.proposal.architecture for e in ranked(ACCURACY, found)] == [solid, lucky]
    assert ranked(ACCURACY, found)[0].proposal.id == 1


def test_the_best_are_confirmed_on_other_cuts_and_the_strategy_hears_nothing_of_it():
    strategy, executor = Scripted(architectures(9)), FakeExecutor(2)
    loop = loop_of(strategy, executor, group=2, lookahead=2)
    loop.run(FOREVER)
    searched_for, heard = list(loop.evaluations), list(strategy.told)
    loop.confirm(3, 2, FOREVER)
    added = loop.evaluations[len(searched_for) :]
    best = ranked(ACCURACY, searched_for)[:3]
    expected = {(CONFIRMING * fold + e.proposal.id, fold, e.proposal.architecture) for e in best for fold in (1, 2)}
    assert {(e.proposal.id, e.proposal.fidelity.fold, e.proposal.architecture) for e in added} == expected
    assert strategy.told == heard
    assert loop.best == answer(ACCURACY, loop.evaluations)


@pytest.mark.parametrize("finished", range(7))
def test_confirming_goes_on_after_a_stop_with_the_same_architectures(finished):
    whole = loop_of(Scripted(architectures(9)), FakeExecutor(2))
    whole.run(FOREVER)
    whole.confirm(3, 2, FOREVER)

    experience = Experience("sqlite://")
    journal, executor = journal_of(experience), FakeExecutor(2, 5)
    loop = loop_of(Scripted(architectures(9)), executor, journal)
    loop.run(FOREVER)
    loop.confirm(3, 2, executor.now + finished)
    journal, executor = journal_of(experience, search=journal.search_id), FakeExecutor()
    loop = loop_of(Scripted(architectures(9)), executor, journal)
    loop.restore(journal.finished)
    loop.run(FOREVER)
    loop.confirm(3, 2, FOREVER)
    assert len(executor.trained) == 6 - finished
    assert {e.proposal for e in loop.evaluations} == {e.proposal for e in whole.evaluations}
    assert loop.best.proposal == whole.best.proposal


def test_a_candidates_seed_depends_on_the_searchs_seed_and_the_architecture_alone():
    def seeds(search_seed, order):
        executor = FakeExecutor()
        loop_of(Scripted(order), executor, seed=search_seed).run(FOREVER)
        return {c.proposal.architecture.key: c.seed for c in executor.trained}

    some = architectures(5)
    assert seeds(1, some) == seeds(1, some[::-1])
    assert not set(seeds(1, some).values()) & set(seeds(2, some).values())
    assert len(set(seeds(1, some).values())) == 5


def test_quality_has_ties():
    """What the tests of equal answers rest on."""
    values = [quality(c) for c in _candidates()]
    assert len(set(values)) < len(values)


def _candidates():
    executor = FakeExecutor()
    loop_of(Scripted(architectures(12)), executor).run(FOREVER)
    return executor.trained
