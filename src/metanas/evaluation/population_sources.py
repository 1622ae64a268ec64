"""Source operations of cells in a population's passes: matrix products, joins, periodic encoding."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from metanas.evaluation.population_cells import SOURCE
from metanas.evaluation.population_plan import Run
from metanas.evaluation.population_program import Emit, Program


def _output(program: Program, run: Run) -> Tensor:
    return program.place(run, "out" if run.cell.bare else "source")


def _multiply(program: Program, run: Run, gradient: Tensor, weight: Tensor, position: int) -> None:
    """Backward: the transposed weights times the output's gradient go to the input at ``position``."""
    target = program.receive(run.cell.inputs[position], run)
    if target is None:
        return
    into, add = target
    if len(run) == 1:
        into, gradient, weight = into[0], gradient[0], weight[0]
        program.back(partial(torch.addmm if add else torch.mm, *((into,) if add else ()), weight.T, gradient, out=into))
    else:
        program.back(partial(torch.baddbmm if add else torch.bmm, *((into,) if add else ()), weight.mT, gradient, out=into))


def _dense(program: Program, run: Run) -> None:
    """Dense layers; of the task's input, which members share, as one matrix product for all."""
    out, weight = _output(program, run), program.parameters.weight(run, "weight")
    x = program.value(run.cell.inputs[0], run)
    shared = run.cell.inputs[0] == SOURCE
    if shared or len(run) == 1:
        x, out2, weight2 = x[0], out.flatten(0, 1), weight.flatten(0, 1)
        bias2 = program.parameters.weight(run, "bias").view(-1, 1) if run.cell.bias else None
        program.then(partial(torch.mm, weight2, x, out=out2) if bias2 is None else partial(torch.addmm, bias2, weight2, x, out=out2))
    else:
        bias = program.parameters.weight(run, "bias").unsqueeze(2) if run.cell.bias else None
        program.then(partial(torch.bmm, weight, x, out=out) if bias is None else partial(torch.baddbmm, bias, weight, x, out=out))

    def back() -> None:
        gradient, own = program.place(run, "gradient"), program.parameters.gradient(run, "weight")
        if shared or len(run) == 1:
            program.back(partial(torch.mm, gradient.flatten(0, 1), x.T, out=own.flatten(0, 1)))
        else:
            program.back(partial(torch.bmm, gradient, x.mT, out=own))
        if run.cell.bias:
            program.back(partial(torch.sum, gradient, 2, out=program.parameters.gradient(run, "bias")))
        _multiply(program, run, gradient, weight, 0)

    program.on_the_way_back(back)


def _projected(program: Program, run: Run) -> None:
    """A residual join whose shortcut passes a dense projection without bias."""
    out, weight = _output(program, run), program.parameters.weight(run, "weight")
    main, shortcut = (program.value(i, run) for i in run.cell.inputs)
    program.then(partial(torch.baddbmm, main, weight, shortcut, out=out))

    def back() -> None:
        gradient = program.place(run, "gradient")
        program.back(partial(torch.bmm, gradient, shortcut.mT, out=program.parameters.gradient(run, "weight")))
        _multiply(program, run, gradient, weight, 1)
        _pass_back(program, run, gradient, 0)

    program.on_the_way_back(back)


def _pass_back(program: Program, run: Run, gradient: Tensor, position: int) -> None:
    """Backward of a copy: the gradient goes to the input at ``position`` as it is."""
    target = program.receive(run.cell.inputs[position], run)
    if target is not None:
        into, add = target
        program.back(partial(into.add_ if add else into.copy_, gradient))


