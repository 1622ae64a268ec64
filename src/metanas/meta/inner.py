"""The inner loop: gradient steps on the support of several tasks, and the way back through them.

With weights ``w[0]`` at the start, ``w[k+1] = w[k] - rates[k] * g[k]`` where ``g[k]`` is the gradient of the support's loss at ``w[k]``.
From ``v[K]``, the gradient of an outer loss with respect to the last weights, ``v[k] = v[k+1] - H[k] (rates[k] * v[k+1])``, with ``H[k]``
the support loss's Hessian at ``w[k]`` (Finn et al. 2017, section 2.2): exact second derivatives at the cost of about two gradients per
step, and with nothing of the way kept but the values of the layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metanas.meta.loss import Loss
from metanas.meta.together import Inputs, Model, Named, Part, Pass

Rates = float | Mapping[str, Tensor]
"""One step size for all weights, or one (or one per number) for each weight by name, ``(1, ...)``."""


@dataclass(frozen=True, eq=False)
class Support:
    """What the inner loop learns from.

    Args:
        inputs: of the support.
        y: targets ``(tasks, examples)`` or ``(tasks, examples, outputs)``.
    """

    inputs: Inputs
    y: Tensor


@dataclass(frozen=True, eq=False)
class Step:
    """One inner step as it was made.

    Args:
        ran: the forward pass.
        gradient: of the weights that were moved.
        rates: with which they were.
        after: the weights after it.
        fixed: weights that stayed as they were.
    """

    ran: Pass
    gradient: Named
    rates: Rates
    after: Named
    fixed: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class InnerLoop:
    """Steps of gradient descent.

    Args:
        model: the network.
        loss: of each task.
        part: of the network that is run.
    """

    model: Model
    loss: Loss
    part: Part = "whole"

    def step(self, weights: Named, support: Support, rates: Rates, fixed: Mapping[str, Tensor], *, twice: bool) -> Step:
        """One step of ``weights``, while the weights in ``fixed`` stay as they are."""
        ran = self.model.run({**weights, **fixed}, support.inputs, part=self.part, twice=twice)
        found = ran.gradient(self.loss.gradient(ran.outputs, support.y))
        gradient = {name: found[name] if name in found else torch.zeros_like(w) for name, w in weights.items()}
        return Step(ran, gradient, rates, _moved(weights, gradient, rates), fixed)

    def back(self, step: Step, v: Named, fixed: Named) -> None:
        """From the gradient ``v`` with respect to the weights after a step to that with respect to those before, in place.

        Args:
            step: made with ``twice``.
            v: by name, ``(tasks, ...)``.
            fixed: what weights that stayed as they were add to the gradient is added to these.
        """
        if isinstance(step.rates, Mapping):
            direction, scale = {name: step.rates[name] * vector for name, vector in v.items()}, -1.0
        else:
            direction, scale = v, -step.rates
        change = step.ran.tangent(direction)
        step.ran.add_curvature(self.loss.curvature(step.ran.outputs, change), {**fixed, **v}, scale)


def descend(loop: InnerLoop, weights: Named, support: Support, rates: Sequence[Rates], fixed: Sequence[Mapping[str, Tensor]] = ()) -> Named:
    """The weights after one step for each of ``rates``; ``fixed`` weights as in :meth:`InnerLoop.step`, for each step, or none."""
    for k, rate in enumerate(rates):
        weights = loop.step(weights, support, rate, fixed[k] if fixed else {}, twice=False).after
    return weights


def _moved(weights: Named, gradient: Named, rates: Rates) -> Named:
    old, g = list(weights.values()), [gradient[name] for name in weights]
    if not isinstance(rates, Mapping):
        return dict(zip(weights, torch._foreach_add(old, g, alpha=-rates), strict=True))
    return {name: torch.addcmul(w, d, rates[name], value=-1) for name, w, d in zip(weights, old, g, strict=True)}
