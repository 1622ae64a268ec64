"""What surrogates learn from: the evaluations of earlier tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """The evaluations of one task.

    Args:
        x: encoded architectures ``(evaluations, features)``, of one form for all tasks.
        y: how good they were ``(evaluations,)``: larger is better, in the unit of the task; all finite.
        task: the task's embedding ``(features of a task,)``.
        source: tasks made of the same data share it: what is learned must not be judged on a source that it has seen.
    """

    x: Floats
    y: Floats
    task: Floats
    source: str = ""

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or not np.isfinite(self.y).all():
            raise ValueError("a history needs one finite result for every architecture")


def normal_scores(y: Floats) -> Floats:
    """Results as quantiles of the standard normal distribution by their ranks (ties share theirs): the same for every monotone unit.

    Salinas et al., ICML 2020, "A quantile-based approach for hyperparameter transfer learning", section 3.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    found: Floats = ndtri((rankdata(y) - 0.5) / len(y))
    return found
