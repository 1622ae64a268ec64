"""The folder of a run: what the search was asked to do, so that it can go on, and what came out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
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
