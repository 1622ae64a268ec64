"""What a meta-training hands over: a start that a few examples adapt to a new task, as files in ``model/``, none pickled.

``architecture.json`` says what the network is and how it was trained, ``weights.safetensors`` holds the meta-learner's state, and
``preprocessing.json`` (absent for the sinusoids) what turns raw data into its input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas import __version__
from metanas.delivery.files import read_json, write_json
from metanas.delivery.model import DESCRIPTION, FOLDER, PREPROCESSING, WEIGHTS
from metanas.errors import InputError
from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import Graph
from metanas.tasks import read_new
from metanas.tasks.data import Array, Kind
from metanas.tasks.few_shot import Episode
from metanas.tasks.options import as_path, some
from metanas.tasks.preprocessing import Preprocessing
from metanas.tasks.readers.npz import load_npz

if TYPE_CHECKING:
    from metanas.interfaces import State
    from metanas.meta import EpisodeLearner

SCHEMA = 1
META = "meta-training"
"""What ``does`` says in the description of a start: that of a single task's model has no such word."""


@dataclass(frozen=True, eq=False)
class AdaptedModel:
    """A network adapted to one task by its few examples.

    Args:
        learner: the meta-learner, which knows the network.
        weights: as adapted.
        graph: of the network.
        preprocessing: of raw inputs; None where they are numbers that the network takes as they are.
        kind: classification or regression.
        classes: the labels of the examples, in order of the outputs; empty for regression.
        support: how many examples it was adapted to.

    Batch normalisation uses the statistics of the examples that are predicted together (transductive, as in MAML's experiments), so the
    prediction for one example depends on its neighbours: give all queries of a task at once.
    """

    learner: EpisodeLearner
    weights: State
    graph: Graph
    preprocessing: Preprocessing | None
    kind: Kind
    classes: tuple[str, ...]
    support: int

    @property
    def architecture(self) -> Architecture | None:
        """What the task has chosen, where the method leaves it a choice."""
        from metanas.meta.space_learner import SpaceLearner

        return self.learner.decode(self.weights) if isinstance(self.learner, SpaceLearner) else None

    def outputs(self, x: Array) -> Array:
        """Class probabilities ``(examples, classes)``, or values ``(examples, outputs)``; float32.

        Args:
            x: raw examples ``(examples, ...)``, shaped as those for training.

        Raises:
            InputError: if they don't suit the network.
        """
        import torch

        prepared = prepared_inputs(x, self.preprocessing, self.graph, "the queries")
        raw = self.learner.predict(self.weights, torch.from_numpy(prepared)).float()
        if self.kind == "regression":
            return np.asarray(raw.cpu().numpy())
        return np.asarray(raw[:, : len(self.classes)].softmax(dim=1).cpu().numpy())

    def predict(self, x: Array) -> Array:
        """The likeliest class of each example, by name, or values ``(examples,)`` (``(examples, outputs)`` for several)."""
        return self.decide(self.outputs(x))

    def decide(self, outputs: Array) -> Array:
        """The predictions of :meth:`predict` from what :meth:`outputs` gives."""
        if self.kind == "regression":
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        return np.asarray(np.asarray(self.classes)[outputs.argmax(axis=1)])


@dataclass(frozen=True, eq=False)
class MetaModel:
    """A meta-learned start.

    Args:
        learner: the meta-learner.
        state: as trained.
        graph: of the network.
        preprocessing: of raw inputs; None where the network takes numbers as they are.
        record: the description: ``method``, ``ways``, ``shots``, ``parameters``, ``graph``, ...
    """

    learner: EpisodeLearner
    state: State
    graph: Graph
    preprocessing: Preprocessing | None
    record: Mapping[str, Any]

    @cached_property
    def kind(self) -> Kind:
        """Classification or regression."""
        kind: Kind = self.learner.kind
        return kind

    def adapt(self, x: Array, y: Array) -> AdaptedModel:
        """The start adapted to a new task.

        Args:
            x: the support: raw examples ``(examples, ...)``, shaped as those for training.
            y: any labels ``(examples,)``, of as many classes as there were ways, or fewer; or target values.

        Raises:
            InputError: if examples and labels don't belong together or don't suit the network.
        """
        import torch

        y = plain_labels(np.asarray(y), self.kind)
        if len(x) != len(y):
            raise InputError(f"the support has {len(x)} examples and {len(y)} labels; they must belong together one by one")
        prepared = prepared_inputs(x, self.preprocessing, self.graph, "the support")
        classes, targets = self._targets(y)
        x_support, y_support = torch.from_numpy(prepared), torch.from_numpy(targets)
        episode = Episode(x_support, y_support, x_support[:0], y_support[:0], classes, self.kind)
        adapted = self.learner.adapt(self.state, episode)
        return AdaptedModel(self.learner, adapted, self.graph, self.preprocessing, self.kind, classes, len(y))

    def _targets(self, y: Array) -> tuple[tuple[str, ...], Array]:
        """Names of the classes, and labels or values as the network learns them."""
        outputs = self.graph.shape.outputs
        if self.kind == "regression":
            if y.dtype.kind not in "biuf" or y.size != len(y) * outputs or not np.isfinite(y).all():
                raise InputError(
                    f"this start predicts {outputs} number{'s' * (outputs > 1)} for each example, so y must hold finite numbers like that"
                )
            return (), y.reshape(len(y), outputs).astype(np.float32)
        if y.ndim != 1:
            raise InputError(f"y must hold one label for each example, and has the shape {y.shape}")
        names, labels = np.unique(y, return_inverse=True)
        if not 2 <= len(names) <= outputs:
            way_out = (
                f"leave out some, or train a start with --ways {len(names)}" if len(names) > outputs else "give examples of two or more"
            )
            raise InputError(f"the start was trained for {outputs} classes, and the support has {len(names)} ({some(names, 5)}); {way_out}")
        return tuple(str(name) for name in names), labels.astype(np.int64)


