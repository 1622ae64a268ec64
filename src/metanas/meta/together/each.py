"""Functions for :class:`~metanas.meta.together.trace.Derived`: modules as functions of the weights and examples of several tasks."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.overrides import TorchFunctionMode

from metanas.meta.together.trace import Call, Derived, Trace
from metanas.meta.together.ways import by_task


class Plain:
    """A module without weights that treats every example by itself: on the examples of all tasks at once."""

    def __init__(self, module: nn.Module, *, masked: bool) -> None:
        self.module, self.masked = module, masked

    def __call__(self, call: Call) -> Trace:
        """The trace of one call."""
        options = {"mask": call.mask} if self.masked else {}
        return Derived(call, lambda _, x: self.module(*x, **options))


class EachTask:
    """Any other module: one task after the other on a CPU, by ``vmap`` elsewhere.

    Args:
        module: stays as it is; every thread works on a copy, since a call puts the weights of a task in place.
        names: of its weights, in order.
        masked: whether it takes a mask.
    """

    def __init__(self, module: nn.Module, names: Sequence[str], *, masked: bool) -> None:
        self.module, self.names, self.masked = module, tuple(names), masked
        self._local = threading.local()

    def __call__(self, call: Call) -> Trace:
        """The trace of one call."""
        if not hasattr(self._local, "module"):
            self._local.module = copy.deepcopy(self.module)
        return Derived(call, partial(self._all, self._local.module, call))

    def _all(self, module: nn.Module, call: Call, w: Sequence[Tensor], x: Sequence[Tensor]) -> Tensor:
        inputs = [by_task(value, call.tasks) for value in x]
        masks = {"mask": by_task(call.mask, call.tasks)} if self.masked and call.mask is not None else {}
        weights = dict(zip(self.names, w, strict=True))
        run = partial(_run, module)
        if inputs[0].device.type != "cpu":
            return vmap(run)(weights, inputs, masks).flatten(0, 1)
        return torch.cat([run(_pick(weights, t), [value[t] for value in inputs], _pick(masks, t)) for t in range(call.tasks)])


def _pick(tensors: Mapping[str, Tensor], task: int) -> dict[str, Tensor]:
    return {name: tensor[task] for name, tensor in tensors.items()}


def _run(module: nn.Module, weights: Mapping[str, Tensor], inputs: Sequence[Tensor], masks: Mapping[str, Tensor]) -> Tensor:
    with _PlainAttention():
        out: Tensor = functional_call(module, dict(weights), tuple(inputs), dict(masks))
    return out


class _PlainAttention(TorchFunctionMode):
    """Attention step by step, since PyTorch's fused kernels have no second derivative; for the thread that is in it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            return torch.ops.aten._scaled_dot_product_attention_math(*args, **(kwargs or {}))[0]
        return func(*args, **(kwargs or {}))
