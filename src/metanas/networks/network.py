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
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.operation import integer, operation
from metanas.spaces.shape import Shape

HEAD_SCALE = 0.1
"""A dense layer that gives the output starts with smaller weights, so that training starts near even odds, or near the mean."""
_NEED_NO_OUTPUT = frozenset({"conv", "sep_conv", "dense", "batch_norm", "layer_norm"})


@dataclass(frozen=True)
class _Step:
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
        shape = (-1,) + (1,) * (x.dim() - 2)
        standardised = channels_last((x.float() - self.input_mean.view(shape)) / self.input_std.view(shape))
        return self._run(self._front, {INPUT: standardised}, {})

    def rest(self, x: Tensor) -> Tensor:
        """What :meth:`front` gives to ``(batch, outputs)``."""
        masks = {}
        if self.graph.shape.data == "text":
            masks = {step.level: (x != 0)[:, :: step.level] for step in self._rest if step.masked and step.level}
        return self._run(self._rest, {self.cut or INPUT: x}, masks)

    @staticmethod
    def _run(steps: Sequence[_Step], values: dict[str, Tensor], masks: Mapping[int, Tensor]) -> Tensor:
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
    channels = 1 if graph.shape.data == "text" else graph.shape.input[0]
    mean = torch.zeros(channels) if input_mean is None else torch.tensor(np.asarray(input_mean, np.float32))
    std = torch.ones(channels) if input_std is None else torch.tensor(np.asarray(input_std, np.float32))
    modules: dict[str, nn.Module] = {}
    with torch.random.fork_rng(devices=[]):
        for node in graph.nodes:
            torch.default_generator.manual_seed(_node_seed(seed, node))
            modules[node.name] = module_of(node.op, graph.input_shapes(node), node.options)
    if isinstance(head := modules[graph.nodes[-1].name], Dense):
        head.weight.data *= HEAD_SCALE
    return Network(graph, modules, mean, std)


def weight_name(name: str) -> str:
    """``name`` of a node or operation as part of a weight's name.

    Letters, digits and underscores stay, a dot becomes a hyphen, other characters become ``%`` and their code point in hex, so that
    different names stay different; names that modules use for themselves (``train``) gain a final ``%``.
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "-" if c == "." else f"%{ord(c):x}%" for c in name)
    return f"{kept}%" if not kept or hasattr(nn.Module, kept) or kept == "training" else kept


def _node_seed(seed: int, node: Node) -> int:
    text = f"{seed}/{node.name}/{node.op}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _steps(graph: Graph, modules: Mapping[str, nn.Module]) -> list[_Step]:
    levels: dict[str, int | None] = {INPUT: 1 if graph.shape.data == "text" else None}
    steps = []
    for node in graph.nodes:
        levels[node.name] = _mask_level(node, [levels[i] for i in node.inputs], graph.shapes[node.name], graph.shape.input[-1])
        masked = bool(getattr(modules[node.name], "takes_mask", False))
        steps.append(_Step(node.name, node.inputs, modules[node.name], masked, levels[node.inputs[0]]))
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
        if isinstance(module, nn.ReLU) and source is not None and source.op in _NEED_NO_OUTPUT and readers[source.name] == 1:
            module.inplace = True


def _mask_level(node: Node, inputs: Sequence[int | None], shape: Shape, tokens: int) -> int | None:
    """How many tokens one time step of a node's output stands for, or None where its output has no time steps of tokens."""
    first = inputs[0]
    if first is None or any(level != first for level in inputs) or len(shape) != 2:
        return None
    level = first * integer(node.options, "stride", 1)
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
