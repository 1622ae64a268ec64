"""Spaces and families of tasks small enough to compute by hand."""

import numpy as np
import torch

from metanas.meta import few_shot_space
from metanas.spaces import make_space
from metanas.spaces.draft import Draft
from metanas.spaces.shape import TaskShape
from metanas.tasks.few_shot import Episode, stack

PICTURES = TaskShape("image", (2, 9, 9), 3)
VECTORS = TaskShape("table", (2,), 2, numeric=2)
HIDDEN = 12


def pictures_space():
    return few_shot_space(PICTURES, width=3)


def vectors_space():
    """A hidden layer, then nothing or a rectifier, then the head."""
    draft = Draft()
    x = draft.node("hidden", "dense", ["input"], units=HIDDEN)
    x = draft.choose("act", draft.decide("op", ("identity", "activation")), {"identity": {}, "activation": {"kind": "relu"}}, [x])
    draft.node("head", "dense", [x], units=VECTORS.outputs)
    return draft.space("vectors", VECTORS, {"op": "identity"})


def pictures(tasks=2, shots=2, queries=3, seed=0):
    """Pictures with a pattern for each class under noise."""
    rng = np.random.default_rng(seed)

    def episode():
        patterns = rng.integers(0, 180, (3, 1, 2, 9, 9))
        support, query = (np.clip(patterns + rng.integers(0, 70, (3, n, 2, 9, 9)), 0, 255).reshape(-1, 2, 9, 9) for n in (shots, queries))
        labels = [np.repeat(np.arange(3), n) for n in (shots, queries)]
        return Episode(support.astype(np.uint8), labels[0], query.astype(np.uint8), labels[1])

    return stack([episode() for _ in range(tasks)]).tensors()


def quadrants(tasks=2, seed=0, examples=24):
    """Whether a point of the plane is in the first or third quadrant, of axes turned by an angle for each task: no line parts them."""
    rng = np.random.default_rng(seed)

    def episode():
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        x = rng.normal(size=(2, examples, 2)).astype(np.float32)
        y = ((x @ turn).prod(axis=2) > 0).astype(np.int64)
        return Episode(x[0], y[0], x[1], y[1])

    return stack([episode() for _ in range(tasks)]).tensors()


def float64(state):
    """A state with all its tensors in double precision."""
    if isinstance(state, dict):
        return {name: float64(value) for name, value in state.items()}
    return state.double() if isinstance(state, torch.Tensor) and state.is_floating_point() else state


def _registered(name, shape, x):
    return lambda: (make_space(name, shape), x)


SPACES = {
    "few-shot": lambda: (pictures_space(), pictures().x_query),
    "vectors": lambda: (vectors_space(), torch.randn(2, 5, 2)),
    "mlp": _registered("mlp", TaskShape("table", (3,), 2, numeric=3), torch.randn(2, 5, 3)),
    "convnet": _registered("convnet", TaskShape("image", (1, 9, 9), 3), torch.randn(2, 4, 1, 9, 9)),
    "sound": _registered("convnet", TaskShape("sound", (1, 400), 3, rate=2000), torch.randn(2, 3, 1, 400)),
    "text": _registered("sequence", TaskShape("text", (12,), 3, vocabulary=20), torch.randint(0, 20, (2, 4, 12), dtype=torch.int32)),
}
"""By name: a space, and examples of two tasks."""
