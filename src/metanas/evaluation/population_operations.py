"""What is done in the lanes of a population, forwards and backwards, as prepared operations of a :class:`Program`.

A lane's rows first get their source: a product with a bias, a sum, a periodic encoding. Then the first ``normed`` rows are normalised, the
first ``processed`` activated, and masked by dropout; on the way back all this happens in place to the lane's one array of gradients.

Notation: ``B`` examples; a group has ``K`` members, ``I`` padded inputs and ``U`` padded units.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from metanas.evaluation.population_dropout import Dropout
from metanas.evaluation.population_gradients import Step, in_order, select
from metanas.evaluation.population_parameters import Parameters
from metanas.evaluation.population_plan import Group, Lane, Plan, Rows, Span
from metanas.evaluation.population_program import Program

_EPSILON = 1e-5
_MOMENTUM = 0.1
_LARGE = 1 << 23
"""Multiplications in one batched product from which on rounding the factors to bfloat16 saves time."""
_aten = torch.ops.aten


def prepare(plan: Plan, parameters: Parameters, batch: int, dropout: Dropout | None, *, rounding: bool = False) -> Program:
    """The passes of a population; arguments as for :class:`Program`."""
    program = Program(plan, parameters, batch, dropout, rounding=rounding)
    for lane in plan.lanes:
        _add_lane(program, lane)
    program.finish()
    return program


def _add_lane(program: Program, lane: Lane) -> None:
    rows, processed, batch = program.rows(lane), lane.processed, program.batch
    where = program.plan.product_rows(lane) if lane.dense else np.arange(lane.rows)
    gradient, steps = program.gradients.place(lane, straight=in_order(where) is not None and len(where) == lane.products)
    # What is bare goes straight into the table of values.
    source = torch.zeros(lane.rows, batch) if processed else rows
    if lane.dense:
        _products(program, lane, where, source, gradient)
    elif lane.summed:
        _sums(program, lane, source)
    else:
        _periodic(program, lane, source, gradient)
    if 0 < processed < lane.rows:
        program.then(partial(rows[processed:].copy_, source[processed:]))
    normed = torch.zeros(lane.normed, batch)
    for span in lane.norms:
        part = slice(span.first, span.last)
        norm = _batch_norm if span.kind == "batch_norm" else _layer_norm
        norm(program, lane, span, source[part], normed[part], gradient[part])
    dropout = program.dropout if lane.drops else None
    activated = torch.zeros(processed, batch) if dropout else rows[:processed]
    for span in lane.activations:
        part = slice(span.first, span.last)
        _activation(program, span.kind, (normed if span.first < lane.normed else source)[part], activated[part], gradient[part])
    if dropout:
        _dropout(program, lane, dropout, activated, rows[:processed], gradient[:processed])
    program.back(*steps)


# -- sources ---------------------------------------------------------------------------------------------------------------


def _products(program: Program, lane: Lane, where: Rows, source: Tensor, gradient: Tensor) -> None:
    """Dense cells: one batched product per group, one bias for all.

    Args:
        where: for each row of the lane its row among the products.
    """
    straight = in_order(where) is not None and len(where) == lane.products
    out, back = source, gradient
    if not straight:
        out, back = (torch.zeros(lane.products, program.batch) for _ in range(2))
    inputs = program.read(program.plan.gathered(lane))
    inputs_gradient = program.gradients.of_readings(lane.slot)
    first = 0
    for number, group in enumerate(lane.groups):
        part, last = slice(group.first, group.first + group.rows), first + group.gathered.size * (not group.shared)
        weight, own = program.parameters.weight(lane.slot, "weight", number), program.parameters.gradient(lane.slot, "weight", number)
        if group.shared:
            program.then(partial(torch.mm, weight, program.x.T, out=out[part]))
            program.back(partial(torch.mm, back[part], program.x, out=own))
        else:
            _product(program, group, (weight, own), (inputs[first:last], inputs_gradient[first:last]), (out[part], back[part]))
        first = last
    _bias(program, lane, out, back)
    if not straight:
        program.then(select(out, where, source))
        inverse = np.full(lane.products, lane.rows)  # rows of padding read the zeros that follow the lane's gradients
        inverse[where] = np.arange(lane.rows)
        program.back(select(gradient, inverse, back))


def _product(
    program: Program, group: Group, weights: tuple[Tensor, Tensor], inputs: tuple[Tensor, Tensor], outputs: tuple[Tensor, Tensor]
) -> None:
    """One group's product; each pair is of values and their gradient."""
    members = len(group.members)
    w, gw = (array.view(members, group.units, group.inputs) for array in weights)
    x, gx = (array.view(members, group.inputs, -1) for array in inputs)
    y, gy = (array.view(members, group.units, -1) for array in outputs)
    forward: list[Step] = [partial(torch.bmm, w, x, out=y)]
    backward: list[Step] = [partial(torch.bmm, gy, x.mT, out=gw), partial(torch.bmm, w.mT, gy, out=gx)]
    if program.rounding and members * group.units * group.inputs * program.batch >= _LARGE:
        forward, backward = program.rounded(*forward), program.rounded(*backward)
    program.then(*forward)
    program.back(*backward)


