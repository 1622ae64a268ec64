"""Recurrent layers: simple RNN, LSTM and GRU, in one direction or both."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metanas.networks.operations.pooling import lengths
from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer


class Recurrent(nn.Module):
    """One recurrent layer per direction, their outputs side by side.

    The backward direction reads every sequence from its last real token, so that padding, which stands at the end, never
    comes before tokens; in the forward direction it can't.
    """

    takes_mask = True

    def __init__(self, kind: str, channels: int, units: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = _layer(kind, channels, units)
        self.backwards = _layer(kind, channels, units) if bidirectional else None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``(batch, channels, time)`` to ``(batch, units * directions, time)``."""
        steps = x.transpose(1, 2).contiguous()
        out: Tensor = self.forwards(steps)[0]
        if self.backwards is not None:
            reverse = _reversal(mask, steps)
            back = self.backwards(_take(steps, reverse))[0]
            out = torch.cat([out, _take(back, reverse)], dim=2)
        return out.transpose(1, 2)


def _reversal(mask: Tensor | None, steps: Tensor) -> Tensor:
    """For every sequence the order ``(batch, time)`` that turns its real part around and leaves the padding after it."""
    batch, times = steps.shape[:2]
    order = torch.arange(times, device=steps.device)
    ends = lengths(mask)[:, None] if mask is not None else order.new_full((batch, 1), times)
    return torch.where(order < ends, ends - 1 - order, order)


def _take(steps: Tensor, order: Tensor) -> Tensor:
    return steps.gather(1, order[:, :, None].expand_as(steps))


def _layer(kind: str, channels: int, units: int) -> nn.Module:
    """PyTorch's layer with its own initial weights, but a forget bias of 1 for LSTM (Jozefowicz et al. 2015)."""
    if kind == "rnn":
        return nn.RNN(channels, units, batch_first=True)
    if kind == "gru":
        return nn.GRU(channels, units, batch_first=True)
    layer = nn.LSTM(channels, units, batch_first=True)
    biases = dict(layer.named_parameters())
    with torch.no_grad():
        biases["bias_ih_l0"][units : 2 * units] = 1.0
        biases["bias_hh_l0"][units : 2 * units] = 0.0
    return layer


@builds("rnn")
def rnn(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``rnn``."""
    return _recurrent("rnn", inputs, settings)


@builds("lstm")
def lstm(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``lstm``."""
    return _recurrent("lstm", inputs, settings)


@builds("gru")
def gru(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``gru``."""
    return _recurrent("gru", inputs, settings)


def _recurrent(kind: str, inputs: Inputs, settings: Settings) -> nn.Module:
    return Recurrent(kind, inputs[0][0], integer(settings, "units"), bidirectional=bool(settings.get("bidirectional", False)))
