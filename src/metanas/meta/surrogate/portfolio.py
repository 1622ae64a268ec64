"""The plain alternative: architectures that were best on average over earlier tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metanas.meta.surrogate.history import Floats


def portfolio(regret: Floats, n: int) -> NDArray[np.int64]:
    """Up to ``n`` columns such that the best of them is good on every task: each lowers the mean regret most, given those before it.

    Greedy, as in auto-sklearn 2.0 (Feurer et al., JMLR 2022, section 3.1).

    Args:
        regret: ``(tasks, architectures)``, 0 is the best; NaN where an architecture was not evaluated, which counts as the task's worst.
        n: how many.
    """
    filled = np.where(np.isnan(regret), np.nanmax(regret, axis=1, keepdims=True), regret)
    best, chosen = filled.max(axis=1), list[int]()
    for _ in range(min(n, filled.shape[1])):
        reached = np.minimum(best[:, None], filled).mean(axis=0)
        # Where none helps any more, the next best on average.
        reached += 1e-6 * filled.mean(axis=0)
        reached[chosen] = np.inf
        chosen.append(int(reached.argmin()))
        best = np.minimum(best, filled[:, chosen[-1]])
    return np.array(chosen, dtype=np.int64)