def _bias(program: Program, lane: Lane, out: Tensor, back: Tensor) -> None:
    having = {m for m in lane.members if lane.cells[m].bias}
    if not having:
        return
    own = program.parameters.gradient(lane.slot, "bias")
    program.then(partial(out.add_, program.parameters.weight(lane.slot, "bias")))
    if len(having) < len(lane.members):
        owners = [m in having for group in lane.groups for m in group.owners(lane)]
        program.back(partial(own.mul_, torch.tensor(owners, dtype=torch.float32).view(-1, 1)))
    program.back(partial(torch.sum, back, 1, keepdim=True, out=own))


def _sums(program: Program, lane: Lane, source: Tensor) -> None:
    """Sums of readings; on the way back the lane's own gradients are those of its readings."""
    first, *others = (program.read(rows) for rows in program.plan.summands(lane))
    program.then(partial(torch.add, first, others[0], out=source) if others else partial(source.copy_, first))
    for other in others[1:]:
        program.then(partial(source.add_, other))


def _periodic(program: Program, lane: Lane, source: Tensor, gradient: Tensor) -> None:
    """``x``, then ``sin(2 pi c x)`` and ``cos(2 pi c x)``: Gorishniy et al. 2022, eq. 3."""
    x, features, first = program.x.T, program.plan.features, 0
    for number, members in enumerate(program.plan.periodic(lane)):
        numeric, frequencies = lane.cells[members[0]].frequencies
        shape, each = (len(members), numeric, frequencies, program.batch), numeric * frequencies
        last = first + len(members) * (features + 2 * each)
        widths = [features, each, each]
        plain, sine, cosine = torch.split(source[first:last].view(len(members), -1, program.batch), widths, 1)
        c, own = (part.view(*shape[:3], 1) for part in program.parameters.both(lane.slot, "weight", number))
        angles, minus, scaled, numbers = torch.zeros(shape), torch.zeros(shape), torch.zeros_like(c), x[:numeric].view(1, numeric, 1, -1)
        sine, cosine = sine.view(shape), cosine.view(shape)
        program.then(partial(plain.copy_, x.expand(len(members), *x.shape)), partial(torch.mul, c, 2 * math.pi, out=scaled))
        program.then(
            partial(torch.mul, scaled, numbers, out=angles), partial(torch.sin, angles, out=sine), partial(torch.cos, angles, out=cosine)
        )
        if program.training:
            _, of_sine, of_cosine = torch.split(gradient[first:last].view(len(members), -1, program.batch), widths, 1)
            program.back(
                partial(torch.mul, of_sine.view(shape), cosine, out=angles),
                partial(torch.mul, of_cosine.view(shape), sine, out=minus),
                partial(angles.sub_, minus),
                partial(angles.mul_, numbers),
                partial(torch.sum, angles, 3, keepdim=True, out=own),
                partial(own.mul_, 2 * math.pi),
            )
        first = last


# -- row by row ------------------------------------------------------------------------------------------------------------


def _batch_norm(program: Program, lane: Lane, span: Span, x: Tensor, y: Tensor, gradient: Tensor) -> None:
    """Every row is a channel of PyTorch's own kernel (Ioffe and Szegedy 2015)."""
    parameters, rows = program.parameters, slice(span.first, span.last)
    (weight, own_weight), (bias, own_bias) = (
        [part[rows].view(-1) for part in parameters.both(lane.slot, role)] for role in ("norm_weight", "norm_bias")
    )
    mean, variance = (parameters.weight(lane.slot, role).view(-1) for role in ("running_mean", "running_var"))
    saved = [torch.zeros(len(x)), torch.zeros(len(x))]
    settings = (program.training, _MOMENTUM, _EPSILON)
    forward, backward = _aten.native_batch_norm.out, _aten.native_batch_norm_backward.out
    program.then(partial(forward, x[None], weight, bias, mean, variance, *settings, out=y[None], save_mean=saved[0], save_invstd=saved[1]))
    copy = torch.zeros_like(gradient)  # the kernel can't work in place
    arguments = (copy[None], x[None], weight, mean, variance, *saved, True, _EPSILON, [True] * 3)
    into = {"out0": gradient[None], "out1": own_weight, "out2": own_bias}
    program.back(partial(copy.copy_, gradient), partial(backward, *arguments, **into))


