"""What a bench found: one JSON object per problem."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from metanas.benchmarks.curves import Curves
from metanas.benchmarks.pareto import Trade
from metanas.benchmarks.problem import Problem
from metanas.benchmarks.random_curve import RandomCurve
from metanas.benchmarks.runs import Budget, Run
from metanas.benchmarks.statistics import Comparison, compare_all, restricted_mean
from metanas.benchmarks.words import verdicts


@dataclass(frozen=True, eq=False)
class Outcome:
    """All runs on one problem.

    Args:
        problem: solved.
        budget: of every run.
        runs: strategy to its runs, by seed.
        curves: strategy to its curves.
        chance: what random search is expected to reach; None where there are several goals.
        trade: how fronts are scored; None for a single goal.
        objective: names of the goals.
        targets: results to be reached besides the optimum, in the metric's own unit and sign.
        failures: strategy to seed to what ended the run.
    """

    problem: Problem
    budget: Budget
    runs: Mapping[str, Sequence[Run]]
    curves: Mapping[str, Curves]
    chance: RandomCurve | None
    trade: Trade | None
    objective: tuple[str, ...]
    targets: tuple[float, ...] = ()
    failures: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @cached_property
    def shares(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Strategy to ``(runs, evaluations)``: hypervolume over that of the table's front; empty for a single goal."""
        if self.trade is None:
            return {}
        found = {name: [self.trade.curve(run) for run in runs] for name, runs in self.runs.items()}
        longest = max((len(curve) for curves in found.values() for curve in curves), default=0) or 1
        return {name: np.stack([_held(curve, longest) for curve in curves]) for name, curves in found.items()}

    @cached_property
    def results(self) -> dict[str, dict[int, float]]:
        """Strategy to seed to what is compared, larger is better: the share of the hypervolume, else test, else validation."""
        if self.trade is not None:
            return {n: {r.seed: float(s[-1]) for r, s in zip(self.runs[n], share, strict=True)} for n, share in self.shares.items()}
        sign = self.problem.sign if self.problem.tested is not None else 1.0
        return {name: dict(zip(c.seeds, (sign * c.reported).tolist(), strict=True)) for name, c in self.curves.items()}

    @cached_property
    def means(self) -> dict[str, float]:
        """Strategy to the mean of :attr:`results`, NaN without any."""
        return {name: _mean(list(by_seed.values())) for name, by_seed in self.results.items()}

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every pair of strategies, corrected together."""
        return compare_all(self.results)

    @property
    def title(self) -> str:
        """For example ``nasbench201 on cifar10, 200 evaluations``."""
        return f"{self.problem.name} on {self.problem.dataset}, {spent_words(self.budget)}"

    @property
    def sentences(self) -> list[str]:
        """What was found, in words."""
        told = verdicts(self.comparisons, self.means, f"on {self.problem.dataset} after {spent_words(self.budget)}")
        for name, by_seed in self.failures.items():
            seed, reason = next(iter(by_seed.items()))
            told.append(f"{len(by_seed)} of the runs of {name} were ended by a fault of its own, for example of seed {seed}: {reason}.")
        return told

    def to_json(self) -> dict[str, Any]:
        """A JSON object; metrics in their own units and signs, shares as fractions."""
        problem = self.problem
        best = problem.sign * problem.optimum
        record: dict[str, Any] = {
            "problem": problem.name,
            "dataset": problem.dataset,
            "metric": problem.metric,
            "epochs": problem.fidelities[-1].epochs,
            "objective": list(self.objective),
            "evaluations": _known(self.budget.evaluations),
            "simulated_seconds": _known(self.budget.seconds),
            "validation_optimum": best,
            "test_at_validation_optimum": tested_at_optimum(problem),
            "reported": "hypervolume" if self.trade is not None else "validation" if problem.tested is None else "test",
            "strategies": {name: self._strategy(name) for name in self.runs},
            "comparisons": [{**vars(c), "better": c.better, "difference": _known(c.difference)} for c in self.comparisons],
            "failures": {name: {str(seed): reason for seed, reason in by_seed.items()} for name, by_seed in self.failures.items()},
            "sentences": self.sentences,
        }
        if self.chance is not None:
            record["random_search"] = self._chance(self.chance)
            record["random_sampling"] = {"mean": self.chance.sampling[0], "std": self.chance.sampling[1]}
        return record

    def _strategy(self, name: str) -> dict[str, Any]:
        c, sign = self.curves[name], self.problem.sign
        record: dict[str, Any] = {"runs": len(c.seeds), "exhausted": int(c.ended.sum()), "ms_per_evaluation": _known(_mean(c.ms))}
        record["repeats"] = _mean([run.repeats for run in self.runs[name]])
        if self.trade is not None:
            final = self.shares[name][:, -1]
            on_front = [np.isin(self.trade.found(run), self.trade.best).sum() for run in self.runs[name]]
            return {**record, "hypervolume": _moments(final), "on_best_front": _mean(on_front), "best_front": len(self.trade.best)}
        validation = c.validation[:, -1]
        record |= {"validation": _moments(sign * validation), "regret": _moments(self.problem.optimum - validation)}
        record["test"] = None if c.test is None else _moments(c.test[:, -1])
        record["to_optimum"] = self._hits(c, self.problem.optimum)
        record["to_targets"] = {repr(target): self._hits(c, sign * target) for target in self.targets}
        return record

    def _hits(self, c: Curves, target: float) -> dict[str, Any]:
        """Evaluations until a target; runs that never got there count with the whole budget, of a clock with all that they made."""
        hits, limit = c.hits(target), self.budget.evaluations
        made = np.max(c.cost, axis=1, where=np.isfinite(c.cost), initial=0.0)
        mean, share = restricted_mean(hits, limit if math.isfinite(limit) else made)
        return {"restricted_mean": mean, "share": share, "median": _known(float(np.median(hits))), "restricted_to": _known(limit)}

    def _chance(self, chance: RandomCurve) -> dict[str, Any]:
        sign, last = self.problem.sign, self._draws(chance) - 1
        record = {
            "evaluations": last + 1,
            "validation": {"mean": sign * float(chance.validation[last]), "std": float(chance.validation_std[last])},
            "regret": {"mean": max(0.0, self.problem.optimum - float(chance.validation[last])), "std": float(chance.validation_std[last])},
            "test": None,
            "reached_optimum": float(chance.reached[last]),
            "to_optimum": 1.0 + float((1.0 - chance.reached[:last]).sum()),
        }
        if chance.test is not None and chance.test_std is not None:
            record["test"] = {"mean": float(chance.test[last]), "std": float(chance.test_std[last])}
        return record

    def _draws(self, chance: RandomCurve) -> int:
        """How many evaluations random search can make: of a clock, as many as fit in on average."""
        if not self.budget.clock or not chance.seconds > 0:
            return chance.evaluations
        return max(1, min(chance.evaluations, int(self.budget.seconds / chance.seconds)))


def spent_words(budget: Budget) -> str:
    """The budget in words."""
    parts = [f"{budget.evaluations:,.0f} evaluations"] if math.isfinite(budget.evaluations) else []
    parts += [f"{budget.seconds:,.0f} simulated seconds"] if budget.clock else []
    return " or ".join(parts)


def tested_at_optimum(problem: Problem) -> float | None:
    """The test result of the row that is best by validation; None where the table has none."""
    return None if problem.tested is None else _known(float(problem.tested[int(np.nanargmax(problem.validation))]))


def _held(curve: np.ndarray[Any, np.dtype[np.float64]], length: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.concatenate([curve, np.full(length - len(curve), curve[-1] if len(curve) else 0.0)])


def _mean(values: Any) -> float:
    known = [float(value) for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _moments(values: Any) -> dict[str, float | None]:
    """Mean, sample standard deviation, median and quartiles over the runs that have a value; None where there is none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return dict.fromkeys(("mean", "std", "median", "lower", "upper"))
    lower, median, upper = np.quantile(known, (0.25, 0.5, 0.75))
    deviation = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    return {"mean": float(known.mean()), "std": deviation, "median": float(median), "lower": float(lower), "upper": float(upper)}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
