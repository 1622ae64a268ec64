"""``sequence``: networks for text and series.

Text passes an embedding, series a strided convolution; then positional encoding where wanted, and layers that are
convolutions, recurrent layers (simple RNN, LSTM, GRU) or Transformer blocks, connected as a chain, with residuals, densely or sparsely.
"""

from metanas.spaces.decision import Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

DEPTHS = (0, 1, 2, 3)
WIDTHS = (8, 16, 32, 64, 128)
LAYERS = ("conv", "rnn", "lstm", "gru", "transformer")


@register_space("sequence", "text", "series")
def sequence(shape: TaskShape) -> Space:
    """The space for token ids ``(tokens,)`` or series ``(channels, time)``."""
    draft = Draft()
    text = shape.data == "text"
    size = draft.decide("embedding.size", WIDTHS, ordered=True)
    if text:
        x = draft.node("embedding", "embedding", ["input"], size=size, vocabulary=shape.vocabulary)
    else:
        stride = draft.decide("embedding.stride", (1, 2, 4), ordered=True)
        x = draft.node("embedding", "conv", ["input"], channels=size, kernel=7, stride=stride)
    positions = draft.decide("positions", ("none", "sinusoidal", "learned"))
    x = draft.node("positions", "positional", [x], positions.among("sinusoidal", "learned"), kind=positions)
    dropout = draft.decide("dropout", (0.0, 0.1, 0.25, 0.5), ordered=True)
    x = draft.node("embedding.dropout", "dropout", [x], dropout.at_least(0.1), rate=dropout)
    depth = draft.decide("depth", DEPTHS, ordered=True)
    connection = draft.decide("connection", ("chain", "residual", "dense", "sparse"), when=depth.at_least(1))
    norm = draft.decide("norm", ("none", "batch_norm", "layer_norm"), when=depth.at_least(1))
    outputs = [x]
    for layer in DEPTHS[1:]:
        outputs.append(_layer(draft, f"layer{layer}", depth, layer, connection, norm, dropout, outputs))
    kind = draft.decide("pool", ("avg", "max", "last", "both"))
    x = draft.node("pool", "global_pool", [outputs[-1]], kind=kind)
    x = draft.node("pool.dropout", "dropout", [x], dropout.at_least(0.1), rate=dropout)
    draft.recipe(label_smoothing=True)
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("sequence", shape, _plain(text))


def _layer(
    draft: Draft, name: str, depth: Decision, level: int, connection: Decision, norm: Decision, dropout: Decision, outputs: list[str]
) -> str:
    here = depth.at_least(level)
    op = draft.decide(f"{name}.op", LAYERS, when=here)
    width = draft.decide(f"{name}.width", WIDTHS, ordered=True, when=op.among("conv", "rnn", "lstm", "gru"))
    kernel = draft.decide(f"{name}.kernel", (3, 5, 7), ordered=True, when=op.among("conv"))
    both_ways = draft.decide(f"{name}.bidirectional", (False, True), when=op.among("rnn", "lstm", "gru"))
    heads = draft.decide(f"{name}.heads", (1, 2, 4), ordered=True, when=op.among("transformer"))
    expansion = draft.decide(f"{name}.expansion", (1, 2, 4), ordered=True, when=op.among("transformer"))
    recurrent: dict[str, Value | Decision] = {"units": width, "bidirectional": both_ways}
    options: dict[str, dict[str, Value | Decision]] = {
        "conv": {"channels": width, "kernel": kernel},
        "rnn": recurrent,
        "lstm": recurrent,
        "gru": recurrent,
        "transformer": {"heads": heads, "expansion": expansion, "dropout": dropout},
    }
    x = draft.join(f"{name}.join", connection, outputs, here)
    x = draft.choose(f"{name}.op", op, options, [x], here)
    normed = here & norm.among("batch_norm", "layer_norm") & op.among("conv", "rnn", "lstm", "gru")
    x = draft.choose(f"{name}.norm", norm, {"batch_norm": {}, "layer_norm": {}}, [x], normed)
    x = draft.node(f"{name}.activation", "activation", [x], op.among("conv"), kind="relu")
    x = draft.node(f"{name}.dropout", "dropout", [x], here & dropout.at_least(0.1), rate=dropout)
    return draft.residual(f"{name}.residual", connection, x, outputs[-1], here)


def _plain(text: bool) -> dict[str, Value]:
    """Text: a convolution over word embeddings with max pooling (Kim 2014); series: one GRU."""
    plain: dict[str, Value] = {"embedding.size": 64 if text else 32, "embedding.stride": 2, "positions": "none", "depth": 1}
    plain |= {"connection": "chain", "norm": "none", "pool": "max" if text else "last", "dropout": 0.25 if text else 0.0}
    for layer in DEPTHS[1:]:
        plain |= {f"layer{layer}.op": "conv" if text else "gru", f"layer{layer}.width": 64, f"layer{layer}.kernel": 3}
    return plain | {"recipe.learning_rate": 3e-3, "recipe.weight_decay": 1e-2, "recipe.label_smoothing": 0.0}
