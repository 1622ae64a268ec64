"""Meta-learners and their states as one file: everything that is needed to go on, or to adapt to a new task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metanas.errors import InputError
from metanas.interfaces import State
from metanas.meta.learner import EpisodeLearner
from metanas.meta.registry import make_meta_learner
from metanas.meta.supernet_model import SupernetModel
from metanas.meta.together import GraphModel, Model
from metanas.spaces.graph import Graph
from metanas.spaces.serial import space_from_json, space_to_json
from metanas.spaces.space import Space
from metanas.states import load_state as read_state
from metanas.states import save_state
from metanas.tasks.data import Array

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What :func:`save_checkpoint` wrote.

    Args:
        learner: made anew with the same method, network and settings, or the one that was there already.
        state: of it.
        extra: what the caller added.
    """

    learner: EpisodeLearner
    state: State
    extra: Mapping[str, Any]


def save_checkpoint(path: Path, learner: EpisodeLearner, state: State, extra: Mapping[str, Any] | None = None) -> None:
    """Write a learner and its state to one safetensors file, in one step.

    Args:
        path: of the file.
        learner: over the network of a graph, or over a space.
        state: of it.
        extra: more to keep: JSON values, arrays and tensors.

    Raises:
        InputError: if the file can't be written.
    """
    about, (mean, std) = _about(learner.model)
    made = {"method": learner.name, "kind": learner.kind, **about, "settings": learner.settings.to_json()}
    record = {"schema": SCHEMA, **made, "input_mean": mean, "input_std": std, "state": state, "extra": dict(extra or {})}
    save_state(path, {"meta_learner": record})


def load_checkpoint(path: Path, device: str = "cpu", learner: EpisodeLearner | None = None) -> Checkpoint:
    """The learner and state of :func:`save_checkpoint`, equal to the last bit.

    Args:
        path: of the file.
        device: where the tensors are to be.
        learner: that exists already, and that the file must be of; None makes one.

    Raises:
        InputError: if the file is missing, damaged, of something else, of another method or architecture than ``learner``, or written by a
            newer version.
    """
    record = _record(path, device)
    if learner is not None:
        _require_of(learner, record, path)
        return Checkpoint(learner, record["state"], record["extra"])
    subject, settings = _subject(record), record["settings"]
    options = {"kind": record["kind"], "input_mean": record["input_mean"], "input_std": record["input_std"], "device": device}
    learner = make_meta_learner(record["method"], subject, **options)
    own = {name: value for name, value in settings.items() if getattr(learner.settings, name, value) != value}
    if own:
        learner = make_meta_learner(record["method"], subject, **options, **own)
    return Checkpoint(learner, record["state"], record["extra"])


def load_state(path: Path, learner: EpisodeLearner) -> State:
    """The state of :func:`save_checkpoint` for a learner that exists already.

    Raises:
        InputError: as for :func:`load_checkpoint`, or if the file is of another method or architecture.
    """
    return load_checkpoint(path, str(learner.model.device), learner).state


def _require_of(learner: EpisodeLearner, record: Mapping[str, Any], path: Path) -> None:
    """Refuse what was written by a learner of another method or architecture."""
    model = learner.model
    if record["method"] != learner.name:
        raise InputError(f"{path} was written by {record['method']!r}, and this is {learner.name!r}; go on with that method, or start anew")
    if isinstance(model, SupernetModel) and record.get("space") != space_to_json(model.given):
        raise InputError(f"{path} is of another space than {model.given.name!r} as it is here; give its own space, or start anew")
    if isinstance(model, GraphModel) and (graph := Graph.from_json(record["graph"])).key != model.graph.key:
        raise InputError(
            f"{path} is of another architecture ({graph.parameters:,} parameters, not {model.graph.parameters:,}); put its own file back, "
            "or give its own network"
        )
    learner.check(record["state"])


def _about(model: Model) -> tuple[dict[str, Any], tuple[Array | None, Array | None]]:
    """What a model is of, and the statistics of its inputs."""
    if isinstance(model, SupernetModel):
        return {"space": space_to_json(model.given)}, model.statistics
    if not isinstance(model, GraphModel):
        raise TypeError("only a learner over the network of a graph, or over a space, can be made anew from a file")
    return {"graph": model.graph.to_json()}, model.statistics


def _subject(record: Mapping[str, Any]) -> Graph | Space:
    return space_from_json(record["space"]) if "space" in record else Graph.from_json(record["graph"])


def _record(path: Path, device: str) -> dict[str, Any]:
    record = read_state(path, device).get("meta_learner")
    if not isinstance(record, dict):
        raise InputError(f"{path} holds no meta-learner; give the file that a meta-training wrote")
    if record["schema"] > SCHEMA:
        raise InputError(f"{path} was written by a newer version of metanas; update metanas to read it")
    return record
