"""Activations, dropout and normalisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "silu": nn.SiLU, "gelu": nn.GELU}
EPSILON = 1e-5


class BatchNorm(nn.Module):
    """Batch normalisation over everything but the channels (Ioffe and Szegedy 2015); running averages of momentum 0.1."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, ...)``, normalised."""
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training, 0.1, EPSILON)


class LayerNorm(nn.Module):
    """Layer normalisation over the channels of every position (Ba et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, ...)``, normalised."""
        return F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, EPSILON).movedim(-1, 1)


@builds("identity")
def identity(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``identity``."""
    return nn.Identity()


@builds("activation")
def activation(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``activation``.

    Raises:
        ValueError: for an unknown kind.
    """
    kind = str(settings["kind"])
    if kind not in _ACTIVATIONS:
        raise ValueError(f"no activation {kind!r}; known: {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[kind]()


@builds("dropout")
def dropout(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``dropout``."""
    return nn.Dropout(float(settings["rate"]))


@builds("batch_norm")
def batch_norm(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``batch_norm``."""
    return BatchNorm(inputs[0][0])


@builds("layer_norm")
def layer_norm(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``layer_norm``."""
    return LayerNorm(inputs[0][0])
