"""``single-path``: shared weights trained on one random path per step; then any strategy searches on inherited weights.

When to choose it: first among the one-shot methods where candidates are to be compared under limits or several goals, for the search
comes after the training and costs a forward pass per candidate. ``single-path:bayes`` searches with another strategy than evolution.
Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform Sampling", sections 3.2 and 3.4; fair sampling:
Chu et al. 2021, "FairNAS: Rethinking Evaluation Fairness of Weight Sharing NAS", algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from metanas.errors import InputError
from metanas.interfaces import State
from metanas.oneshot.base import SupernetMethod
from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import Mixture, ranked
from metanas.oneshot.registry import register_oneshot
from metanas.spaces import Architecture, Space

TALLY_EVERY = 4
"""Updates between two looks at the validation examples."""
_FADE = 0.05
_FAIR = 11

Sampling = Callable[[Space, int, int, np.random.Generator], Architecture]
"""Space, seed of the search, number of the step and the step's own generator to the path of that step."""


def uniform(space: Space, seed: int, step: int, rng: np.random.Generator) -> Architecture:
    """Every active decision drawn uniformly, within the space's limits."""
    return space.sample(rng)


def fair(space: Space, seed: int, step: int, rng: np.random.Generator) -> Architecture:
    """Every decision takes its options in a random order, all of them once before any comes again, whatever the others do.

    FairNAS' strict fairness for decisions of any number of options; of decisions that are not always active an option may be passed
    over. Paths may be beyond the space's limits: they are trained, and not proposed. In a listed space paths are drawn uniformly.
    """
    if space.listed:
        return uniform(space, seed, step, rng)
    choices = {}
    for number, decision in enumerate(space.decisions):
        turn, place = divmod(step, len(decision.options))
        order = np.random.default_rng([seed, _FAIR, number, turn]).permutation(len(decision.options))
        choices[decision.name] = decision.options[int(order[place])]
    return space.architecture(choices)


SAMPLINGS: Mapping[str, Sampling] = {"fair": fair, "uniform": uniform}


@register_oneshot("single-path")
class SinglePath(SupernetMethod):
    """Trains one path per update. The answer comes from :func:`metanas.oneshot.search.answers`, by a strategy on inherited weights.

    Decoding alone, which looks at no data, goes by a tally: at every fourth update the path's validation loss, less the moving mean of
    all, moves the score of its options; an architecture is as good as its options' scores together.
    Deviations from the papers: AdamW; FairNAS updates once per round of paths, here every path has its update.

    Args:
        brief: space and task.
        training: of the weights.
        strategy: searches on inherited weights.
        sampling: name of one of :data:`SAMPLINGS`.

    Raises:
        InputError: if there is no such sampling.
    """

    whole = False
    collapses = False

    def __init__(
        self, brief: OneShotBrief, training: WeightTraining = WEIGHTS, strategy: str = "evolution", sampling: str = "fair"
    ) -> None:
        super().__init__(brief, training)
        if sampling not in SAMPLINGS:
            raise InputError(f"there is no sampling named {sampling!r}; choose one of {', '.join(SAMPLINGS)}")
        self.strategy = strategy
        self._sample = SAMPLINGS[sampling]

    def fresh_choices(self, rng: np.random.Generator) -> State:
        """No scores yet; a decision's ``scores`` are the moving means of its options' losses, relative to the mean of all."""
        return {"scores": {d.name: [0.0] * len(d.options) for d in self.decisions}, "mean": None, "seed": int(rng.integers(2**31))}

    def learn_choices(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[State, float | None]:
        """The tally of the path whose turn it is, before it is trained."""
        choices, step = state["choices"], int(state["step"])
        if step % TALLY_EVERY:
            return choices, None
        architecture = self._sample(self.space, choices["seed"], step, np.random.default_rng([choices["seed"], step]))
        with torch.no_grad():
            loss = float(self.validation_loss(state["weights"], self.path(architecture), batch))
        mean = loss if choices["mean"] is None else choices["mean"] + _FADE * (loss - choices["mean"])
        scores = dict(choices["scores"])
        for decision in self.decisions:
            if decision.name in architecture.as_dict:
                index, moved = decision.options.index(architecture[decision.name]), list(scores[decision.name])
                moved[index] += min(0.5, _FADE * len(moved)) * ((mean - loss) - moved[index])
                scores[decision.name] = moved
        return {**choices, "scores": scores, "mean": mean}, loss

    def draw(self, choices: State, step: int, progress: float, rng: np.random.Generator) -> Mixture:
        """The path whose turn it is."""
        return self.path(self._sample(self.space, choices["seed"], step, np.random.default_rng([choices["seed"], step])))

    def candidates(self, state: State, n: int) -> list[Architecture]:
        """By the sum of the options' scores."""
        return ranked(self.space, state["choices"]["scores"], n)

    def numbers(self, state: State) -> dict[str, float]:
        """Nothing more: paths are drawn alike to the end."""
        return {}
