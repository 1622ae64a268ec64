"""Milliseconds that a strategy takes to propose and to learn, per evaluation: ours and, where they are installed, those of others.

    python benchmarks/strategy_speed.py
    python benchmarks/strategy_speed.py --problem nasbench201 --dataset cifar10 --path TABLES
    python benchmarks/strategy_speed.py --only bayes,botorch --evaluations 100

All solve the same problem, one evaluation at a time, on one thread, in one process: ask and tell are timed, looking up the answer is not.
Without ``--problem`` it is a made-up table of six unordered decisions with five options each. Every strategy is made and asked once on the
side before it is timed, so that imports don't count. Others, each as its own first example has it:

- ``optuna-random``, ``optuna-tpe``: Optuna's samplers, one categorical parameter per decision.
- ``smac``: SMAC3's random forest (HyperparameterOptimizationFacade), one categorical hyper-parameter per decision.
- ``botorch``: BoTorch's SingleTaskGP on the one-hot encoding, refitted each time, LogExpectedImprovement optimised by ``optimize_acqf``
  (10 restarts of 256 raw samples) from the 10th evaluation on, rounded to the option with the largest entry.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from metanas.benchmarks import Level, Problem
from metanas.benchmarks.many import one_thread
from metanas.benchmarks.tables import open_problem
from metanas.records import Evaluation, Fidelity, Proposal, lower_is_better
from metanas.spaces import Architecture, Draft, TaskShape
from metanas.strategies import Brief, make_strategy, strategies

WARM_UP = 10


class Asked(Protocol):
    """What is timed: proposes an architecture, and is told how good it was (larger is better)."""

    def ask(self) -> Architecture: ...

    def tell(self, architecture: Architecture, value: float) -> None: ...


class Ours:
    def __init__(self, problem: Problem, name: str, seed: int) -> None:
        self._problem = problem
        self._strategy = make_strategy(name, Brief(problem.space, problem.objective, problem.fidelities, seed))
        self._proposal: Proposal | None = None

    def ask(self) -> Architecture:
        self._proposal = self._strategy.ask(1)[0]
        return self._proposal.architecture

    def tell(self, architecture: Architecture, value: float) -> None:
        assert self._proposal is not None
        own = -value if lower_is_better(self._problem.metric) else value
        self._strategy.tell([Evaluation(self._proposal, {self._problem.metric: own})])


class Optuna:
    def __init__(self, problem: Problem, sampler: str, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        makers: dict[str, Callable[..., Any]] = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
        self._space = problem.space
        self._study = optuna.create_study(direction="maximize", sampler=makers[sampler](seed=seed))

    def ask(self) -> Architecture:
        self._trial = self._study.ask()
        chosen = {d.name: d.options[self._trial.suggest_categorical(d.name, range(len(d.options)))] for d in self._space.decisions}
        return self._space.architecture(chosen)

    def tell(self, architecture: Architecture, value: float) -> None:
        self._study.tell(self._trial, value)


class Smac:
    def __init__(self, problem: Problem, evaluations: int, seed: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._space = problem.space
        parameters = [Categorical(d.name, list(range(len(d.options)))) for d in problem.space.decisions]
        space = ConfigurationSpace(space={p.name: p for p in parameters}, seed=seed)
        scenario = Scenario(space, n_trials=evaluations + WARM_UP, seed=seed, deterministic=True)
        self._smac = HyperparameterOptimizationFacade(scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False)

    def ask(self) -> Architecture:
        self._trial = self._smac.ask()
        chosen = dict(self._trial.config)
        return self._space.architecture({d.name: d.options[int(chosen[d.name])] for d in self._space.decisions})

    def tell(self, architecture: Architecture, value: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(self._trial, TrialValue(cost=-value))


class BoTorch:
    def __init__(self, problem: Problem, seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self._space, self._rng = problem.space, np.random.default_rng(seed)
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


def made_up() -> Problem:
    """Six decisions of five options, with a share of the result that each pair of them decides."""
    draft, rng = Draft(), np.random.default_rng(0)
    for place in range(6):
        draft.decide(f"edge{place}", tuple(f"op{n}" for n in range(5)))
    space = draft.space("made-up", TaskShape("table", (3,), 2, numeric=3), {})
    codes = np.stack(np.unravel_index(np.arange(5**6), (5,) * 6), axis=1)
    alone, pairs = rng.normal(size=(6, 5)), rng.normal(size=(6, 6, 5, 5))
    total = sum(alone[i][codes[:, i]] for i in range(6))
    total = total + 0.4 * sum(pairs[i, j][codes[:, i], codes[:, j]] for i in range(6) for j in range(i))

    def row(architecture: Architecture) -> int:
        return int(np.ravel_multi_index([int(str(option)[2:]) for _, option in architecture.choices], (5,) * 6))

    return Problem("made-up", "none", space, row, (Level(Fidelity(1), {"accuracy": 1 / (1 + np.exp(-total / 3))}),), "accuracy")


def peers(problem: Problem, evaluations: int, seed: int) -> dict[str, tuple[str, Callable[[], Asked]]]:
    """Name to the module that it needs and how it is made."""
    return {
        "optuna-random": ("optuna", lambda: Optuna(problem, "random", seed)),
        "optuna-tpe": ("optuna", lambda: Optuna(problem, "tpe", seed)),
        "smac": ("smac", lambda: Smac(problem, evaluations, seed)),
        "botorch": ("botorch", lambda: BoTorch(problem, seed)),
    }


def timed(problem: Problem, asked: Asked, evaluations: int) -> tuple[list[float], list[float], float]:
    """Milliseconds of every ask and every tell, and the best of the table's validation that was found."""
    asks, tells, best = [], [], -np.inf
    worst = float(np.nanmin(problem.validation))
    for _ in range(evaluations):
        began = time.perf_counter()
        architecture = asked.ask()
        asks.append(1e3 * (time.perf_counter() - began))
        value = float(problem.validation[problem.row(architecture)])
        value = value if np.isfinite(value) else worst
        best = max(best, value)
        began = time.perf_counter()
        asked.tell(architecture, value)
        tells.append(1e3 * (time.perf_counter() - began))
    return asks, tells, best


