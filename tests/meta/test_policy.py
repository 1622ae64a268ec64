"""The learned search policy: what it emits is valid, and it learns to use the task and what it has seen."""

import numpy as np
import pytest
import torch

from metanas.meta.policy import Controller, TaskPolicy, learn_policy
from metanas.spaces import Draft, Space, TaskShape, make_space
from metanas.strategies.codes import Codes

MLP = make_space("mlp", TaskShape("table", (6,), 3, numeric=6))


def choices(decisions: int, options: int) -> Space:
    draft = Draft()
    for k in range(decisions):
        draft.decide(f"d{k}", tuple(range(options)), ordered=True)
    draft.node("head", "dense", ["input"], units=2)
    return draft.space("choices", TaskShape("table", (3,), 2, numeric=3), {})


def emitted(space: Space, seed: int, batch: int = 40) -> torch.Tensor:
    controller = Controller.of(space, 2)
    weights = {name: 3 * value for name, value in controller.init(seed).items()}  # far from uniform
    task, generator = torch.randn(batch, 2, generator=torch.Generator().manual_seed(seed)), torch.Generator().manual_seed(seed)
    rows, logs, entropy = controller.emit(weights, task, torch.zeros(batch, 17), generator)
    assert (logs <= 0).all()
    assert ((entropy >= 0) & (entropy <= 1 + 1e-5)).all()
    return rows


@pytest.mark.parametrize("space", [MLP, choices(4, 3)], ids=["mlp", "choices"])
def test_what_is_emitted_is_an_architecture(space: Space) -> None:
    codes = Codes(space)
    rows = emitted(space, 1).numpy()
    np.testing.assert_array_equal(codes.rows([codes.read(row) for row in rows]), rows)
    np.testing.assert_array_equal(codes.close(rows), rows)


def test_the_logarithm_is_that_of_the_share_of_draws() -> None:
    """Of ten thousand draws every architecture's share is within five standard errors of its probability (false alarms: 1e-5)."""
    space, n = choices(2, 3), 10_000
    controller = Controller.of(space, 1)
    weights = {name: 2 * value for name, value in controller.init(5).items()}
    rows, logs, _ = controller.emit(weights, torch.ones(n, 1), torch.zeros(n, 17), torch.Generator().manual_seed(0))
    for row in rows.unique(dim=0):
        same = (rows == row).all(1)
        chance = float(logs[same][0].exp())
        assert abs(float(same.float().mean()) - chance) < 5 * (chance * (1 - chance) / n) ** 0.5