def plain_labels(y: Array, kind: Kind) -> Array:
    """Labels 1.0, 2.0, ... as 1, 2, ..., so that they are the same whether they were kept as whole numbers or not."""
    whole = kind == "classification" and y.dtype.kind == "f" and bool(np.isfinite(y).all()) and bool((y == np.rint(y)).all())
    return y.astype(np.int64) if whole else y


def prepared_inputs(x: Array, preprocessing: Preprocessing | None, graph: Graph, what: str) -> Array:
    """Raw examples as the network takes them.

    Raises:
        InputError: if there are none, or their shape doesn't suit.
    """
    if not len(x):
        raise InputError(f"{what} has no examples" if what == "the support" else f"{what} are none")
    if preprocessing is not None:
        try:
            return read_new(x, preprocessing)[0]
        except InputError as error:
            raise InputError(f"{what}: {error}") from None
    x = np.asarray(x)
    if x.dtype.kind not in "biuf" or x.size != len(x) * int(np.prod(graph.shape.input)):
        raise InputError(f"{what}: examples must be numbers of shape {graph.shape.input}, not {x.dtype} of shape {x.shape[1:]}")
    return x.reshape(len(x), *graph.shape.input).astype(np.float32)


def describe_meta_model(folder: Path, record: Mapping[str, Any], preprocessing: Preprocessing | None) -> None:
    """Write what stands beside the weights in ``folder/model/``; the description last, so that a folder with one is complete.

    Args:
        folder: of the training.
        record: ``method``, ``settings``, ``ways``, ``shots``, ``graph``, ``parameters``, ``data``, ...
        preprocessing: of raw inputs, or None.
    """
    place = folder / FOLDER
    if preprocessing is not None:
        write_json(place / PREPROCESSING, preprocessing.to_json())
    write_json(place / DESCRIPTION, {"schema": SCHEMA, "metanas": __version__, "does": META, **record})


def load_meta_model(folder: str | Path, device: str = "cpu") -> MetaModel:
    """The start in a meta-training's folder, or in its ``model/`` folder; also while the training still runs.

    Raises:
        InputError: if there is none, or its files are missing, damaged, of another architecture or of a newer version.
    """
    from metanas.meta import load_checkpoint

    given = as_path(folder, "the start's place")
    place = given / FOLDER if (given / FOLDER).is_dir() else given
    if not (place / DESCRIPTION).is_file():
        raise InputError(f"there is no meta-learned start in {given}; give the folder that `metanas meta-train` wrote")
    record = read_json(place / DESCRIPTION, "the start's description")
    if record.get("does") != META or not isinstance(record.get("schema"), int):
        raise InputError(f"{given} holds no meta-learned start, but a model for one task: use `metanas predict {given} NEW_DATA`")
    if record["schema"] > SCHEMA:
        raise InputError(
            f"the start in {place} was written by metanas {record.get('metanas')}, this is {__version__}; update metanas to use it"
        )
    try:
        graph = Graph.from_json(record["graph"])
        preprocessing = None
        if record["preprocessed"]:
            preprocessing = Preprocessing.from_json(read_json(place / PREPROCESSING, "the start's preprocessing"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the description of the start in {place} is damaged; copy the whole folder again") from error
    checkpoint = load_checkpoint(place / WEIGHTS, device=device)
    if getattr(checkpoint.learner.model, "graph", graph).key != graph.key:
        raise InputError(
            f"the weights in {place / WEIGHTS} belong to another architecture than {DESCRIPTION} beside them; copy the whole folder again"
        )
    return MetaModel(checkpoint.learner, checkpoint.state, graph, preprocessing, record)


def read_examples(path: str | Path, *, labels: bool) -> tuple[Array, Array | None]:
    """``x`` and ``y`` of an ``.npz``.

    Args:
        path: of the file.
        labels: whether ``y`` must be there.

    Raises:
        InputError: if the file can't be read or lacks an array, or both are of different length.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    arrays = load_npz(file)
    needed = ("x", "y") if labels else ("x",)
    for name in needed:
        if name not in arrays:
            raise InputError(f"{file.name!r} lacks the array {name!r}; save it with numpy.savez({file.name!r}, x=examples, y=labels)")
    x, y = arrays["x"], arrays.get("y")
    if y is not None and (y.ndim < 1 or len(x) != len(y)):
        raise InputError(
            f"in {file.name!r} x has {len(x)} examples and y has {len(y) if y.ndim else 'no'} labels; they must belong together one by one"
        )
    return x, y
