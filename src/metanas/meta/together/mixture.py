"""A supernet's mixture as steps for several tasks, each with weights and logits of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from metanas.meta.together.stages import MadeLayer
from metanas.meta.together.trace import Call, Derived, Layer, Trace
from metanas.meta.together.weighted_sum import WeightedSum
from metanas.networks.network import Step
from metanas.networks.operations.joins import Concat
from metanas.networks.supernet import Supernet
from metanas.networks.supernet_coefficients import Coefficients
from metanas.networks.supernet_program import mask_levels
from metanas.spaces.coefficients import Coefficient
from metanas.spaces.shape import Shape
from metanas.spaces.steps import Apply, Sum

COEFFICIENTS = "coefficients"
"""Name of the value that holds the factors of all sums, ``(T, coefficients)``."""

Mixing = Callable[[Sequence[Tensor]], Mapping[str, Tensor]]
"""From the weights of the first layer to each task's weights of the options, ``(T, options)`` by decision."""


def mixture_steps(supernet: Supernet, weights: Sequence[nn.Parameter], mixing: Mixing) -> tuple[list[Step], str]:
    """All steps after the front, with everything computed whatever its coefficient, and the name of the value that they begin with.

    Args:
        supernet: whose modules are used.
        weights: that say how options are mixed; of the first step.
        mixing: how.
    """
    mixture = supernet.mixture
    first = next((i + 1 for i, s in enumerate(mixture.steps) if isinstance(s, Apply) and s.node == supernet.cut), 0)
    entry = str(mixture.steps[first - 1].out if first else 0)
    rest = mixture.steps[first:]
    coefficients = list(dict.fromkeys(c for step in rest if isinstance(step, Sum) for _, c in step.terms))
    rows = {c: row for row, c in enumerate(coefficients)}
    levels = mask_levels(mixture, supernet.space.shape)
    steps = [Step(COEFFICIENTS, (), _Mixing(weights, mixing, Coefficients(coefficients, supernet.decisions)), False, None)]
    for step in rest:
        steps += _sum(step, rows, entry) if isinstance(step, Sum) else _apply(step, supernet, levels)
    return steps, entry


def _sum(step: Sum, rows: Mapping[Coefficient, int], entry: str) -> Iterator[Step]:
    if step.terms:
        numbers, factors = zip(*step.terms, strict=True)
        module: nn.Module = _Sum([rows[c] for c in factors])
        yield Step(str(step.out), (COEFFICIENTS, *map(str, numbers)), module, False, None)
    else:
        yield Step(str(step.out), (entry,), _Zeros(step.shape), False, None)


def _apply(step: Apply, supernet: Supernet, levels: Mapping[int, int | None]) -> Iterator[Step]:
    inputs: list[str] = []
    for place, numbers in enumerate(step.inputs):
        names = tuple(map(str, numbers))
        if len(names) > 1:
            yield Step(f"{step.out}/input{place}", names, Concat(), False, None)
            names = (f"{step.out}/input{place}",)
        inputs += names
    module = nn.Identity() if step.op == "concat" else supernet.get_submodule(supernet.variants[step.variant])
    yield Step(str(step.out), tuple(inputs), module, bool(getattr(module, "takes_mask", False)), levels[step.inputs[0][0]])


class _Mixing(MadeLayer):
    """From logits to the coefficients of all sums."""

    def __init__(self, weights: Sequence[nn.Parameter], mixing: Mixing, coefficients: Coefficients) -> None:
        super().__init__()
        self.weights, self._mixing, self._coefficients = nn.ParameterList(weights), mixing, coefficients

    def layer(self) -> Layer:
        """Without inputs."""
        return self._called

    def _called(self, call: Call) -> Trace:
        return Derived(call, self._values)

    def _values(self, w: Sequence[Tensor], _: Sequence[Tensor]) -> Tensor:
        mixtures, known = self._mixing(w), self._coefficients
        columns, owners, counts = (t.to(w[0].device) for t in (known.columns, known.owners, known.counts))
        flat = torch.cat([*(mixtures[d.name] for d in known.decisions), w[0].new_ones(len(w[0]), 1)], 1)
        products = flat[:, columns].prod(1) * counts.to(flat.dtype)
        return flat.new_zeros(len(flat), known.size).index_add(1, owners, products)


class _Sum(MadeLayer):
    def __init__(self, columns: Sequence[int]) -> None:
        super().__init__()
        self._columns = columns

    def layer(self) -> Layer:
        """Inputs: all coefficients, then the values."""
        return WeightedSum(self._columns)


class _Zeros(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape

    def forward(self, x: Tensor) -> Tensor:
        empty = x.new_zeros(
            (len(x), *self._shape[1:], self._shape[0]), dtype=torch.get_default_dtype() if not x.is_floating_point() else None
        )
        return empty.movedim(-1, 1)
