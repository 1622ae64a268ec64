"""The arrays of a task as tensors on the device that trains, ready to be cut into batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metanas.networks import Network
from metanas.networks.layout import channels_last
from metanas.spaces.graph import INPUT, Graph
from metanas.tasks.data import Array, LearningData

FRONT_BATCH = 256
FRONT_BYTES = 1 << 30
"""Outputs of a front end are kept for all examples up to this size, and else computed anew for every batch."""


@dataclass(eq=False)
class Tensors:
    """A task's arrays on a device: inputs with channels innermost in memory, targets as the network learns them.

    Made once per task and shared by all candidates trained on it.
    """

    data: LearningData
    device: torch.device
    x_train: Tensor
    y_train: Tensor
    x_val: Tensor
    y_val: Tensor
    class_weights: Tensor | None
    target_mean: Tensor
    target_std: Tensor
    _rows: dict[float, Tensor] = field(default_factory=dict)
    _front: tuple[str, Tensor, Tensor] | None = None

    @classmethod
    def of(cls, data: LearningData, device: str = "cpu") -> Tensors:
        """The tensors of ``data`` on ``device`` (a name that PyTorch knows)."""
        place = torch.device(device)
        weights = None if data.class_weights is None else _tensor(data.class_weights, place)
        mean, std = _tensor(data.target_mean, place), _tensor(data.target_std, place)
        y_train, y_val = _tensor(data.y_train, place), _tensor(data.y_val, place)
        if data.kind == "regression":
            y_train, y_val = (y_train.float() - mean) / std, (y_val.float() - mean) / std
        x_train, x_val = channels_last(_tensor(data.x_train, place)), channels_last(_tensor(data.x_val, place))
        return cls(data, place, x_train, y_train, x_val, y_val, weights, mean, std)

    def rows(self, share: float) -> Tensor:
        """The rows of the training part that a share of the data uses, int64; see :func:`stratified_order`."""
        if share not in self._rows:
            self._rows[share] = torch.from_numpy(subset(self.data, share)).to(self.device)
        return self._rows[share]

    def inputs(self, network: Network) -> tuple[Tensor, Tensor, bool]:
        """Training and validation inputs of ``network``, and whether its front end has been applied to them already.

        The latest front end's outputs are kept, since most candidates of a search share theirs.
        """
        size = 4 * sum(_numbers(network.graph, network.cut) * len(x) for x in (self.x_train, self.x_val)) if network.cut else 0
        if network.cut is None or size > FRONT_BYTES:
            return self.x_train, self.x_val, False
        nodes = network.graph.nodes
        last = [node.name for node in nodes].index(network.cut)
        key = Graph(network.graph.shape, nodes[: last + 1]).key
        if self._front is None or self._front[0] != key:
            self._front = (key, _apply_front(network, self.x_train), _apply_front(network, self.x_val))
        return self._front[1], self._front[2], True


def subset(data: LearningData, share: float) -> NDArray[np.int64]:
    """Training rows that a ``share`` in (0, 1] of the data uses, in rising order.

    They depend on the data and the share only, never on the candidate, so that candidates are compared on the same examples; a
    larger share holds all rows of a smaller one, and classes keep their proportions. At least 32 rows are kept where there are so many.
    """
    examples = len(data.y_train)
    wanted = min(examples, max(round(share * examples), 32))
    return np.sort(stratified_order(data.y_train if data.kind == "classification" else None, examples)[:wanted])


def stratified_order(classes: Array | None, examples: int) -> NDArray[np.int64]:
    """All rows in an order of which every beginning holds the classes in proportion; shuffled with a fixed seed."""
    shuffled = np.random.default_rng(0).permutation(examples)
    if classes is None:
        return shuffled
    place = np.empty(examples)
    for number in np.unique(classes):
        rows = shuffled[classes[shuffled] == number]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.asarray(shuffled[np.argsort(place[shuffled], kind="stable")])


def _apply_front(network: Network, x: Tensor) -> Tensor:
    if not len(x):
        return x.new_zeros((0, *network.graph.shapes[network.cut or INPUT]), dtype=torch.float32)
    with torch.no_grad():
        parts = [network.front(part) for part in torch.split(x, FRONT_BATCH)]
        return torch.cat([part.movedim(1, -1) for part in parts]).movedim(-1, 1)


def _numbers(graph: Graph, name: str) -> int:
    return int(np.prod(graph.shapes[name]))


def _tensor(array: Array, device: torch.device) -> Tensor:
    whole = np.ascontiguousarray(array)
    return torch.from_numpy(whole if whole.flags.writeable else whole.copy()).to(device)
