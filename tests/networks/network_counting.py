"""What a built network has: trained numbers, and the floating-point operations that PyTorch counts."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from metanas.spaces import Graph, TaskShape


def _lstm_flop(inputs: Any, input_weights: Any, hidden_weights: Any, *args: Any, **kwargs: Any) -> int:
    """PyTorch's counter does not know the fused LSTM: two per weight and time step, as it counts the other recurrent layers."""
    times, batch, _ = inputs
    return 2 * times * batch * (prod(input_weights) + prod(hidden_weights))


def _attention_flop(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
    """Nor does it know the CPU's fused attention, for which its own formula for the GPU's holds."""
    return int(sdpa_flop_count(query, key, value))


_MORE = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flop, torch.ops.aten.mkldnn_rnn_layer: _lstm_flop}


def counted_flops(module: nn.Module, *inputs: Tensor) -> int:
    counter = FlopCounterMode(display=False, custom_mapping=_MORE)
    with counter:
        module(*inputs)
    return int(counter.get_total_flops())


def counted_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def example(shape: TaskShape, batch: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if shape.data == "text":
        return torch.randint(0, shape.vocabulary, (batch, *shape.input), generator=generator, dtype=torch.int32)
    return torch.randn(batch, *shape.input, generator=generator)


def single(op: str, inputs: tuple[int, ...], **settings: Any) -> Graph:
    """A graph of one node that reads the input."""
    from metanas.spaces import Node

    data = {1: "table", 2: "series", 3: "image"}[len(inputs)]
    return Graph(TaskShape(data, inputs, 2), (Node("only", op, tuple(settings.items()), ("input",)),))  # type: ignore[arg-type]
