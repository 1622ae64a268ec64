"""The options with which tasks are read, checked in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast, get_args

from metanas.errors import InputError
from metanas.spaces.shape import DataKind
from metanas.tasks.data import Kind

DATA_KINDS: tuple[str, ...] = get_args(DataKind)
PROBLEMS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class Options:
    """What a user may say about a data set; None leaves the choice to the reader.

    Args:
        target: column to predict (tables and texts).
        text: column to learn from (texts).
        group: column (in an ``.npz`` the name of the arrays ``<group>_train``) whose values never stand on both sides of a cut.
        time: the same for an order in time: the last part is the test part, the part before it validation.
        data: kind of data.
        problem: classification or regression.
        metric: the metric that decides.
        seed: of random cuts.
        test: file with the test part of a table or of texts.
        size: longest side of pictures in pixels.
        rate: samples per second: of the waveforms in an ``.npz``, or to which WAV files are resampled.
        seconds: longest duration of WAV files kept.
        positive: of two classes, the one that recall, precision and F1 are about; None takes the later (1, true, yes), or the
            other if that is much rarer.
        mirror: whether pictures keep their meaning when mirrored left to right; None finds out from the training pictures.
        name: what to call the task.
    """

    target: str | None = None
    text: str | None = None
    group: str | None = None
    time: str | None = None
    data: DataKind | None = None
    problem: Kind | None = None
    metric: str | None = None
    seed: int = 0
    test: str | None = None
    size: int | None = None
    rate: int | None = None
    seconds: float | None = None
    positive: str | None = None
    mirror: bool | None = None
    name: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Options:
        """The options by keyword, with ``kind`` for ``data`` and ``problem`` together, see :func:`parse_kind`.

        Raises:
            InputError: for an unknown option or a value out of its range.
        """
        given = dict(options)
        data, problem = parse_kind(given.pop("kind", None))
        known = {f.name for f in fields(cls)} - {"data", "problem"}
        for name in given:
            if name not in known:
                raise InputError(f"there is no option {name!r} for reading data; known: {', '.join(sorted([*known, 'kind']))}")
        _check_types(given)
        if given.get("test") is not None:
            given["test"] = str(Path(given["test"]).resolve())
        return cls(**given, data=data, problem=problem)

    def require(self, what: str, *allowed: str) -> None:
        """Refuse options that mean nothing for ``what``.

        Raises:
            InputError: if an option besides ``allowed`` and those that suit every kind of data is given.
        """
        suits = {*allowed, "data", "problem", "metric", "positive", "seed", "name"}
        for f in fields(self):
            if f.name not in suits and getattr(self, f.name) is not None:
                raise InputError(f"--{f.name} {getattr(self, f.name)} means nothing for {what}; leave it out")

    def to_json(self) -> dict[str, Any]:
        """The options that differ from their defaults, by the keywords that :meth:`of` takes."""
        record = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        kinds = [k for k in (record.pop("data", None), record.pop("problem", None)) if k]
        return {**record, "kind": ",".join(kinds)} if kinds else record


_TYPES: tuple[tuple[str, type | tuple[type, ...], tuple[str, ...]], ...] = (
    ("a text", str, ("target", "text", "group", "time", "metric", "positive", "name")),
    ("a text or a path", (str, Path), ("test",)),
    ("True or False", bool, ("mirror",)),
)


def _check_types(given: Mapping[str, Any]) -> None:
    for what, kinds, names in _TYPES:
        for name in names:
            if given.get(name) is not None and not isinstance(given[name], kinds):
                raise InputError(f"option {name} must be {what}, not {given[name]!r}")
    for name in ("size", "rate", "seconds"):
        value = given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0):
            raise InputError(f"--{name} must be a number above 0, not {value!r}")
    seed = given.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"--seed must be a whole number from 0, not {seed!r}")


def as_path(source: Any, what: str = "the data") -> Path:
    """``source`` as a path.

    Raises:
        InputError: if it is neither a text nor a path.
    """
    if not isinstance(source, (str, Path)):
        raise InputError(f"{what} must be a path to a file or folder (a text or a Path), not {type(source).__name__}")
    return Path(source)


def parse_kind(kind: str | Iterable[str] | None) -> tuple[DataKind | None, Kind | None]:
    """The kind of data and the kind of problem named by ``kind``: one name or several, as a sequence or separated by commas.

    Raises:
        InputError: for an unknown name, or two that exclude each other.
    """
    if kind is None:
        return None, None
    several = kind.split(",") if isinstance(kind, str) else list(kind) if isinstance(kind, Iterable) else [kind]
    if not all(isinstance(n, str) for n in several):
        raise InputError(f"option kind must be a text, or several, not {kind!r}")
    names = [n.strip().lower() for n in several]
    known = DATA_KINDS + PROBLEMS
    for name in names:
        if name not in known:
            raise InputError(f"--kind {name} is unknown{did_you_mean(name, known)}; choose among {', '.join(known)}")
    chosen = [[n for n in dict.fromkeys(names) if n in group] for group in (DATA_KINDS, PROBLEMS)]
    for found in chosen:
        if len(found) > 1:
            raise InputError(f"--kind can't be {found[0]!r} and {found[1]!r} at once; choose one")
    return cast(DataKind | None, next(iter(chosen[0]), None)), cast(Kind | None, next(iter(chosen[1]), None))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` for the nearest of ``known``, or nothing."""
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def similar_file(path: Path, others: Iterable[Path]) -> str:
    """The same for the name of a file that is not there: endings, which most files share, don't make two names alike."""
    known = {other.stem.lower(): other for other in others}
    near = get_close_matches(path.stem.lower(), known, n=1)
    return f" (did you mean {str(known[near[0]])!r}?)" if near else ""


def number_of(count: int, noun: str) -> str:
    """The count and the noun, in the plural where needed: ``"1 row"``, ``"2 rows"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def share_text(share: float) -> str:
    """A share as whole per cent: ``"80 %"``."""
    return f"{100 * share:.0f} %"


def some(names: Iterable[Any], most: int = 12) -> str:
    """Names as a list in words, the first ``most`` of them and how many more there are."""
    shown = [str(n) for n in names]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")
