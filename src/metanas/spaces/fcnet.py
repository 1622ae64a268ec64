"""``fcnet``: fully connected networks of two hidden layers, for tables.

Klein and Hutter 2019, "Tabular Benchmarks for Joint Architecture and Hyperparameter Optimization": units, activation and dropout of
each layer, and the learning rate. The paper's table opens the batch size and the schedule of the learning rate, too
(:func:`fcnet_choices`); trainings of our own fix both.
"""

from metanas.spaces.decision import Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import RECIPE, Space

LAYERS = ("layer1", "layer2")
UNITS = (16, 32, 64, 128, 256, 512)
ACTIVATIONS = ("relu", "tanh")
DROPOUTS = (0.0, 0.3, 0.6)
LEARNING_RATES = (5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1)
BATCH_SIZES = (8, 16, 32, 64)
SCHEDULES = ("const", "cosine")


@register_space("fcnet", "table")
def fcnet(shape: TaskShape) -> Space:
    """The space for a table of ``shape.input[0]`` features: 7,776 architectures."""
    draft = Draft()
    x = "input"
    for layer in LAYERS:
        units = draft.decide(f"{layer}.units", UNITS, ordered=True)
        activation = draft.decide(f"{layer}.activation", ACTIVATIONS)
        dropout = draft.decide(f"{layer}.dropout", DROPOUTS, ordered=True)
        x = draft.node(f"{layer}.dense", "dense", [x], units=units)
        x = draft.node(f"{layer}.activation", "activation", [x], kind=activation)
        x = draft.node(f"{layer}.dropout", "dropout", [x], dropout.at_least(min(DROPOUTS[1:])), rate=dropout)
    draft.decide(f"{RECIPE}learning_rate", LEARNING_RATES, ordered=True)
    draft.node("head", "dense", [x], units=shape.outputs)
    plain: dict[str, Value] = {f"{layer}.units": 64 for layer in LAYERS}
    plain |= {f"{layer}.activation": "relu" for layer in LAYERS} | {f"{layer}.dropout": 0.0 for layer in LAYERS}
    return draft.space("fcnet", shape, {**plain, f"{RECIPE}learning_rate": 5e-3})


def fcnet_choices(shape: TaskShape) -> Space:
    """The paper's 62,208 architectures, as choices without a network: nothing of ours trains with every batch size and schedule."""
    batches = Decision("batch_size", BATCH_SIZES, ordered=True)
    return Space("fcnet", shape, (*fcnet(shape).decisions, batches, Decision("schedule", SCHEDULES)))
