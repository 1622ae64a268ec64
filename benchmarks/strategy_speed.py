"""Milliseconds that a strategy takes to propose and to learn, per evaluation: ours and, where they are installed, those of others.

    python benchmarks/strategy_speed.py
    python benchmarks/strategy_speed.py --problem nasbench201 --dataset cifar10 --path TABLES
    python benchmarks/strategy_speed.py --space convnet
    python benchmarks/strategy_speed.py --only bayes,botorch --evaluations 100

All solve the same problem, one evaluation at a time, on one thread, in one process: ask and tell are timed, looking up the answer is not.
Without ``--problem`` it is a made-up table of six unordered decisions with five options each; with ``--space`` a space of networks for
28 x 28 pictures, where the result rises with the rank of every choice. Every strategy is made and asked on the side before it is timed,
so that imports don't count. ``--cpu`` counts the process's own time instead of the clock's, for a machine that is not idle. Others, each
as its own first example has it:

- ``optuna-random``, ``optuna-tpe``: Optuna's samplers, one categorical parameter per decision.
- ``smac``: SMAC3's random forest (HyperparameterOptimizationFacade), one categorical hyper-parameter per decision.
- ``botorch``: BoTorch's SingleTaskGP on the one-hot encoding, refitted each time, LogExpectedImprovement optimised by ``optimize_acqf``
  (10 restarts of 256 raw samples) from the 10th evaluation on, rounded to the option with the largest entry.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from metanas.benchmarks.tables import open_problem
from metanas.machine import one_thread
from metanas.records import Evaluation, Fidelity, Objective, Proposal
from metanas.spaces import Architecture, Draft, Space, TaskShape, make_space
from metanas.strategies import Brief, make_strategy, strategies

WARM_UP = 10


@dataclass(frozen=True)
class Course:
    """What all are timed on: ``value`` is the larger the better, at most ``optimum`` (NaN where that is not known)."""

    name: str
    space: Space
    value: Callable[[Architecture], float]
    optimum: float = math.nan
    epochs: int = 1


class Asked(Protocol):
    """What is timed: proposes an architecture, and is told how good it was (larger is better)."""

    def ask(self) -> Architecture: ...

    def tell(self, architecture: Architecture, value: float) -> None: ...


class Ours:
    def __init__(self, course: Course, name: str, seed: int) -> None:
        self._strategy = make_strategy(name, Brief(course.space, Objective.of("accuracy"), (Fidelity(course.epochs),), seed))
        self._proposal: Proposal | None = None

    def ask(self) -> Architecture:
        self._proposal = self._strategy.ask(1)[0]
        return self._proposal.architecture

    def tell(self, architecture: Architecture, value: float) -> None:
        assert self._proposal is not None
        self._strategy.tell([Evaluation(self._proposal, {"accuracy": value})])


class Optuna:
    def __init__(self, course: Course, sampler: str, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        makers: dict[str, Callable[..., Any]] = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
        self._space = course.space
        self._study = optuna.create_study(direction="maximize", sampler=makers[sampler](seed=seed))

    def ask(self) -> Architecture:
        self._trial = self._study.ask()
        chosen = {d.name: d.options[self._trial.suggest_categorical(d.name, range(len(d.options)))] for d in self._space.decisions}
        return self._space.architecture(chosen)

    def tell(self, architecture: Architecture, value: float) -> None:
        self._study.tell(self._trial, value)


class Smac:
    def __init__(self, course: Course, evaluations: int, seed: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._space, self._folder = course.space, TemporaryDirectory()
        parameters = [Categorical(d.name, list(range(len(d.options)))) for d in course.space.decisions]
        space = ConfigurationSpace(space={p.name: p for p in parameters}, seed=seed)
        where = Path(self._folder.name)  # it writes down every evaluation
        scenario = Scenario(space, n_trials=evaluations + WARM_UP, seed=seed, deterministic=True, output_directory=where)
        self._smac = HyperparameterOptimizationFacade(scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False)

    def ask(self) -> Architecture:
        self._trial = self._smac.ask()
        chosen = dict(self._trial.config)
        return self._space.architecture({d.name: d.options[int(chosen[d.name])] for d in self._space.decisions})

    def tell(self, architecture: Architecture, value: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(self._trial, TrialValue(cost=-value))


class BoTorch:
    def __init__(self, course: Course, seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self._space, self._rng = course.space, np.random.default_rng(seed)
        self._x: list[list[float]] = []
        self._y: list[list[float]] = []

    def _one_hot(self, architecture: Architecture) -> list[float]:
        return [float(option == architecture.as_dict.get(d.name)) for d in self._space.decisions for option in d.options]

    def ask(self) -> Architecture:
        if len(self._y) < 10:
            return self._space.sample(self._rng)
        import torch
        from botorch.acquisition import LogExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        x, y = torch.tensor(self._x, dtype=torch.double), torch.tensor(self._y, dtype=torch.double)
        model = SingleTaskGP(x, y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        acquisition = LogExpectedImprovement(model, best_f=y.max())
        bounds = torch.stack([torch.zeros(x.shape[1]), torch.ones(x.shape[1])]).double()
        point = optimize_acqf(acquisition, bounds, q=1, num_restarts=10, raw_samples=256)[0][0].tolist()
        chosen, place = {}, 0
        for d in self._space.decisions:
            chosen[d.name] = d.options[int(np.argmax(point[place : place + len(d.options)]))]
            place += len(d.options)
        return self._space.architecture(chosen)

    def tell(self, architecture: Architecture, value: float) -> None:
        self._x.append(self._one_hot(architecture))
        self._y.append([value])


def made_up() -> Course:
    """Six decisions of five options, with a share of the result that each pair of them decides."""
    draft, rng = Draft(), np.random.default_rng(0)
    for place in range(6):
        draft.decide(f"edge{place}", tuple(f"op{n}" for n in range(5)))
    space = draft.space("made-up", TaskShape("table", (3,), 2, numeric=3), {})
    codes = np.stack(np.unravel_index(np.arange(5**6), (5,) * 6), axis=1)
    alone, pairs = rng.normal(size=(6, 5)), rng.normal(size=(6, 6, 5, 5))
    total = sum(alone[i][codes[:, i]] for i in range(6))
    total = total + 0.4 * sum(pairs[i, j][codes[:, i], codes[:, j]] for i in range(6) for j in range(i))
    results = 1 / (1 + np.exp(-total / 3))

    def value(architecture: Architecture) -> float:
        return float(results[np.ravel_multi_index([int(str(option)[2:]) for _, option in architecture.choices], (5,) * 6)])

    return Course("made-up", space, value, float(results.max()))


def table(name: str, dataset: str | None, path: str | None) -> Course:
    """A measured problem; what failed there is as bad as the worst."""
    problem = open_problem(name, dataset, path)
    results = np.nan_to_num(problem.validation, nan=float(np.nanmin(problem.validation)))
    title = f"{problem.name}, {problem.dataset}"
    return Course(title, problem.space, lambda a: float(results[problem.row(a)]), problem.optimum, problem.fidelities[-1].epochs)


def networks(name: str) -> Course:
    """A space of networks; the result rises with the rank of every choice."""
    space = make_space(name, TaskShape("image", (1, 28, 28), 10))
    ranks = {d.name: {option: rank for rank, option in enumerate(d.options)} for d in space.decisions}
    title = f"{name}, {len(space.decisions)} decisions"
    return Course(title, space, lambda a: float(sum(ranks[name][option] for name, option in a.choices)))


def peers(course: Course, evaluations: int, seed: int) -> dict[str, tuple[str, Callable[[], Asked]]]:
    """Name to the module that it needs and how it is made; none where a decision depends on another."""
    if any(d.when.terms for d in course.space.decisions):
        return {}
    return {
        "optuna-random": ("optuna", lambda: Optuna(course, "random", seed)),
        "optuna-tpe": ("optuna", lambda: Optuna(course, "tpe", seed)),
        "smac": ("smac", lambda: Smac(course, evaluations, seed)),
        "botorch": ("botorch", lambda: BoTorch(course, seed)),
    }


def timed(course: Course, asked: Asked, evaluations: int, clock: Callable[[], float]) -> tuple[list[float], list[float], float]:
    """Milliseconds of every ask and every tell, and the best value that was found."""
    asks, tells, best = [], [], -np.inf
    for _ in range(evaluations):
        began = clock()
        architecture = asked.ask()
        asks.append(1e3 * (clock() - began))
        value = course.value(architecture)
        best = max(best, value)
        began = clock()
        asked.tell(architecture, value)
        tells.append(1e3 * (clock() - began))
    return asks, tells, best


def report(name: str, course: Course, make: Callable[[], Asked], evaluations: int, clock: Callable[[], float]) -> None:
    timed(course, make(), min(WARM_UP + 2, evaluations), clock)
    asks, tells, best = timed(course, make(), evaluations, clock)
    ask, tell = statistics.fmean(asks), statistics.fmean(tells)
    last = f"{course.optimum - best:9.5f}" if math.isfinite(course.optimum) else ""
    print(f"{name:18} {ask:9.3f} {tell:9.3f} {ask + tell:9.3f}   {last}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", help="a benchmark or a table of your own; default: a made-up one")
    parser.add_argument("--dataset")
    parser.add_argument("--path", help="folder of the benchmarks' tables")
    parser.add_argument("--space", help="a space of networks for pictures instead")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--only", help="names, joined by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", action="store_true", help="the process's own time instead of the clock's")
    with one_thread():
        compare(parser.parse_args())


def compare(options: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")
    clock = time.process_time if options.cpu else time.perf_counter
    if options.problem:
        course = table(options.problem, options.dataset, options.path)
    else:
        course = networks(options.space) if options.space else made_up()
    chosen = options.only.split(",") if options.only else None
    print(f"{course.name}: {options.evaluations} evaluations, one thread; milliseconds per evaluation")
    print(f"{'':18} {'ask':>9} {'tell':>9} {'both':>9}   {'regret':>9}")
    for name in strategies():
        if chosen is None or name in chosen:
            report(name, course, lambda name=name: Ours(course, name, options.seed), options.evaluations, clock)  # type: ignore[misc]
    for name, (module, make) in peers(course, options.evaluations, options.seed).items():
        if chosen is not None and name not in chosen:
            continue
        if find_spec(module) is None:
            print(f"{name:18} left out: {module} is not installed")
        else:
            report(name, course, make, options.evaluations, clock)


if __name__ == "__main__":
    main()
