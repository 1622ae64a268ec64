"""BOHB: hyperband whose candidates come from a model of what was good so far.

When to choose it: where one full training is expensive, a short one tells much of a long one, and there is time for more than some
fifty trainings; with fewer the model has no start over plain hyperband.
Falkner et al. 2018, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale". It is ``hyperband:kde``: the deviations are
those of ``hyperband`` and of ``kde``. In particular the model hears of a candidate when its bracket leaves it behind, with its most
thorough evaluation.
"""

from __future__ import annotations

from metanas.strategies.base import Brief, register_strategy
from metanas.strategies.hyperband import Hyperband
from metanas.strategies.kde import KernelDensity


@register_strategy("bohb")
def bohb(brief: Brief) -> Hyperband:
    """Hyperband around kernel density estimation; its proposals name ``hyperband:kde`` as their proposer."""
    return Hyperband(brief, KernelDensity)
