"""What a meta-training was asked to do, as it stands in the ``run.json`` of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from metanas import __version__
from metanas.delivery.files import finite, read_json, write_json
from metanas.errors import InputError
from metanas.networks.supernet_memory import supernet_parameters
from metanas.spaces.graph import Graph
from metanas.spaces.serial import space_from_json
from metanas.spaces.space import Space
from metanas.tasks.data import Kind
from metanas.tasks.few_shot import ClassData, EpisodeFamily, EpisodeSampler, Sinusoids, read_few_shot

SCHEMA = 1
FILE = "run.json"
KIND = "meta-training"
SINUSOID = "sinusoid"
QUERIES, TRAINING_QUERIES = 15, 5
"""Queries of each class, in validation and test and in training, where nothing else is asked for: fewer in training make steps that cost
less and teach almost as much."""


@dataclass(frozen=True)
class Episodes:
    """Which episodes are drawn.

    Args:
        source: path, or name, of the data; None for data in memory.
        split: name of the split of the classes; None takes the data's own.
        ways, shots, queries: of training episodes, see ``EpisodeSampler``; None for ``queries`` takes as many as there are, up to 5.
        test_queries: of those of validation and test; None takes up to 15.
        rotations: whether turned classes are new ones; None asks the data.
        seed: of the training episodes, and of the network's first weights.
        read: options for reading the source, e.g. ``kind``, ``size``, ``target``.
    """

    source: str | None
    split: str | None = None
    ways: int = 5
    shots: int = 1
    queries: int | None = None
    test_queries: int | None = None
    rotations: bool | None = None
    seed: int = 0
    read: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Classification or regression."""
        return "regression" if self.source == SINUSOID else "classification"

    def families(self, data: ClassData | EpisodeFamily | None = None) -> tuple[EpisodeFamily, EpisodeFamily]:
        """Who draws the training episodes, and who those of validation and test.

        Args:
            data: where they were given in memory (a family draws for all parts); None reads the source.

        Raises:
            InputError: if the source can't be read, or the sizes don't suit.
        """
        if isinstance(data, EpisodeFamily):
            return data, data
        if self.source == SINUSOID:
            return (
                Sinusoids(self.shots, self.queries or self.shots, seed=self.seed),
                Sinusoids(self.shots, self.test_queries or max(QUERIES, self.shots), seed=self.seed),
            )
        if data is None:
            if self.source is None:
                raise InputError("this training was started from data in memory: call metanas.meta_train(data, out=...) with the same data")
            data = read_few_shot(self.source, split=self.split, ways=self.ways, **self.read)
        used = [c for part in (data.split.train, data.split.val, data.split.test) for c in part]
        most = max(1, min([QUERIES, *(int(data.sizes[c]) - self.shots for c in used)]))
        asked = self.queries or min(TRAINING_QUERIES, most), self.test_queries or most
        sizes = [(self.ways, self.shots, queries) for queries in asked]
        train, test = (EpisodeSampler(data, *size, rotations=self.rotations, seed=self.seed) for size in sizes)
        return train, test


@dataclass(frozen=True)
class MetaRun:
    """Everything that decides a meta-training.

    Args:
        episodes: which are drawn.
        fingerprint: of the data; empty for families that are no data.
        method, settings: of the meta-learner.
        network: its name.
        graph: of the network, as JSON.
        seconds, steps: the budget: wall-clock time for everything, and outer steps; None where not limited.
        validation_episodes, test_episodes: how many fixed episodes each validation and the closing test take.
        validate_every: outer steps between validations; None lets their cost decide.
        device: where it is computed.
        command: the line that began it, where there was one.
        space: as JSON, for methods that choose in one; the graph is that of its plain network then.
    """

    episodes: Episodes
    fingerprint: str
    method: str
    settings: Mapping[str, Any]
    network: str
    graph: Mapping[str, Any]
    seconds: float | None
    steps: int | None
    validation_episodes: int
    test_episodes: int
    validate_every: int | None
    device: str
    command: str | None = None
    space: Mapping[str, Any] | None = None

    def write(self, folder: Path) -> None:
        """Write ``run.json`` in one step."""
        write_json(folder / FILE, {"schema": SCHEMA, "metanas": __version__, "does": KIND, **asdict(self)})

    @property
    def subject(self) -> Graph | Space:
        """What is trained: a network, or a space's supernet."""
        return Graph.from_json(self.graph) if self.space is None else space_from_json(self.space)

    @property
    def parameters(self) -> int:
        """Trained numbers of the network, or of the supernet."""
        subject = self.subject
        return subject.parameters if isinstance(subject, Graph) else supernet_parameters(subject)

    def check_same(self, other: MetaRun, folder: Path) -> None:
        """Refuse to go on in ``folder`` with a run that asks for something else than this one, which stands there.

        Raises:
            InputError: naming the first difference.
        """
        for name, mine, others in _pairs(self, other):
            if finite(mine) != finite(others):
                told = name.replace("_", " ") + ("" if isinstance(mine, Mapping) else f" {mine}, not {others}")
                raise InputError(
                    f"the training in {folder} was begun with other options ({told}): choose another --out, or go on with it as "
                    f"it is by `metanas meta-train --resume {folder}`"
                )


def _pairs(a: MetaRun, b: MetaRun) -> list[tuple[str, Any, Any]]:
    own = [(f.name, getattr(a, f.name), getattr(b, f.name)) for f in fields(MetaRun) if f.name not in ("episodes", "command")]
    return [(f.name, getattr(a.episodes, f.name), getattr(b.episodes, f.name)) for f in fields(Episodes)] + own


def is_meta_run(folder: Path) -> bool:
    """Whether a meta-training was begun in ``folder``."""
    path = folder / FILE
    return path.is_file() and read_json(path, "what was asked for").get("does") == KIND


def read_meta_run(folder: Path) -> MetaRun:
    """What was asked in ``folder``.

    Raises:
        InputError: if it holds no meta-training, a damaged one, or one of another version.
    """
    if not is_meta_run(folder):
        raise InputError(f"{folder} holds no meta-training; give the folder that `metanas meta-train` wrote")
    record = read_json(folder / FILE, "what was asked for")
    version = str(record.get("metanas"))
    if record.get("schema") != SCHEMA or version.split(".")[:2] != __version__.split(".")[:2]:
        raise InputError(f"the training in {folder} was begun by metanas {version}, and this is {__version__}; go on with that version")
    try:
        known = {f.name: record[f.name] for f in fields(MetaRun)}
        return MetaRun(**{**known, "episodes": Episodes(**record["episodes"])})
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / FILE} is damaged, so the training can't go on; start a new one with another --out") from error
