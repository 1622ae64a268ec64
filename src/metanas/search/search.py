"""From a task to a trained network: :func:`search` and :func:`resume`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from metanas.delivery.result import versions
from metanas.errors import InputError
from metanas.evaluation import batchable
from metanas.evaluation.memory import room
from metanas.experience import Experience, open_experience
from metanas.interfaces import Observer, Prior
from metanas.machine import cores
from metanas.networks.registry import builders
from metanas.plugins import homes, import_plugins
from metanas.quantities import parse_count, parse_seconds
from metanas.search.budget import Budget
from metanas.search.conclusion import SearchResult
from metanas.search.folder import PRIVATE_STORE, Run, make_folder, read_run
from metanas.search.memory import choose_memory, kept_memory
from metanas.search.proposers import choose_proposer, proposer_for
from metanas.search.sitting import Sitting
from metanas.spaces import Space
from metanas.spaces.chosen import choose_space
from metanas.tasks import Task

DEFAULT_BUDGET = 300.0
"""Seconds, where the user gives neither a time nor a number of trials."""


def search(
    task: Task | str | Path,
    *,
    budget: str | float | None = None,
    trials: int | None = None,
    seed: int = 0,
    strategy: str | None = None,
    space: str | Callable[..., Space] | None = None,
    metric: str | None = None,
    max_params: str | int | None = None,
    workers: int | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    store: str | Path | Literal[False] | None = None,
    prior: Prior | str | Path | Literal[False] | None = None,
    observers: Sequence[Observer] = (),
    began: float | None = None,
) -> SearchResult:
    """Find a small network for a task, train it, and write it into a folder.

    Args:
        task: the task, or whatever :meth:`Task.read` reads.
        budget: wall-clock time for everything, e.g. ``"5m"`` or seconds; five minutes if ``trials`` isn't given either.
        trials: most evaluations. Same seed and trials, no time budget: the same trials and the same result.
        seed: of everything random.
        strategy: name, ``wrapper:name`` for a wrapped one, ``file.py`` or ``file.py:name`` of a user's, or a one-shot method; None chooses.
        space: name, ``file.py`` or ``file.py:name`` of a user's space, or a function from ``TaskShape`` to ``Space``; None chooses.
        metric: that decides; None takes the task's.
        max_params: hard limit on the number of parameters, e.g. ``"100k"``.
        workers: processes, one computing thread each; None takes one per core, 0 computes in this process.
        device: ``cpu``, or where else to train.
        out: folder for what comes out, empty or new; None makes ``runs/NAME``.
        store: URL or path of the store of experience; None takes the user's own, False keeps the run's record in its folder alone.
        prior: what earlier searches taught, or the file that `metanas learn` wrote of it; None takes the one beside the store, if there
            is one, and False none.
        observers: told of everything while it happens.
        began: when the budget began to run, on the clock of ``time.monotonic``; None is now.

    Raises:
        InputError: one sentence on what can't be used, and what to do.

    Example:
        >>> found = search("digits", budget="60s")      # doctest: +SKIP
        >>> found.score, found.model.predict(images)    # doctest: +SKIP
    """
    seconds = parse_seconds(budget) if budget is not None else (DEFAULT_BUDGET if trials is None else None)
    if trials is not None:
        trials = parse_count(trials)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError(f"the seed must be a whole number from 0, not {seed!r}")
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}")
    limits = Budget(seconds, trials, began=-1.0 if began is None else began)
    if not isinstance(task, Task):
        task = Task.read(task, seed=seed, **({"metric": metric} if metric else {}))
    task = task.with_metric(metric) if metric else task
    _check_device(device)
    memory = choose_memory(prior, store)
    choice = choose_space(space, task.prepare()[0].shape)
    most = parse_count(max_params) if max_params is not None else None
    chosen = choice.space.within(parameters=most)
    together = batchable(chosen.graph(chosen.baseline))
    named = choose_proposer(strategy or default_strategy(together))
    proposer_for(named.name).check(chosen, task.prepare()[0], room(device))  # before anything is written
    files = homes(builders())
    workers = _workers(workers, device) if files is not None else 0
    with _owned_folder(out, task.name) as folder, open_experience(folder / PRIVATE_STORE if store is False else store) as experience:
        experience.add_task(task.fingerprint, task.describe())
        settings = {"seconds": seconds, "trials": trials, "max_params": most, "workers": workers, "device": device}
        settings |= {"prior": memory.digest} if memory else {}
        identity = experience.start_search(
            task.fingerprint,
            strategy=named.name,
            space=chosen.name,
            metric=task.metric,
            seed=seed,
            folder=folder.resolve(),
            settings=settings,
            versions=versions(),
        )
        where = PRIVATE_STORE if store is False else _unsecret(experience)
        run = Run(
            identity, where, task.fingerprint, task.source, task.metric, named.name, choice.reference,
            seed, workers, device, most, seconds, trials, tuple(dict.fromkeys((*choice.plugins, *named.plugins, *(files or ())))),
            prior=memory.keep(folder) if memory else None,
        )  # fmt: skip
        run.write(folder)
        return Sitting(task, chosen, run, folder, experience, limits, memory, observers).go()


def default_strategy(together: bool) -> str:
    """What searches where nothing was named; where candidates can't train together, many are trained briefly and the best longer."""
    return "meta" if together else "hyperband:meta"


