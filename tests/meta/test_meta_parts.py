"""Settings, registry, checkpoints, losses, the outer step, threads, and the four-convolution network."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from meta_examples import NUMBERS, PICTURES, episodes, perceptron, tiny_four_conv

from metanas.errors import InputError
from metanas.meta import (
    MetaSettings,
    default_settings,
    four_conv,
    load_checkpoint,
    load_state,
    make_meta_learner,
    meta_learners,
    register_meta_learner,
    save_checkpoint,
)
from metanas.meta.loss import loss_of
from metanas.meta.maml import Maml
from metanas.meta.outer import Adam, annealed
from metanas.meta.parallel import in_threads, threads_to_share
from metanas.meta.settings import FREQUENT
from metanas.networks import build_network
from metanas.spaces import TaskShape
from metanas.states import save_state

# -- settings and registry ---------------------------------------------------------------------------------------------


def test_the_methods_of_the_papers_are_known() -> None:
    assert {"maml", "fomaml", "reptile", "anil", "meta-sgd", "maml++"} <= set(meta_learners())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"inner_steps": 0}, "inner_steps must be above 0"),
        ({"inner_rate": -1.0}, "inner_rate must be above 0"),
        ({"outer_rate": math.nan}, "outer_rate must be a number, not nan"),
        ({"inner_steps": 2.5}, r"inner_steps must be a whole number, not 2\.5"),
        ({"meta_batch": True}, "meta_batch must be a whole number, not True"),
        ({"inner_rate": "fast"}, "inner_rate must be a number, not 'fast'"),
        ({"precision": 32}, "precision must be a word, not 32"),
        ({"outer_end": 2.0}, r"outer_end must lie in \[0, 1\]"),
        ({"test_steps": -1}, "test_steps must not be below 0"),
        ({"precision": "float16"}, "precision must be one of float32"),
        ({"batching": "vmap"}, "batching must be one of auto"),
        ({"inner_stps": 3}, "has no setting 'inner_stps'; did you mean 'inner_steps'"),
        ({"multi_step": 0.5}, "'maml' has no setting 'multi_step'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_meta_learner("maml", perceptron(), kind="regression", **settings)


def test_an_unknown_method_is_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match=r"no meta-learner named 'mamel'; did you mean 'maml'\?"):
        make_meta_learner("mamel", perceptron())
    with pytest.raises(InputError, match="choose one of"):
        default_settings("xyz")


def test_another_class_of_the_same_name_is_refused() -> None:
    class Mine(Maml):
        pass

    with pytest.raises(ValueError, match="exists already"):
        register_meta_learner("maml")(Mine)


def test_settings_go_through_json() -> None:
    settings = MetaSettings(inner_steps=2, inner_rate=0.3)
    assert MetaSettings(**settings.to_json()) == settings
    assert MetaSettings(inner_steps=2).steps_to_adapt == 2
    assert MetaSettings(test_steps=0).steps_to_adapt == 0


def test_a_network_brings_its_graph_and_the_statistics_of_its_inputs() -> None:
    network = build_network(tiny_four_conv(), input_mean=np.full(1, 3, np.float32), input_std=np.full(1, 2, np.float32), seed=0)
    learner = make_meta_learner("maml", network)
    assert learner.graph.key == tiny_four_conv().key
    batch = episodes(PICTURES)
    plain = make_meta_learner("maml", tiny_four_conv())
    state = plain.init(0)
    moved = type(batch)(batch.x_support * 2 + 3, batch.y_support, batch.x_query * 2 + 3, batch.y_query)
    torch.testing.assert_close(learner.outputs(state, moved), plain.outputs(state, batch), rtol=1e-3, atol=1e-4)


# -- checkpoints -------------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_architecture_or_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "maml.safetensors"
    small = make_meta_learner("maml", tiny_four_conv(4))
    save_checkpoint(path, small, small.init(0))
    with pytest.raises(InputError, match="of another architecture"):
        load_state(path, make_meta_learner("maml", tiny_four_conv(5)))
    with pytest.raises(InputError, match="was written by 'maml', and this is 'anil'"):
        load_state(path, make_meta_learner("anil", tiny_four_conv(4)))
    assert load_state(path, small)["step"] == 0


def test_a_state_of_other_settings_is_refused(tmp_path: Path) -> None:
    """More steps, more step sizes."""
    path = tmp_path / "plus.safetensors"
    two, three = (make_meta_learner("maml++", tiny_four_conv(4), inner_steps=steps) for steps in (2, 3))
    save_checkpoint(path, two, two.init(0))
    with pytest.raises(InputError, match="another"):
        load_state(path, three)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_state(path, {"weights": torch.zeros(2)})
    with pytest.raises(InputError, match="holds no meta-learner"):
        load_checkpoint(path)
    with pytest.raises(InputError, match="there is no file"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_input_statistics_are_kept(tmp_path: Path) -> None:
    mean, std = np.full(1, 3, np.float32), np.full(1, 2, np.float32)
    learner = make_meta_learner("reptile", tiny_four_conv(), input_mean=mean, input_std=std, inner_steps=2)
    state, batch = learner.init(3), episodes(PICTURES)
    save_checkpoint(tmp_path / "r.safetensors", learner, state)
    loaded = load_checkpoint(tmp_path / "r.safetensors")
    assert torch.equal(loaded.learner.outputs(loaded.state, batch), learner.outputs(state, batch))


# -- losses and the outer step -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_derivatives_of_losses(kind: str) -> None:
    loss = loss_of(kind)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    outputs, change = (torch.randn(2, 5, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    y = torch.randint(3, (2, 5), generator=generator) if kind == "classification" else torch.randn(2, 5, 3, generator=generator).double()
    free = outputs.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss.values(free, y).sum(), free, create_graph=True)
    torch.testing.assert_close(loss.gradient(outputs, y), g.detach())
    (curved,) = torch.autograd.grad(g, free, change)
    torch.testing.assert_close(loss.curvature(outputs, change), curved)


def test_scores() -> None:
    outputs = torch.tensor([[[2.0, 1.0], [0.0, 3.0]], [[0.0, 1.0], [0.0, 1.0]]])
    assert loss_of("classification").score(outputs, torch.tensor([[0, 1], [0, 1]])).tolist() == [1.0, 0.5]
    assert loss_of("regression").score(outputs, outputs + 2).tolist() == [2.0, 2.0]


def test_adam_is_pytorchs() -> None:
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    theirs, ours = torch.optim.Adam([p], lr=0.1), Adam()
    theta = {"p": p.detach().clone()}
    state = ours.init(theta)
    for step in range(4):
        p.grad = torch.tensor([0.3 * step, -1.0], dtype=torch.float64)
        theirs.step()
        before = theta["p"].clone()
        new, state = ours.step(theta, {"p": p.grad}, state, 0.1)
        assert torch.equal(theta["p"], before)
        theta = new
    torch.testing.assert_close(theta["p"], p.detach())


@pytest.mark.parametrize(("method", "steps"), [("maml", 1), ("meta-sgd", 1), ("fomaml", 5), ("anil", 5), ("maml++", 5)])
def test_the_family_of_maml_takes_small_batches_of_a_large_rate_and_adapts_by_the_papers_steps(method: str, steps: int) -> None:
    found = default_settings(method)
    assert (found.outer_rate, found.meta_batch) == (FREQUENT["outer_rate"], FREQUENT["meta_batch"]) == (4e-3, 8)
    assert found.inner_steps == found.steps_to_adapt == steps


def test_the_outer_rate_falls_along_a_cosine() -> None:
    assert [round(annealed(2.0, 0.1, p), 6) for p in (-1, 0.0, 0.5, 1.0, 2.0)] == [2.0, 2.0, 1.1, 0.2, 0.2]
    assert annealed(2.0, 1.0, 0.7) == 2.0


# -- threads -----------------------------------------------------------------------------------------------------------


def test_pieces_come_back_in_order_and_the_number_of_threads_stays() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with threads_to_share() as threads:
            seen = in_threads(lambda piece: (piece, torch.get_num_threads()), range(5), threads)
            assert torch.get_num_threads() == 1
        assert (threads, torch.get_num_threads()) == (2, 2)
    finally:
        torch.set_num_threads(before)
    assert seen == [(piece, 1) for piece in range(5)]


def test_an_error_in_a_piece_is_raised() -> None:
    for threads in (1, 2):
        with pytest.raises(ZeroDivisionError):
            in_threads(lambda piece: 1 / piece, [1, 0], threads)


# -- the four-convolution network --------------------------------------------------------------------------------------


@pytest.mark.parametrize("down", ["stride", "max_pool"])
def test_four_conv_has_the_shapes_of_the_papers(down: str) -> None:
    graph = four_conv(TaskShape("image", (1, 28, 28), 5), down=down)  # type: ignore[arg-type]
    assert [graph.shapes[name] for name in ("act1", "act2", "act3", "act4")][-1] == ((64, 4, 4) if down == "max_pool" else (64, 2, 2))
    assert graph.shapes["mean"] == (64,)
    assert graph.parameters == 64 * 9 + 3 * 64 * 64 * 9 + 4 * 2 * 64 + 64 * 5 + 5


def test_four_conv_takes_series_and_refuses_the_rest() -> None:
    assert four_conv(TaskShape("series", (2, 40), 3), width=8).shapes["act4"] == (8, 3)
    with pytest.raises(InputError, match="takes pictures or series"):
        four_conv(NUMBERS)
    with pytest.raises(InputError, match="not width 0"):
        four_conv(PICTURES, width=0)
