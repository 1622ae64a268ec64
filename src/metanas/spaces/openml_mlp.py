"""``openml_mlp``: fully connected networks of one width, for tables.

The multilayer perceptrons of HPOBench (Eggensperger et al. 2021): depth, width, learning rate and weight decay; rectified linear units.
HPOBench adds the squared weights to the loss, trainings of our own let the weights decay beside it, so the same number means something
else. Its table opens the batch size, too (:func:`openml_mlp_choices`); trainings of our own fix it.
"""

from metanas.spaces.decision import Decision
from metanas.spaces.draft import Draft
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import RECIPE, Space

DEPTHS = (1, 2, 3)
WIDTHS = (16, 25, 40, 64, 101, 161, 256, 406, 645, 1024)
LEARNING_RATES = (
    1e-5, 3.5938137e-5, 0.00012915497, 0.0004641589, 0.0016681006, 0.0059948424, 0.021544347, 0.07742637, 0.27825594, 1.0,
)  # fmt: skip
WEIGHT_DECAYS = (
    1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 0.00027825593, 0.0021544348, 0.016681006, 0.12915497, 1.0,
)  # fmt: skip
BATCH_SIZES = (4, 6, 10, 16, 25, 40, 64, 101, 161, 256)


@register_space("openml_mlp", "table")
def openml_mlp(shape: TaskShape) -> Space:
    """The space for a table of ``shape.input[0]`` features: 3,000 architectures."""
    draft = Draft()
    depth = draft.decide("depth", DEPTHS, ordered=True)
    width = draft.decide("width", WIDTHS, ordered=True)
    draft.decide(f"{RECIPE}learning_rate", LEARNING_RATES, ordered=True)
    draft.decide(f"{RECIPE}weight_decay", WEIGHT_DECAYS, ordered=True)
    x = "input"
    for layer in DEPTHS:
        x = draft.node(f"layer{layer}.dense", "dense", [x], depth.at_least(layer), units=width)
        x = draft.node(f"layer{layer}.activation", "activation", [x], depth.at_least(layer), kind="relu")
    draft.node("head", "dense", [x], units=shape.outputs)
    plain = {"depth": 2, "width": 64, f"{RECIPE}learning_rate": 0.0016681006, f"{RECIPE}weight_decay": 0.016681006}
    return draft.space("openml_mlp", shape, plain)


def openml_mlp_choices(shape: TaskShape) -> Space:
    """The 30,000 architectures of the table, as choices without a network: nothing of ours trains with every batch size."""
    return Space("openml_mlp", shape, (*openml_mlp(shape).decisions, Decision("batch_size", BATCH_SIZES, ordered=True)))
