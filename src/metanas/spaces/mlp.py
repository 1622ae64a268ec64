"""``mlp``: fully connected networks for tables.

Depth, width of every layer, activation, normalisation, dropout, periodic encoding of the numbers, and how layers are
connected: chain, residual (He et al. 2016), dense (every layer sees all earlier outputs, Huang et al. 2017) or sparse (a
searched subset of them).
"""

from metanas.spaces.decision import Value
from metanas.spaces.draft import Draft
from metanas.spaces.operations.elementwise import ACTIVATIONS
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

WIDTHS = (8, 16, 32, 64, 128, 256)
DEPTHS = (1, 2, 3, 4)


@register_space("mlp", "table")
def mlp(shape: TaskShape) -> Space:
    """The space for a table of ``shape.input[0]`` features, the first ``shape.numeric`` of them numbers."""
    draft = Draft()
    x = "input"
    if shape.numeric:
        encoding = draft.decide("encoding", ("plain", "periodic"))
        periodic = encoding.among("periodic")
        frequencies = draft.decide("encoding.frequencies", (4, 8, 16), ordered=True, when=periodic)
        sigma = draft.decide("encoding.sigma", (0.1, 0.3, 1.0), ordered=True, when=periodic)
        x = draft.node("encoding", "periodic", [x], periodic, numeric=shape.numeric, frequencies=frequencies, sigma=sigma)
    depth = draft.decide("depth", DEPTHS, ordered=True)
    connection = draft.decide("connection", ("chain", "residual", "dense", "sparse"))
    activation = draft.decide("activation", ACTIVATIONS)
    norm = draft.decide("norm", ("none", "batch_norm", "layer_norm"))
    dropout = draft.decide("dropout", (0.0, 0.1, 0.25, 0.5), ordered=True)
    outputs = [x]
    for layer in DEPTHS:
        name, here = f"layer{layer}", depth.at_least(layer)
        width = draft.decide(f"{name}.width", WIDTHS, ordered=True, when=here)
        x = draft.join(f"{name}.join", connection, outputs, here)
        x = draft.node(f"{name}.dense", "dense", [x], here, units=width)
        normed = here & norm.among("batch_norm", "layer_norm")
        x = draft.choose(f"{name}.norm", norm, {"batch_norm": {}, "layer_norm": {}}, [x], normed)
        x = draft.node(f"{name}.activation", "activation", [x], here, kind=activation)
        x = draft.node(f"{name}.dropout", "dropout", [x], here & dropout.at_least(0.1), rate=dropout)
        outputs.append(draft.residual(f"{name}.residual", connection, x, outputs[-1], here))
    draft.recipe()
    draft.node("head", "dense", [outputs[-1]], units=shape.outputs)
    plain: dict[str, Value] = {"encoding": "plain", "depth": 2, "connection": "chain", "activation": "relu", "norm": "none", "dropout": 0.0}
    widths = {f"layer{layer}.width": 64 for layer in DEPTHS}
    return draft.space("mlp", shape, {**plain, **widths, "recipe.learning_rate": 3e-3, "recipe.weight_decay": 1e-2})