def _layer_norm(program: Program, lane: Lane, span: Span, x: Tensor, y: Tensor, gradient: Tensor) -> None:
    """Over the rows of each member, example by example (Ba et al. 2016): ``y = w u + b`` with ``u = (x - mean) / deviation``.

    Backwards, with ``h = w dy``: ``dx = (h - mean(h) - u mean(h u)) / deviation``.
    """
    members = [m for m in lane.members if lane.cells[m].norm == "layer_norm"]
    spread = _Spread([lane.cells[m].width for m in members], program.batch)
    rows = slice(span.first, span.last)
    (weight, own_weight), (bias, own_bias) = (
        [part[rows] for part in program.parameters.both(lane.slot, r)] for r in ("norm_weight", "norm_bias")
    )
    unit, product, mean, scale = (torch.zeros_like(x) for _ in range(4))
    program.then(*spread.mean(x, mean), partial(torch.sub, x, mean, out=unit), partial(torch.mul, unit, unit, out=product))
    program.then(*spread.mean(product, scale), partial(scale.add_, _EPSILON), scale.rsqrt_, partial(unit.mul_, scale))
    program.then(partial(torch.mul, unit, weight, out=y), partial(y.add_, bias))
    program.back(
        partial(torch.mul, gradient, unit, out=product),
        partial(torch.sum, product, 1, keepdim=True, out=own_weight),
        partial(torch.sum, gradient, 1, keepdim=True, out=own_bias),
        partial(gradient.mul_, weight),
        partial(torch.mul, gradient, unit, out=product),
        *spread.mean(gradient, mean),
        partial(gradient.sub_, mean),
        *spread.mean(product, mean),
        partial(gradient.addcmul_, unit, mean, value=-1.0),
        partial(gradient.mul_, scale),
    )


class _Spread:
    """Means over the rows of each member, written to all of these rows."""

    def __init__(self, widths: list[int], batch: int) -> None:
        self._rows = torch.arange(sum(widths))
        self._starts = torch.tensor([0, *widths[:-1]]).cumsum(0)
        self._widths = torch.tensor(widths, dtype=torch.float32).view(-1, 1)
        self._owners = torch.arange(len(widths)).repeat_interleave(torch.tensor(widths))
        self._means = torch.zeros(len(widths), batch)

    def mean(self, values: Tensor, into: Tensor) -> tuple[Step, Step]:
        """Two steps."""
        return partial(self._average, values), partial(torch.index_select, self._means, 0, self._owners, out=into)

    def _average(self, values: Tensor) -> None:
        torch.div(torch.embedding_bag(values, self._rows, self._starts)[0], self._widths, out=self._means)


def _activation(program: Program, kind: str, x: Tensor, y: Tensor, g: Tensor) -> None:
    """One kind; backwards by the output where that says it all, else by the input."""
    forward: dict[str, Step] = {
        "relu": partial(torch.clamp, x, min=0.0, out=y),
        "sigmoid": partial(torch.sigmoid, x, out=y),
        "tanh": partial(torch.tanh, x, out=y),
        "silu": partial(_aten.silu.out, x, out=y),
        "gelu": partial(_aten.gelu.out, x, out=y),
        "none": partial(y.copy_, x),
    }
    backward: dict[str, Step] = {
        "relu": partial(_aten.threshold_backward.grad_input, g, y, 0, grad_input=g),
        "sigmoid": partial(_aten.sigmoid_backward.grad_input, g, y, grad_input=g),
        "tanh": partial(_aten.tanh_backward.grad_input, g, y, grad_input=g),
        "silu": partial(_aten.silu_backward.grad_input, g, x, grad_input=g),
        "gelu": partial(_aten.gelu_backward.grad_input, g, x, grad_input=g),
    }
    program.then(forward[kind])
    if kind in backward:
        program.back(backward[kind])


def _dropout(program: Program, lane: Lane, dropout: Dropout, x: Tensor, y: Tensor, gradient: Tensor) -> None:
    """Masks of every rate that occurs, drawn once per step; each row is multiplied by its own, or by ones."""
    members = [m for m in lane.members if not lane.cells[m].bare]
    rates = sorted({lane.cells[m].rate for m in members} - {0.0})
    widest = max(lane.cells[m].width for m in members)
    masks = torch.ones(len(rates) * widest + 1, program.batch)
    drawn = masks[:-1].view(len(rates), widest, -1)
    program.then(partial(dropout.draw, lane.slot, torch.tensor(rates).view(-1, 1, 1), drawn))
    if len(rates) == 1 and all((lane.cells[m].rate, lane.cells[m].width) == (rates[0], widest) for m in members):
        mask = drawn[0]
        x, y, gradient = (array.view(len(members), widest, -1) for array in (x, y, gradient))
    else:
        ones = len(masks) - 1
        firsts = [rates.index(lane.cells[m].rate) * widest if lane.cells[m].rate else -1 for m in members]
        widths = [lane.cells[m].width for m in members]
        index = [np.full(w, ones) if f < 0 else np.arange(f, f + w) for f, w in zip(firsts, widths, strict=True)]
        mask = torch.zeros_like(x)
        program.then(select(masks, np.concatenate(index), mask))
    program.then(partial(torch.mul, x, mask, out=y))
    program.back(partial(gradient.mul_, mask))
