"""Batches: functions of seed and step, and every example once per pass."""

import numpy as np
import torch

from metanas.evaluation.tensors import Tensors
from metanas.oneshot import Batches
from metanas.testing.oneshot import oneshot_tasks, planted_data

DATA = planted_data(300)


def numbered() -> Tensors:
    """Targets are the numbers of the rows."""
    tensors = Tensors.of(DATA)
    tensors.y_train, tensors.y_val = torch.arange(len(tensors.y_train)), torch.arange(len(tensors.y_val))
    return tensors


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    first, second = Batches(Tensors.of(DATA), 3), Batches(Tensors.of(DATA), 3)
    wanted = {step: first.at(step, 0.5) for step in range(40)}
    for step in (39, 0, 17, 39):
        found = second.at(step, 0.5)
        assert all(torch.equal(found[name], wanted[step][name]) for name in ("x", "y", "x_val", "y_val"))
    assert not torch.equal(Batches(Tensors.of(DATA), 4).at(0, 0.5)["y"], wanted[0]["y"])


def test_every_example_comes_once_per_pass_in_a_new_order() -> None:
    batches = Batches(numbered(), 0, size=20)
    assert batches.steps_per_epoch == 10
    for part, steps, examples in (("y", 10, 200), ("y_val", 5, 100)):
        passes = [torch.cat([batches.at(p * steps + s, 0.0)[part] for s in range(steps)]) for p in range(2)]
        assert all(sorted(rows.tolist()) == list(range(examples)) for rows in passes)
        assert not torch.equal(*passes)


def test_inputs_belong_to_their_targets() -> None:
    tensors = numbered()
    batch = Batches(tensors, 0, augment=False).at(5, 0.0)
    assert torch.equal(batch["x"], tensors.x_train[batch["y"]])
    assert torch.equal(batch["x_val"], tensors.x_val[batch["y_val"]])


def test_pictures_are_augmented_as_in_training_and_others_are_not() -> None:
    from dataclasses import replace

    tensors = Tensors.of(replace(DATA, mirror=True))
    tensors.y_train, tensors.y_val = torch.arange(len(tensors.y_train)), torch.arange(len(tensors.y_val))
    batch = Batches(tensors, 0).at(0, 0.0)
    plain = tensors.x_train[batch["y"]]
    same = (batch["x"] == plain).flatten(1).all(1)
    mirrored = (batch["x"] == plain.flip(3)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert mirrored.any()
    assert same.any()
    assert torch.equal(batch["x_val"], tensors.x_val[batch["y_val"]])


def test_parts_smaller_than_a_batch() -> None:
    batches = Batches(Tensors.of(planted_data(12)), 0)
    assert [len(batches.at(step, 0.0)[name]) for step in (0, 9) for name in ("x", "x_val")] == [8, 4, 8, 4]
    assert batches.steps_per_epoch == 1


def test_tables_and_regression() -> None:
    tensors = Tensors.of(oneshot_tasks()["regression"][1])
    batch = Batches(tensors, 0).at(0, 0.25)
    assert batch["progress"] == 0.25
    assert batch["x"].shape == (16, 3)
    assert batch["y"].shape == (16, 1)
    assert np.isclose(float(tensors.y_train.mean()), 0.0, atol=0.2)
