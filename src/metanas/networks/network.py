"""The network of a graph: its modules, run in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metanas.networks.layout import channels_last
from metanas.networks.operations.dense import Dense
from metanas.networks.registry import module_of
from metanas.spaces.graph import INPUT, Graph
from metanas.spaces.operation import Inputs, Settings, integer, operation
from metanas.spaces.shape import Shape, TaskShape

HEAD_SCALE = 0.1
"""A dense layer that gives the output starts with smaller weights, so that training starts near even odds, or near the mean."""
NEED_NO_OUTPUT = frozenset({"conv", "sep_conv", "dense", "batch_norm", "layer_norm"})
"""Operations whose backward pass does without their output, so that a rectifier may overwrite it."""


@dataclass(frozen=True)
class Step:
    """One node as it is run: its module, where its inputs come from, and what nobody needs afterwards."""

    name: str
    inputs: tuple[str, ...]
    module: nn.Module
    masked: bool
    level: int | None
    done_with: tuple[str, ...] = ()


class Network(nn.Module):
    """The module of a graph: raw examples in, one number per output out (logits, or standardised targets).

    Examples come as ``(batch, *graph.shape.input)``: float32 or uint8 numbers, which it standardises itself with the
    buffers ``input_mean`` and ``input_std``, or token ids, of which 0 is padding that masks keep out of attention,
    recurrence and pooling. Weights are named ``nodes.<node>.<operation>.<weight>``, see :func:`weight_name`.
    """

    input_mean: Tensor
    input_std: Tensor

    def __init__(self, graph: Graph, modules: Mapping[str, nn.Module], input_mean: Tensor, input_std: Tensor) -> None:
        super().__init__()
        self.graph = graph
        self.register_buffer("input_mean", input_mean)
        self.register_buffer("input_std", input_std)
        self.nodes = nn.Module()
        for node in graph.nodes:
            place = nn.Module()
            place.add_module(weight_name(node.op), modules[node.name])
            self.nodes.add_module(weight_name(node.name), place)
        _save_memory(graph, modules)
        steps = _steps(graph, modules)
        self.cut = _fixed_prefix(graph)
        fixed = [i for i, step in enumerate(steps) if step.name == self.cut]
        split = fixed[0] + 1 if fixed else 0
        self._front, self._rest = steps[:split], steps[split:]

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, *graph.shape.input)`` to ``(batch, outputs)``."""
        return self.rest(self.front(x))

    def front(self, x: Tensor) -> Tensor:
        """The part that training never changes: standardising, and operations without weights up to the node ``cut``.

        Worth computing once for all examples only if there is such a node (``cut`` is not None).
        """
        if self.graph.shape.data == "text":
            return x
        return self._run(self._front, {INPUT: standardised(x, self.input_mean, self.input_std)}, {})

    def rest(self, x: Tensor) -> Tensor:
        """What :meth:`front` gives to ``(batch, outputs)``."""
        return self._run(self._rest, {self.cut or INPUT: x}, self.masks(x))

    def masks(self, x: Tensor) -> dict[int, Tensor]:
        """Where tokens stand and not padding, by :attr:`Step.level`; none for inputs other than tokens."""
        if self.graph.shape.data != "text":
            return {}
        return {step.level: (x != 0)[:, :: step.level] for step in self._rest if step.masked and step.level}

    @property
    def steps(self) -> tuple[Step, ...]:
        """What :meth:`rest` runs, in order."""
        return tuple(self._rest)

    @staticmethod
    def _run(steps: Sequence[Step], values: dict[str, Tensor], masks: Mapping[int, Tensor]) -> Tensor:
        out = next(iter(values.values()))
        for step in steps:
            inputs = [values[name] for name in step.inputs]
            out = step.module(*inputs, mask=masks.get(step.level or 0)) if step.masked else step.module(*inputs)
            values[step.name] = out
            for name in step.done_with:
                del values[name]
        return out


def build_network(
    graph: Graph, *, input_mean: NDArray[np.float32] | None = None, input_std: NDArray[np.float32] | None = None, seed: int
) -> Network:
    """The network of ``graph`` with fresh weights.

    A node's weights depend on the seed, its name and its own shape only (and on whether it gives the output, see
    :data:`HEAD_SCALE`), so that they stay the same whatever happens elsewhere in the graph. PyTorch's default generator is left as it was.

    Args:
        graph: for the shapes of a task.
        input_mean, input_std: one number per channel (first axis of the task's input); None for 0 and 1.
        seed: of the initial weights.

    Raises:
        ValueError: if an operation refuses its inputs or nothing builds it.
    """
    modules = {n.name: fresh_module(seed, n.name, n.op, graph.input_shapes(n), n.options) for n in graph.nodes}
    if isinstance(head := modules[graph.nodes[-1].name], Dense):
        head.weight.data *= HEAD_SCALE
    return Network(graph, modules, *input_statistics(graph.shape, input_mean, input_std))


