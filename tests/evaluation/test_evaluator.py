"""The training evaluator: one evaluation per candidate, whatever happens."""

from __future__ import annotations

import time

import pytest
from learning_examples import FOREVER, blobs, candidate, chain, convnet, perceptron, stripes

from metanas.evaluation import evaluator
from metanas.evaluation.evaluator import TrainingEvaluator
from metanas.evaluation.guard import TrainingSettings
from metanas.evaluation.population import train_population
from metanas.evaluation.training import train
from metanas.records import Evaluation
from metanas.spaces import Graph, Node, Operation, register_operation
from metanas.spaces.operation import same_shape


def by_id(evaluations):
    return {e.proposal.id: e for e in evaluations}


def test_evaluations_say_what_training_found():
    data = stripes()
    chosen = candidate(convnet(data), epochs=4, seed=3, number=7)
    (evaluation,) = TrainingEvaluator(data).evaluate([chosen], FOREVER)
    outcome = train(chosen, data, deadline=FOREVER)
    assert evaluation.proposal == chosen.proposal
    assert not evaluation.failed
    assert evaluation.seed == 3
    assert evaluation.metrics == outcome.metrics
    assert evaluation.curve == outcome.curve
    assert evaluation.epochs == outcome.epochs
    assert evaluation.duration > 0
    assert evaluation.costs["parameters"] == chosen.graph.parameters
    assert evaluation.costs["flops"] == chosen.graph.flops
    assert evaluation.costs["memory"] > 0
    assert Evaluation.from_json(evaluation.to_json()).metrics == evaluation.metrics


def test_a_failing_candidate_has_a_reason_and_harms_no_other():
    register_operation(Operation("test_without_builder", same_shape))
    data = blobs()
    broken = Graph(data.shape, (Node("a", "dense", (("units", 3),), ("nowhere",)),))
    unbuilt = chain(data.shape, ("test_without_builder", {}))
    group = [
        candidate(perceptron(data), number=0, epochs=2),
        candidate(broken, number=1),
        candidate(perceptron(data), number=2, learning_rate=1e30),
        candidate(unbuilt, number=3),
        candidate(perceptron(data), number=4, epochs=2),
        candidate(perceptron(data, width=10**9), number=5),
    ]
    settings = TrainingSettings(memory=10**9)
    found = by_id(TrainingEvaluator(data, settings).evaluate(group, FOREVER))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert [i for i in sorted(found) if found[i].failed] == [1, 2, 3, 5]
    assert "nowhere" in found[1].reason
    assert found[2].reason.startswith("diverged")
    assert "test_without_builder" in found[3].reason
    assert found[5].reason.startswith("would need about")
    assert found[0].metrics == pytest.approx(found[4].metrics, abs=1e-4)
    assert not found[1].metrics


def test_what_is_unfinished_at_the_deadline_gives_no_evaluation():
    data = blobs()
    group = [candidate(perceptron(data), number=0, epochs=1), candidate(perceptron(data), number=1, epochs=10**6)]
    found = list(TrainingEvaluator(data).evaluate(group, time.monotonic() + 2))
    assert [e.proposal.id for e in found] == [0]
    assert list(TrainingEvaluator(data).evaluate(group, time.monotonic() - 1)) == []


def test_candidates_that_can_train_together_do(monkeypatch):
    data = blobs()
    seen = []

    def watched(bucket, *arguments, **options):
        seen.append([c.proposal.id for c in bucket])
        return train_population(bucket, *arguments, **options)

    monkeypatch.setattr(evaluator, "train_population", watched)
    group = [candidate(perceptron(data, width=8 * (i + 1)), number=i, seed=i, epochs=8) for i in range(4)]
    found = by_id(TrainingEvaluator(data).evaluate(group, FOREVER))
    assert sorted(number for bucket in seen for number in bucket) == [0, 1, 2, 3]
    for chosen in group:
        alone = train(chosen, data, deadline=FOREVER).metrics["accuracy"]
        assert found[chosen.proposal.id].metrics["accuracy"] == pytest.approx(alone, abs=0.06)


def test_what_a_population_cannot_finish_is_trained_alone(monkeypatch):
    data = blobs()

    def breaks(bucket, *arguments, **options):
        yield from list(train_population(bucket, *arguments, **options))[:1]
        raise RuntimeError("a fault")

    monkeypatch.setattr(evaluator, "train_population", breaks)
    group = [candidate(perceptron(data), number=i, seed=i, epochs=2) for i in range(3)]
    found = list(TrainingEvaluator(data).evaluate(group, FOREVER))
    assert sorted(e.proposal.id for e in found) == [0, 1, 2]
    assert not any(e.failed for e in found)
