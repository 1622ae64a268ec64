"""The architectures: drawn once, the same for all tasks of a space, evenly over sizes, with wanted shares of all options.

    python -m benchmarks.many_task.architectures benchmarks/many_task/architectures.json

Choices of the ``mlp`` and ``convnet`` spaces don't depend on a task's shapes, but for the encoding of numbers, which a table without any
hasn't got: there that choice is dropped, and no two of the architectures become the same by it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metanas.benchmarks.tables.many_task_files import INACTIVE, SCHEMA, adapted
from metanas.spaces import Architecture, Space, TaskShape, make_space
from metanas.spaces.decision import Value
from metanas.spaces.graph import Graph


@dataclass(frozen=True)
class Draw:
    """How the architectures of a space are drawn.

    Args:
        shape: of the task for which sizes are measured.
        blind: another shape for which they must all differ, too.
        count: of architectures, the plain one and ``good`` included.
        good: how many have choices that are known to be good.
        least, most: limits of the size.
        wise: options that are known to be good, by decision.
    """

    shape: TaskShape
    blind: TaskShape
    count: int
    good: int
    least: float
    most: float
    wise: Mapping[str, Sequence[Value]]

    def size(self, graph: Graph) -> float:
        """What a training costs: parameters of fully connected networks, FLOPs of others."""
        return float(graph.parameters if self.shape.data == "table" else graph.flops)


_WISE: dict[str, Sequence[Value]] = {
    "activation": ("relu", "gelu", "silu"),
    "dropout": (0.0, 0.1, 0.25),
    "recipe.learning_rate": (3e-3, 1e-2),
    "recipe.weight_decay": (1e-4, 1e-2, 5e-2),
}
_MLP = {f"layer{layer}.width": (32, 64, 128) for layer in (1, 2, 3, 4)}
_CONVNET: dict[str, Sequence[Value]] = {f"stage{s}.width": (16, 24, 32, 48, 64) for s in (1, 2, 3, 4)}
_CONVNET |= {f"stage{s}.block{b}.op": ("conv", "sep_conv") for s in (1, 2, 3, 4) for b in (1, 2, 3)}
DRAWS = {
    "mlp": Draw(
        TaskShape("table", (48,), 4, numeric=48),
        TaskShape("table", (48,), 4, numeric=0),
        count=300,
        good=40,
        least=430,
        most=30_000,
        wise={**_WISE, **_MLP, "depth": (1, 2, 3), "connection": ("chain", "residual", "dense"), "encoding.sigma": (0.1, 0.3)},
    ),
    "convnet": Draw(
        TaskShape("image", (1, 12, 12), 8),
        TaskShape("image", (3, 8, 8), 8),
        count=150,
        good=25,
        least=20_000,
        most=2_500_000,
        wise={**_WISE, **_CONVNET, "stages": (2, 3), "norm": ("batch_norm",), "connection": ("chain", "residual"), "stem.stride": (1,)},
    ),
}
_LAYERS = 12
"""Layers of size from which equally many are drawn."""
SHARES: Mapping[str, Mapping[Value, float]] = {
    "activation": {"relu": 0.25, "silu": 0.25, "gelu": 0.25, "tanh": 0.15, "sigmoid": 0.1},
    "connection": {"chain": 0.3, "residual": 0.3, "dense": 0.2, "sparse": 0.2},
    "dropout": {0.0: 0.35, 0.1: 0.25, 0.25: 0.25, 0.5: 0.15},
    "recipe.learning_rate": {3e-4: 0.08, 1e-3: 0.2, 3e-3: 0.36, 1e-2: 0.36},
}
"""How often the options of a decision are wanted, where not evenly: what is bad on almost every task is rarer."""
_TRIED = 30
"""Architectures of which the one that evens out the options most is taken."""


def draw(name: str, seed: int = 0) -> list[Architecture]:
    """The architectures of a space in the benchmark, the plain one first."""
    how, rng = DRAWS[name], np.random.default_rng(seed)
    space, blind = make_space(name, how.shape), make_space(name, how.blind)
    known: dict[str, Architecture] = {}

    def add(architecture: Architecture) -> bool:
        """Take it unless its network and recipe are known already, for one of the two shapes."""
        seen = {_identity(space, architecture), _identity(blind, adapted(blind, architecture.as_dict))}
        if seen & set(known):
            return False
        known.update(dict.fromkeys(seen, architecture))
        return True

    counts: dict[str, Counter[Value]] = {decision.name: Counter() for decision in space.decisions}

    def take(architecture: Architecture) -> bool:
        if not add(architecture):
            return False
        for name, option in architecture.choices:
            counts[name][option] += 1
        taken.append(architecture)
        return True

    taken: list[Architecture] = []
    take(space.baseline)
    wise = space.narrowed({d.name: how.wise[d.name] for d in space.decisions if d.name in how.wise})
    borders = np.geomspace(how.least, how.most, _LAYERS + 1)
    for place in range(1, how.count):
        source, layer = (wise, None) if place < how.good else (space, place % _LAYERS)
        low, high = (how.least, how.most) if layer is None else (borders[layer], borders[layer + 1])
        offers = list(_of_size(source, how, low, high, rng))
        rarity = [_rarity(space, a, counts) for a in offers]
        next(best for best in np.argsort(rarity, kind="stable") if take(offers[best]))
    return taken


def _identity(space: Space, architecture: Architecture) -> str:
    return f"{space.shape} {space.graph(architecture).key} {sorted(space.recipe(architecture).items())}"


def _of_size(space: Space, how: Draw, low: float, high: float, rng: np.random.Generator) -> Iterator[Architecture]:
    """Some architectures of the space between two sizes."""
    found = 0
    while found < _TRIED:
        drawn = space.sample(rng)
        if low <= how.size(space.graph(drawn)) <= high:
            found += 1
            yield drawn


def _rarity(space: Space, architecture: Architecture, taken: Mapping[str, Counter[Value]]) -> float:
    """How often its choices have been taken, relative to how often they are wanted, on average over its decisions; less is rarer."""
    even = {decision.name: dict.fromkeys(decision.options, 1 / len(decision.options)) for decision in space.decisions}
    wanted = {**even, **SHARES}
    shares = [taken[name][option] / wanted[name][option] / max(1, taken[name].total()) for name, option in architecture.choices]
    return float(np.mean(shares))


def to_json(architectures: Mapping[str, Sequence[Architecture]]) -> dict[str, Any]:
    """Architectures by space, as ranks of options; ``metanas.benchmarks.tables.many_task_files.read_choices`` reads it."""
    spaces = {}
    for name, drawn in architectures.items():
        decisions = make_space(name, DRAWS[name].shape).decisions
        codes = [[d.options.index(a.as_dict[d.name]) if d.name in a.as_dict else INACTIVE for d in decisions] for a in drawn]
        spaces[name] = {"decisions": {d.name: list(d.options) for d in decisions}, "codes": codes}
    return {"schema": SCHEMA, "spaces": spaces}


def main() -> None:
    record = to_json({name: draw(name) for name in DRAWS})
    text = json.dumps(record, separators=(",", ":")).replace("],[", "],\n[")
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
