"""The supernet: the network of a space with its choices left open, every option of every node present once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metanas.networks import supernet_inheritance as inheritance
from metanas.networks.network import HEAD_SCALE, fresh_module, input_statistics, standardised, weight_name
from metanas.networks.operations.dense import Dense
from metanas.networks.supernet_coefficients import Coefficients
from metanas.networks.supernet_memory import supernet_bytes as supernet_bytes
from metanas.networks.supernet_norm import without_averages
from metanas.networks.supernet_plan import Call, Variant
from metanas.networks.supernet_program import Program
from metanas.spaces.architecture import Architecture
from metanas.spaces.decision import Decision
from metanas.spaces.mixture import mixture_of
from metanas.spaces.narrowing import supernet_space
from metanas.spaces.space import Space
from metanas.spaces.steps import Apply


class Supernet(nn.Module):
    """All architectures of a space in one network with shared weights.

    Where an open decision matters, the outputs of its options are summed with their weights: one-hot weights give the network of one
    architecture, others a mixture (see :mod:`metanas.spaces.mixture`, also for decisions that matter at many places). What has the weight
    zero is not computed, nor what only that needs; under ``torch.func.vmap`` over the weights everything is. Batch normalisation uses the
    statistics of the batch, in training and evaluation alike.

    Weights are named ``nodes.<node>.<operation>.<weight>`` as in a :class:`Network`; where settings of an operation are open, each
    combination has weights of its own under ``<operation>@<setting>=<option>,...``. Their initial values are those of
    :func:`build_network`, but where a node has more input channels here than in a network of its own.

    Args:
        space: is narrowed to what a supernet can leave open, see :func:`supernet_space`.
        input_mean, input_std: one number per channel (first axis of the task's input); None for 0 and 1.
        seed: of the initial weights.

    Attributes:
        space: the narrowed one.
        closed: the decisions that were closed for that, with their choice.
        decisions: the open ones, in order; each has at least two options.
        mixture: the steps that are run.
        cut: name of the node with which :meth:`front` ends; None if it standardises only.

    Raises:
        InputError: if nothing can be left open.

    Example:
        >>> from metanas.spaces import TaskShape, make_space
        >>> net = Supernet(make_space("mlp", TaskShape("table", (4,), 3, numeric=4)), seed=0)
        >>> even = {d.name: torch.full((len(d.options),), 1 / len(d.options)) for d in net.decisions}
        >>> net(torch.zeros(8, 4), even).shape
        torch.Size([8, 3])
    """

    input_mean: Tensor
    input_std: Tensor

    def __init__(
        self, space: Space, *, input_mean: NDArray[np.float32] | None = None, input_std: NDArray[np.float32] | None = None, seed: int
    ) -> None:
        super().__init__()
        self.space, self.closed = supernet_space(space)
        self.decisions: tuple[Decision, ...] = tuple(d for d in self.space.decisions if len(d.options) > 1)
        self.mixture = mixture_of(self.space)
        mean, std = input_statistics(space.shape, input_mean, input_std)
        self.register_buffer("input_mean", mean)
        self.register_buffer("input_std", std)
        self.nodes = nn.Module()
        self._names: dict[Variant, str] = {}
        self._program = Program(self.mixture, self._build(seed), space.shape)
        self._coefficients = Coefficients(self._program.coefficients, self.decisions)
        self.cut = self._program.cut

    # -- as a function -----------------------------------------------------------------------------------------------------

    def forward(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """``(batch, *space.shape.input)`` to ``(batch, outputs)``.

        Args:
            x: raw examples, as a network takes them.
            weights: of every open decision one number per option, ``(options,)``, that add up to one; differentiable. A weight that wants
                a gradient is multiplied even where it is one.

        Raises:
            InputError: if a decision's weights are missing or of another shape.
        """
        return self.rest(self.front(x), weights)

    def front(self, x: Tensor) -> Tensor:
        """The part that training never changes; see :meth:`Network.front`."""
        return x if self.space.shape.data == "text" else self._program.run_front(standardised(x, self.input_mean, self.input_std))

    def rest(self, x: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """What :meth:`front` gives to ``(batch, outputs)``."""
        return self._program.run(x, self._coefficients(weights), self.input_mean.dtype)

    def path(self, architecture: Architecture) -> dict[str, Tensor]:
        """The one-hot weights of an architecture, float32; a decision that is not open in it has its first option, which changes nothing.

        Raises:
            ValueError: if it is none of :attr:`space`, whose limits don't matter here.
        """
        chosen = architecture.as_dict
        if self.space.architecture(chosen) != architecture:
            raise ValueError("the architecture holds choices that are not active, or is of another space")
        positions = {d.name: d.options.index(chosen[d.name]) if d.name in chosen else 0 for d in self.decisions}
        eyes = {n: torch.eye(n, device=self.input_mean.device) for n in {len(d.options) for d in self.decisions}}
        return {d.name: eyes[len(d.options)][positions[d.name]].clone() for d in self.decisions}

    @property
    def variants(self) -> Mapping[Variant, str]:
        """Names of the modules, by what owns weights: node, operation and settings."""
        return self._names

    # -- weights to and from networks of their own ---------------------------------------------------------------------------

    def inherit(self, architecture: Architecture, weights: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The state of ``build_network(space.graph(architecture))`` with this supernet's weights, as copies.

        Where paths meet side by side, the weights of the channels that are there; averages of batch normalisation are fresh.

        Args:
            architecture: of :attr:`space`.
            weights: by name, instead of this supernet's own.

        Raises:
            ValueError: if it is no architecture of :attr:`space`.
        """
        pairs, shared = self._pairs(architecture), dict(self.named_parameters()) if weights is None else weights
        return inheritance.inherited(self.space.graph(architecture), pairs, shared, self.input_mean, self.input_std)

    def absorb(self, architecture: Architecture, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a network of ``architecture`` into this supernet; undoes :meth:`inherit`.

        Raises:
            ValueError: if it is no architecture of :attr:`space`.
            InputError: if the state is of another architecture.
        """
        inheritance.absorb(self._pairs(architecture), dict(self.named_parameters()), state)

    def _pairs(self, architecture: Architecture) -> list[inheritance.Pair]:
        kinds = self._coefficients(self.path(architecture)).kinds
        calls = {step.step.node: step for step in self._program.plan(kinds).steps if isinstance(step, Call)}
        return list(inheritance.pairs(self.space.graph(architecture), calls, self._names, dict(self.named_parameters())))

    # -- building ------------------------------------------------------------------------------------------------------------

    def _build(self, seed: int) -> dict[Variant, nn.Module]:
        """Every variant's module, which becomes part of this one, in the order of the steps."""
        modules: dict[Variant, nn.Module] = {}
        settings = {node.name: node.options for node in self.space.nodes}
        opened = {d.name for d in self.decisions}
        for step in self.mixture.steps:
            if not isinstance(step, Apply) or step.op == "concat" or step.variant in modules:
                continue
            module = without_averages(fresh_module(seed, step.node, step.op, step.shapes, dict(step.settings)))
            if step.node == self.space.nodes[-1].name and isinstance(module, Dense):
                module.weight.data *= HEAD_SCALE
            modules[step.variant] = module
            place = weight_name(step.node)
            if not hasattr(self.nodes, place):
                self.nodes.add_module(place, nn.Module())
            options = settings[step.node][step.op].items()
            name = _variant_name(step, [k for k, v in options if isinstance(v, Decision) and v.name in opened])
            self.nodes.get_submodule(place).add_module(name, module)
            self._names[step.variant] = f"nodes.{place}.{name}"
        return modules


def _variant_name(step: Apply, opened: list[str]) -> str:
    """The operation, with the settings that are open."""
    shown = [f"{name}={dict(step.settings)[name]}".replace(".", "-") for name in opened]
    return f"{weight_name(step.op)}@{','.join(shown)}" if shown else weight_name(step.op)
