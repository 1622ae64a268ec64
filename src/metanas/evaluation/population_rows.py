"""Row-wise operations of cells in a population's passes: normalisations, activations, dropout."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from metanas.evaluation.population_plan import Run
from metanas.evaluation.population_program import Program, Step

_EPSILON = 1e-5
_MOMENTUM = 0.1
_aten = torch.ops.aten


def emit_norm(program: Program, run: Run) -> None:
    """One normalisation."""
    x = program.place(run, "source")
    out = program.place(run, "norm" if run.cell.activation or run.cell.rate else "out")
    if run.cell.norm == "batch_norm":
        _batch_norm(program, run, x, out)
    else:
        _layer_norm(program, run, x, out)


def _batch_norm(program: Program, run: Run, x: Tensor, out: Tensor) -> None:
    """Every padded row is a channel of PyTorch's own kernel; padding has weight 0 and stays 0."""
    rows = x.shape[0] * x.shape[1]
    parameters = program.parameters
    weight, bias, mean, var = (parameters.weight(run, r).view(rows) for r in ("norm_weight", "norm_bias", "running_mean", "running_var"))
    saved = [program.scratch(rows), program.scratch(rows)]
    x, out = x.view(1, rows, -1), out.view(1, rows, -1)
    settings = (program.training, _MOMENTUM, _EPSILON)
    kernel = _aten.native_batch_norm.out
    program.then(partial(kernel, x, weight, bias, mean, var, *settings, out=out, save_mean=saved[0], save_invstd=saved[1]))

    def back() -> None:
        gradient = program.place(run, "gradient").view(1, rows, -1)
        copy = program.scratch(*gradient.shape)
        own = [parameters.gradient(run, r).view(rows) for r in ("norm_weight", "norm_bias")]
        arguments = (copy, x, weight, mean, var, *saved, True, _EPSILON, [True, True, True])
        kernel = _aten.native_batch_norm_backward.out
        program.back(partial(copy.copy_, gradient), partial(kernel, *arguments, out0=gradient, out1=own[0], out2=own[1]))

    program.on_the_way_back(back)


def _layer_norm(program: Program, run: Run, x: Tensor, out: Tensor) -> None:
    """Normalises over the rows of every member and example; padding counts neither in the mean nor in the variance."""
    count, pad, batch = x.shape
    widths = torch.tensor([float(len(program.plan.layout(m, run.slot))) for m in run.members]).view(count, 1, 1)
    mask = _mask(program, run)
    weight, bias = (program.parameters.weight(run, r).unsqueeze(2) for r in ("norm_weight", "norm_bias"))
    unit, square = program.scratch(count, pad, batch), program.scratch(count, pad, batch)
    mean, scale = program.scratch(count, 1, batch), program.scratch(count, 1, batch)

    def average(values: Tensor, into: Tensor) -> tuple[Step, Step]:
        return partial(torch.sum, values, 1, keepdim=True, out=into), partial(into.div_, widths)

    program.then(*average(x, mean), partial(torch.sub, x, mean, out=unit))
    if mask is not None:
        program.then(partial(unit.mul_, mask))
    program.then(partial(torch.mul, unit, unit, out=square), *average(square, scale), partial(scale.add_, _EPSILON), scale.rsqrt_)
    program.then(partial(unit.mul_, scale), partial(torch.mul, unit, weight, out=out), partial(out.add_, bias))

    def back() -> None:
        gradient = program.place(run, "gradient")
        own = [program.parameters.gradient(run, r) for r in ("norm_weight", "norm_bias")]
        along = program.scratch(count, 1, batch)
        program.back(partial(torch.mul, gradient, unit, out=square), partial(torch.sum, square, 2, out=own[0]))
        program.back(partial(torch.sum, gradient, 2, out=own[1]), partial(gradient.mul_, weight), *average(gradient, mean))
        program.back(partial(torch.mul, gradient, unit, out=square), *average(square, along), partial(torch.mul, unit, along, out=square))
        program.back(partial(gradient.sub_, mean), partial(gradient.sub_, square), partial(gradient.mul_, scale))
        if mask is not None:
            program.back(partial(gradient.mul_, mask))

    program.on_the_way_back(back)


def _mask(program: Program, run: Run) -> Tensor | None:
    """``(K, W, 1)``: 1 in rows of features, 0 in padding; None without padding."""
    if not program.plan.padded(run):
        return None
    mask = torch.zeros(len(run), run.pad, 1)
    for k, m in enumerate(run.members):
        mask[k, torch.from_numpy(program.plan.layout(m, run.slot))] = 1.0
    return mask


def emit_activation(program: Program, run: Run) -> None:
    """One kind of activation."""
    cell = run.cell
    x, y = program.place(run, "norm" if cell.norm else "source"), program.place(run, "activation" if cell.rate else "out")
    forward: dict[str, Step] = {
        "relu": partial(torch.clamp, x, min=0.0, out=y),
        "sigmoid": partial(torch.sigmoid, x, out=y),
        "tanh": partial(torch.tanh, x, out=y),
        "silu": partial(_aten.silu.out, x, out=y),
        "gelu": partial(_aten.gelu.out, x, out=y),
    }
    program.then(forward[cell.activation])
    mask = _mask(program, run) if cell.activation == "sigmoid" else None
    if mask is not None:
        program.then(partial(y.mul_, mask))

    def back() -> None:
        g = program.place(run, "gradient")
        backward: dict[str, Step] = {
            "relu": partial(_aten.threshold_backward.grad_input, g, y, 0, grad_input=g),
            "sigmoid": partial(_aten.sigmoid_backward.grad_input, g, y, grad_input=g),
            "tanh": partial(_aten.tanh_backward.grad_input, g, y, grad_input=g),
            "silu": partial(_aten.silu_backward.grad_input, g, x, grad_input=g),
            "gelu": partial(_aten.gelu_backward.grad_input, g, x, grad_input=g),
        }
        program.back(backward[cell.activation])

    program.on_the_way_back(back)


def emit_dropout(program: Program, run: Run) -> None:
    """Dropout, of every member's own rate; in evaluation a copy."""
    cell = run.cell
    x = program.place(run, "activation" if cell.activation else "norm" if cell.norm else "source")
    out = program.place(run, "out")
    if program.dropout is None:
        program.then(partial(out.copy_, x))
        return
    rates = [program.plan.members[m][run.slot].rate for m in run.members]
    distinct = sorted(set(rates))
    column = torch.tensor(distinct).view(-1, 1, 1)
    shape = (len(distinct), run.pad, program.batch)
    masks = program.scratch(*shape)
    program.then(partial(program.dropout.draw, run.slot, column, torch.zeros(shape, dtype=torch.bool), masks))
    mask = masks[0]
    if len(distinct) > 1:
        mask = program.scratch(len(run), run.pad, program.batch)
        program.then(partial(torch.index_select, masks, 0, torch.tensor([distinct.index(rate) for rate in rates]), out=mask))
    program.then(partial(torch.mul, x, mask, out=out))
    program.on_the_way_back(lambda: program.back(partial(program.place(run, "gradient").mul_, mask)))
