"""What may be wrong with experience or prior: one clear sentence, or a search that ends no worse than one from nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prior_examples import begun, candidates, described, evaluated, quality, searched, space, store

from metanas.errors import InputError
from metanas.experience import Experience
from metanas.meta.prior import LearnedPrior, learn, learning, lessons_from, make_prior, taught_policy
from metanas.meta.prior import file as prior_file
from metanas.records import Evaluation, Fidelity, Objective, TaskDescription
from metanas.search.memory import choose_memory
from metanas.spaces import TaskShape
from metanas.states import load_state, save_state
from metanas.strategies import Brief, make_strategy

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # when GPyTorch is imported

NEW = described(42)
AWARE = ("warm-start:evolution", "meta-bayes", "meta-policy", "meta")
TRIALS, LATE = 45, {"multi-task": 0.1, "deep-kernel": 0.15}
"""Trials of a search, and how far one that was misled by which surrogate may be behind by then, in a range of 0.45; from nothing 20 trials
lead to the top."""


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "STEPS", 40)
        patch.setattr(learning, "FOLD_STEPS", 10)
        patch.setattr(taught_policy, "STEPS", 40)
        yield


def learned(path: Path, **options) -> LearnedPrior:
    with Experience(path) as experience:
        return learn(lessons_from(experience), **options)


@pytest.fixture(scope="module")
def upside_down(quick, tmp_path_factory) -> dict[str, LearnedPrior]:
    """Learned where the worst networks were said to be the best, by surrogate."""
    path = store(tmp_path_factory.mktemp("stores") / "store.db", 5, upside_down=True)
    return {name: learned(path, surrogate=name) for name in learning.SURROGATES}


def course(name: str, prior: LearnedPrior | None, seed: int, task: TaskDescription = NEW, trials: int = TRIALS) -> np.ndarray:
    """How good the best so far is, by the trials."""
    rng = np.random.default_rng(seed)
    strategy = make_strategy(name, Brief(space(task.shape), Objective.of(task.metric), (Fidelity(3),), seed, task, prior))
    tried: list[float] = []
    for _ in range(trials):
        (proposal,) = strategy.ask(1)
        space(task.shape).validate(proposal.architecture)
        tried.append(quality(proposal.architecture))
        strategy.tell([Evaluation(proposal, {task.metric: tried[-1] + 0.005 * rng.normal()})])
    return np.maximum.accumulate(tried)


@pytest.mark.parametrize(
    ("name", "surrogate"), [*((name, "multi-task") for name in AWARE), ("meta", "deep-kernel"), ("meta-bayes", "deep-kernel")]
)
def test_a_search_that_was_misled_catches_up(upside_down, name, surrogate):
    ends = [course(name, upside_down[surrogate], seed)[-1] for seed in range(2)]
    assert np.mean(ends) >= 0.95 - LATE[surrogate]


def test_an_ensemble_of_upside_down_tasks_gives_them_no_weight(upside_down):
    surrogate = upside_down["rgpe"].surrogate(space(), NEW)
    tried = [c.proposal.architecture for c in candidates(space(), 20, 7)]
    values = np.array([quality(a) for a in tried])
    assert surrogate.trust(tried, values) < 0.1
    assert surrogate.trust([], np.empty(0)) == pytest.approx(1.0)
    assert course("meta-bayes", upside_down["rgpe"], 0)[-1] > course("meta-bayes", upside_down["rgpe"], 0, trials=5)[-1]


@pytest.fixture(scope="module")
def failing(quick, tmp_path_factory) -> LearnedPrior:
    """Learned where three in four networks failed."""
    path = tmp_path_factory.mktemp("stores") / "store.db"
    with Experience(path) as experience:
        for number in range(4):
            searched(experience, number, 24, failures=[i for i in range(24) if i % 4])
    return learned(path)


@pytest.mark.parametrize("name", AWARE)
def test_an_experience_full_of_failures(failing, name):
    assert sum(task.failed for task in failing.spaces["mlp"].tasks) == 4 * 18
    assert course(name, failing, 1)[-1] >= 0.95 - LATE["multi-task"]


def test_an_experience_of_nothing_but_failures_is_said_to_teach_nothing(tmp_path):
    with Experience(tmp_path / "store.db") as experience:
        searched(experience, 0, 12, failures=range(12))
    with pytest.raises(InputError, match="there is nothing to learn from yet: no task in the store has 5 networks") as caught:
        make_prior(tmp_path / "store.db", shipped=False)
    assert "\n" not in str(caught.value)


def test_a_store_with_half_finished_searches(tmp_path):
    """One that never began, one that broke off, and two that ended: what was finished teaches."""
    path = store(tmp_path / "store.db", 2, 12)
    with Experience(path) as experience:
        begun(experience, f"{7:032x}", described(7))
        search = begun(experience, f"{8:032x}", described(8))
        for candidate in candidates(space(), 6, 8):
            experience.record(search, f"{8:032x}", evaluated(candidate, quality(candidate.proposal.architecture)), candidate, 1.0)
    made = make_prior(path, shipped=False)
    assert [task.evaluations for task in made.prior.spaces["mlp"].tasks] == [12, 12, 6]
    assert course("warm-start:evolution", made.prior, 0)[-1] >= 0.95 - LATE["multi-task"]


STRANGE = TaskDescription("odd", "ranking", TaskShape("graph", (9,), 2), 0, "ndcg", {"colour": 3.0, "linear": float("nan")})


def test_tasks_of_an_unknown_kind_teach_and_are_met(tmp_path):
    """Among the earlier ones, and as the task at hand."""
    path = store(tmp_path / "store.db", 3, 12)
    with Experience(path) as experience:
        search = begun(experience, "f" * 32, STRANGE)
        for candidate in candidates(space(), 12, 8):
            value = quality(candidate.proposal.architecture)
            experience.record(search, "f" * 32, evaluated(candidate, value, STRANGE.metric), candidate, 1.0)
    prior = make_prior(path, shipped=False).prior
    assert "odd" in prior.sources.values()
    met = replace(STRANGE, shape=NEW.shape)
    assert np.isfinite([n.distance for n in prior.nearest(space(), met, 4)]).all()
    for name in AWARE:
        assert course(name, prior, 0, met, 15)[-1] > 0.6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}", b"\x00" * 64], ids=["empty", "zip", "json", "zeros"])
def test_a_foreign_file_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "a.prior.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="truncated, damaged or something else; make it again with `metanas learn`") as caught:
        choose_memory(path, False)
    assert "\n" not in str(caught.value)


def test_a_truncated_prior_is_refused_wherever_it_ends(upside_down, tmp_path):
    path = tmp_path / "a.prior.safetensors"
    for prior in upside_down.values():
        prior_file.save_prior(path, prior)
        whole = path.read_bytes()
        for end in np.linspace(0, len(whole) - 1, 7).astype(int):
            path.write_bytes(whole[:end])
            with pytest.raises(InputError, match="truncated, damaged or something else"):
                choose_memory(path, False)


def test_a_prior_without_what_was_added_since_is_met_as_one_that_lacks_it(upside_down, tmp_path):
    path = tmp_path / "a.prior.safetensors"
    prior_file.save_prior(path, upside_down["rgpe"])
    state = load_state(path)
    for known in state[prior_file.KEY]["spaces"].values():
        for part in ("policy", "ensemble", "encoder", "foretelling", "skill", "aware"):
            known.pop(part, None)
    save_state(path, state)
    older = prior_file.load_prior(path)
    assert older.policy(space(), NEW) is None
    assert type(older.surrogate(space(), NEW)).__name__ == "TransferSurrogate"
    for name in AWARE:
        course(name, older, 0, trials=12)


ENSEMBLE = {
    "codes of other options": lambda r: r["codes"].__iadd__(100),
    "fewer scores": lambda r: r.update(scores=r["scores"][:-1]),
    "no numbers": lambda r: r["scores"].__imul__(np.float32("nan")),
    "hyper-parameters that are none": lambda r: r["weights"].__imul__(-1.0),
    "hyper-parameters of another form": lambda r: r.update(weights=r["weights"][:, :2]),
    "fewer tasks": lambda r: r["fingerprints"].pop(),
}


@pytest.mark.parametrize("damage", ENSEMBLE.values(), ids=ENSEMBLE)
def test_a_damaged_ensemble_is_refused(upside_down, tmp_path, damage):
    path = tmp_path / "a.prior.safetensors"
    prior_file.save_prior(path, upside_down["rgpe"])
    state = load_state(path)
    damage(state[prior_file.KEY]["spaces"]["mlp"]["ensemble"])
    save_state(path, state)
    with pytest.raises(InputError, match="is damaged; make it again"):
        prior_file.load_prior(path)


def test_what_the_surrogate_is_called_must_be_known(tmp_path):
    with pytest.raises(InputError, match="no surrogate named 'oracle'; choose one of multi-task, deep-kernel, rgpe"):
        make_prior(store(tmp_path / "store.db", 1, 6), surrogate="oracle")
