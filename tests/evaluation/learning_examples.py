"""Small tasks and candidates for tests of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import Architecture, Graph, Node, TaskShape
from metanas.tasks.data import LearningData

FOREVER = float("inf")


def learning_data(shape: TaskShape, x: Any, y: Any, **others: Any) -> LearningData:
    """Two thirds of the examples for training, the rest for validation."""
    cut = 2 * len(x) // 3
    regression = y.dtype == np.float32
    channels = 1 if shape.data == "text" else shape.input[0]
    arrays = {
        "input_mean": np.zeros(channels, np.float32),
        "input_std": np.ones(channels, np.float32),
        "target_mean": y.mean(0) if regression else np.zeros(shape.outputs, np.float32),
        "target_std": y.std(0) if regression else np.ones(shape.outputs, np.float32),
    }
    kind, metric = ("regression", "rmse") if regression else ("classification", "accuracy")
    return LearningData(shape, kind, metric, x[:cut], y[:cut], x[cut:], y[cut:], **{**arrays, **others})  # type: ignore[arg-type]


def blobs(examples: int = 300, classes: int = 3, spread: float = 0.3) -> LearningData:
    """Points around the corners of a simplex."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, examples)
    x = np.eye(5, dtype=np.float32)[y] + rng.normal(0, spread, (examples, 5)).astype(np.float32)
    return learning_data(TaskShape("table", (5,), classes, numeric=5), x, y)


def line(examples: int = 300) -> LearningData:
    """A linear function with a large offset and unit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(examples, 3)).astype(np.float32)
    y = (1000 + 50 * (x @ np.array([[1.0], [-2.0], [0.5]]))).astype(np.float32)
    return learning_data(TaskShape("table", (3,), 1, numeric=3), x, y)


def stripes(examples: int = 240, size: int = 8) -> LearningData:
    """Pictures with horizontal or vertical stripes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, examples)
    wave = (np.arange(size) % 2 * 200).astype(np.uint8)
    flat = np.broadcast_to(wave, (examples, size, size))
    x = np.where((y == 1)[:, None, None], flat, flat.transpose(0, 2, 1)) + rng.integers(0, 50, (examples, size, size), dtype=np.uint8)
    scale = {"input_mean": np.full(1, 100.0, np.float32), "input_std": np.full(1, 90.0, np.float32)}
    return learning_data(TaskShape("image", (1, size, size), 2), x[:, None], y, **scale)


def tones(examples: int = 120) -> LearningData:
    """Short sine waves of two frequencies."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, examples)
    times = np.arange(256) / 1000
    x = np.sin(2 * np.pi * np.array([100, 300])[y, None] * times + rng.uniform(0, 6, (examples, 1))).astype(np.float32)
    return learning_data(TaskShape("sound", (1, 256), 2, rate=1000), x[:, None], y)


def words(examples: int = 200) -> LearningData:
    """Sentences of random words, of which one says the class; padded."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, examples)
    x = rng.integers(4, 20, (examples, 8)).astype(np.int32)
    x[np.arange(8) >= rng.integers(3, 9, examples)[:, None]] = 0
    x[:, 0] = 2 + y
    return learning_data(TaskShape("text", (8,), 2, vocabulary=20), x, y)


def chain(shape: TaskShape, *operations: tuple[str, dict[str, Any]]) -> Graph:
    """A graph of one operation after another, with a dense head."""
    steps = [*operations, ("dense", {"units": shape.outputs})]
    names = ["input", *(f"n{i}" for i in range(len(steps)))]
    return Graph(shape, tuple(Node(names[i + 1], op, tuple(options.items()), (names[i],)) for i, (op, options) in enumerate(steps)))


def perceptron(data: LearningData, width: int = 16, dropout: float = 0.0) -> Graph:
    """One hidden layer."""
    hidden: list[tuple[str, dict[str, Any]]] = [("dense", {"units": width}), ("activation", {"kind": "relu"})]
    return chain(data.shape, *hidden, *([("dropout", {"rate": dropout})] if dropout else []))


def convnet(data: LearningData, width: int = 8) -> Graph:
    """One convolution with normalisation; pictures are pooled over all places, spectrograms keep theirs."""
    sound = data.shape.data == "sound"
    front: list[tuple[str, dict[str, Any]]] = [("log_spectrogram", {"window": 32, "hop": 16})] if sound else []
    body: list[tuple[str, dict[str, Any]]] = [
        ("conv", {"channels": width, "kernel": 3}),
        ("batch_norm", {}),
        ("activation", {"kind": "relu"}),
    ]
    return chain(data.shape, *front, *body, ("flatten", {}) if sound else ("global_pool", {"kind": "avg"}))


def candidate(graph: Graph, epochs: int = 10, share: float = 1.0, seed: int = 0, number: int = 0, **recipe: float) -> Candidate:
    """A proposal of that graph; its architecture says nothing."""
    proposal = Proposal(number, Architecture("test", ()), Fidelity(epochs, share))
    return Candidate(proposal, graph, {"learning_rate": 0.01, **recipe}, seed)