def report(name: str, problem: Problem, make: Callable[[], Asked], evaluations: int) -> None:
    timed(problem, make(), min(WARM_UP + 2, evaluations))
    asks, tells, best = timed(problem, make(), evaluations)
    ask, tell = statistics.fmean(asks), statistics.fmean(tells)
    print(f"{name:18} {ask:9.3f} {tell:9.3f} {ask + tell:9.3f}   {problem.optimum - best:9.5f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", help="a benchmark or a table of your own; default: a made-up one")
    parser.add_argument("--dataset")
    parser.add_argument("--path", help="folder of the benchmarks' tables")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--only", help="names, joined by commas")
    parser.add_argument("--seed", type=int, default=0)
    with one_thread():
        compare(parser.parse_args())


def compare(options: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")
    problem = open_problem(options.problem, options.dataset, options.path) if options.problem else made_up()
    chosen = options.only.split(",") if options.only else None
    print(f"{problem.name}, {problem.dataset}: {options.evaluations} evaluations, one thread; milliseconds per evaluation")
    print(f"{'':18} {'ask':>9} {'tell':>9} {'both':>9}   {'regret':>9}")
    for name in strategies():
        if chosen is None or name in chosen:
            report(name, problem, lambda name=name: Ours(problem, name, options.seed), options.evaluations)  # type: ignore[misc]
    for name, (module, make) in peers(problem, options.evaluations, options.seed).items():
        if chosen is not None and name not in chosen:
            continue
        if find_spec(module) is None:
            print(f"{name:18} left out: {module} is not installed")
        else:
            report(name, problem, make, options.evaluations)


if __name__ == "__main__":
    main()