def test_the_context_knows_no_order() -> None:
    controller = Controller.of(MLP, 1)
    weights = controller.init(0)
    rows, values = emitted(MLP, 2, 5)[None], torch.randn(1, 5, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(
        controller.context(weights, rows, values), controller.context(weights, rows[:, order], values[:, order]), rtol=1e-4, atol=1e-5
    )
    assert not controller.context(weights, rows[:, :0], values[:, :0]).any()


def first_rewards(controller: Controller, weights: dict[str, torch.Tensor], e: float, proposals: int) -> list[float]:
    """Mean reward of each proposal over 64 episodes of the task whose best option is that number."""
    task, generator = torch.full((64, 1), e), torch.Generator().manual_seed(9)
    rows, values, found = torch.zeros(64, 0, 3, dtype=torch.long), torch.zeros(64, 0), []
    for _ in range(proposals):
        drawn, _, _ = controller.emit(weights, task, controller.context(weights, rows, values), generator)
        reward = torch.as_tensor(planted(e)(drawn.numpy()), dtype=torch.float32)
        rows, values = torch.cat([rows, drawn[:, None]], 1), torch.cat([values, reward[:, None]], 1)
        found.append(float(reward.mean()))
    return found


def planted(e: float):  # type: ignore[no-untyped-def]
    """Two standard deviations for the option that the task wants in every decision."""
    wanted = 0 if e < 0 else 3
    return lambda rows: 2.0 - 4.0 * np.abs(rows - wanted).mean(-1) / 1.5


@pytest.fixture(scope="module")
def controller() -> Controller:
    return Controller.of(choices(3, 4), 1)


def test_the_task_is_used(controller: Controller) -> None:
    """Half of the tasks want the first option everywhere, half the last: an architecture drawn at random earns -2 on average."""
    tasks = np.array([[-1.0], [1.0]] * 4)
    weights = learn_policy(controller, tasks, [planted(float(e)) for (e,) in tasks], steps=60, proposals=2)
    assert all(first_rewards(controller, weights, e, 1)[0] > 0.5 for e in (-1.0, 1.0))


def test_what_was_seen_is_used(controller: Controller) -> None:
    """With the tasks told apart by nothing, the first proposal can be right for half of them at best, the later ones for all."""
    kinds = np.array([-1.0, 1.0] * 4)
    weights = learn_policy(controller, np.zeros((8, 1)), [planted(float(e)) for e in kinds], steps=200, proposals=4, seed=1)
    blind = {**weights, "gates.x": torch.cat([weights["gates.x"][:, :32], 0 * weights["gates.x"][:, 32:33], weights["gates.x"][:, 33:]], 1)}
    later = [first_rewards(controller, blind, e, 4) for e in (-1.0, 1.0)]
    assert np.mean([course[3] for course in later]) > np.mean([course[0] for course in later]) + 0.5


def test_the_seed_decides(controller: Controller) -> None:
    first, second = (learn_policy(controller, np.array([[0.0], [1.0]]), [planted(1.0)] * 2, steps=3, seed=2) for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_results_of_the_task_tune_it(controller: Controller) -> None:
    """A policy that was taught the opposite proposes more of what was good, the more it was told."""
    space = choices(3, 4)
    weights = learn_policy(controller, np.array([[0.0], [0.0]]), [planted(-1.0)] * 2, steps=30, proposals=2)
    policy, codes = TaskPolicy(controller, weights, np.zeros(1), space), Codes(space)
    rng = np.random.default_rng(0)
    known = codes.draw(12, rng)
    told = [codes.read(row) for row in known]
    before, after = (
        np.mean([codes.row(policy.propose(*seen, np.random.default_rng(k))).mean() for k in range(60)])
        for seen in (([], np.zeros(0)), (told, planted(1.0)(known)))
    )
    assert after > before + 0.1


def test_a_policy_is_a_function_of_what_it_is_told(controller: Controller) -> None:
    space = choices(3, 4)
    policy, codes = TaskPolicy(controller, controller.init(0), np.zeros(1), space), Codes(space)
    told = [codes.read(row) for row in codes.draw(5, np.random.default_rng(1))]
    values = np.arange(5.0)
    first, second = (policy.propose(told, scale * values, np.random.default_rng(7)) for scale in (1.0, 100.0))
    assert first == second


def test_of_a_list_it_draws_what_is_on_it_as_probable_as_it_finds_it() -> None:
    """Shares of 2,000 draws are within five standard errors of the probabilities (false alarms: 1e-5); what is known is not drawn again."""
    space, n, rng = choices(3, 3), 2000, np.random.default_rng(0)
    listed = list({a.key: a for a in (space.sample(rng) for _ in range(8))}.values())
    controller, short = Controller.of(space, 1), space.only(listed)
    weights = {name: 10 * value for name, value in controller.init(5).items()}
    policy = TaskPolicy(controller, weights, np.ones(1), short)
    drawn = [policy.propose([], np.empty(0), rng).key for _ in range(n)]
    rows = torch.as_tensor(Codes(short).rows(listed))
    logs = controller.log_chance(weights, torch.ones(len(listed), 1), torch.zeros(len(listed), 17), rows)
    chances = logs.softmax(0).numpy()
    assert chances.max() > 2 * chances.min()
    for architecture, chance in zip(listed, chances, strict=True):
        assert abs(drawn.count(architecture.key) / n - chance) < 5 * (chance * (1 - chance) / n) ** 0.5
    assert policy.propose(listed[1:], np.zeros(len(listed) - 1), rng) == listed[0]
