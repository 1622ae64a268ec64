"""Which network is meta-trained: a built-in one, the plain network of a space, or an architecture from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from metanas.errors import InputError
from metanas.evaluation.memory import in_words, room
from metanas.spaces import make_space
from metanas.spaces.architecture import Architecture
from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.registry import spaces
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import Space
from metanas.tasks.few_shot import EpisodeFamily

FOUR_CONV, FOUR_CONV_POOL, TWO_DENSE, FEW_SHOT = "four-conv", "four-conv-pool", "two-dense", "few-shot"
_WIDTHS = {FOUR_CONV: 64, FOUR_CONV_POOL: 64, TWO_DENSE: 40}
_TAKES = {FOUR_CONV: ("image", "series"), FOUR_CONV_POOL: ("image", "series"), TWO_DENSE: ("table",)}


def network_for(shape: TaskShape, network: str | None = None, width: int | None = None) -> tuple[str, Graph]:
    """The graph to be meta-trained, and its name.

    Args:
        shape: of the episodes.
        network: ``"four-conv"`` (pictures and series: four convolutions of stride 2), ``"four-conv-pool"`` (each with pooling),
            ``"two-dense"`` (tables: two hidden layers), the name of a space, whose plain network it is then, or a JSON file with an
            architecture or a graph, such as ``model/architecture.json`` of a search. None: the first of these that suits the data.
        width: channels or units of each layer of the first three; None: 64 and 40, as in the papers.

    Raises:
        InputError: if there is no such network, it does not suit, or the width is out of place.
    """
    fitting = [*(name for name, kinds in _TAKES.items() if shape.data in kinds), *spaces(shape.data)]
    name = network or fitting[0]
    if width is not None and name not in _WIDTHS:
        raise InputError(f"the network {name} has no --width, only {', '.join(_WIDTHS)} have one; leave it out")
    if width is not None and width < 1:
        raise InputError(f"--width must be above 0, not {width}")
    if name in _WIDTHS and name not in fitting:
        raise InputError(f"the network {name} does not take {shape.data} data; choose one of {', '.join(fitting)}")
    if name in (FOUR_CONV, FOUR_CONV_POOL):
        from metanas.meta.four_conv import four_conv

        return name, four_conv(shape, width=width or _WIDTHS[name], down="stride" if name == FOUR_CONV else "max_pool")
    if name == TWO_DENSE:
        return name, two_dense(shape, width or _WIDTHS[name])
    if name.endswith(".json"):
        return Path(name).name, _from_file(Path(name), shape)
    if name not in spaces():
        raise InputError(
            f"there is no network or space named {name!r}; choose one of {', '.join(fitting)}, or a .json file with an architecture"
        )
    space = make_space(name, shape)
    return name, space.graph(space.baseline)


def space_for(shape: TaskShape, network: str | None = None, width: int | None = None) -> tuple[str, Space]:
    """The space whose supernet is meta-trained by methods that choose the architecture, too, and its name.

    Args:
        shape: of the episodes.
        network: ``"few-shot"`` (pictures and series: around four-conv), or the name of a space. None: the first of these that suits.
        width: channels of each block of few-shot; None: 64.

    Raises:
        InputError: if there is no such space, it does not suit, or the width is out of place.
    """
    fitting = [*([FEW_SHOT] if shape.data in ("image", "series") else []), *spaces(shape.data)]
    name = network or fitting[0]
    if name not in fitting:
        raise InputError(f"this method chooses in a space, and {name!r} is none for {shape.data} data; choose one of {', '.join(fitting)}")
    if name != FEW_SHOT:
        if width is not None:
            raise InputError(f"the space {name} has no --width, only {FEW_SHOT} has one; leave it out")
        return name, make_space(name, shape)
    from metanas.meta.few_shot_space import few_shot_space

    return name, few_shot_space(shape, width=64 if width is None else width)


def require_room(method: str, subject: Graph | Space, family: EpisodeFamily, device: str, settings: Mapping[str, Any]) -> None:
    """Refuse what would not fit in memory, before it is built.

    Args:
        method, settings: of meta-learning.
        subject: what it trains.
        family: of the episodes.
        device: where.

    Raises:
        InputError: saying how much would be needed, and how much is there.
    """
    from metanas.meta import default_settings, meta_bytes, tasks_together

    given = settings.get("meta_batch")
    tasks = given if isinstance(given, int) and given > 0 else default_settings(method).meta_batch  # the learner will refuse what is wrong
    together = tasks_together(tasks, device.partition(":")[0], settings.get("batching", "auto"))
    needed, there = meta_bytes(subject, len(family.episode("train", 0).x_support), together), room(device)
    if needed > there:
        what = "network" if isinstance(subject, Graph) else "supernet"
        raise InputError(
            f"the {what} would need about {in_words(needed)} of memory to be meta-trained by {method}, and {in_words(there)} are there for "
            "it; choose a smaller --width or --network, or fewer --ways or --shots"
        )


def two_dense(shape: TaskShape, width: int) -> Graph:
    """Two hidden layers of rectified linear units: the network of the sinusoids (Finn et al. 2017, section 5.1)."""
    nodes, x = [], INPUT
    for layer in ("dense1", "dense2"):
        nodes += [Node(layer, "dense", (("units", width),), (x,)), Node(f"{layer}.activation", "activation", (("kind", "relu"),), (layer,))]
        x = nodes[-1].name
    return Graph(shape, (*nodes, Node("head", "dense", (("units", shape.outputs),), (x,))))


def _from_file(path: Path, shape: TaskShape) -> Graph:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        graph = _from_record(record, shape)
        assert graph.shapes  # closes every shape
    except OSError as error:
        raise InputError(f"the architecture {path} can't be read: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"the architecture in {path} does not suit: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} holds no architecture for these data ({str(error) or type(error).__name__}); give one as searches write"
        ) from error
    return graph


def _from_record(record: Mapping[str, Any], shape: TaskShape) -> Graph:
    """An architecture is closed anew for the shape; a bare graph gets as many outputs as there are ways."""
    architecture = record.get("architecture", record if "choices" in record else None)
    if architecture and architecture["space"] in spaces():
        chosen = Architecture.from_json(architecture)
        space = make_space(chosen.space, shape)
        return space.graph(space.architecture(chosen.as_dict))
    graph = Graph.from_json(record.get("graph", record))
    *body, head = graph.nodes
    if graph.shape.input != shape.input:
        raise InputError(f"its input has the shape {graph.shape.input}, and examples here have {shape.input}")
    if head.op != "dense":
        raise InputError(f"it ends in {head.op!r}, and only a dense layer can be given as many outputs as there are ways")
    return Graph(shape, (*body, replace(head, settings=tuple({**head.options, "units": shape.outputs}.items()))))
