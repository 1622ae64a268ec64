"""Whether a learned task embedding foretells better than plain attributes on which tasks the same architectures are good.

It is learned of the earlier tasks and measured on sources that it has not seen; where it isn't better, the plain attributes stay. How alike
two tasks are is the rank correlation of what each of them alone leads to expect of the same architectures, since searches seldom try the
same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metanas.meta.prior.embedding import distance
from metanas.meta.prior.form import Floats
from metanas.meta.surrogate import History, TaughtProcess, normal_scores
from metanas.meta.tasks import TaskEncoder, TaskGraph, rank_correlations, task_graph, train_encoder
from metanas.records import TaskDescription

STEPS, FOLD_STEPS = 200, 100
"""Of learning the encoder; of learning it again without some of the sources."""
FOLDS = 3
"""Parts of the sources that are left out in turn."""
ARCHITECTURES = 64
"""By which it is judged how alike tasks are."""
RESULTS = 200
"""Results of a task that are looked at for that: an even choice."""
FEWEST_TOLD = 3
"""Tasks to tell apart, without which nothing is measured."""


@dataclass(frozen=True)
class Foretelling:
    """What was measured on sources left out in turn.

    Args:
        plain, learned: mean rank correlation between how alike tasks are and how alike the embeddings say they are, in [-1, 1]: of plain
            attributes, and of a learned embedding.
        error: standard error of the difference of the two, over sources.
        sources: that were left out.
    """

    plain: float
    learned: float
    error: float
    sources: int

    @property
    def better(self) -> bool:
        """Whether the learned embedding is worth using: by more than one standard error."""
        return self.learned - self.plain > self.error


def encoded(encoder: Mapping[str, Tensor], task: TaskDescription) -> Floats:
    """The learned embedding ``f_theta(T)``, ``(size,)``, of length ``sqrt(size)``: the root-mean-square difference of two of them is
    ``sqrt(2 - 2 r)`` where ``r`` is the rank correlation that they foretell."""
    found: Floats = _vectors(encoder, [task_graph(task)])[0]
    return found


def teach_encoder(
    tasks: Sequence[TaskDescription], plain: Floats, histories: Sequence[History], process: TaughtProcess, seed: int
) -> tuple[dict[str, Tensor] | None, Foretelling | None]:
    """Weights of an encoder, if it was measured to be better, and what was measured, if that could be.

    Args:
        tasks: the earlier ones.
        plain: their plain embeddings ``(tasks, attributes)``.
        histories: theirs, with embeddings as ``process`` knows them.
        process: learned on them.
        seed: of weights and batches.
    """
    graphs, alike = [task_graph(task) for task in tasks], likeness(histories, process, seed)
    sources = np.array([history.source for history in histories])
    gains: dict[str, list[tuple[float, float]]] = {}
    for part in range(FOLDS):
        held = np.isin(sources, sorted(set(sources.tolist()))[part::FOLDS])
        old, new = np.flatnonzero(~held), np.flatnonzero(held)
        if len(old) < FEWEST_TOLD or not len(new):
            continue
        weights = train_encoder([graphs[k] for k in old], alike[np.ix_(old, old)], seed, steps=FOLD_STEPS)
        vectors = _vectors(weights, graphs)
        for k in new:
            told = (np.array([-distance(space[k], space[j]) for j in old]) for space in (plain, vectors))
            first, second = (_agreement(one, alike[k, old]) for one in told)
            if np.isfinite(first) and np.isfinite(second):
                gains.setdefault(str(sources[k]), []).append((first, second))
    if len(gains) < FEWEST_TOLD:
        return None, None
    each = np.array([np.mean(pairs, axis=0) for pairs in gains.values()])
    error = float((each[:, 1] - each[:, 0]).std(ddof=1) / np.sqrt(len(each)))
    measured = Foretelling(float(each[:, 0].mean()), float(each[:, 1].mean()), error, len(each))
    return (train_encoder(graphs, alike, seed, steps=STEPS) if measured.better else None), measured


def likeness(histories: Sequence[History], process: TaughtProcess, seed: int) -> Floats:
    """How alike tasks are, ``(tasks, tasks)`` in [-1, 1]; NaN where nothing can be said.

    Each task expects something of the same architectures by its own results and the learned covariance; the learned mean, which all tasks
    share, is left out.
    """
    rng, flat = np.random.default_rng(seed), process.flat()
    pool = np.unique(np.concatenate([history.x for history in histories]), axis=0)
    asked = pool[rng.permutation(len(pool))[:ARCHITECTURES]]
    expected = []
    for history in histories:
        places = np.unique(np.linspace(0, len(history.y) - 1, min(RESULTS, len(history.y))).round().astype(np.int64))
        expected.append(flat.told(history.x[places], normal_scores(history.y)[places], history.task)(asked).mean)
    return rank_correlations(np.stack(expected))


def _vectors(encoder: Mapping[str, Tensor], graphs: Sequence[TaskGraph]) -> Floats:
    with torch.no_grad():
        found = TaskEncoder().encode(dict(encoder), graphs).numpy().astype(np.float64)
    return np.asarray(found * np.sqrt(found.shape[1]))


def _agreement(told: Floats, true: Floats) -> float:
    """Spearman's rank correlation where the truth is known; NaN where that is not enough, or nothing differs."""
    from scipy.stats import spearmanr

    known = np.isfinite(true)
    if known.sum() < FEWEST_TOLD or np.ptp(told[known]) == 0 or np.ptp(true[known]) == 0:
        return float("nan")
    return float(spearmanr(told[known], true[known]).statistic)
