"""The model that a search hands over: three files in ``model/``, none pickled, and the object that uses them.

``architecture.json`` says what the network is (architecture, graph, classes, units), ``weights.safetensors`` holds its
weights and ``preprocessing.json`` what turns raw data into its input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metanas import __version__
from metanas.delivery.files import read_json, write_bytes, write_json
from metanas.errors import InputError
from metanas.networks import build_network
from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import Graph
from metanas.tasks import read_new
from metanas.tasks.data import Array, Kind
from metanas.tasks.options import as_path
from metanas.tasks.preprocessing import Preprocessing

SCHEMA = 1
FOLDER = "model"
DESCRIPTION, WEIGHTS, PREPROCESSING = "architecture.json", "weights.safetensors", "preprocessing.json"
BATCH_NUMBERS = 8_000_000
"""Numbers between the nodes that one batch of predictions may leave in memory (32 MB)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with all that is needed to use it on raw data.

    Args:
        network: the module; takes preprocessed examples, gives logits or standardised targets ``(examples, outputs)``.
        graph: of the network.
        architecture: the choices it was made from.
        preprocessing: turns raw data (a table, pictures, texts, ...) into the network's input.
        kind: classification or regression.
        classes: names by class number; empty for regression.
        target: name of what is predicted.
        metric: name of the metric that it was chosen by.

    Example:
        >>> model = load_model("runs/fashion")        # doctest: +SKIP
        >>> model.predict("new.csv")                  # doctest: +SKIP
    """

    network: torch.nn.Module
    graph: Graph
    architecture: Architecture
    preprocessing: Preprocessing
    kind: Kind
    classes: tuple[str, ...]
    target: str
    metric: str

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return self.graph.parameters

    def outputs(self, inputs: Any) -> Array:
        """Class probabilities ``(examples, classes)``, or values in the target's unit ``(examples, outputs)``; float32.

        Args:
            inputs: raw examples exactly as in ``Task.inputs``.

        Raises:
            InputError: if the inputs don't fit the model, e.g. a column is missing.
        """
        return self.outputs_of(self.preprocessing.transform(inputs))

    def outputs_of(self, x: Array) -> Array:
        """The same as :meth:`outputs` for examples ``(examples, *shape.input)`` that are preprocessed already."""
        self.network.eval()
        with torch.inference_mode():
            parts = [self._batch(part) for part in self._batches(x)]
        return np.concatenate(parts) if parts else np.empty((0, self.graph.shape.outputs), np.float32)

    def predict(self, source: Any) -> Array:
        """The likeliest class of each example, by name, or values ``(examples,)`` (``(examples, outputs)`` for several).

        Args:
            source: whatever ``metanas.tasks.read_new`` reads: a path to new data of the kind that the model was trained on, a
                DataFrame, an array shaped as in an ``.npz``, a list of texts.

        Raises:
            InputError: if the data can't be read or don't fit the model, e.g. a column is missing.
        """
        return self.decide(self.outputs_of(read_new(source, self.preprocessing)[0]))

    def predict_proba(self, source: Any) -> Array:
        """Class probabilities ``(examples, classes)`` in the order of ``classes``; takes what :meth:`predict` takes.

        Raises:
            InputError: for regression, or if the data can't be read or don't fit the model.
        """
        self.require_probabilities()
        return self.outputs_of(read_new(source, self.preprocessing)[0])

    def decide(self, outputs: Array) -> Array:
        """The predictions of :meth:`predict` from what :meth:`outputs` gives."""
        if self.kind == "classification":
            names: Array = np.asarray(self.classes)
            return np.asarray(names[outputs.argmax(axis=1)])
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def require_probabilities(self) -> None:
        """Refuse where there are no probabilities.

        Raises:
            InputError: for regression.
        """
        if self.kind == "regression":
            raise InputError(f"this model predicts a number ({self.target}), so it has no class probabilities; leave out --proba")

    def _batches(self, x: Array) -> Iterator[Array]:
        size = int(np.clip(BATCH_NUMBERS // max(1, self.graph.activations), 1, 1024))
        for start in range(0, len(x), size):
            yield x[start : start + size]

    def _batch(self, part: Array) -> Array:
        device = next((p.device for p in self.network.parameters()), torch.device("cpu"))
        raw = self.network(torch.from_numpy(np.array(part)).to(device)).float()
        if self.kind == "classification":
            return np.asarray(raw.softmax(dim=1).cpu().numpy())
        mean, deviation = np.array(self.preprocessing.output.mean), np.array(self.preprocessing.output.std)
        return np.asarray(raw.cpu().numpy() * deviation + mean, np.float32)


def save_model(
    folder: str | Path,
    *,
    network: torch.nn.Module,
    graph: Graph,
    architecture: Architecture,
    preprocessing: Preprocessing,
    kind: Kind,
    classes: Sequence[str],
    target: str,
    metric: str,
) -> Path:
    """Write ``folder/model/`` (arguments as in :class:`Model`) and return it; a model there before is replaced.

    The description is written last, so that a folder with one is complete.

    Raises:
        InputError: if the folder can't be written.
    """
    from safetensors.torch import save

    place = Path(folder) / FOLDER
    record = {
        "schema": SCHEMA,
        "metanas": __version__,
        "torch": torch.__version__,
        "kind": kind,
        "classes": list(classes),
        "target": target,
        "target_mean": list(preprocessing.output.mean),
        "target_std": list(preprocessing.output.std),
        "metric": metric,
        "parameters": graph.parameters,
        "architecture": architecture.to_json(),
        "graph": graph.to_json(),
    }
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    if (place / DESCRIPTION).exists():
        (place / DESCRIPTION).unlink()
    write_bytes(place / WEIGHTS, save(weights))
    write_json(place / PREPROCESSING, preprocessing.to_json())
    write_json(place / DESCRIPTION, record)
    return place


def load_model(folder: str | Path) -> Model:
    """The model in a search's folder, or in its ``model/`` folder.

    Raises:
        InputError: if there is none, or its files are missing, cut off, of another program or of a newer version of metanas.
    """
    given = as_path(folder, "the model's place")
    place = given / FOLDER if (given / FOLDER).is_dir() else given
    if not (place / DESCRIPTION).is_file() and (given / "run.json").is_file():
        raise InputError(f"the search in {given} has not ended, so there is no network yet; `metanas resume {given}` goes on with it")
    if not (place / DESCRIPTION).is_file():
        raise InputError(
            f"there is no trained model in {given}: no file {place / DESCRIPTION}; give the folder that a finished search wrote"
        )
    record = read_json(place / DESCRIPTION, "the model's description")
    if "does" in record:
        raise InputError(
            f"{given} holds what a {record['does']} learned, not the model of one task; `metanas adapt {given} SUPPORT.npz` uses it"
        )
    if not isinstance(record.get("schema"), int) or "graph" not in record:
        raise InputError(f"{place / DESCRIPTION} was not written by metanas; give the folder that a finished search wrote")
    if record["schema"] > SCHEMA:
        version = record.get("metanas", "a newer one")
        raise InputError(f"the model in {place} was written by metanas {version}, this is {__version__}; update metanas to use it")
    preparation = read_json(place / PREPROCESSING, "the model's preprocessing")
    try:
        graph = Graph.from_json(record["graph"])
        preprocessing = Preprocessing.from_json(preparation)
        means = {name: np.array(getattr(preprocessing, name), np.float32) for name in ("input_mean", "input_std")}
        network = build_network(graph, **means, seed=0)
        architecture = Architecture.from_json(record["architecture"])
        kind, classes, target, metric = record["kind"], tuple(record["classes"]), record["target"], record["metric"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if str(error).startswith("no operation named"):
            raise InputError(
                f"the network in {place} has an operation of one's own ({str(error).partition(';')[0]}); in Python, import the file that "
                "registers it before load_model"
            ) from error
        raise InputError(f"the model in {place} can't be rebuilt ({_words(error)}); its files are damaged or of another version") from error
    _load_weights(network, place / WEIGHTS)
    return Model(network, graph, architecture, preprocessing, kind, classes, target, metric)


def _load_weights(network: torch.nn.Module, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        network.load_state_dict(load(path.read_bytes()))
    except FileNotFoundError as error:
        raise InputError(f"the model's weights are missing: there is no file {path}; copy the whole folder") from error
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise InputError(f"the model's weights can't be read: {path} is damaged or cut off; copy the folder again") from error
    except (RuntimeError, KeyError) as error:
        raise InputError(f"the weights in {path} belong to another network than its description; copy the whole folder again") from error


def _words(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error).split("\n")[0].rstrip(".;")
