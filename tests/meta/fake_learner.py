"""A meta-learner in a page, to test what drives meta-learners: nearest class means, which a single learned number spoils or mends.

A query goes to the class whose support mean is nearest, after noise of deviation ``state["noise"]`` was added to the distances; an update
makes the noise smaller, until ``settings.worst`` steps, from where on it grows again. So the best step is known.
"""

from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace

import torch

from metanas.errors import InputError
from metanas.spaces.graph import Graph
from metanas.states import load_state, save_state


@dataclass(frozen=True)
class Settings:
    inner_steps: int = 1
    meta_batch: int = 2
    best: int = 1_000_000
    infinite: int = 1_000_000

    def to_json(self):
        return asdict(self)


class FakeLearner:
    def __init__(self, graph, kind, settings):
        self.name, self.graph, self.kind, self.settings, self.model = "fake", graph, kind, settings, SimpleNamespace(graph=graph)
        self.calls = []

    def init(self, seed):
        return {"step": 0, "noise": 4.0, "seen": torch.zeros(3, dtype=torch.int64), "seed": seed}

    def update(self, state, episodes, *, progress=0.0):
        step = state["step"] + 1
        self.calls.append(progress)
        noise = state["noise"] * (0.7 if step <= self.settings.best else 2.0)
        scores = self.evaluate(state, episodes)
        loss = float("nan") if step >= self.settings.infinite else float(scores["loss"].mean())
        last = {"loss": loss} | ({"accuracy": float(scores["accuracy"].mean())} if "accuracy" in scores else {})
        seen = state["seen"] * 31 % 1_000_003 + episodes.x_support.double().sum().long()
        return {**state, "step": step, "noise": noise, "seen": seen, "last": last}

    def evaluate(self, state, episodes):
        if self.kind == "regression":
            mean = episodes.y_support.mean(1, keepdim=True) + state["noise"]
            return {"loss": ((episodes.y_query - mean) ** 2).mean((1, 2))}
        outputs = torch.stack(
            [self._outputs(state, *task) for task in zip(episodes.x_support, episodes.y_support, episodes.x_query, strict=True)]
        )
        right = (outputs.argmax(-1) == episodes.y_query).double().mean(1)
        return {"loss": 1 - right, "accuracy": right}

    def _outputs(self, state, x, y, queries):
        x, queries = x.double().flatten(1), queries.double().flatten(1)
        present = [label for label in range(self.graph.shape.outputs) if (y == label).any()]
        means = torch.stack([x[y == label].mean(0) for label in present])
        distances = torch.cdist(queries, means)
        noise = torch.randn(distances.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        out = torch.full((len(queries), self.graph.shape.outputs), -1e9, dtype=torch.float64)
        out[:, present] = -(distances / distances.std() + state["noise"] * noise)
        return out

    def adapt(self, state, episode):
        return {"state": state, "episode": episode}

    def predict(self, adapted, x):
        e = adapted["episode"]
        if self.kind == "regression":
            return e.y_support.mean(0).expand(len(x), -1)
        return self._outputs(adapted["state"], e.x_support, e.y_support, x)


def default_settings(name):
    return Settings()


def takes(name):
    return "graph"


def make_meta_learner(name, graph, *, kind="classification", input_mean=None, input_std=None, device="cpu", **settings):
    if name != "fake":
        raise InputError(f"there is no method {name!r}")
    return FakeLearner(graph, kind, replace(Settings(), **settings))


def save_checkpoint(path, learner, state, extra=None):
    about = {"graph": learner.graph.to_json(), "kind": learner.kind, "settings": learner.settings.to_json()}
    save_state(path, {"state": state, "about": about, "extra": dict(extra or {})})


def load_checkpoint(path, device="cpu", learner=None):
    record = load_state(path)
    about = record["about"]
    learner = learner or FakeLearner(Graph.from_json(about["graph"]), about["kind"], Settings(**about["settings"]))
    return SimpleNamespace(learner=learner, state=record["state"], extra=record["extra"])
