"""Transformer blocks and positional encoding."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.operations.dense import Dense
from metanas.networks.operations.elementwise import LayerNorm
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


class Transformer(nn.Module):
    """Multi-head self-attention and a feed-forward layer, each normalised first and added to its input.

    Vaswani et al. 2017, with normalisation before each half as in Xiong et al. 2020. Padding is not attended to.
    """

    takes_mask = True

    def __init__(self, channels: int, heads: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.attention_norm = LayerNorm(channels)
        self.qkv = Dense(channels, 3 * channels, gain=1.0)
        self.out = Dense(channels, channels, gain=1.0)
        self.feed_forward_norm = LayerNorm(channels)
        self.widen = Dense(channels, expansion * channels)
        self.narrow = Dense(expansion * channels, channels, gain=1.0)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(batch, channels, time)`` to the same shape."""
        x = x + self._drop(self._attend(self.attention_norm(x).transpose(1, 2), mask)).transpose(1, 2)
        hidden = F.gelu(self.widen(self.feed_forward_norm(x).transpose(1, 2)))
        return x + self._drop(self.narrow(hidden)).transpose(1, 2)

    def _attend(self, steps: Tensor, mask: Tensor | None) -> Tensor:
        batch, times, channels = steps.shape
        split = self.qkv(steps).view(batch, times, 3, self.heads, channels // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        bias = None
        if mask is not None:
            # A large finite penalty instead of minus infinity: a text of padding only then gives numbers, not NaN.
            bias = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -1e9)[:, None, None, :]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, times, channels))
        return out

    def _drop(self, steps: Tensor) -> Tensor:
        return F.dropout(steps, self.dropout, self.training) if self.dropout else steps


class Positional(nn.Module):
    """Adds a vector per time step: trained, or sinusoids (Vaswani et al. 2017, section 3.5)."""

    def __init__(self, kind: str, channels: int, times: int) -> None:
        super().__init__()
        if kind == "learned":
            self.table = nn.Parameter(torch.randn(channels, times) * 0.02)
        elif kind == "sinusoidal":
            self.register_buffer("table", sinusoids(channels, times), persistent=False)
        else:
            raise ValueError(f"no positional encoding {kind!r}; known: sinusoidal, learned")

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, time)`` to the same shape."""
        return x + self.table


def sinusoids(channels: int, times: int) -> Tensor:
    """``(channels, times)``: even channels ``2i`` are ``sin(t / 10000^(2i / channels))``, odd ones the cosines."""
    pair = torch.arange(channels) // 2
    angles = torch.arange(times) * torch.exp(-math.log(10_000) * 2 * pair / channels)[:, None]
    return torch.where((torch.arange(channels) % 2 == 0)[:, None], angles.sin(), angles.cos())


@builds("transformer")
def transformer(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``transformer``."""
    return Transformer(inputs[0][0], integer(settings, "heads"), integer(settings, "expansion"), float(settings.get("dropout", 0.0)))


@builds("positional")
def positional(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``positional``.

    Raises:
        ValueError: for an unknown kind.
    """
    return Positional(str(settings["kind"]), *inputs[0])
