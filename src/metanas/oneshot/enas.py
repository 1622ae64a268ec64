"""``enas``: an LSTM emits architectures, which train shared weights one at a time; it learns from their validation scores.

When to choose it: to compare with the classic of weight sharing; ``single-path`` separates the two trainings and is easier to trust.
Pham et al. 2018, "Efficient Neural Architecture Search via Parameter Sharing", section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from metanas.interfaces import State
from metanas.oneshot.base import SupernetMethod
from metanas.oneshot.brief import WEIGHTS, OneShotBrief, WeightTraining
from metanas.oneshot.choices import Mixture
from metanas.oneshot.registry import register_oneshot
from metanas.spaces import Architecture
from metanas.strategies.controller import admitted
from metanas.strategies.reinforce import Controller

_STREAM = 7
"""Sets the random numbers of :meth:`Enas.candidates` apart from those of updates."""


@register_oneshot("enas")
class Enas(SupernetMethod):
    """In every update the controller first emits a few architectures and learns from their rewards, then one more trains the weights.

    The reward is the validation accuracy of one minibatch with shared weights (for regression minus the loss), less a moving baseline.
    Deviations from the paper: controller and weights take turns after every step, not after every pass over the data, the controller
    beginning when the weights have had a fifth of the schedule; it is the one of ``reinforce``, with defaults for some hundred steps (a
    higher learning rate and entropy bonus); rewards are divided by their moving spread, so that regression needs no other settings.

    Args:
        brief: space and task.
        training: of the weights.
        hidden: units of the LSTM.
        rate: learning rate of the controller.
        samples: architectures that it learns from per update.
        decay: share of the moving baseline that a reward leaves unchanged.
        entropy: weight of the entropy bonus.
        begins: share of the schedule that belongs to the weights alone.
    """

    judged = 20
    whole = False

    def __init__(
        self,
        brief: OneShotBrief,
        training: WeightTraining = WEIGHTS,
        hidden: int = 24,
        rate: float = 0.01,
        samples: int = 2,
        decay: float = 0.95,
        entropy: float = 0.02,
        begins: float = 0.2,
    ) -> None:
        super().__init__(brief, training)
        self._hidden, self._rate, self._samples = hidden, rate, samples
        self._decay, self._entropy, self._begins = decay, entropy, begins

    def begins(self) -> float:
        """When the weights have had their start."""
        return self._begins

    def fresh_choices(self, rng: np.random.Generator) -> State:
        """A controller that emits almost uniformly; ``moving`` are fading sums: of weights, rewards, and their squared distances."""
        controller = Controller(self.space, rng, self._hidden, self._rate)
        return {"controller": _state(controller), "moving": [0.0, 0.0, 0.0]}

    def learn_choices(self, state: State, batch: Mapping[str, Any], rng: np.random.Generator) -> tuple[State, float | None]:
        """One step of Adam on the mean policy gradient of a few emitted architectures (Williams 1992)."""
        controller, moving = self._controller(state["choices"]), list(state["choices"]["moving"])
        total, losses = np.zeros_like(controller.weights.vector), []
        for _ in range(self._samples):
            architecture = admitted(self.space, lambda: controller.emit(rng), rng)
            reward, loss = self._reward(state, batch, architecture)
            losses.append(loss)
            total += controller.gradient(architecture, self._advantage(moving, reward), self._entropy)[1] / self._samples
        controller.weights.descend(total)
        return {"controller": _state(controller), "moving": moving}, float(np.mean(losses))

    def draw(self, choices: State, step: int, progress: float, rng: np.random.Generator) -> Mixture:
        """The path of an emitted architecture; of a uniform one before the controller learns."""
        if progress < self._begins:
            return self.path(self.space.sample(rng))
        controller = self._controller(choices)
        return self.path(admitted(self.space, lambda: controller.emit(rng), rng))

    def candidates(self, state: State, n: int) -> list[Architecture]:
        """The most probable of what the controller emits, and of what it emits with a colder policy."""
        controller = self._controller(state["choices"])
        rng = np.random.default_rng([state["seed"], _STREAM, state["step"]])
        found: dict[str, Architecture] = {}
        for temperature in (0.3, 1.0):
            for _ in range(10 + 4 * n):
                architecture = admitted(self.space, partial(controller.emit, rng, temperature), rng)
                found[architecture.key] = architecture
        return sorted(found.values(), key=lambda a: controller.gradient(a, 1.0, 0.0)[0])[:n]

    def numbers(self, state: State) -> dict[str, float]:
        """Mean entropy of the decisions along some emitted architectures, in nats and as a share of the largest possible; the baseline."""
        controller, rng = self._controller(state["choices"]), np.random.default_rng([state["seed"], _STREAM, state["step"], 1])
        nats = most = 0.0
        opened = 0
        for _ in range(8):
            architecture = controller.emit(rng)
            nats -= controller.gradient(architecture, 0.0, 1.0)[0]
            sizes = [len(d.options) for d in self.space.active(architecture)]
            most += float(np.log(sizes).sum())
            opened += sum(size > 1 for size in sizes)
        weight, total, _ = state["choices"]["moving"]
        baseline = {"baseline": total / weight} if weight else {}
        return {"entropy": nats / max(1, opened), "entropy_share": nats / most if most else 0.0, **baseline}

    def _controller(self, choices: State) -> Controller:
        controller = Controller(self.space, np.random.default_rng(0), self._hidden, self._rate)
        controller.weights.load(choices["controller"])
        return controller

    def _reward(self, state: State, batch: Mapping[str, Any], architecture: Architecture) -> tuple[float, float]:
        """Accuracy (for regression minus the loss) of a path on the validation examples, and its loss."""
        with torch.no_grad():
            raw = self.outputs(state["weights"], self.path(architecture), batch["x_val"])
            loss = float(self._val_loss(raw, batch["y_val"]))
            right = (raw.argmax(1) == batch["y_val"]).float().mean() if self.brief.kind == "classification" else None
        return -loss if right is None else float(right), loss

    def _advantage(self, moving: list[float], reward: float) -> float:
        """By how many moving spreads a reward is above the moving baseline, at most three; takes it into both."""
        weight, total, squares = moving
        above = reward - total / weight if weight else 0.0
        spread = (squares / weight) ** 0.5 if weight else 0.0
        for i, new in enumerate((1.0, reward, above * above)):
            moving[i] = self._decay * moving[i] + (1.0 - self._decay) * new
        return max(-3.0, min(3.0, above / spread)) if spread > 1e-9 else 0.0


def _state(controller: Controller) -> State:
    """Its weights and what Adam remembers; vectors as arrays."""
    state = controller.weights.state()
    return {"steps": state["steps"], "vectors": [np.array(vector) for vector in state["vectors"]]}
