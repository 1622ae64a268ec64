"""Networks as layers one after the other, each computing several tasks at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metanas.evaluation.fast_convolution import bfloat16_is_fast
from metanas.meta.together.base import Inputs, Model, Named, Part, Pass
from metanas.meta.together.stages import Stage, forget_statistics, norm_names, stages_of
from metanas.meta.together.trace import Call, Trace
from metanas.meta.together.ways import by_task
from metanas.networks import Network, build_network
from metanas.spaces.graph import INPUT, Graph


class StagedModel(Model):
    """Layers one after the other, as far as it is known which they are.

    Args:
        stages: the layers.
        shapes: of the weights, by name.
        device: where weights and inputs are.
        dtype: of the weights and all arithmetic.
        rounded: whether the factors of large products are rounded to bfloat16, on CPUs that are fast at that.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        shapes: Mapping[str, torch.Size],
        device: torch.device,
        dtype: torch.dtype,
        *,
        rounded: bool = False,
    ) -> None:
        self.device, self.dtype, self.names = device, dtype, tuple(shapes)
        self._rounded = rounded and (device.type != "cpu" or bfloat16_is_fast())
        self._shapes, self._stages = dict(shapes), list(stages)
        self._matrices = {stage.weights[0] for stage in self._stages if stage.matrix}
        last = max(i for i, stage in enumerate(self._stages) if stage.weights)
        self._parts: dict[Part, list[Stage]] = {"whole": self._stages, "body": self._stages[:last], "head": self._stages[last:]}
        self.head_names = self._stages[last].weights

    def spread(self, weights: Mapping[str, Tensor], tasks: int) -> Named:
        """Kernels become matrices ``(tasks, U, K)``."""
        own = {n: w.movedim(1, -1).flatten(1) if n in self._matrices and w.dim() > 2 else w for n, w in weights.items()}
        return {name: w.expand(tasks, *w.shape).contiguous() for name, w in own.items()}

    def gather(self, weights: Mapping[str, Tensor]) -> Named:
        """Undoes :meth:`spread`, but for the axis of tasks."""
        return {name: self._network_shape(name, w) for name, w in weights.items()}

    def _network_shape(self, name: str, w: Tensor) -> Tensor:
        if name not in self._matrices or len(self._shapes[name]) == 2:
            return w
        units, channels, *kernel = self._shapes[name]
        return w.view(len(w), units, *kernel, channels).movedim(-1, 2)

    def run(self, weights: Mapping[str, Tensor], inputs: Inputs, *, part: Part = "whole", twice: bool = False) -> Pass:
        """A forward pass."""
        ends = {name for stage in self._parts["head"] for name in stage.inputs} if part == "body" else {self._stages[-1].name}
        return _StagedPass(self._parts[part], weights, inputs, ends, twice=twice, rounded=self._rounded)


class GraphModel(StagedModel):
    """The network of a graph.

    Batch normalisation takes the statistics of the batch (of each task by itself), dropout is off. A convolution of the input, the batch
    normalisation that alone reads it and the rectifier that alone reads that are one layer, as are other normalisations with their
    rectifier.

    Args:
        graph: of the network.
        input_mean, input_std: one number per channel; None for 0 and 1.
        device: where weights and inputs are.
        dtype: of the weights and all arithmetic.
        rounded: whether the factors of large products are rounded to bfloat16, on CPUs that are fast at that.

    Raises:
        ValueError: if the graph can't be built.
    """

    def __init__(
        self,
        graph: Graph,
        input_mean: NDArray[np.float32] | None = None,
        input_std: NDArray[np.float32] | None = None,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        rounded: bool = False,
    ) -> None:
        self.graph, self.statistics = graph, (input_mean, input_std)
        self._network = self._build(0).to(device, dtype).eval()
        for module in self._network.modules():
            forget_statistics(module)
        named = dict(self._network.named_parameters())
        owned = {id(p): name for name, p in named.items()}
        stages = stages_of(self._network.steps, owned, self._network.cut or INPUT)
        super().__init__(stages, {name: p.shape for name, p in named.items()}, torch.device(device), dtype, rounded=rounded)
        self.norm_names = norm_names(self._network)

    def _build(self, seed: int) -> Network:
        mean, std = self.statistics
        return build_network(self.graph, input_mean=mean, input_std=std, seed=seed)

    def init(self, seed: int) -> Named:
        """Fresh weights."""
        return {name: p.detach().to(self.device, self.dtype) for name, p in self._build(seed).named_parameters()}

    def inputs(self, x: Tensor) -> Inputs:
        """Examples ``(tasks, examples, *input)``, standardised, up to what no weights change."""
        examples = x.to(self.device).flatten(0, 1)
        with torch.no_grad():
            front, masks = self._network.front(examples), self._network.masks(examples)
        value = front.to(self.dtype) if front.is_floating_point() else front
        return Inputs(len(x), {self._network.cut or INPUT: value}, masks=masks)


