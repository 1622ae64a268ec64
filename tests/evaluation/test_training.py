"""The trainer: its recipe, its limits, what it keeps."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learning_examples import FOREVER, blobs, candidate, chain, convnet, line, perceptron, stripes, tones, words

from metanas.evaluation import guard, pace, tensors
from metanas.evaluation.guard import CandidateFailedError, TrainingSettings, UnfinishedError
from metanas.evaluation.learner import Learner
from metanas.evaluation.pace import Pace
from metanas.evaluation.recipe import step_size, warm_up_steps
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train, train_final
from metanas.networks import build_network
from metanas.tasks.metrics import compute


def metric(outcome, data, x, y):
    with torch.inference_mode():
        raw = outcome.network(torch.from_numpy(x))
    outputs = raw.softmax(1).numpy() if data.kind == "classification" else raw.numpy() * data.target_std + data.target_mean
    return compute(data.kind, y, outputs)


@pytest.mark.parametrize("make", [blobs, stripes, tones, words])
def test_classes_are_learned(make):
    data = make()
    if data.shape.data == "table":
        graph = perceptron(data)
    elif data.shape.data == "text":
        graph = chain(data.shape, ("embedding", {"size": 8, "vocabulary": 20}), ("gru", {"units": 8}), ("global_pool", {"kind": "last"}))
    else:
        graph = convnet(data)
    outcome = train(candidate(graph, epochs=12), data, deadline=FOREVER)
    assert outcome.metrics["accuracy"] > 0.9
    assert outcome.metrics == pytest.approx(metric(outcome, data, data.x_val, data.y_val), abs=1e-5)


def test_values_are_learned_in_the_users_unit():
    data = line()
    outcome = train(candidate(chain(data.shape), epochs=60, learning_rate=0.03), data, deadline=FOREVER)
    assert outcome.metrics["rmse"] < 5
    assert outcome.metrics["r2"] > 0.99
    assert outcome.metrics == pytest.approx(metric(outcome, data, data.x_val, data.y_val), rel=1e-3)


def test_the_recipe_is_adamw_with_warm_up_and_cosine():
    """An independent loop with the same order of batches arrives at the same weights."""
    data = blobs()
    chosen = candidate(perceptron(data), epochs=3, weight_decay=0.1, label_smoothing=0.1)
    outcome = train(chosen, data, deadline=FOREVER, settings=TrainingSettings(patience=100))
    network = build_network(chosen.graph, seed=0)
    weights = [p for p in network.parameters() if p.dim() == 2]
    biases = [p for p in network.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=0.01, foreach=False)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    batch, per_epoch = 16, 200 // 16
    best, expected = -1.0, {}
    for epoch in range(3):
        order = torch.randperm(200, generator=generator)
        for i in range(per_epoch):
            rows = order[i * batch : (i + 1) * batch]
            loss = torch.nn.functional.cross_entropy(network(x[rows]), y[rows], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            for group in optimiser.param_groups:
                group["lr"] = 0.01 * step_size(epoch * per_epoch + i, 3 * per_epoch, warm_up_steps(3 * per_epoch, per_epoch))
            optimiser.step()
        score = (network(torch.from_numpy(data.x_val)).argmax(1).numpy() == data.y_val).mean()
        if score >= best:
            best, expected = score, {k: v.clone() for k, v in network.state_dict().items()}
    assert outcome.metrics["accuracy"] == pytest.approx(best)
    for name, value in outcome.state.items():
        assert torch.allclose(value, expected[name], atol=1e-5), name


def test_biases_do_not_decay():
    data = blobs()
    chosen = candidate(perceptron(data), learning_rate=0.0)
    learner = Learner(replace(chosen, recipe={"learning_rate": 1e-3, "weight_decay": 0.5}), Tensors.of(data))
    decays = {p.dim(): group["weight_decay"] for group in learner._optimiser.param_groups for p in group["params"]}
    assert decays == {2: 0.5, 1: 0.0}


@pytest.mark.parametrize("make", [stripes, blobs])
def test_the_same_training_twice_is_bit_identical(make):
    data = make()
    graph = convnet(data) if make is stripes else perceptron(data, dropout=0.3)
    torch.manual_seed(1)
    first = train(candidate(graph, epochs=3, seed=4), data, deadline=FOREVER)
    torch.manual_seed(2)
    second = train(candidate(graph, epochs=3, seed=4), Tensors.of(data), deadline=FOREVER)
    other = train(candidate(graph, epochs=3, seed=5), data, deadline=FOREVER)
    assert first.metrics == second.metrics
    assert first.curve == second.curve
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)
    assert first.curve != other.curve


def test_the_global_generator_is_left_alone():
    data = blobs()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train(candidate(perceptron(data, dropout=0.5), epochs=1), data, deadline=FOREVER)
    assert torch.equal(torch.rand(3), expected)


def test_the_best_epoch_counts_and_ties_go_to_the_lower_loss():
    data = blobs(spread=0.6)
    outcome = train(candidate(perceptron(data), epochs=15), data, deadline=FOREVER)
    best = max(outcome.curve, key=lambda point: (point["score"], -point["validation_loss"]))
    assert outcome.epochs == best["epoch"]
    assert outcome.metrics["accuracy"] == best["score"]
    assert outcome.metrics["cross_entropy"] == pytest.approx(best["validation_loss"], rel=1e-5)
    assert len({point["score"] for point in outcome.curve}) < len(outcome.curve), "there should be ties"


def test_errors_are_better_when_lower():
    data = line()
    outcome = train(candidate(chain(data.shape), epochs=8), data, deadline=FOREVER)
    assert outcome.metrics["rmse"] == min(point["score"] for point in outcome.curve)


def test_training_stops_when_nothing_gets_better():
    data = blobs()
    settings = TrainingSettings(patience=2)
    outcome = train(candidate(perceptron(data), epochs=10, learning_rate=0.0), data, deadline=FOREVER, settings=settings)
    assert [point["epoch"] for point in outcome.curve] == [1, 2, 3]
    assert outcome.epochs == 1


def test_long_trainings_validate_only_so_often():
    data = blobs()
    settings = TrainingSettings(evaluations=3)
    outcome = train(candidate(perceptron(data), epochs=7), data, deadline=FOREVER, settings=settings)
    assert [point["epoch"] for point in outcome.curve] == [3, 6, 7]


def test_divergence_has_a_plain_reason():
    data = line()
    with pytest.raises(CandidateFailedError, match=r"^diverged: the loss was not finite at epoch \d+$"):
        train(candidate(perceptron(data), epochs=20, learning_rate=1e30), data, deadline=FOREVER)
    with pytest.raises(CandidateFailedError, match=r"^diverged: the loss was not finite"):
        train_final(candidate(perceptron(data), learning_rate=1e30), data, epochs=5, deadline=FOREVER)


def test_deadline_and_time_limit():
    data = blobs()
    chosen = candidate(perceptron(data), epochs=10**6)
    with pytest.raises(UnfinishedError):
        train(chosen, data, deadline=time.monotonic() + 0.05)
    with pytest.raises(CandidateFailedError, match=r"^took longer than 0\.05 s$"):
        train(chosen, data, deadline=FOREVER, settings=TrainingSettings(seconds=0.05))


def test_memory_is_predicted():
    data = stripes()
    with pytest.raises(CandidateFailedError, match=r"^would need about \d+\.\d MB of memory, more than the 10\.0 kB allowed$"):
        train(candidate(convnet(data, width=64)), data, deadline=FOREVER, settings=TrainingSettings(memory=10_000))


def test_memory_is_watched(monkeypatch):
    data = stripes()
    held = iter(range(10**9, 10**12, 10**9))
    monkeypatch.setattr(guard, "resident_bytes", lambda: next(held))
    with pytest.raises(CandidateFailedError, match=r"^used \d+\.\d GB of memory while training, more than the 500\.0 MB allowed$"):
        train(candidate(convnet(data)), data, deadline=FOREVER, settings=TrainingSettings(memory=500_000_000))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")])
def test_running_out_of_memory_has_a_plain_reason(monkeypatch, error):
    def step(self, size):
        raise error

    monkeypatch.setattr(Learner, "step", step)
    data = blobs()
    with pytest.raises(CandidateFailedError, match=r"^ran out of memory$"):
        train(candidate(perceptron(data)), data, deadline=FOREVER)


def test_other_errors_are_not_taken_for_memory(monkeypatch):
    def step(self, size):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(Learner, "step", step)
    data = blobs()
    with pytest.raises(RuntimeError, match="multiplied"):
        train(candidate(perceptron(data)), data, deadline=FOREVER)


def test_a_kept_front_end_changes_nothing(monkeypatch):
    data = tones()
    network = train(candidate(convnet(data), epochs=2), data, deadline=FOREVER).network
    kept, past_front = Tensors.of(data).inputs(network)[::2]
    assert past_front
    assert torch.allclose(network.rest(kept), network(torch.from_numpy(data.x_train)), atol=1e-4)
    monkeypatch.setattr(tensors, "FRONT_BYTES", 0)
    raw, past_front = Tensors.of(data).inputs(network)[::2]
    assert not past_front
    assert torch.equal(raw, torch.from_numpy(data.x_train))
    assert train(candidate(convnet(data)), data, deadline=FOREVER).metrics["accuracy"] > 0.9


def test_front_ends_are_kept_apart():
    data = tones()
    shared = Tensors.of(data)
    other = chain(data.shape, ("log_spectrogram", {"window": 64, "hop": 32}), *((n.op, n.options) for n in convnet(data).nodes[1:-1]))
    for graph in (convnet(data), other, convnet(data)):
        with_shared = train(candidate(graph, epochs=1), shared, deadline=FOREVER)
        assert with_shared.metrics == train(candidate(graph, epochs=1), data, deadline=FOREVER).metrics


def test_final_training_takes_fractions_of_epochs():
    data = replace(blobs(), x_val=np.zeros((0, 5), np.float32), y_val=np.zeros(0, np.int64))
    heard = []
    outcome = train_final(candidate(perceptron(data)), data, epochs=2.5, deadline=FOREVER, progress=lambda *p: heard.append(p))
    assert outcome.epochs == pytest.approx(2.5, abs=0.05)
    assert outcome.metrics == {}
    assert not outcome.network.training
    assert metric(outcome, data, data.x_train, data.y_train)["accuracy"] > 0.5


def test_final_training_is_deterministic_where_time_does_not_press():
    data = stripes()
    outcomes = [train_final(candidate(convnet(data)), data, epochs=2, deadline=time.monotonic() + 1e6) for _ in range(2)]
    assert all(torch.equal(outcomes[0].state[name], outcomes[1].state[name]) for name in outcomes[0].state)


def test_final_training_tells_its_progress(monkeypatch):
    monkeypatch.setattr(Pace, "due", lambda self: True)
    data, heard = blobs(), []
    train_final(candidate(perceptron(data)), data, epochs=2, deadline=FOREVER, progress=lambda *p: heard.append(p))
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(23 / 24)
    assert all(seconds >= 0 for _, seconds in heard)


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


def run_pace(steps, deadline, durations):
    clock, done = Clock(), []
    original = pace.time
    pace.time = clock
    try:
        leader = Pace(steps, clock.now + deadline)
        while leader.go_on():
            done.append(leader.done)
            clock.now += durations(len(done))
    finally:
        pace.time = original
    return done, clock.now - 100.0


@given(st.integers(1, 500))
def test_with_time_enough_every_step_is_alike(steps):
    done, _ = run_pace(steps, FOREVER, lambda i: 1.0)
    assert done == pytest.approx([i / steps for i in range(steps)])


@given(st.integers(1, 2000), st.floats(20, 400), st.floats(0.5, 2.0), st.booleans())
def test_the_schedule_ends_in_time(steps, deadline, factor, slow_start):
    """Steps of one second that later take ``factor`` seconds, the first five seconds."""

    def durations(i):
        return 5.0 if i == 1 and slow_start else 1.0 if i < 10 else factor

    done, seconds = run_pace(steps, deadline, durations)
    last = max(durations(len(done)), 1.0)
    assert seconds <= deadline + last
    assert done == sorted(done)
    assert done[-1] < 1
    if len(done) < steps:
        assert seconds >= deadline - 4 * max(1, factor) - 5
        assert done[-1] > 0.9 or len(done) < 40


def test_a_deadline_in_the_past_still_gives_one_step():
    assert run_pace(50, -1.0, lambda i: 1.0)[0] == [0.0]
