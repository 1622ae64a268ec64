"""``convnet``: convolution networks for images (2-D), series (1-D) and sound (2-D over a spectrogram).

A stem, then stages of blocks that halve the resolution between them. Each block is a convolution, a depthwise separable
convolution or a pooling; blocks of a stage are connected as a chain, with residuals, densely, or sparsely.
"""

from math import prod

from metanas.spaces.decision import Decision, Value
from metanas.spaces.draft import Draft
from metanas.spaces.operations.elementwise import ACTIVATIONS
from metanas.spaces.registry import register_space
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space

STAGES = (1, 2, 3, 4)
BLOCKS = (1, 2, 3)
WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128)
LARGE = 1024
"""Positions (pixels, time steps) of an input that counts as large."""
OPERATIONS = ("conv", "sep_conv", "max_pool", "avg_pool")


@register_space("convnet", "image", "sound", "series")
def convnet(shape: TaskShape) -> Space:
    """The space for images ``(channels, height, width)``, series ``(channels, time)`` or waveforms."""
    draft = Draft()
    x = sound_front(draft, shape) if shape.data == "sound" else "input"
    flat = shape.data == "series"
    kernels = (3, 5, 9, 15) if flat else (3, 5)
    stages = draft.decide("stages", STAGES, ordered=True)
    connection = draft.decide("connection", ("chain", "residual", "dense", "sparse"))
    activation = draft.decide("activation", ACTIVATIONS)
    norm = draft.decide("norm", ("batch_norm", "layer_norm", "none"))
    down = draft.decide("down", ("stride", "max_pool", "avg_pool"), when=stages.at_least(2))
    stem_width = draft.decide("stem.width", WIDTHS[:5], ordered=True)
    stem_stride = draft.decide("stem.stride", (1, 2), ordered=True)
    stem_kernel = draft.decide("stem.kernel", kernels, ordered=True)
    x = draft.node("stem.conv", "conv", [x], channels=stem_width, kernel=stem_kernel, stride=stem_stride)
    x = _norm_and_activation(draft, "stem", x, norm, activation)
    for s in STAGES:
        in_stage = stages.at_least(s)
        width = draft.decide(f"stage{s}.width", WIDTHS, ordered=True, when=in_stage)
        depth = draft.decide(f"stage{s}.depth", BLOCKS, ordered=True, when=in_stage)
        if s > 1:
            pooled = down.among("max_pool", "avg_pool") & in_stage
            pools: dict[str, dict[str, Value | Decision]] = {op: {"kernel": 2, "stride": 2} for op in ("max_pool", "avg_pool")}
            x = draft.choose(f"stage{s}.down", down, pools, [x], pooled)
            strided = down.among("stride") & in_stage
            x = draft.node(f"stage{s}.stride", "conv", [x], strided, channels=width, kernel=3, stride=2)
        outputs = [x]
        for b in BLOCKS:
            name, here = f"stage{s}.block{b}", depth.at_least(b)
            op = draft.decide(f"{name}.op", OPERATIONS, when=here)
            kernel = draft.decide(f"{name}.kernel", kernels, ordered=True, when=op.among("conv", "sep_conv"))
            conv: dict[str, Value | Decision] = {"channels": width, "kernel": kernel}
            pool: dict[str, Value | Decision] = {"kernel": 3, "stride": 1}
            x = draft.join(f"{name}.join", connection, outputs, here)
            x = draft.choose(f"{name}.op", op, {"conv": conv, "sep_conv": conv, "max_pool": pool, "avg_pool": pool}, [x], here)
            x = _norm_and_activation(draft, name, x, norm, activation, depth, b)
            outputs.append(draft.residual(f"{name}.residual", connection, x, outputs[-1], here))
        x = outputs[-1]
    pool_kind = draft.decide("pool", ("avg", "max", "both"))
    dropout = draft.decide("dropout", (0.0, 0.1, 0.25, 0.5), ordered=True)
    x = draft.node("pool", "global_pool", [x], kind=pool_kind)
    x = draft.node("dropout", "dropout", [x], dropout.at_least(0.1), rate=dropout)
    draft.recipe(label_smoothing=True)
    draft.node("head", "dense", [x], units=shape.outputs)
    large = shape.data == "sound" or prod(shape.input[1:]) > LARGE
    return draft.space("convnet", shape, _plain(flat, large))


def sound_front(draft: Draft, shape: TaskShape) -> str:
    """The spectrogram that turns a waveform into a picture: windows of about 32 ms that overlap by half."""
    window = 1 << max(4, round(0.032 * shape.rate).bit_length() - (shape.rate < 8000))
    kind = draft.decide("front", ("log_mel", "log_spectrogram"))
    bands = draft.decide("front.bands", (24, 40, 64), ordered=True, when=kind.among("log_mel"))
    mel: dict[str, Value | Decision] = {"rate": shape.rate, "bands": bands, "window": window, "hop": window // 2}
    return draft.choose("front", kind, {"log_mel": mel, "log_spectrogram": {"window": window, "hop": window // 2}}, ["input"])


def _norm_and_activation(
    draft: Draft, name: str, x: str, norm: Decision, activation: Decision, depth: Decision | None = None, block: int = 1
) -> str:
    here = depth.at_least(block) if depth is not None else norm.among(*norm.options)
    x = draft.choose(f"{name}.norm", norm, {"batch_norm": {}, "layer_norm": {}}, [x], here & norm.among("batch_norm", "layer_norm"))
    return draft.node(f"{name}.activation", "activation", [x], here, kind=activation)


def _plain(flat: bool, large: bool) -> dict[str, Value]:
    """A small residual network of plain convolutions, whose stem halves the resolution of large inputs."""
    plain: dict[str, Value] = {"stages": 3, "connection": "residual", "activation": "relu", "norm": "batch_norm", "down": "max_pool"}
    plain |= {"stem.width": 16, "stem.stride": 2 if large else 1, "stem.kernel": 9 if flat else 3, "pool": "avg", "dropout": 0.0}
    for s, width in zip(STAGES, (16, 32, 64, 64), strict=True):
        plain |= {f"stage{s}.width": width, f"stage{s}.depth": 2 if s > 2 else 1}
        for b in BLOCKS:
            plain |= {f"stage{s}.block{b}.op": "conv", f"stage{s}.block{b}.kernel": 5 if flat else 3}
    return plain | {"recipe.learning_rate": 1e-2, "recipe.weight_decay": 1e-2, "recipe.label_smoothing": 0.0}
