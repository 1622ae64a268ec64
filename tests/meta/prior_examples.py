"""Stores of imagined searches, in which what is good is known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from metanas.experience import Experience
from metanas.records import Candidate, Evaluation, Fidelity, Proposal, TaskDescription
from metanas.spaces import Architecture, Space, TaskShape, make_space

SHAPE = TaskShape("table", (6,), 3, numeric=6)
WORDS = TaskShape("table", (9,), 2)


def described(number: int, shape: TaskShape = SHAPE, metric: str = "accuracy") -> TaskDescription:
    """A task whose size and classes go with its number."""
    features = {"largest_class": 0.4 + 0.04 * (number % 10), "linear": 0.1 * (number % 10), "missing_share": 0.0}
    return TaskDescription(f"task{number}", "classification", shape, 100 * (number + 1), metric, features)


def quality(architecture: Architecture, upside_down: bool = False) -> float:
    """Deep networks of gentle activations that learn at the right rate are good; 0.5 to 0.95."""
    chosen = architecture.as_dict
    good = 0.06 * (chosen["depth"] - 1) + 0.12 * (chosen["activation"] in ("gelu", "silu", "tanh"))
    good += 0.09 - 0.06 * abs(np.log10(chosen["recipe.learning_rate"]) + 2.5) + 0.06 * (chosen["norm"] == "layer_norm")
    return float(np.clip(0.95 - good if upside_down else 0.55 + good, 0.5, 0.95))


def space(shape: TaskShape = SHAPE) -> Space:
    return make_space("mlp", shape)


def candidates(of: Space, n: int, seed: int, fidelity: Fidelity | None = None) -> list[Candidate]:
    """The plain network, then random ones."""
    rng = np.random.default_rng(seed)
    drawn = [of.baseline, *(of.sample(rng) for _ in range(n - 1))]
    proposals = [Proposal(i, a, fidelity or Fidelity(10), proposer="random") for i, a in enumerate(drawn)]
    return [Candidate(p, of.graph(p.architecture), of.recipe(p.architecture), 0) for p in proposals]


def evaluated(
    candidate: Candidate, value: float | None, metric: str = "accuracy", reason: str = "diverged: loss is no number"
) -> Evaluation:
    """A success, or with no value a failure."""
    if value is None:
        return Evaluation(candidate.proposal, seed=candidate.seed, duration=0.1, reason=reason)
    return Evaluation(candidate.proposal, {metric: value}, seed=candidate.seed, duration=0.1, epochs=3)


def begun(experience: Experience, fingerprint: str, task: TaskDescription, space_name: str = "mlp") -> str:
    experience.add_task(fingerprint, task)
    return experience.start_search(fingerprint, strategy="random", space=space_name, metric=task.metric, seed=0)


def searched(
    experience: Experience,
    number: int,
    n: int = 20,
    *,
    upside_down: bool = False,
    shape: TaskShape = SHAPE,
    failures: Sequence[int] = (),
    noise: float = 0.005,
) -> str:
    """A search of ``n`` networks on task ``number``; returns its id."""
    fingerprint = f"{number:032x}"
    search = begun(experience, fingerprint, described(number, shape))
    rng = np.random.default_rng(1000 + number)
    for candidate in candidates(space(shape), n, number):
        value = quality(candidate.proposal.architecture, upside_down) + noise * float(rng.normal())
        experience.record(search, fingerprint, evaluated(candidate, None if candidate.proposal.id in failures else value), candidate, 1.0)
    return search


def store(path: Path, tasks: int = 4, n: int = 20, *, upside_down: bool = False) -> Path:
    """A store of so many tasks."""
    with Experience(path) as experience:
        for number in range(tasks):
            searched(experience, number, n, upside_down=upside_down)
    return path


def numbered(candidate: Candidate, number: int, fidelity: Fidelity) -> Candidate:
    """The same architecture, proposed again."""
    return replace(candidate, proposal=replace(candidate.proposal, id=number, fidelity=fidelity))
