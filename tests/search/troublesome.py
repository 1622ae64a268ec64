"""A plugin: operations that do what networks should not, in the middle of a training, and a space of them.

In workers only: the process that runs the tests imports it for what the graphs need.
"""

import os
import signal
import time

import torch
from torch import nn

from metanas.networks import builds
from metanas.spaces import Draft, register_space
from metanas.spaces.operation import Operation, register_operation, same_shape

NAMES = ("well_behaved", "kills_itself", "oversleeps", "refuses", "gives_nonsense")

for name in NAMES:
    register_operation(Operation(name, same_shape, lambda inputs, settings: 1))


class Troublesome(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind, self.scale = kind, nn.Parameter(torch.ones(1))

    def forward(self, x):
        if self.kind == "kills_itself":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "oversleeps":
            time.sleep(120)
        if self.kind == "refuses":
            raise ValueError("this network refuses its input")
        return x * self.scale * (float("nan") if self.kind == "gives_nonsense" else 1.0)


def _builder(kind):
    return lambda inputs, settings: Troublesome(kind)


for name in NAMES:
    builds(name)(_builder(name))


@register_space("troublesome", "table")
def troublesome(shape):
    """One hidden layer, followed by one of the operations."""
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=draft.decide("units", (4, 8), ordered=True))
    kind = draft.decide("kind", ("well_behaved", "refuses", "gives_nonsense"))
    x = draft.choose("middle", kind, {name: {} for name in kind.options}, [x])
    draft.recipe()
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("troublesome", shape, {"units": 4})


@register_space("hopeless", "table")
def hopeless(shape):
    """Nothing here can be trained."""
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=draft.decide("units", (4, 8, 16), ordered=True))
    x = draft.node("middle", "refuses", [x])
    draft.recipe()
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("hopeless", shape, {"units": 4})
