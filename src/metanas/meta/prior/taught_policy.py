"""The policy of a prior: learned over a form, carried over to the space that a new task has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metanas.meta.policy import Controller, TaskPolicy, learn_policy
from metanas.meta.policy.training import Reward
from metanas.meta.prior.form import CLOSED, Floats, Form
from metanas.meta.surrogate import History, TaughtProcess, normal_scores
from metanas.spaces import Space

STEPS, PROPOSALS, TOGETHER, COPIES = 80, 3, 4, 8
"""Of the training, some four seconds; see :func:`~metanas.meta.policy.learn_policy`."""
REWARDED = 150
"""Results of an earlier task, the best and an even choice, that the rewards go by."""


def teach_policy(histories: Sequence[History], tasks: Floats, form: Form, process: TaughtProcess, seed: int) -> dict[str, Tensor]:
    """Weights of a policy over the decisions of a form, see :func:`~metanas.meta.policy.learn_policy`.

    Args:
        histories: of the earlier tasks, with their embeddings as ``process`` knows them.
        tasks: their embeddings as the policy is to know them, ``(tasks, embedding)``.
        form: of the space.
        process: that says what an architecture would have been worth on each of them.
        seed: of weights and draws.
    """
    rewards = [_reward(history, form, process) for history in histories]
    steps = {"steps": STEPS, "proposals": PROPOSALS, "together": TOGETHER, "copies": COPIES}
    return learn_policy(controller_of(form, tasks.shape[1]), tasks, rewards, seed=seed, **steps)


def controller_of(form: Form, task: int) -> Controller:
    """The controller over a form's decisions; where it isn't known what opens one, it is always open."""
    place = {d.name: k for k, d in enumerate(form.decisions)}
    gates = []
    for k, d in enumerate(form.decisions):
        terms = [(place[name], name, among) for name, among in d.when if place.get(name, k) < k]
        gates.append(
            tuple(
                (at, tuple(form.decisions[at].options.index(o) for o in among if o in form.decisions[at].options)) for at, _, among in terms
            )
        )
    return Controller(tuple(len(d.options) for d in form.decisions), tuple(gates), task)


def policy_for(weights: Mapping[str, Tensor], form: Form, task: Floats, space: Space) -> TaskPolicy:
    """The policy on a task, in the space as it is there.

    Every option of the space takes over what was learned of that option, an unknown number what was learned of the nearest one, another
    unknown option what was learned of its decision's on average; an unknown decision is drawn evenly.
    """
    moved = torch.as_tensor(_carried(form, space), dtype=torch.float32)
    own = {
        **weights,
        "chosen": torch.cat([moved @ weights["chosen"][:-1], weights["chosen"][-1:]]),
        "heads": moved @ weights["heads"],
        "heads.bias": moved @ weights["heads.bias"],
        "seen.first": torch.cat([weights["seen.first"][:, :-1] @ moved.T, weights["seen.first"][:, -1:]], 1),
    }
    return TaskPolicy(Controller.of(space, len(task)), own, task, space)


def _carried(form: Form, space: Space) -> Floats:
    """Which options of a form stand for which of a space, ``(options of the space, options of the form)``."""
    starts = dict(zip((d.name for d in form.decisions), np.cumsum([0, *(len(d.options) for d in form.decisions)]).tolist(), strict=False))
    known = {d.name: d for d in form.decisions}
    rows: list[Floats] = []
    for decision in space.decisions:
        for option in decision.options:
            row = np.zeros(sum(len(d.options) for d in form.decisions))
            if there := known.get(decision.name):
                rank, first = there.rank(option), starts[decision.name]
                if rank is None:
                    row[first : first + len(there.options)] = 1.0 / len(there.options)
                else:
                    row[first + round(rank)] = 1.0
            rows.append(row)
    return np.array(rows).reshape(len(rows), -1)


def _reward(history: History, form: Form, process: TaughtProcess) -> Reward:
    """What the surrogate expects on an earlier task, once it knows what was found there."""
    chosen = np.unique(np.linspace(0, len(history.y) - 1, min(REWARDED, len(history.y))).round().astype(np.int64))
    expected = process.told(history.x[chosen], normal_scores(history.y)[chosen], history.task)
    decisions = [(d.name, d.options) for d in form.decisions]

    def reward(rows: NDArray[np.int64]) -> Floats:
        pairs = (zip(decisions, row, strict=True) for row in rows.tolist())
        return expected(form.encode_all({name: options[rank] for (name, options), rank in row if rank != CLOSED} for row in pairs)).mean

    return reward
