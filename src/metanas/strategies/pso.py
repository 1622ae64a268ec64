"""Particle swarm: particles fly through the relaxed decisions, drawn to the best place each has seen and the best of all.

When to choose it: spaces of mostly ordered decisions (widths, depths, rates) where being nearly right is worth something; cheap per
proposal, happy with as many workers as there are particles.
Kennedy and Eberhart 1995, "Particle Swarm Optimization"; the velocity with inertia and constriction is that of Clerc and Kennedy 2002,
"The Particle Swarm: Explosion, Stability, and Convergence in a Multidimensional Complex Space".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.interfaces import State
from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, Brief, Known, register_strategy
from metanas.strategies.codes import CLOSED, Codes

INERTIA, PULL = 0.7298, 1.49618
"""Constriction coefficients of Clerc and Kennedy for a convergent swarm."""
Vector = NDArray[np.float64]


@dataclass
class _Particle:
    """Where it is and how fast it flies, ``(dimensions,)``; the best place it has been to, and its value there."""

    position: Vector
    velocity: Vector
    best: Vector
    value: float = -math.inf
    flies: bool = False  # not before the place where it was put was looked at


@register_strategy("pso")
class ParticleSwarm(BaseStrategy):
    """``particles`` fly in turn; a position in the unit cube is decoded to an architecture that the space admits.

    An ordered decision has one dimension, cut into equal parts; another one has a dimension per option, of which the largest wins. The
    dimensions of decisions that are not open move on unseen.

    Deviations from the paper: a particle flies on as soon as its turn comes, not when all are told; one whose architecture is known
    already learns from that and is kicked along some decisions (the paper's early "craziness"), so that the swarm does not freeze;
    particles bounce off the walls. The best of all is the best architecture told, no matter who asked for it. With several goals the
    first counts; failures are nobody's best.

    Args:
        brief: what every strategy is given.
        particles: in the swarm.
        speed: (0, 1] largest velocity per dimension, as a share of its range.
    """

    def __init__(self, brief: Brief, particles: int = 10, speed: float = 0.5) -> None:
        super().__init__(brief)
        self._speed, self._turn = speed, 0
        self._codes = Codes(self.space)
        widths = [1 if d.ordered else len(d.options) for d in self.space.decisions]
        self._slices = [slice(sum(widths[:i]), sum(widths[: i + 1])) for i in range(len(widths))]
        self._swarm = [self._fresh(sum(widths)) for _ in range(particles)]
        self._flights: dict[str, tuple[int, Vector]] = {}  # architecture key to the particle there and its exact position

    def _fresh(self, dimensions: int) -> _Particle:
        position = self.rng.random(dimensions)
        velocity = self._speed * self.rng.uniform(-1.0, 1.0, dimensions)
        return _Particle(position, velocity, position)

    def propose(self) -> Architecture:
        """Where the next particle in turn flies to."""
        number, self._turn = self._turn, (self._turn + 1) % len(self._swarm)
        particle = self._swarm[number]
        leader = max((k for k in self.known.values() if k.good), key=lambda k: k.value, default=None)
        if particle.flies:
            self._move(particle, leader)
        particle.flies = True
        home = self.space.baseline if leader is None else leader.architecture
        architecture = self._codes.architecture(self._row(particle.position), home, self.rng)
        self._flights[architecture.key] = (number, particle.position)
        return architecture

    def _move(self, particle: _Particle, leader: Known | None) -> None:
        x, dimensions = particle.position, len(particle.position)
        pull = self.rng.random(dimensions) * (particle.best - x)
        if leader is not None:
            pull += self.rng.random(dimensions) * (self._place(leader.architecture, x) - x)
        velocity = np.clip(INERTIA * particle.velocity + PULL * pull, -self._speed, self._speed)
        flown = x + velocity
        outside = (flown < 0.0) | (flown > 1.0)
        particle.position = np.where(flown < 0.0, -flown, np.where(flown > 1.0, 2.0 - flown, flown))
        particle.velocity = np.where(outside, -velocity, velocity)

    def _row(self, position: Vector) -> list[int]:
        """The option of every decision at a position."""
        row = []
        for d, part in zip(self.space.decisions, self._slices, strict=True):
            here = position[part]
            row.append(min(int(here[0] * len(d.options)), len(d.options) - 1) if d.ordered else int(here.argmax()))
        return row

    def _place(self, architecture: Architecture, x: Vector) -> Vector:
        """The position of an architecture; where a decision is closed that of ``x``."""
        place = x.copy()
        for d, part, rank in zip(self.space.decisions, self._slices, self._codes.row(architecture), strict=True):
            if rank != CLOSED:
                place[part] = (rank + 0.5) / len(d.options) if d.ordered else np.arange(len(d.options)) == rank
        return place

    def learn(self, told: Sequence[Known]) -> None:
        """Particles remember the best place they have been to."""
        for known in told:
            self._credit(known)

    def revisit(self, architecture: Architecture) -> None:
        """The particle learns from what is known of its place, if it is told, and is kicked to another, where it is looked at next."""
        number = self._flights[architecture.key][0]
        if architecture.key in self.known:
            self._credit(self.known[architecture.key])
        particle = self._swarm[number]
        kicked = particle.position.copy()
        while True:
            part = self._slices[int(self.rng.integers(len(self._slices)))]
            kicked[part] = self.rng.random(part.stop - part.start)
            if self.rng.random() < 0.5:
                break
        particle.position, particle.flies = kicked, False

    def _credit(self, known: Known) -> None:
        number, position = self._flights.pop(known.architecture.key, (None, None))
        if number is None or position is None:
            return
        particle = self._swarm[number]
        if known.value > particle.value:
            particle.best, particle.value = position, known.value

    def memory(self) -> State:
        """The swarm, and who flew where."""
        swarm = [{name: _plain(value) for name, value in vars(p).items()} for p in self._swarm]
        return {"turn": self._turn, "swarm": swarm, "flights": {k: [n, _plain(x)] for k, (n, x) in self._flights.items()}}

    def remember(self, state: State) -> None:
        """Take both back."""
        self._turn = state["turn"]
        self._swarm = [
            _Particle(np.array(p["position"]), np.array(p["velocity"]), np.array(p["best"]), p["value"], p["flies"]) for p in state["swarm"]
        ]
        self._flights = {key: (number, np.array(position)) for key, (number, position) in state["flights"].items()}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
