"""The folder of a run: what the search was asked to do, so that it can go on, and what came out."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from metanas import __version__
from metanas.delivery.files import write_json
from metanas.errors import InputError

SCHEMA = 1
FILE = "run.json"
RESULT = "result.json"
PRIVATE_STORE = "store.db"
PRIOR = "prior.safetensors"
"""In the run's folder, the prior that the search began with."""
ARRAYS = ".arrays"
"""Folder in the run's own for the training arrays and the weights of final trainings, while the search runs."""
SUPERNET = ".supernet"
"""Folder in the run's own for the checkpoint of a supernet in training, and for its answers; until there is a result."""


@dataclass(frozen=True)
class Run:
    """What a search was asked to do.

    Args:
        search: its id in the store.
        store: URL or path of the store; ``PRIVATE_STORE`` in the folder itself for a run that leaves no trace elsewhere.
        fingerprint: of the task.
        source: keywords of ``Task.read`` that read the task again; None for a task made of arrays.
        metric, strategy, space, seed, workers, device, max_params, plugins: as chosen.
        seconds, trials: the budget.
        plan: as made before the first candidate, see ``metanas.search.plan``; None until then.
        notes: sentences on defaults that were chosen.
        prior: which one it began with, see :attr:`metanas.search.memory.Memory.record`; None without one.
    """

    search: str
    store: str
    fingerprint: str
    source: Mapping[str, Any] | None
    metric: str
    strategy: str
    space: str
    seed: int
    workers: int
    device: str
    max_params: int | None
    seconds: float | None
    trials: int | None
    plugins: tuple[str, ...] = ()
    plan: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    prior: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> None:
        """Write ``run.json`` in one step."""
        write_json(folder / FILE, {"schema": SCHEMA, "metanas": __version__, **asdict(self)})

    def planned(self, plan: Mapping[str, Any]) -> Run:
        """The same with a plan."""
        return replace(self, plan=plan)


def read_run(folder: Path) -> Run:
    """The run of a folder.

    Raises:
        InputError: if there is none, it is broken, or another version wrote it.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError(f"{folder} holds no search to resume: there is no {FILE} in it; give the folder that `metanas search` printed")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if "does" in record:
            raise InputError(f"{folder} holds no search, but a {record['does']}: `metanas meta-train --resume {folder}` goes on with it")
        version = record.pop("metanas")
        if record.pop("schema") != SCHEMA or version.split(".")[:2] != __version__.split(".")[:2]:
            raise InputError(
                f"{folder} was written by metanas {version} and this is {__version__}; "
                f"resume it with that version (pip install metanas=={version}), or start a new search"
            )
        return Run(**{**record, "plugins": tuple(record["plugins"]), "notes": tuple(record["notes"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged and can't be resumed; start a new search") from error


def store_of(folder: Path, run: Run) -> str | Path | None:
    """What opens the store of a run; None is the user's own."""
    return folder / PRIVATE_STORE if run.store == PRIVATE_STORE else run.store or None


def seconds_spent(folder: Path, run: Run) -> float:
    """Seconds of its budget that a run has spent by what the store knows.

    Raises:
        InputError: if the store can't be opened, or has no such search.
    """
    from metanas.experience import absent, open_experience

    if missing := absent(store_of(folder, run)):
        raise InputError(f"the store {missing}, in which the search of {folder} is recorded, is not there; name its place with --store")
    with open_experience(store_of(folder, run)) as experience:
        return experience.search(run.search).elapsed


def move_store(folder: Path, store: str) -> None:
    """Note in ``run.json`` that the store of the run is elsewhere now.

    Raises:
        InputError: if there is no store, it hasn't the search, or its address holds a password, which is not written to files.
    """
    from metanas.experience import absent, open_experience

    run = read_run(folder)
    if missing := absent(store):
        raise InputError(f"there is no store {missing}; name the one that the search in {folder} was written to")
    with open_experience(store) as experience:
        if "***" in experience.where:
            raise InputError("the address of the store holds a password: give it by the variable METANAS_STORE, not by --store")
        experience.search(run.search)
        replace(run, store=experience.url).write(folder)


def make_folder(out: str | Path | None, name: str) -> Path:
    """The folder for a new run: ``out``, or ``runs/NAME`` with a number behind it if there is one already.

    Raises:
        InputError: if ``out`` holds something already, or the folder can't be made.
    """
    if out is not None:
        folder = Path(out)
        if folder.is_file():
            raise InputError(f"{folder} is a file, and the result needs a folder; choose another --out")
        if _holds_something(folder):
            hint = f"; `metanas resume {folder}` goes on with the search in it" if (folder / FILE).exists() else ""
            if (folder / RESULT).exists():
                hint = f"; the search in it has ended, and `metanas predict {folder} NEW_DATA` uses its network"
            raise InputError(f"the folder {folder} is not empty, and nothing of yours is overwritten: choose another --out{hint}")
        return _made(folder)
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    for number in count(1):
        folder = _made(Path("runs")) / (plain if number == 1 else f"{plain}-{number}")
        try:
            folder.mkdir()
            break
        except FileExistsError:
            continue
        except OSError as error:
            raise _unwritable(folder, error) from error
    return folder


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """The run's folder for this process alone; the system sets it free when the process ends, however that comes about.

    Raises:
        InputError: if another process works in it.
    """
    handle = _lock(folder)
    if handle is None:
        raise InputError(f"another process is at work on the search in {folder}; wait until it ends, or stop it")
    try:
        yield
    finally:
        os.close(handle)


def at_work(folder: Path) -> bool:
    """Whether a process of this machine owns the run's folder."""
    if not folder.is_dir():
        return False
    handle = _lock(folder)
    if handle is not None:
        os.close(handle)
    return handle is None


def _lock(folder: Path) -> int | None:
    """A handle that locks the folder until it is closed; None if another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return os.open(os.devnull, os.O_RDONLY)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        pass  # some network drives know no locks
    return handle


@contextmanager
def arrays_folder(folder: Path) -> Iterator[Path]:
    """A new folder in the run's own for what is needed while the search runs; what a killed search left there goes first.

    Raises:
        InputError: if it can't be written.
    """
    place = folder.resolve() / ARRAYS
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir()
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def clear_supernet(folder: Path) -> None:
    """Take away what a supernet left in the run's folder; the result has all of it that is worth keeping."""
    shutil.rmtree(folder / SUPERNET, ignore_errors=True)


def _holds_something(folder: Path) -> bool:
    try:
        return folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise _unwritable(folder, error) from error


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(f"can't write into the folder {folder} ({error.strerror or error}); choose another --out")