def resume(
    folder: str | Path,
    *,
    task: Task | None = None,
    space: Callable[..., Space] | None = None,
    workers: int | None = None,
    prior: Prior | None = None,
    observers: Sequence[Observer] = (),
    began: float | None = None,
) -> SearchResult:
    """Go on with a search that was stopped or killed; no finished evaluation is lost or trained again.

    With a budget of trials it ends as it would have without the stop; only networks of a group that was training together then may
    differ in the last digits of their numbers, since the rest of the group trains without those that had finished.

    Args:
        folder: of the run.
        task: the task, where it was made of arrays; else it is read again from where it came.
        space: the function that makes the space, where the search was given one.
        workers: number of processes; None takes as many as before.
        prior: where the search was given one as an object; else it goes on with the one that it began with.
        observers, began: as for :func:`search`.

    Raises:
        InputError: if the folder holds no search, it has ended, or the data have changed.
    """
    folder = Path(folder)
    run = read_run(folder)
    if (folder / "result.json").exists():
        raise InputError(
            f"the search in {folder} has ended, its result is in {folder / 'result.json'}; start a new one with `metanas search`"
        )
    if task is None:
        if run.source is None:
            raise InputError("this search was started from arrays: call metanas.resume(folder, task=...) with the same task")
        task = Task.read(**run.source)
    task = task.with_metric(run.metric)
    if task.fingerprint != run.fingerprint:
        raise InputError(f"the data of {task.name} have changed since the search in {folder} began; start a new search")
    memory = kept_memory(folder, run, prior)
    import_plugins(run.plugins, "this search")
    _check_device(run.device)
    chosen = choose_space(space or _where(run), task.prepare()[0].shape).space
    if workers is not None:
        run = replace(run, workers=_workers(workers, run.device))
    with open_experience(folder / PRIVATE_STORE if run.store == PRIVATE_STORE else run.store or None) as experience:
        record = experience.search(run.search)
        limits = Budget(run.seconds, run.trials, spent=record.elapsed, began=-1.0 if began is None else began)
        experience.finish_search(run.search, "running")
        chosen = chosen.within(parameters=run.max_params)
        return Sitting(task, chosen, run, folder, experience, limits, memory, observers).go()


def _unsecret(experience: Experience) -> str:
    """What opens the store again; nothing where that holds a password, which then comes from ``METANAS_STORE``."""
    return experience.url if "***" not in experience.where else ""


def _where(run: Run) -> str:
    if not run.space:
        raise InputError("this search was given a space as a function: call metanas.resume(folder, space=...) with the same one")
    return run.space


@contextmanager
def _owned_folder(out: str | Path | None, name: str) -> Iterator[Path]:
    """A new folder for the run, taken away again if the search can't even begin and nothing was written."""
    wanted = Path("runs" if out is None else out)
    absent = [place for place in (wanted, *wanted.parents) if not place.exists()]
    folder = make_folder(out, name)
    try:
        yield folder
    finally:
        for place in dict.fromkeys((folder, *absent)):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = "" if "Expected one of" in str(error) else f" ({str(error).splitlines()[0]})"  # of an unknown name torch lists dozens
        raise InputError(f"this machine can't compute on device {device!r}{reason}; choose --device cpu") from error


def _workers(asked: int | None, device: str) -> int:
    if asked is not None and (isinstance(asked, bool) or not isinstance(asked, int)):
        raise InputError(f"the number of workers must be a whole number from 0, not {asked!r}")
    if asked is not None and asked < 0:
        raise InputError(f"--workers must be 0 (compute in this process) or more, not {asked}")
    if asked is not None:
        return asked
    return cores() if device == "cpu" else 1
