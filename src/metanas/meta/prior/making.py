"""From stores to the file of a prior."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from metanas.errors import InputError
from metanas.experience import absent, open_experience
from metanas.machine import one_thread
from metanas.meta.prior.file import load_prior, save_prior
from metanas.meta.prior.learned import LearnedPrior
from metanas.meta.prior.learning import SURROGATES, learn
from metanas.meta.prior.lesson_file import shipped_lessons
from metanas.meta.prior.lessons import Read, gather, read
from metanas.meta.prior.levels import FEWEST
from metanas.meta.prior.place import beside

if TYPE_CHECKING:
    from metanas.meta.initialiser import Bank

NEWS, NEWS_SHARE = 20, 0.2
"""New evaluations, at least, and as a share of those that a prior was learned from, that make it worth learning again."""


@dataclass(frozen=True, eq=False)
class Made:
    """A prior that was made.

    Args:
        path: of its file.
        size: bytes.
        digest: of it.
        prior: it.
        seconds: that reading and learning took.
        passed_over: ids of searches that could not be read.
        lost: names of tasks that the prior which lay there before knew, and which are not in these stores.
    """

    path: Path
    size: int
    digest: str
    prior: LearnedPrior
    seconds: float
    passed_over: tuple[str, ...]
    lost: tuple[str, ...]


def make_prior(
    store: str | Path | None = None,
    others: Sequence[str | Path] = (),
    out: str | Path | None = None,
    *,
    seed: int = 0,
    now: datetime | None = None,
    shipped: bool = True,
    surrogate: str = "multi-task",
) -> Made:
    """Learn from a store, and from others', and what came with the package, and write the prior.

    Args:
        store: as for :func:`metanas.experience.open_experience`; with ``others`` it need not exist.
        others: more stores, such as another laboratory's.
        out: file to write; None takes the place beside ``store``.
        seed: of the learning.
        now: the moment, for the record.
        shipped: False learns from the stores alone.
        surrogate: what `meta-bayes` will be given, see :func:`~metanas.meta.prior.learning.learn`.

    Raises:
        InputError: if there is no such surrogate, a store isn't there or can't be read, there is nothing to learn from, or the file
            can't be written.
    """
    began = time.monotonic()
    if surrogate not in SURROGATES:
        raise InputError(f"there is no surrogate named {surrogate!r}; choose one of {', '.join(SURROGATES)}")
    path = _target(store, out)
    # Before the stores are read, and to the microsecond: what a search adds later, even in this same second, is news to this prior.
    made = (now or datetime.now(UTC)).isoformat()
    reads = [_read(other, "--from") for other in others]
    if not (others and absent(store)):
        reads.insert(0, _read(store, "--store"))
    found = gather(reads)
    if not found:
        raise InputError(
            f"there is nothing to learn from yet: no task in the store has {FEWEST} networks of one space that were trained; "
            "`metanas search` fills it"
        )
    with one_thread():  # small matrices
        prior = learn([*found, *(shipped_lessons() if shipped else ())], seed, made=made, stores=len(reads), surrogate=surrogate)
    prior.bank = _bank([*others, *(() if others and absent(store) else (store,))], prior.attributes)
    lost = _lost(path, prior)
    digest = save_prior(path, prior)
    passed_over = tuple(search for one in reads for search in one.passed_over)
    return Made(path, path.stat().st_size, digest, prior, time.monotonic() - began, passed_over, lost)


def due(store: str | Path | None = None) -> str:
    """A sentence for the user where learning (again) is worth it by now; empty where it is not, or nothing can be said.

    Args:
        store: as for :func:`metanas.experience.open_experience`.
    """
    path = beside(store)
    if path is None or absent(store):
        return ""
    try:
        known = load_prior(path) if path.exists() else None
        with open_experience(store) as experience:
            searches = experience.searches()
    except InputError:  # who uses them will say so
        return ""
    if known is None:
        tasks = {search.task_name for search in searches if search.trials - search.failures >= FEWEST}
        if len(tasks) < 2:
            return ""
        return f"the store knows {len(tasks)} tasks by now"
    try:
        since = datetime.fromisoformat(known.provenance.made)
        fresh = sum(search.trials - search.reused for search in searches if search.started > since)
    except (TypeError, ValueError):  # who made it didn't say when
        return ""
    if fresh < max(NEWS, NEWS_SHARE * known.own_evaluations):
        return ""
    return f"the store has {fresh:,} evaluations that its prior has not seen"


def _target(store: str | Path | None, out: str | Path | None) -> Path:
    path = beside(store) if out is None else Path(out).expanduser()
    if path is None:
        raise InputError("a store in memory has no place for a prior beside it; name a file with --out")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it with --out")
    if out is not None and path.exists():
        try:
            load_prior(path)
        except InputError as error:
            raise InputError(f"{path} exists already and is no prior, so it is not overwritten; choose another --out") from error
    return path


def _read(store: str | Path | None, option: str) -> Read:
    if missing := absent(store):
        raise InputError(f"there is no store {missing}; `metanas search` makes one, and {option} names another")
    with open_experience(store) as experience:
        return read(experience)


def _bank(stores: Sequence[str | Path | None], attributes: Sequence[str]) -> Bank | None:
    """The networks of the stores' runs as initial weights, the last store's counting most; None where no run's folder is there any more."""
    from metanas.meta.initialiser import Bank, Initialisation
    from metanas.meta.initialiser.record import bank_of, bank_record
    from metanas.meta.initialiser.runs import earlier_networks

    entries: dict[tuple[str, ...], Initialisation] = {}
    for store in stores:
        with open_experience(store) as experience:
            entries |= {entry.sources: entry for entry in earlier_networks(experience, attributes)}
    if not entries:
        return None
    bank = Bank(tuple(entries.values())).within()
    return bank_of(bank_record(bank), len(attributes))  # as the file will give it


def _lost(path: Path, prior: LearnedPrior) -> tuple[str, ...]:
    try:
        before = load_prior(path).fingerprints
    except InputError:
        return ()
    return tuple(sorted({name for fingerprint, name in before.items() if fingerprint not in prior.fingerprints}))
