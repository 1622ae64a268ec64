"""The end of a search: the answer and the plain network are trained anew, and the test data score the frozen list once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metanas.delivery.baselines import ANSWER, PLAIN, Entry, fit_baselines
from metanas.delivery.model import Model, save_model
from metanas.errors import MetaNASError
from metanas.interfaces import Executor, Observer
from metanas.records import Candidate, Evaluation
from metanas.search.plan import Plan
from metanas.spaces import Architecture
from metanas.tasks import Task

BASELINES = "the baselines"
"""All of them, where none can be named."""
PROBE = 256
"""Examples on which the speed of scoring is measured."""
EARLY = 0.75
"""A training whose best epoch came before this share of its length had enough: the final one is no longer than that epoch."""


@dataclass
class Trained:
    """A final training under way, then what came of it: weights in ``path``, or the reason why there are none."""

    candidate: Candidate
    path: Path
    done: bool = False
    share: float = 0.0
    reason: str | None = None

    def hear(self, message: dict[str, Any]) -> None:
        """Take note of what the executor says."""
        self.share = message.get("progress", self.share)
        self.reason = message.get("reason", self.reason)
        self.done = self.done or "trained" in message or "reason" in message


def final_epochs(evaluation: Evaluation | None, plan: Plan) -> float:
    """How long the final training is, in epochs: the plan's, or less where the search saw that more does harm.

    Where the evaluation's best epoch came well before its end, and the validation loss rose after its own best as early, the final
    training has as many epochs as were best. One of both alone is luck: of small validation parts, or of trainings too short to tell.
    """
    if evaluation is None or not evaluation.epochs:
        return plan.final_epochs
    fidelity = evaluation.proposal.fidelity
    trained = fidelity.epochs * fidelity.share
    best = evaluation.epochs * fidelity.share
    losses = [(point["validation_loss"], point["epoch"]) for point in evaluation.curve if "validation_loss" in point]
    least = min(losses)[1] * fidelity.share if losses else best
    if max(best, least) < EARLY * trained:
        return min(plan.final_epochs, best)
    return plan.final_epochs


def train_finals(
    executor: Executor,
    candidates: Sequence[Candidate],
    epochs: Sequence[float],
    folder: Path,
    deadline: float,
    observers: Sequence[Observer],
    workers: int = 1,
    clock: Callable[[], float] = time.monotonic,
) -> list[Trained]:
    """Train candidates for good, as many side by side as there are workers; the last ends by the deadline."""
    finals = [Trained(c, folder / f"final{i}.safetensors") for i, c in enumerate(candidates)]
    now, rounds = clock(), -(-len(finals) // max(1, workers))
    for i, (final, length) in enumerate(zip(finals, epochs, strict=True)):
        end = now + (deadline - now) * (i // max(1, workers) + 1) / rounds  # who comes first leaves time for the others
        job = {"do": "train", "candidate": final.candidate.to_json(), "epochs": length, "deadline": end, "out": str(final.path)}
        executor.call(job, end, final.hear)
    while not all(final.done for final in finals):
        executor.results(0.5)
        for observer in observers:
            observer.on_progress(min(final.share for final in finals if not final.done) if any(not f.done for f in finals) else 1.0)
    return finals


def seconds_to_score(candidates: Sequence[Candidate], task: Task) -> float:
    """How long scoring the candidates' networks on the test rows should take on this machine as busy as it is now, in seconds.

    Timed on a few training examples; doubled for the metrics, their intervals and writing files.
    """
    import torch

    from metanas.networks import build_network

    data, _ = task.prepare()
    few = torch.from_numpy(np.array(data.x_train[:PROBE]))
    seconds = 0.0
    for candidate in candidates:
        network = build_network(candidate.graph, input_mean=data.input_mean, input_std=data.input_std, seed=0).eval()
        with torch.inference_mode():
            network(few[:1])
            began = time.monotonic()
            network(few)
        seconds += time.monotonic() - began
    return 2 * seconds * len(task.test) / max(1, len(few))


def load_final(final: Trained, task: Task) -> Model:
    """The trained network, ready to use."""
    from safetensors.torch import load_file

    from metanas.networks import build_network

    data, preprocessing = task.prepare()
    graph = final.candidate.graph
    network = build_network(graph, input_mean=data.input_mean, input_std=data.input_std, seed=0)
    network.load_state_dict(load_file(final.path))
    architecture: Architecture = final.candidate.proposal.architecture
    return Model(network, graph, architecture, preprocessing, task.kind, task.classes, task.target, task.metric)


def save_final(folder: Path, model: Model) -> None:
    """Write the model into the run's folder."""
    save_model(
        folder,
        network=model.network,
        graph=model.graph,
        architecture=model.architecture,
        preprocessing=model.preprocessing,
        kind=model.kind,
        classes=model.classes,
        target=model.target,
        metric=model.metric,
    )


class Baselines:
    """Fits the baselines in a thread of its own while the search goes on; the program can end without waiting for it."""

    def __init__(self, task: Task, *, deadline: float, seed: int) -> None:
        self._entries = [Entry(BASELINES, None, reason="they were not ready in time")]
        self._thread = threading.Thread(target=self._fit, args=(task, deadline, seed), daemon=True)
        self._thread.start()

    def _fit(self, task: Task, deadline: float, seed: int) -> None:
        try:
            self._entries = fit_baselines(task, deadline=deadline, seed=seed)
        except Exception as error:
            self._entries = [Entry(BASELINES, None, reason=f"they failed: {error}")]

    def entries(self, patience: float) -> list[Entry]:
        """The fitted baselines; waits for them so many seconds at the most."""
        self._thread.join(None if patience == float("inf") else max(0.0, patience))
        return self._entries


def entries_for(answer: Model, plain: Model | None, plain_reason: str | None, baselines: Sequence[Entry]) -> list[Entry]:
    """The frozen list: the answer, the plain network (unless it is the answer), and the baselines."""
    if not np.isfinite(_probe(answer)):
        raise MetaNASError("the final network is broken: its outputs are not numbers")
    found = [Entry(ANSWER, answer.outputs)]
    if plain is not None:
        found.append(Entry(PLAIN, plain.outputs))
    elif plain_reason is not None:
        found.append(Entry(PLAIN, None, reason=plain_reason))
    return [*found, *baselines]


def _probe(model: Model) -> float:
    return float(sum(float(p.detach().double().abs().sum()) for p in model.network.parameters()))