def standardised(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """``(batch, channels, ...)`` numbers of any kind as floats of mean 0 and deviation 1, channels innermost in memory."""
    shape = (-1,) + (1,) * (x.dim() - 2)
    return channels_last((x.float() - mean.view(shape)) / std.view(shape))


def fresh_module(seed: int, node: str, op: str, inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of an operation, its initial weights drawn from the seed and the names of node and operation."""
    text = f"{seed}/{node}/{op}".encode()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1)
        return module_of(op, inputs, settings)


def input_statistics(shape: TaskShape, mean: NDArray[np.float32] | None, std: NDArray[np.float32] | None) -> tuple[Tensor, Tensor]:
    """What inputs are standardised with, one number per channel; None for 0 and 1."""
    channels = 1 if shape.data == "text" else shape.input[0]
    given = [None if numbers is None else torch.tensor(np.asarray(numbers, np.float32)) for numbers in (mean, std)]
    return torch.zeros(channels) if given[0] is None else given[0], torch.ones(channels) if given[1] is None else given[1]


def weight_name(name: str) -> str:
    """``name`` of a node or operation as part of a weight's name.

    Letters, digits and underscores stay, a dot becomes a hyphen, other characters become ``%`` and their code point in hex, so that
    different names stay different; names that modules use for themselves (``train``) gain a final ``%``.
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "-" if c == "." else f"%{ord(c):x}%" for c in name)
    return f"{kept}%" if not kept or hasattr(nn.Module, kept) or kept == "training" else kept


def _steps(graph: Graph, modules: Mapping[str, nn.Module]) -> list[Step]:
    levels: dict[str, int | None] = {INPUT: 1 if graph.shape.data == "text" else None}
    steps = []
    for node in graph.nodes:
        stride = integer(node.options, "stride", 1)
        levels[node.name] = mask_level(stride, [levels[i] for i in node.inputs], graph.shapes[node.name], graph.shape.input[-1])
        masked = bool(getattr(modules[node.name], "takes_mask", False))
        steps.append(Step(node.name, node.inputs, modules[node.name], masked, levels[node.inputs[0]]))
    needed = {graph.nodes[-1].name}
    for i, step in reversed(list(enumerate(steps))):
        steps[i] = replace(step, done_with=tuple(name for name in dict.fromkeys(step.inputs) if name not in needed))
        needed.update(step.inputs)
    return steps


def _save_memory(graph: Graph, modules: Mapping[str, nn.Module]) -> None:
    """Let rectifiers overwrite their input where nobody else reads it and the operation before it does without its output."""
    by_name = {node.name: node for node in graph.nodes}
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    for node in graph.nodes:
        module, source = modules[node.name], by_name.get(node.inputs[0])
        if isinstance(module, nn.ReLU) and source is not None and source.op in NEED_NO_OUTPUT and readers[source.name] == 1:
            module.inplace = True


def mask_level(stride: int, inputs: Sequence[int | None], shape: Shape, tokens: int) -> int | None:
    """How many tokens one time step of a node's output stands for, or None where its output has no time steps of tokens."""
    first = inputs[0]
    if first is None or any(level != first for level in inputs) or len(shape) != 2:
        return None
    level = first * stride
    return level if -(-tokens // level) == shape[1] else None


def _fixed_prefix(graph: Graph) -> str | None:
    """The node through which everything passes that is computed from the input without weights or randomness, if any."""
    fixed = {INPUT}
    for node in graph.nodes:
        if operation(node.op).fixed and fixed.issuperset(node.inputs):
            fixed.add(node.name)
    border = {name for node in graph.nodes if node.name not in fixed for name in node.inputs if name in fixed}
    work = any(node.name in fixed and operation(node.op).flops(graph.input_shapes(node), node.options) for node in graph.nodes)
    cut = next(iter(border), None)
    names = [node.name for node in graph.nodes]
    if len(border) != 1 or cut is None or cut == INPUT or not work or set(names[: names.index(cut) + 1]) - fixed:
        return None
    return cut
