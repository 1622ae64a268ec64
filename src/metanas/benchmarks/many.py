"""Many runs, in processes of one thread each; what comes out doesn't depend on how many there are."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from metanas.benchmarks.pareto import judged
from metanas.benchmarks.problem import Problem
from metanas.benchmarks.runs import Budget, Run, run_strategy
from metanas.errors import InputError, MetaNASError, StrategyError
from metanas.machine import one_thread
from metanas.plugins import import_plugins
from metanas.records import Objective


class Source(Protocol):
    """Where a problem comes from; small enough to be sent to a process."""

    def __hash__(self) -> int: ...

    def open(self) -> Problem:
        """The problem.

        Raises:
            InputError: if its table can't be read.
        """


@dataclass(frozen=True)
class TableSource:
    """A table that :func:`metanas.benchmarks.tables.open_problem` opens.

    Args:
        name: of the benchmark, or path of a user's table.
        dataset: of it; None where there is only one.
        path: folder of the tables, or None.
        options: of the benchmark's reader, by name.
        epochs: the fidelity that guides; None takes the highest.
    """

    name: str
    dataset: str | None = None
    path: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    epochs: int | None = None

    def open(self) -> Problem:
        """The problem, without the fidelities above the one that guides."""
        from metanas.benchmarks.tables import open_problem

        return guided_by(open_problem(self.name, self.dataset, self.path, **dict(self.options)), self.epochs)


def guided_by(problem: Problem, epochs: int | None) -> Problem:
    """``problem`` as it looks to who may train for ``epochs`` at the most; test results stay those of the full training.

    Raises:
        InputError: if the table has no such fidelity.
    """
    if epochs is None:
        return problem
    known = [fidelity.epochs for fidelity in problem.fidelities]
    if epochs not in known:
        choice = ", ".join(map(str, known))
        raise InputError(f"{problem.name} on {problem.dataset} has no results for {epochs} epochs; choose among {choice}")
    return replace(problem, levels=problem.levels[: known.index(epochs) + 1])


@dataclass(frozen=True)
class Job:
    """One run to be made; ``plugins`` are the user's files with strategies."""

    source: Source
    strategy: str
    seed: int
    budget: Budget
    objective: Objective | None = None
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A run that a fault in its strategy ended."""

    reason: str


@lru_cache(maxsize=2)
def opened(source: Source) -> Problem:
    """The problem of a source; a process keeps the last two."""
    return source.open()


def work(job: Job) -> Run | Failure:
    """Make one run; a fault of the strategy's ends that run alone."""
    import_plugins(job.plugins, "this bench")
    problem = judged(opened(job.source), job.objective)
    try:
        return run_strategy(problem, job.strategy, job.seed, job.budget, job.objective)
    except StrategyError as error:
        return Failure(str(error))
    except MetaNASError:
        raise
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = "" if where is None else f" ({Path(where.tb_frame.f_code.co_filename).name}, line {where.tb_lineno})"
        return Failure(f"{type(error).__name__}: {error}{line}")


def run_many(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Run | Failure]]:
    """Every job's run as it finishes, in any order.

    Args:
        jobs: to be made; those of one problem should stand together.
        workers: processes; 0 makes the runs in this one.

    Raises:
        MetaNASError: if a process dies.
        InputError: if a problem can't be opened, or there is no such strategy.
    """
    if not workers:
        with one_thread():
            yield from ((job, work(job)) for job in jobs)
        return
    with one_thread(), ProcessPoolExecutor(min(workers, max(1, len(jobs))), get_context("spawn"), _begin) as pool:
        futures: dict[Future[Run | Failure], Job] = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                # Forgotten once it is handed out, so that the runs of a long bench don't pile up here.
                yield futures.pop(future), future.result()
        except BrokenProcessPool as error:
            raise MetaNASError("a worker process died, most likely for lack of memory; take fewer --workers") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    # Ctrl-C in a terminal reaches every process; the first one alone says so.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
