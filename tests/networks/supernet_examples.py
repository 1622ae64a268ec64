"""Spaces of every kind for supernets, examples for them, and weights for their decisions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metanas.networks import Supernet
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.spaces.closing import Edge

IMAGE = TaskShape("image", (3, 8, 8), 4)
GREY = TaskShape("image", (1, 9, 9), 3)

SPACES = {
    "cell": lambda: make_space("cell", GREY).narrowed({"cells": (1, 2)}),
    "convnet-image": lambda: make_space("convnet", IMAGE),
    "convnet-series": lambda: make_space("convnet", TaskShape("series", (2, 32), 3)),
    "convnet-sound": lambda: make_space("convnet", TaskShape("sound", (1, 900), 4, rate=2000)),
    "convnet-dense": lambda: make_space("convnet", IMAGE).narrowed(
        {f"stage{s}.block{b}.op": ("conv", "sep_conv") for s in (1, 2, 3, 4) for b in (1, 2, 3)}
    ),
    "ecnas": lambda: make_space("ecnas", IMAGE).narrowed({"cells": (1,)}),
    "mlp": lambda: make_space("mlp", TaskShape("table", (5,), 3, numeric=4)),
    "sequence-text": lambda: make_space("sequence", TaskShape("text", (12,), 3, vocabulary=20)).narrowed({"dropout": (0.0,)}),
    "sequence-series": lambda: make_space("sequence", TaskShape("series", (3, 24), 3)),
    "sequence-recurrent": lambda: make_space("sequence", TaskShape("series", (3, 24), 3)).narrowed(
        {f"layer{i}.op": ("conv", "rnn", "lstm", "gru") for i in (1, 2, 3)}
    ),
    "limited": lambda: make_space("convnet", IMAGE).within(parameters=12_000),
}


def examples(space: Space, count: int = 6, seed: int = 0) -> Tensor:
    """Random inputs; texts end in padding."""
    generator = torch.Generator().manual_seed(seed)
    if space.shape.data == "text":
        ids = torch.randint(1, space.shape.vocabulary, (count, *space.shape.input), generator=generator)
        ids[1:, 7:] = 0
        return ids
    return torch.randn(count, *space.shape.input, generator=generator)


def soft(net: Supernet, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random weights that add up to one."""
    rng = np.random.default_rng(seed)
    return {d.name: torch.tensor(rng.dirichlet(np.ones(len(d.options))), dtype=dtype) for d in net.decisions}


def linear_space() -> Space:
    """Linear operations only, every decision at one place: a mixture is the mean over all architectures, drawn by their weights."""
    draft = Draft()
    first = draft.decide("first", ("conv", "sep_conv", "zero", "identity"))
    kernel = draft.decide("kernel", (1, 3), ordered=True, when=first.among("conv", "sep_conv"))
    convolution = {"channels": 3, "kernel": kernel}
    options = {"conv": convolution, "sep_conv": convolution, "zero": {}, "identity": {}}
    a = draft.choose("a", first, options, ["input"])
    there = draft.decide("there", (False, True))
    b = draft.node("b", "conv", [a], there.among(True), channels=3, kernel=3)
    shortcut = draft.decide("shortcut", (False, True))
    c = draft.node("c", "residual", [b, Edge(a, shortcut.among(True))])
    pool = draft.decide("pool", ("avg", "last-like"))
    d = draft.node("d", "avg_pool", [c], pool.among("avg"), kernel=3, stride=1)
    side = draft.decide("side", (False, True))
    e = draft.node("e", "concat", [d, Edge("input", side.among(True))])
    f = draft.node("f", "conv", [e], channels=2, kernel=1)
    draft.node("head", "dense", [draft.node("flat", "flatten", [f])], units=GREY.outputs)
    return draft.space("linear", TaskShape("image", (3, 4, 4), 3), {"first": "conv", "kernel": 3})
