"""Running a mixture with its modules."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from metanas.networks.network import mask_level
from metanas.networks.supernet_coefficients import Factors
from metanas.networks.supernet_gaps import with_channels
from metanas.networks.supernet_plan import Add, Call, Plan, Planner, Variant
from metanas.networks.supernet_sums import SCALED, weighted_sum
from metanas.spaces.shape import Shape, TaskShape
from metanas.spaces.steps import Apply, Mixture

PLANS = 256
"""So many plans are kept, one for each pattern of zeros and ones among the coefficients."""


class Program:
    """A mixture with its modules, ready to run.

    Args:
        mixture: to be run.
        modules: by variant.
        shape: of the task.
    """

    def __init__(self, mixture: Mixture, modules: Mapping[Variant, nn.Module], shape: TaskShape) -> None:
        self._modules, self._out = modules, mixture.steps[-1].shape
        self._planner = Planner(mixture, modules)
        self.coefficients = self._planner.coefficients
        self.cut = self._planner.front[-1].node if self._planner.front else None
        masked = {variant for variant, module in modules.items() if getattr(module, "takes_mask", False)}
        levels = mask_levels(mixture, shape)
        self._masks = {s.out: levels[s.inputs[0][0]] for s in mixture.steps if isinstance(s, Apply) and s.variant in masked}
        self._plans: dict[bytes, Plan] = {}

    def plan(self, kinds: bytes) -> Plan:
        """The steps that these kinds of coefficients need; see :class:`Factors`."""
        if kinds not in self._plans:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            self._plans[kinds] = self._planner.plan(kinds)
        return self._plans[kinds]

    def run_front(self, x: Tensor) -> Tensor:
        """The steps that training never changes."""
        values: dict[int, Tensor] = {0: x}
        for step in self._planner.front:
            values[step.out] = self._modules[step.variant](*(values[number] for (number,) in step.inputs))
        return values[self._planner.entry]

    def run(self, x: Tensor, factors: Factors, dtype: torch.dtype) -> Tensor:
        """The output for what the front gives; ``dtype`` is that of zeros."""
        return _Run(self, x, factors, dtype).output()


class _Run:
    """One forward pass."""

    def __init__(self, program: Program, x: Tensor, factors: Factors, dtype: torch.dtype) -> None:
        self._program, self._x, self._factors, self._dtype = program, x, factors, dtype
        self._modules = program._modules
        self._masks: dict[int, Tensor] = {}

    def output(self) -> Tensor:
        """Runs all steps."""
        plan = self._program.plan(self._factors.kinds)
        values: dict[int, Tensor] = {self._program._planner.entry: self._x}
        for step in plan.steps:
            values[step.step.out] = self._sum(step, values) if isinstance(step, Add) else self._call(step, values)
            for number in step.done_with:
                del values[number]
        return self._zeros(self._program._out) if plan.out is None else values[plan.out]

    def _sum(self, step: Add, values: Mapping[int, Tensor]) -> Tensor:
        terms = [1.0 if row is None else self._factors[row] for row in step.coefficients]
        return weighted_sum([values[n] for n in step.numbers], terms, in_place=not self._factors.transformed)

    def _call(self, call: Call, values: Mapping[int, Tensor]) -> Tensor:
        step = call.step
        if step.parts:
            return with_channels(step, self._modules[step.variant], call.sources[0], values, self._zeros)
        inputs = []
        for sources, shape in zip(call.sources, step.shapes, strict=True):
            found = [self._zeros(shape) if n is None else values[n] for n in sources]
            inputs.append(found[0] if len(found) == 1 else torch.cat(found, dim=1))
        if call.overwrites:
            return torch.relu_(inputs[0])
        if step.op == "concat":
            return inputs[0]
        module = self._modules[step.variant]
        if call.scale is not None:
            return SCALED[type(module)](module, inputs[0], self._factors[call.scale])
        out: Tensor = module(*inputs, mask=self._mask(step.out)) if step.out in self._program._masks else module(*inputs)
        return out

    def _mask(self, number: int) -> Tensor | None:
        """Where tokens stand, for a step that asks for it; None where there are no tokens."""
        level = self._program._masks[number]
        if level is None:
            return None
        if level not in self._masks:
            self._masks[level] = (self._x != 0)[:, ::level]
        return self._masks[level]

    def _zeros(self, shape: Shape) -> Tensor:
        return self._x.new_zeros((self._x.shape[0], *shape[1:], shape[0]), dtype=self._dtype).movedim(-1, 1)


def mask_levels(mixture: Mixture, shape: TaskShape) -> dict[int, int | None]:
    """Of every value how many tokens one of its time steps stands for, see :func:`mask_level`."""
    levels: dict[int, int | None] = {0: 1 if shape.data == "text" else None}
    for step in mixture.steps:
        found = [levels[n] for n in step.reads]
        if isinstance(step, Apply):
            levels[step.out] = mask_level(int(dict(step.settings).get("stride", 1)), found, step.shape, shape.input[-1])
        else:
            levels[step.out] = found[0] if len(set(found)) == 1 else None
    return levels
