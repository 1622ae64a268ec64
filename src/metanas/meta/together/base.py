"""What a network is to a meta-learner: a pure function of weights, for several tasks at once, with derivatives of both orders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

Named = dict[str, Tensor]
"""Weights by name."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Examples on their way through a network.

    Args:
        tasks: how many tasks they belong to.
        values: by the name of the node that gave them, ``(tasks * examples, ...)``.
        constant: whether no gradient with respect to the values is needed.
        masks: of tokens, by level.
        memo: what layers remember of constant values, by node.
    """

    tasks: int
    values: Mapping[str, Tensor]
    constant: bool = True
    masks: Mapping[int, Tensor] = field(default_factory=dict)
    memo: dict[str, dict[str, Any]] = field(default_factory=dict)


Part = Literal["whole", "body", "head"]
"""Which layers: all of them, those before the last layer with weights, or from that one on."""


class Pass(ABC):
    """One forward pass, and its derivatives.

    Attributes:
        values: of the layers that end the pass, by name: one, or what the head reads.
        inputs_gradient: of the last :meth:`gradient`, with respect to inputs that are not constant, by name.
        inputs_curvature: the same of the last :meth:`add_curvature`, without its factor.
    """

    values: Named
    inputs_gradient: Named
    inputs_curvature: Named

    @property
    @abstractmethod
    def outputs(self) -> Tensor:
        """Raw outputs ``(tasks, examples, outputs)``, where the pass ends in them."""

    @abstractmethod
    def gradient(self, g: Tensor | Mapping[str, Tensor]) -> Named:
        """The gradient with respect to the weights, for that with respect to the outputs, or to ``values``."""

    @abstractmethod
    def tangent(self, direction: Mapping[str, Tensor]) -> Tensor:
        """How the outputs change in a direction of the weights (those that have no direction stay as they are)."""

    @abstractmethod
    def add_curvature(self, vg: Tensor, into: Mapping[str, Tensor], scale: float) -> None:
        """Add ``scale`` times the change of the gradient in the direction of the last :meth:`tangent`.

        Args:
            vg: how the gradient with respect to the outputs changes.
            into: by name of the weight, for all weights of the pass; may be the tensors of the direction.
            scale: factor.
        """


class Model(ABC):
    """A network as a pure function of its weights.

    Attributes:
        names: of the weights, in the order of the network.
        head_names: of those of the last layer that has any.
        norm_names: of scales and shifts of batch normalisations.
        device, dtype: of weights and arithmetic.
    """

    device: torch.device
    dtype: torch.dtype
    names: tuple[str, ...]
    head_names: tuple[str, ...]
    norm_names: tuple[str, ...]

    @abstractmethod
    def init(self, seed: int) -> Named:
        """Fresh weights, in the shapes of the network."""

    @abstractmethod
    def spread(self, weights: Mapping[str, Tensor], tasks: int) -> Named:
        """Weights as a pass takes them: a copy for each task, in a shape of the model's own."""

    @abstractmethod
    def gather(self, weights: Mapping[str, Tensor]) -> Named:
        """Weights ``(tasks, ...)`` in the model's own shapes as ``(tasks, ...)`` in the shapes of the network."""

    @abstractmethod
    def inputs(self, x: Tensor) -> Inputs:
        """Examples ``(tasks, examples, *input)``, to be used any number of times."""

    @abstractmethod
    def run(self, weights: Mapping[str, Tensor], inputs: Inputs, *, part: Part = "whole", twice: bool = False) -> Pass:
        """A forward pass; ``twice`` if second derivatives will be asked for."""
