"""Learned initial weights in whole searches: offered, checked, told, absorbed by the next prior, and harmless where they are nonsense."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from search_examples import toy

from metanas import search
from metanas.evaluation.start import OFFERED, from_learned
from metanas.experience import open_experience
from metanas.meta.initialiser.runs import earlier_networks
from metanas.meta.prior import load_prior, make_prior
from metanas.meta.prior.embedding import attribute_names
from metanas.networks import build_network
from metanas.records import Candidate, Fidelity, Proposal
from metanas.search import sitting
from metanas.search.memory import Memory
from metanas.search.plan import Plan
from metanas.search.starts import Starts
from metanas.spaces import Draft, Space, TaskShape
from metanas.tasks import Task


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch):
    plan = Plan((Fidelity(14),), final_epochs=2.0, group=1, lookahead=2, confirm=0, folds=0)
    monkeypatch.setattr(sitting, "make_plan", lambda situation: plan)


def bars(number: int, name: str, examples: int = 300) -> Task:
    """Small pictures with a bright row, a bright column, or neither."""
    rng = np.random.default_rng(number)
    y = rng.integers(0, 3, examples)
    x = rng.integers(0, 60 + 30 * number, (examples, 6, 6))
    rows = np.arange(examples)
    x[rows[y == 1], rng.integers(0, 6, (y == 1).sum())] += 40
    x[rows[y == 2], :, rng.integers(0, 6, (y == 2).sum())] += 40
    return Task.from_arrays(x.astype(np.uint8), np.array(list("abc"))[y], name=name, kind="image")


def small(shape: TaskShape) -> Space:
    """One or two convolutions."""
    draft = Draft()
    width = draft.decide("width", (4, 8, 12), ordered=True)
    x = draft.node("stem", "conv", ["input"], channels=width, kernel=3)
    x = draft.node("bend", "activation", [x], kind="relu")
    x = draft.node("second", "conv", [x], channels=width, kernel=draft.decide("kernel", (3, 5), ordered=True))
    x = draft.node("norm", "batch_norm", [x])
    x = draft.node("pool", "global_pool", [x], kind="max")
    draft.recipe()
    draft.node("head", "dense", [x], units=shape.outputs)
    return draft.space("small", shape, {"width": 4, "kernel": 3, "recipe.learning_rate": 1e-2, "recipe.weight_decay": 1e-2})


class Gives:
    """A prior that knows nothing but initial weights: ``weights(state)`` of a fresh network's."""

    def __init__(self, weights):
        self._weights = weights

    def shortlist(self, space, task, n):
        return []

    def surrogate(self, space, task):
        return None

    policy = director = surrogate

    def initial_weights(self, graph, task):
        state = build_network(graph, seed=5).state_dict()
        return self._weights({n: v for n, v in state.items() if n.startswith("nodes.")})


def nothing(state):
    return None


def nonsense(state):
    generator = torch.Generator().manual_seed(0)
    return {n: 50 * torch.randn(v.shape, generator=generator) for n, v in state.items()}


def searched(prior, out, trials=3, **others):
    return search(bars(0, "bars"), space=small, trials=trials, strategy="random", workers=0, store=False, out=out, prior=prior, **others)


def outcomes(found):
    return [(e.proposal.architecture, dict(e.metrics), e.epochs) for e in found.evaluations]


def test_nonsense_is_tried_and_refused_and_the_search_ends_as_without_it(tmp_path):
    cold, bad = searched(Gives(nothing), tmp_path / "a"), searched(Gives(nonsense), tmp_path / "b")
    assert outcomes(cold) == outcomes(bad)
    assert cold.result.test == bad.result.test
    assert all(str(e.proposal.weights_from).startswith(OFFERED) for e in bad.evaluations)
    assert bad.result.prior["started"] == {"checked": len(bad.evaluations), "learned": 0, "origin": None}
    assert cold.result.prior["started"]["checked"] == 0
    assert all(e.proposal.weights_from is None for e in cold.evaluations)


