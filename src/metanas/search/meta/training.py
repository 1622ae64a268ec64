"""From classes to a start that learns from a few examples: :func:`meta_train` and :func:`resume_meta_training`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.delivery.files import read_json
from metanas.delivery.meta_model import describe_meta_model
from metanas.delivery.model import FOLDER
from metanas.errors import InputError
from metanas.quantities import parse_count, parse_seconds
from metanas.search.budget import Budget
from metanas.search.folder import RESULT, make_folder, owned
from metanas.search.meta.asked import Episodes, MetaRun, is_meta_run, read_meta_run
from metanas.search.meta.loop import BEST, LAST, MetaTraining
from metanas.search.meta.network import network_for, require_room, space_for
from metanas.search.meta.observers import MetaObserver
from metanas.search.meta.points import Position
from metanas.search.meta.record import MetaResult, conclude, description, introduction
from metanas.spaces.graph import Graph
from metanas.spaces.serial import space_to_json
from metanas.spaces.space import Space
from metanas.tasks.few_shot import ClassData, EpisodeFamily, EpisodeSampler
from metanas.tasks.few_shot.device import EpisodeFeed

if TYPE_CHECKING:
    from metanas.interfaces import State
    from metanas.meta import EpisodeLearner

DEFAULT_BUDGET = 1200.0
"""Seconds, where neither a time nor a number of steps is given."""
VALIDATION_EPISODES, TEST_EPISODES = 200, 1000


def meta_train(
    source: str | Path | ClassData | EpisodeFamily,
    *,
    method: str = "maml",
    ways: int = 5,
    shots: int = 1,
    queries: int | None = None,
    test_queries: int | None = None,
    split: str | None = None,
    rotations: bool | None = None,
    network: str | None = None,
    width: int | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: str | float | None = None,
    steps: int | str | None = None,
    seed: int = 0,
    device: str = "cpu",
    out: str | Path | None = None,
    read: Mapping[str, Any] | None = None,
    validation_episodes: int = VALIDATION_EPISODES,
    test_episodes: int = TEST_EPISODES,
    validate_every: int | None = None,
    command: str | None = None,
    observers: Sequence[MetaObserver] = (),
    began: float | None = None,
) -> MetaResult:
    """Meta-train a network on episodes, judge it on fixed test episodes of other classes, and write it into a folder.

    Asked the same again with the same ``out``, it goes on where it was stopped.

    Args:
        source: whatever ``read_few_shot`` reads, ``"sinusoid"``, classes in memory, or a family of episodes of one's own.
        method: of meta-learning, see ``metanas.meta.meta_learners``.
        ways, shots: classes of an episode, and examples of each to learn from.
        queries: examples of each class that training episodes ask about; None: 5, or as many as there are.
        test_queries: the same for validation and test; None: 15, or as many as there are.
        split: of the classes, see ``read_few_shot``.
        rotations: whether classes turned by 90, 180 and 270 degrees are new ones; None: for handwritten characters.
        network, width: what is trained, see ``network_for``, and ``space_for`` for methods that choose in a space.
        settings: of the meta-learner, by name: ``inner_steps``, ``inner_rate``, ``outer_rate``, ``meta_batch``, ...
        budget: wall-clock time for everything, e.g. ``"20m"``; 20 minutes if ``steps`` isn't given either.
        steps: outer steps. Without a budget of time the same seed gives the same result, also across stops.
        seed: of the first weights and the training episodes.
        device: ``cpu``, or where else to train.
        out: folder for what comes out; None makes one under ``runs/``.
        read: options for reading the source, e.g. ``kind``, ``size``, ``target``.
        validation_episodes: fixed episodes of each validation, which chooses the best state.
        test_episodes: fixed episodes of the test, read once at the end.
        validate_every: outer steps between validations; None lets their cost decide.
        command: the line that asks for this, to be noted in the result.
        observers: told of everything while it happens.
        began: when the budget began to run, on the clock of ``time.monotonic``; None is now.

    Raises:
        InputError: one sentence on what can't be used, and what to do.

    Example:
        >>> found = meta_train("omniglot.npz", budget="20m")      # doctest: +SKIP
        >>> found.score, found.margin                             # doctest: +SKIP
    """
    began = time.monotonic() if began is None else began
    seconds = parse_seconds(budget) if budget is not None else (DEFAULT_BUDGET if steps is None else None)
    data, place = (source, None) if isinstance(source, ClassData | EpisodeFamily) else (None, _source(source))
    asked = Episodes(place, split, ways, shots, queries, test_queries, rotations, seed, dict(read or {}))
    for name, count in (("--validation-episodes", validation_episodes), ("--test-episodes", test_episodes), ("--every", validate_every)):
        if count is not None and count < 2 - (name == "--every"):
            raise InputError(f"{name} must be a whole number above {1 - (name == '--every')}, not {count}")
    train, test = asked.families(data)
    name, subject = _subject(method, train, network, width)
    learner = _learner(method, subject, train, device, settings or {})
    run = MetaRun(
        asked,
        data_fingerprint(train),
        method,
        learner.settings.to_json(),
        name,
        (subject if isinstance(subject, Graph) else subject.graph(subject.baseline)).to_json(),
        seconds,
        None if steps is None else parse_count(steps, "10000"),
        validation_episodes,
        test_episodes,
        validate_every,
        device,
        command,
        None if isinstance(subject, Graph) else space_to_json(subject),
    )
    folder = _folder(run, out, f"{train.name}-{method}")
    return _go(run, folder, train, test, learner, observers, began)


def resume_meta_training(
    folder: str | Path, *, data: ClassData | EpisodeFamily | None = None, observers: Sequence[MetaObserver] = (), began: float | None = None
) -> MetaResult:
    """Go on with a meta-training that was stopped or killed.

    Args:
        folder: of the training.
        data: the classes or family, where they were given in memory; else they are read again from where they came.
        observers, began: as for :func:`meta_train`.

    Raises:
        InputError: if the folder holds no meta-training, it has ended, or the data have changed.
    """
    began = time.monotonic() if began is None else began
    folder = Path(folder)
    run = read_meta_run(folder)
    train, test = run.episodes.families(data)
    if data_fingerprint(train) != run.fingerprint:
        raise InputError(f"the data {train.name} have changed since the training in {folder} began; start a new one with another --out")
    learner = _learner(run.method, run.subject, train, run.device, _given(run))
    return _go(run, folder, train, test, learner, observers, began)


def _source(source: str | Path) -> str:
    return str(Path(source).resolve()) if Path(source).exists() else str(source)


def _given(run: MetaRun) -> dict[str, Any]:
    """The settings that were not the method's own: it refuses those that it doesn't have."""
    from metanas.meta import default_settings

    own = default_settings(run.method).to_json()
    return {name: value for name, value in run.settings.items() if own.get(name) != value}


def _subject(method: str, family: EpisodeFamily, network: str | None, width: int | None) -> tuple[str, Graph | Space]:
    """What the method trains, by name: a network, or a space's supernet."""
    from metanas.meta import takes

    return (space_for if takes(method) == "space" else network_for)(family.shape, network, width)