class _StagedPass(Pass):
    def __init__(
        self,
        stages: Sequence[Stage],
        weights: Mapping[str, Tensor],
        inputs: Inputs,
        ends: set[str],
        *,
        twice: bool,
        rounded: bool,
    ) -> None:
        self._stages, self._tasks = stages, inputs.tasks
        self._traces: list[Trace] = []
        values = dict(inputs.values)
        self._varying = set() if inputs.constant else set(values)
        for stage in stages:
            if stage.weights or self._varying.intersection(stage.inputs):
                self._varying.add(stage.name)
            call = Call(
                [weights[name] for name in stage.weights],
                [values[name] for name in stage.inputs],
                inputs.tasks,
                [name in self._varying for name in stage.inputs],
                twice,
                rounded,
                inputs.masks.get(stage.level or 0),
                inputs.memo.setdefault(stage.name, {}),
            )
            trace = stage.layer(call)
            values[stage.name] = trace.y
            self._traces.append(trace)
            for name in stage.done_with:
                if name not in ends:
                    del values[name]
        self.values = {name: value for name, value in values.items() if name in ends}

    @property
    def outputs(self) -> Tensor:
        return by_task(self._traces[-1].y, self._tasks)

    def gradient(self, g: Tensor | Mapping[str, Tensor]) -> Named:
        found: Named = {}
        values = {self._stages[-1].name: g.flatten(0, 1)} if isinstance(g, Tensor) else dict(g)
        for stage, trace in zip(reversed(self._stages), reversed(self._traces), strict=True):
            gy = values.pop(stage.name, None)
            if gy is not None:
                gx, gw = trace.backward(gy)
                for name, change in zip(stage.weights, gw, strict=True):
                    found[name] = found[name] + change if name in found else change
                self._add(values, stage.inputs, gx)
        self.inputs_gradient = values
        return found

    def tangent(self, direction: Mapping[str, Tensor]) -> Tensor:
        values: dict[str, Tensor | None] = {}
        for stage, trace in zip(self._stages, self._traces, strict=True):
            values[stage.name] = trace.tangent([direction.get(n) for n in stage.weights], [values.get(n) for n in stage.inputs])
        change = values[self._stages[-1].name]
        return torch.zeros_like(self.outputs) if change is None else change.view_as(self.outputs)

    def add_curvature(self, vg: Tensor, into: Mapping[str, Tensor], scale: float) -> None:
        values = {self._stages[-1].name: vg.flatten(0, 1)}
        for stage, trace in zip(reversed(self._stages), reversed(self._traces), strict=True):
            vgy = values.pop(stage.name, None)
            if vgy is not None:
                self._add(values, stage.inputs, trace.tangent_backward(vgy, [into[n] for n in stage.weights], scale))
        self.inputs_curvature = values

    def _add(self, values: Named, names: Sequence[str], gradients: Sequence[Tensor | None]) -> None:
        for name, g in zip(names, gradients, strict=True):
            if g is not None and name in self._varying:
                values[name] = values[name] + g if name in values else g
