"""What training is made of: subsets, augmentation, losses, memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from learning_examples import blobs, chain, convnet, learning_data, line, perceptron, stripes, words

from metanas.evaluation.augmentation import Augmentation
from metanas.evaluation.loss import in_users_terms, loss_function
from metanas.evaluation.memory import in_words, is_exhaustion, resident_bytes, total_bytes, training_bytes
from metanas.evaluation.tensors import Tensors, stratified_order, subset
from metanas.networks import build_network
from metanas.spaces import TaskShape


@given(st.integers(2, 300), st.integers(1, 5), st.integers(0, 99))
def test_every_beginning_of_the_order_is_stratified(examples, classes, seed):
    y = np.random.default_rng(seed).integers(0, classes, examples)
    order = stratified_order(y, examples)
    assert sorted(order) == list(range(examples))
    for end in range(1, examples, 7):
        counts = np.bincount(y[order[:end]], minlength=classes)
        assert (np.abs(counts - end * np.bincount(y, minlength=classes) / examples) <= 1 + classes / 2).all()


def test_subsets_are_nested_and_depend_on_data_and_share_alone():
    data = blobs(600)
    small, large, whole = (subset(data, share) for share in (0.2, 0.5, 1.0))
    assert len(small) == 80
    assert set(small) < set(large)
    assert whole.tolist() == list(range(400))
    assert (subset(blobs(600), 0.2) == small).all()
    assert len(subset(data, 0.001)) == 32
    assert len(subset(line(), 0.5)) == 100


def test_tensors_standardise_regression_targets():
    data = line()
    tensors = Tensors.of(data)
    back = in_users_terms("regression", tensors.y_train, tensors.target_mean, tensors.target_std)
    assert np.allclose(back.numpy(), data.y_train, rtol=1e-5)
    assert abs(float(tensors.y_train.mean())) < 0.3


def test_arrays_that_cannot_be_written_are_taken():
    data = blobs()
    for array in (data.x_train, data.y_train):
        array.flags.writeable = False
    assert np.array_equal(Tensors.of(data).x_train.numpy(), data.x_train)


def moved(picture, down, across, mirror):
    """One picture ``(height, width, channels)`` moved by hand; edges repeated."""
    height, width, _ = picture.shape
    out = np.empty_like(picture)
    for i in range(height):
        for j in range(width):
            column = (width - 1 - j) if mirror else j
            out[i, j] = picture[np.clip(i + down, 0, height - 1), np.clip(column + across, 0, width - 1)]
    return out


@pytest.mark.parametrize("mirror", [False, True])
def test_drawn_pictures_are_moved_pictures(mirror):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (6, 7, 5, 2), dtype=np.uint8)
    rows = torch.tensor([4, 1, 1, 0] * 8)
    drawn = Augmentation(2, 1, mirror).draw(torch.from_numpy(pictures), rows, torch.Generator().manual_seed(0)).numpy()
    seen = set()
    for row, picture in zip(rows.tolist(), drawn, strict=True):
        ways = [
            (d, a, m) for d in range(-2, 3) for a in (-1, 0, 1) for m in ((False, True) if mirror else (False,))
            if np.array_equal(moved(pictures[row], d, a, m), picture)
        ]  # fmt: skip
        assert ways
        seen.update(ways[:1])
    assert len(seen) > 8
    assert not mirror or {m for _, _, m in seen} == {False, True}


def test_augmentation_follows_the_data():
    assert Augmentation.of(stripes(size=20)) == Augmentation(1, 1, False)
    assert Augmentation.of(replace(stripes(size=20), mirror=True)) == Augmentation(1, 1, True)
    assert Augmentation.of(stripes(size=8)) is None
    assert Augmentation.of(blobs()) is None


def test_class_weights_count_examples():
    raw, y = torch.randn(6, 3), torch.tensor([0, 1, 1, 2, 2, 2])
    weights = torch.tensor([2.0, 1.0, 0.5])
    expected = (F.cross_entropy(raw, y, reduction="none") * weights[y]).sum() / 6
    assert torch.allclose(loss_function("classification", 0.0, weights)(raw, y), expected)
    plain = loss_function("classification", 0.0, torch.ones(3))(raw, y)
    assert torch.allclose(plain, loss_function("classification")(raw, y))


def test_label_smoothing_spreads_the_target():
    raw, y = torch.randn(4, 5), torch.tensor([0, 1, 2, 4])
    target = F.one_hot(y, 5) * 0.8 + 0.2 / 5
    expected = -(target * raw.log_softmax(1)).sum(1).mean()
    assert torch.allclose(loss_function("classification", 0.2)(raw, y), expected)


def saved_bytes(graph, x):
    """Bytes of distinct tensors that a forward pass keeps for the backward pass, weights not counted."""
    network = build_network(graph, seed=0)
    own = {p.data_ptr() for p in network.parameters()} | {b.data_ptr() for b in network.buffers()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = network(x)
    assert out.requires_grad
    return sum(kept.values())


def layer(op, **options):
    data = words()
    return chain(data.shape, ("embedding", {"size": 16, "vocabulary": 20}), (op, options), ("global_pool", {"kind": "avg"}))


GRAPHS = {
    "convolutions": lambda: convnet(stripes(size=16), 32),
    "perceptron": lambda: perceptron(blobs(), 256),
    "separable": lambda: layer("sep_conv", channels=16, kernel=3),
    "transformer": lambda: layer("transformer", heads=2, expansion=4),
    "rnn": lambda: layer("rnn", units=16),
    "gru": lambda: layer("gru", units=16),
    "lstm": lambda: layer("lstm", units=16, bidirectional=True),
}


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_predicted_memory_covers_what_is_kept_but_not_many_times(name):
    graph = GRAPHS[name]()
    x = torch.randint(1, 20, (64, 8)) if graph.shape.data == "text" else torch.rand(64, *graph.shape.input)
    kept = saved_bytes(graph, x) + 4 * 5 * graph.parameters
    assert kept <= training_bytes(graph, 64) <= 5 * kept


def test_memory_is_put_in_words():
    assert [in_words(n) for n in (12, 3_400, 5_600_000, 1_234_000_000)] == ["12 bytes", "3.4 kB", "5.6 MB", "1.2 GB"]


def test_memory_of_process_and_machine_is_known():
    before = resident_bytes()
    block = np.ones(20_000_000)
    assert resident_bytes() - before > 100_000_000
    assert total_bytes() > block.nbytes


def test_exhaustion_is_told_from_other_errors():
    assert is_exhaustion(MemoryError())
    assert is_exhaustion(RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory"))
    assert is_exhaustion(RuntimeError("CUDA out of memory"))
    assert not is_exhaustion(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_exhaustion(ValueError("out of memory"))


def test_learning_data_of_colour_pictures_keeps_its_values_in_the_fast_layout():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (9, 3, 4, 5), dtype=np.uint8)
    data = learning_data(TaskShape("image", (3, 4, 5), 2), x, rng.integers(0, 2, 9))
    tensors = Tensors.of(data)
    assert np.array_equal(tensors.x_train.numpy(), data.x_train)
    assert tensors.x_train.is_contiguous(memory_format=torch.channels_last)
