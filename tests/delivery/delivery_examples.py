"""Small tasks of every kind of data, and models for them."""

from functools import cache

import numpy as np
import pandas as pd

from metanas.delivery import Model
from metanas.networks import build_network
from metanas.spaces import make_space
from metanas.tasks import Task

KINDS = ("table", "image", "series", "sound", "text", "numbers")


def numbers_task():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(90, 4))
    y = np.stack([3 * x[:, 0] + 100, x[:, 1] - 2 * x[:, 2]], axis=1) + rng.normal(size=(90, 2)) / 10
    return Task.from_arrays(x.astype(np.float32), y.astype(np.float32), kind="table,regression")


def table():
    rng = np.random.default_rng(5)
    size, colour = rng.normal(size=150), rng.choice(["red", "green", "blue"], size=150)
    frame = pd.DataFrame({"size": size, "colour": colour, "noise": rng.normal(size=150)})
    frame.loc[::10, "size"] = np.nan
    frame["kind"] = np.where((size > 0) == (colour == "red"), "apple", "pear")
    return frame


def text_task():
    rng = np.random.default_rng(0)
    words = {"good": ["fine", "great", "lovely"], "bad": ["poor", "awful", "dull"]}
    labels = ["good", "bad"] * 40
    texts = [" ".join([rng.choice(["the", "a", "one"]), rng.choice(words[label]), "thing"]) for label in labels]
    return Task.from_text(pd.DataFrame({"review": texts, "label": labels}), text="review", target="label")


@cache
def task_of(kind):
    rng = np.random.default_rng(1)
    y = np.arange(60) % 3
    if kind == "table":
        return Task.from_table(table(), target="kind")
    if kind == "image":
        return Task.from_arrays((rng.integers(0, 99, size=(60, 9, 8)) + 50 * y[:, None, None]).astype(np.uint8), y, kind="image")
    if kind == "series":
        return Task.from_arrays((rng.normal(size=(60, 20, 2)) + y[:, None, None]).astype(np.float32), y, kind="series")
    if kind == "sound":
        pitch = np.sin(np.arange(2000) * (0.1 + 0.2 * y[:, None])) + rng.normal(size=(60, 2000)) / 10
        return Task.from_arrays((pitch / 4).astype(np.float32), y, kind="sound", rate=2000)
    return text_task() if kind == "text" else numbers_task()


@cache
def model_of(kind):
    """The untrained plain network, its normalisation statistics moved, so that a wrong state shows."""
    task = task_of(kind)
    data, preprocessing = task.prepare()
    space = make_space(None, data.shape)
    graph = space.graph(space.baseline)
    network = build_network(graph, input_mean=data.input_mean, input_std=data.input_std, seed=1)
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.add_(0.5)
    return Model(network, graph, space.baseline, preprocessing, task.kind, task.classes, task.target, task.metric)


def parts_of(model):
    return {name: getattr(model, name) for name in model.__dataclass_fields__}
