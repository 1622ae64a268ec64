"""Networks that earlier searches trained for good, as far as their folders are still there.

The store holds no weights: they lie in the folders of the runs, and the prior reads them there each time that it is made. So a run that was
deleted, or forgotten by the store, teaches nothing any more. A final network that itself began from the bank has moved its start towards
what its task wants: one step of Reptile, without any data leaving the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metanas.errors import StoreError
from metanas.experience import Experience
from metanas.experience.rows import SearchRecord
from metanas.meta.initialiser.bank import LARGEST, Initialisation
from metanas.meta.initialiser.layers import layers_of
from metanas.meta.prior.embedding import embedded
from metanas.meta.prior.lessons import UNREADABLE
from metanas.records import TaskDescription
from metanas.spaces.graph import Graph

RESULT, DESCRIPTION, WEIGHTS = "result.json", "model/architecture.json", "model/weights.safetensors"
USELESS = frozenset({"table"})
"""Kinds of data of which no weights are kept: the first layer of every network is the task's own, and what comes after it was of no help
(``benchmarks/initial_weights.py tables``)."""
MOST_READ = 200
"""Runs whose networks are read: the latest."""


def earlier_networks(experience: Experience, attributes: Sequence[str]) -> list[Initialisation]:
    """One initialisation per source, of its latest run, the oldest first; what can't be read is passed over.

    Args:
        experience: the store that names the runs.
        attributes: of the tasks' embeddings.

    Raises:
        StoreError: if the store can't be read.
    """
    finished = sorted((s for s in experience.searches() if s.result and s.folder), key=lambda search: (search.started, search.id))
    found: dict[tuple[str, ...], Initialisation] = {}
    for search in finished[-MOST_READ:]:
        try:
            task = experience.task(search.task).description
        except StoreError:
            raise
        except UNREADABLE:
            continue
        if task.shape.data not in USELESS and (entry := _read(search, task, attributes)) is not None:
            found.pop(entry.sources, None)
            found[entry.sources] = entry
    return list(found.values())


def source_of(task: TaskDescription) -> str:
    """Equal for all cuts of the same data, as far as names and shapes can tell; as that of a lesson."""
    return f"{task.name}, {task.shape.data}, {task.kind}, {task.shape.outputs}"


def _read(search: SearchRecord, task: TaskDescription, attributes: Sequence[str]) -> Initialisation | None:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        folder = Path(str(search.folder))
        if _json(folder / RESULT)["search"] != search.id:
            return None  # the folder is another run's by now
        graph = Graph.from_json(_json(folder / DESCRIPTION)["graph"])
        if graph.parameters > LARGEST // 4 or graph.shape != task.shape:
            return None
        state = load((folder / WEIGHTS).read_bytes())
        layers = layers_of(graph, state)
        if not layers or not all(bool(layer.value.isfinite().all()) for layer in layers.values()):
            return None
        source = source_of(task)
        return Initialisation(task.name, (source,), _origin(search), task.shape.data, embedded(task, attributes), layers)
    except (OSError, SafetensorError, *UNREADABLE):
        return None


def _origin(search: SearchRecord) -> str:
    """Where the network began: at a start of the bank, or at fresh weights of its own."""
    prior: Any = (search.result or {}).get("prior") or {}
    started = prior.get("started") if isinstance(prior, Mapping) else None
    origin = started.get("origin") if isinstance(started, Mapping) else None
    return origin if isinstance(origin, str) and origin else search.id


def _json(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise TypeError(f"{path} holds no object")
    return record
