"""Gradients of a population's values: a table with a row for every *reading* of a value.

Where the forward pass reads a row of values (into a product, a sum, the outputs), that reading has a row of gradients of its own. The
gradient of a value is the sum over its readings: mostly one, more behind shortcuts and dense connections. The last row is
always zero.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metanas.evaluation.population_cells import Slot
from metanas.evaluation.population_plan import Lane, Plan, Rows

Step = Callable[[], Any]


def in_order(index: Rows) -> slice | None:
    """The slice that equals an index of rows, if one does."""
    first = int(index[0]) if len(index) else 0
    return slice(first, first + len(index)) if np.array_equal(index, np.arange(first, first + len(index))) else None


def select(table: Tensor, index: Rows, into: Tensor) -> Step:
    """The step that copies rows of a table."""
    part = in_order(index)
    return partial(torch.index_select, table, 0, torch.from_numpy(index), out=into) if part is None else partial(into.copy_, table[part])


class Gradients:
    """The table, and the arrays in which each lane's gradient is worked on.

    Args:
        plan: of the population.
        batch: examples per pass.

    Attributes:
        reads_input: whether the task's input is read as rows of the table of values, and not only by shared products.
    """

    def __init__(self, plan: Plan, batch: int) -> None:
        self._batch = batch
        self._regions: dict[Slot | None, tuple[int, int]] = {}
        self._values: list[Rows] = [np.zeros(0, np.int64)]
        self._rows: list[Rows] = [np.zeros(0, np.int64)]
        self._end = 0
        for lane in plan.lanes:
            if lane.dense:
                self._add(lane.slot, plan.gathered(lane))
            elif lane.summed:
                self._add(lane.slot, *plan.summands(lane))
        self._add(None, plan.output)
        values, rows = np.concatenate(self._values), np.concatenate(self._rows)
        order = np.argsort(values, kind="stable")
        self._value, self._row = values[order], rows[order]
        self._times = np.bincount(self._row, minlength=self._end + 1)
        self.reads_input = bool(len(self._value)) and int(self._value[0]) <= plan.features
        self.table = torch.zeros(self._end + 1, batch)

    def _add(self, slot: Slot | None, *readings: Rows) -> None:
        """A region of the table, and which row of values each of its rows reads (0 for none), once or more."""
        rows = self._end + np.arange(len(readings[0]))
        self._regions[slot] = (self._end, self._end + len(rows))
        self._end += len(rows)
        for values in readings:
            self._values.append(values[values > 0])
            self._rows.append(rows[values > 0])

    def of_readings(self, slot: Slot | None) -> Tensor:
        """The gradients of what a lane read (None: of the outputs), to be filled on the way back."""
        first, last = self._regions[slot]
        return self.table[first:last]

    def _of(self, lane: Lane) -> tuple[Rows, Rows, Rows]:
        """For every row of a lane the first reading (the last row: none); and all others, with the lane's rows that they read."""
        first, last = np.searchsorted(self._value, (lane.first, lane.first + lane.rows))
        values, rows = self._value[first:last] - lane.first, self._row[first:last]
        fresh = np.diff(values, prepend=-1) > 0
        once = np.full(lane.rows, self._end)
        once[values[fresh]] = rows[fresh]
        return once, rows[~fresh], values[~fresh]

    def place(self, lane: Lane, straight: bool) -> tuple[Tensor, list[Step]]:
        """Where the gradient of a lane's outputs is worked on, and the steps that bring it there.

        Args:
            lane: a sum's gradient stands where the table has the readings of its summands; another's too where it is read once, in order.
            straight: if not, one more row follows, of zeros.
        """
        once, more, rows_of_more = self._of(lane)
        part = in_order(once)
        if lane.summed:
            gradient = self.of_readings(lane.slot)
        elif straight and part is not None and not len(more) and (self._times[once] == 1).all():
            return self.table[part], []
        else:
            gradient = torch.zeros(lane.rows + (not straight), self._batch)
        # A lane's readers stand behind it in the table: the part with its own region is left out, since it is written to.
        base = self._regions[lane.slot][1] if lane.summed else 0
        table = self.table[base:]
        steps = [select(table, once - base, gradient[: lane.rows])]
        if len(more):
            extra = torch.zeros(len(more), self._batch)
            steps += [select(table, more - base, extra), partial(gradient.index_add_, 0, torch.from_numpy(rows_of_more), extra)]
        return gradient, steps
