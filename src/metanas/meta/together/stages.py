"""The steps of a network as layers for several tasks, some of them merged."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from metanas.meta.together.average import Average
from metanas.meta.together.batch_norm import BatchNorm
from metanas.meta.together.depthwise import Depthwise
from metanas.meta.together.each import EachTask, Plain
from metanas.meta.together.first import MOST_NUMBERS, FirstConvolution
from metanas.meta.together.products import Convolution, Dense
from metanas.meta.together.trace import Layer
from metanas.networks.network import Step
from metanas.networks.operations import dense, elementwise, joins, pooling
from metanas.networks.operations.convolution import Conv, SeparableConv
from metanas.networks.supernet_norm import BatchStatistics

_PLAIN = (
    *(nn.ReLU, nn.Sigmoid, nn.Tanh, nn.SiLU, nn.GELU, nn.Identity, nn.Flatten, nn.Dropout),
    *(pooling.Pool, pooling.GlobalPool, joins.Add, joins.Concat),
)


_NORMS = (elementwise.BatchNorm, BatchStatistics)


class MadeLayer(nn.Module):
    """A module that says itself how it is computed for several tasks; its parameters are the layer's weights."""

    @abstractmethod
    def layer(self) -> Layer:
        """The layer."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer of a network.

    Args:
        name: of the node that gives its output.
        inputs: names of the nodes that it reads.
        layer: what it does.
        weights: names of its weights.
        matrix: whether the first of them is a kernel, to be had as a matrix.
        level: of the mask that it takes.
        done_with: nodes whose values nobody needs afterwards.
    """

    name: str
    inputs: tuple[str, ...]
    layer: Layer
    weights: tuple[str, ...]
    matrix: bool
    level: int | None
    done_with: tuple[str, ...] = ()


def stages_of(steps: Sequence[Step], owned: Mapping[int, str], entry: str) -> list[Stage]:
    """The steps of a network; those that go together are one stage with the name of the last.

    Args:
        steps: in order.
        owned: names of the weights, by the ``id`` of the parameter.
        entry: name of the constant value that the steps begin with.
    """
    steps = list(_apart(steps))
    readers = Counter(name for step in steps for name in step.inputs)
    follower = {step.inputs[0]: step for step in steps if len(step.inputs) == 1 and readers[step.inputs[0]] == 1}
    stages: list[Stage] = []
    merged: set[str] = set()
    for step in steps:
        if step.name in merged:
            continue
        group = [step, *_merged(step, follower, constant=step.inputs == (entry,))]
        merged.update(s.name for s in group[1:])
        weights = tuple(owned[id(p)] for s in group for p in s.module.parameters())
        layer = _layer(group)
        matrix = isinstance(layer, Convolution | FirstConvolution | Dense)
        stages.append(Stage(group[-1].name, step.inputs, layer, weights, matrix, step.level))
    needed = {stages[-1].name}
    for i, stage in reversed(list(enumerate(stages))):
        stages[i] = replace(stage, done_with=tuple(name for name in dict.fromkeys(stage.inputs) if name not in needed))
        needed.update(stage.inputs)
    return stages


def _apart(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, those that are made of several layers as these."""
    for step in steps:
        module = step.module
        if isinstance(module, SeparableConv):
            deep = replace(step, name=f"{step.name}/depthwise", module=module.depthwise)
            yield from (deep, replace(step, inputs=(deep.name,), module=module.pointwise))
        elif isinstance(module, joins.Residual) and module.projection is not None:
            projected = replace(step, name=f"{step.name}/projection", inputs=step.inputs[1:], module=module.projection)
            yield from (projected, replace(step, inputs=(step.inputs[0], projected.name), module=joins.Add()))
        else:
            yield step


def norm_names(network: nn.Module) -> tuple[str, ...]:
    """Names of the weights of batch normalisations."""
    norms = [f"{name}." for name, module in network.named_modules() if isinstance(module, _NORMS)]
    return tuple(name for name, _ in network.named_parameters() if name.startswith(tuple(norms)))


def forget_statistics(module: nn.Module) -> None:
    """Let batch normalisation take the statistics of every batch, and rectifiers leave their input alone."""
    if isinstance(module, elementwise.BatchNorm | nn.modules.batchnorm._BatchNorm):
        module.running_mean = module.running_var = None
        module.train()
    if isinstance(module, nn.ReLU):
        module.inplace = False


def _merged(step: Step, follower: Mapping[str, Step], *, constant: bool) -> list[Step]:
    """The steps that are computed with ``step``, of those that follow it and alone read it."""
    after = follower.get(step.name)
    if isinstance(step.module, _NORMS):
        return [after] if after is not None and isinstance(after.module, nn.ReLU) else []
    small = isinstance(step.module, Conv) and step.module.groups == 1 and step.module.weight[0].numel() <= MOST_NUMBERS
    if constant and small and after is not None and isinstance(after.module, _NORMS):
        return [after, *_merged(after, follower, constant=False)]
    return []


def _layer(group: Sequence[Step]) -> Layer:
    module, rectified = group[0].module, isinstance(group[-1].module, nn.ReLU)
    if isinstance(module, MadeLayer):
        return module.layer()
    if isinstance(module, _NORMS):
        return BatchNorm(rectified=rectified)
    if isinstance(module, Conv) and len(group) > 1:
        return FirstConvolution(module, rectified=rectified)
    if isinstance(module, Conv):
        return Convolution(module) if module.groups == 1 else Depthwise(module)
    if isinstance(module, dense.Dense):
        return Dense()
    if isinstance(module, pooling.GlobalPool) and module.kind == "avg":
        return Average(module)
    if type(module) in _PLAIN or (isinstance(module, joins.Residual) and module.projection is None):
        return Plain(module, masked=group[0].masked)
    return EachTask(module, [name for name, _ in module.named_parameters()], masked=group[0].masked)