def test_the_next_search_starts_from_what_the_last_one_trained(tmp_path):
    """Two searches, learned from; a third on other data begins with their weights, does so again, and the answer names its origin."""
    store = tmp_path / "store.db"
    for number, name in ((1, "one"), (3, "two")):
        search(bars(number, name), space=small, trials=6, strategy="random", workers=0, store=store, out=tmp_path / name, prior=False)
    made = make_prior(store, out=tmp_path / "prior", shipped=False)
    bank = made.prior.bank
    assert bank is not None
    assert [entry.name for entry in bank.entries] == ["one", "two"]
    assert load_prior(tmp_path / "prior").bank is not None
    found, again = (
        search(
            bars(0, "three"), space=small, trials=3, strategy="random", workers=0, store=False, out=tmp_path / out, prior=tmp_path / "prior"
        )
        for out in ("three", "again")
    )
    assert outcomes(found) == outcomes(again)
    started = found.result.prior["started"]
    assert started["checked"] == len(found.evaluations)
    assert started["learned"] == sum(bool(from_learned(e)) for e in found.evaluations)
    assert started["origin"] in (None, *(entry.origin for entry in bank.entries))


def test_runs_that_are_gone_or_changed_teach_nothing(tmp_path):
    store, run = tmp_path / "store.db", tmp_path / "run"
    search(bars(1, "one"), space=small, trials=2, strategy="random", workers=0, store=store, out=run, prior=False)

    def entries():
        with open_experience(store) as experience:
            return earlier_networks(experience, attribute_names())

    [entry] = entries()
    assert (entry.name, entry.data, entry.sources) == ("one", "image", ("one, image, classification, 3",))
    assert "second/conv/weight" in entry.layers
    assert not any(key.startswith("head") for key in entry.layers)
    for file in ("model/weights.safetensors", "model/architecture.json", "result.json"):
        whole = (run / file).read_bytes()
        (run / file).write_bytes(whole[: len(whole) // 2])
        assert entries() == []
        (run / file).write_bytes(whole)
    result = (run / "result.json").read_text()
    (run / "result.json").write_text(result.replace(entry.origin, "another search's"))
    assert entries() == []
    (run / "result.json").unlink()
    assert entries() == []


def candidate(space: Space, architecture, weights_from=None, epochs=5) -> Candidate:
    proposal = Proposal(0, architecture, Fidelity(epochs), weights_from=weights_from)
    return Candidate(proposal, space.graph(architecture), space.recipe(architecture), 0)


def test_the_name_of_a_start_is_that_of_its_weights(tmp_path):
    task = bars(0, "bars")
    space = small(task.prepare()[0].shape)
    wide = space.architecture({**space.baseline.as_dict, "width": 12})

    def named(prior, *architectures):
        starts = Starts(Memory(prior), task.describe(), tmp_path)
        return [starts.offered(candidate(space, a)).proposal.weights_from for a in architectures]

    one, same, other = named(Gives(nonsense), space.baseline, space.baseline, wide)
    assert one == same != other
    assert named(Gives(nonsense), space.baseline) == [one]
    assert named(Gives(lambda state: state), space.baseline) != [one]
    assert named(Gives(nothing), space.baseline) == [None]
    assert (tmp_path / f"{one}.safetensors").is_file()


def test_files_that_were_cleared_are_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr("metanas.search.starts.KEPT", 1)
    task = bars(0, "bars")
    space = small(task.prepare()[0].shape)
    wide = space.architecture({**space.baseline.as_dict, "width": 12})
    starts = Starts(Memory(Gives(nonsense)), task.describe(), tmp_path)
    for architecture in (space.baseline, wide, space.baseline):
        name = starts.offered(candidate(space, architecture)).proposal.weights_from
        assert [path.stem for path in tmp_path.iterdir()] == [name]


def test_whom_nothing_is_offered(tmp_path):
    """Scores of untrained networks, members of populations, and those that a strategy gave weights of its own."""
    task = bars(0, "bars")
    space, table = small(task.prepare()[0].shape), toy()
    starts = Starts(Memory(Gives(nonsense)), task.describe(), tmp_path)
    assert starts.offered(candidate(space, space.baseline, epochs=0)).proposal.weights_from is None
    assert starts.offered(candidate(table, table.baseline)).proposal.weights_from is None
    own = candidate(space, space.baseline, "supernet")
    assert starts.offered(own) == own
    assert replace(own, proposal=starts.offered(own).proposal) == own