def _learner(method: str, subject: Graph | Space, family: EpisodeFamily, device: str, settings: Mapping[str, Any]) -> EpisodeLearner:
    from metanas.meta import make_meta_learner

    check_device(device)
    require_room(method, subject, family, device, settings)
    means = {"input_mean": family.input_mean, "input_std": family.input_std}
    return make_meta_learner(method, subject, kind=family.kind, device=device, **means, **settings)


def data_fingerprint(family: EpisodeFamily) -> str:
    """Equal for equal examples, classes and split; empty for a family that is no data."""
    return family.data.fingerprint if isinstance(family, EpisodeSampler) else ""


def check_device(device: str) -> None:
    """Refuse a device that this machine doesn't have.

    Raises:
        InputError: saying so.
    """
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"this machine can't compute on device {device!r}; choose --device cpu") from error


def _folder(run: MetaRun, out: str | Path | None, name: str) -> Path:
    """A new folder with ``run.json`` in it, or the one in which the same was begun."""
    if out is not None and is_meta_run(Path(out)):
        read_meta_run(Path(out)).check_same(run, Path(out))
        return Path(out)
    folder = make_folder(out, name)
    run.write(folder)
    return folder


def _go(
    run: MetaRun,
    folder: Path,
    train: EpisodeFamily,
    test: EpisodeFamily,
    learner: EpisodeLearner,
    observers: Sequence[MetaObserver],
    began: float,
) -> MetaResult:
    from metanas.meta import load_checkpoint, save_checkpoint

    _refuse_ended(folder)
    told = description(run, train, test)
    preprocessing = train.data.preprocessing if isinstance(train, EpisodeSampler) else None

    def keep(state: State) -> None:
        save_checkpoint(folder / FOLDER / BEST, learner, state)
        describe_meta_model(folder, {**told, "graph": run.graph, "preprocessed": preprocessing is not None}, preprocessing)

    with owned(folder):
        before = load_checkpoint(folder / LAST, run.device, learner) if (folder / LAST).exists() else None
        best = load_checkpoint(folder / FOLDER / BEST, run.device, learner) if before else None
        position = Position.of(before.extra, folder / LAST) if before else None
        budget = Budget(run.seconds, None, spent=position.seconds if position else 0.0, began=began)
        feeds = EpisodeFeed(train, run.device), EpisodeFeed(test, run.device)
        training = MetaTraining(run, learner, *feeds, folder, keep, observers, budget)
        for text in introduction(run, train, test, folder, position):
            for observer in observers:
                observer.on_message(text)
        if before is None or best is None or position is None:
            training.begin()
        else:
            training.go_on(before.state, best.state, position)
        complete = training.go()
        return conclude(training, told, complete, budget, folder)


def _refuse_ended(folder: Path) -> None:
    if (folder / RESULT).exists() and read_json(folder / RESULT, "the training's result").get("complete"):
        raise InputError(
            f"the training in {folder} has ended and its result is in {folder / RESULT}: `metanas adapt {folder} SUPPORT.npz` uses it, and "
            "another --out starts a new one"
        )