def _sum(program: Program, run: Run) -> None:
    """Add, and residual joins of equal widths. The first input's features decide which rows the sum's features stand in."""
    if run.cell.projected:
        return _projected(program, run)
    out = _output(program, run)
    inputs = [program.value(i, run) for i in run.cell.inputs]
    even = (True, *program.plan.even(run.first, run.cell))
    program.then(partial(out.copy_, inputs[0]))
    moves = {p: _rows(program, run, p) for p, same in enumerate(even) if not same}
    for position, value in enumerate(inputs[1:], start=1):
        if even[position]:
            program.then(partial(out.add_, value))
        else:
            program.then(partial(_add_rows, out, value, *moves[position]))

    def back() -> None:
        gradient = program.place(run, "gradient")
        for position, same in enumerate(even):
            if same:
                _pass_back(program, run, gradient, position)
            elif (target := program.receive(run.cell.inputs[position], run)) is not None:
                into, add = target
                program.back(*(() if add else (into.zero_,)), partial(_add_rows, into, gradient, *reversed(moves[position])))

    return program.on_the_way_back(back)


def _rows(program: Program, run: Run, position: int) -> tuple[Tensor, Tensor]:
    """Rows of the run's sum, and the rows of the input at ``position`` that belong there."""
    plan, other = program.plan, run.cell.inputs[position]
    into = [plan.layout(m, run.slot) + k * run.pad for k, m in enumerate(run.members)]
    source = [plan.layout(m, other) + k * plan.pad(m, other) for k, m in enumerate(run.members)]
    return torch.from_numpy(np.concatenate(into)), torch.from_numpy(np.concatenate(source))


def _add_rows(into: Tensor, source: Tensor, into_rows: Tensor, source_rows: Tensor) -> None:
    into.flatten(0, 1).index_add_(0, into_rows, source.flatten(0, 1).index_select(0, source_rows))


def _concat(program: Program, run: Run) -> None:
    out = _output(program, run)
    widths = [program.plan.pad(run.first, i) for i in run.cell.inputs]
    for part, source in zip(torch.split(out, widths, 1), run.cell.inputs, strict=True):
        program.then(partial(part.copy_, program.value(source, run)))

    def back() -> None:
        for position, part in enumerate(torch.split(program.place(run, "gradient"), widths, 1)):
            _pass_back(program, run, part, position)

    program.on_the_way_back(back)


def _copy(program: Program, run: Run) -> None:
    program.then(partial(_output(program, run).copy_, program.value(run.cell.inputs[0], run)))
    program.on_the_way_back(lambda: _pass_back(program, run, program.place(run, "gradient"), 0))


def _periodic(program: Program, run: Run) -> None:
    """``x``, then ``sin(2 pi c x)`` and ``cos(2 pi c x)``: Gorishniy et al. 2022, eq. 3."""
    numeric, frequencies = run.cell.frequencies
    c = program.parameters.weight(run, "weight").unsqueeze(3)
    numbers = program.x.T[:numeric].view(1, numeric, 1, program.batch)
    shape = (len(run), numeric, frequencies, program.batch)
    angles, scaled = program.scratch(*shape), program.scratch(*c.shape)
    widths = [program.plan.features, numeric * frequencies, numeric * frequencies]
    features, sines, cosines = torch.split(_output(program, run), widths, 1)
    sines, cosines = sines.view(shape), cosines.view(shape)
    program.then(
        partial(features.copy_, program.value(SOURCE, run)),
        partial(torch.mul, c, 2 * math.pi, out=scaled),
        partial(torch.mul, scaled, numbers, out=angles),
        partial(torch.sin, angles, out=sines),
        partial(torch.cos, angles, out=cosines),
    )

    def back() -> None:
        _, sines_back, cosines_back = torch.split(program.place(run, "gradient"), widths, 1)
        own = program.parameters.gradient(run, "weight")
        minus = program.scratch(*shape)
        program.back(
            partial(torch.mul, sines_back.view(shape), cosines, out=angles),
            partial(torch.mul, cosines_back.view(shape), sines, out=minus),
            partial(angles.sub_, minus),
            partial(angles.mul_, numbers),
            partial(torch.sum, angles, 3, out=own),
            partial(own.mul_, 2 * math.pi),
        )

    program.on_the_way_back(back)


EMITTERS: dict[str, Emit] = {"dense": _dense, "residual": _sum, "add": _sum, "concat": _concat, "copy": _copy, "periodic": _periodic}
"""By the cell's operation."""
