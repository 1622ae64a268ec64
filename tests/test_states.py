"""Explicit states survive their file to the last bit."""

import numpy as np
import pytest
import torch

from metanas.errors import InputError
from metanas.states import load_state, save_state


def same(first, second):
    if isinstance(first, torch.Tensor | np.ndarray):
        return type(first) is type(second) and first.dtype == second.dtype and first.shape == second.shape and bool((first == second).all())
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and first == second


def test_a_state_comes_back_as_it_was(tmp_path):
    weights = torch.randn(3, 4, 5, dtype=torch.float64)
    state = {
        "weights": {"a.weight": weights, "part of it": weights[1], "turned": weights.permute(2, 0, 1), "again": weights},
        "scalar": torch.tensor(3),
        "nothing": torch.zeros(0, 2),
        "generator": torch.Generator().manual_seed(7).get_state(),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "arrays": [np.arange(6, dtype=np.int32).reshape(2, 3)[:, ::2], np.array(2.5)],
        "history": [{"step": 1, "entropy": 0.25, "tied": True, "name": "x", "none": None}],
        "pair": (1, (2.0, "b")),
        "rng": np.random.default_rng(0).bit_generator.state,
        "empty": {},
    }
    save_state(tmp_path / "new" / "state.safetensors", state)
    assert same(load_state(tmp_path / "new" / "state.safetensors"), state)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize("wrong", [{"a": {1: 2}}, {"a": [object()]}, {"a": {3, 4}}])
def test_what_no_file_can_hold_is_refused(wrong, tmp_path):
    with pytest.raises(TypeError):
        save_state(tmp_path / "state", wrong)
    assert not list(tmp_path.iterdir())


def test_files_that_are_none_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        load_state(tmp_path / "missing")
    (tmp_path / "other").write_bytes(b"something else altogether")
    with pytest.raises(InputError, match="damaged or of another program"):
        load_state(tmp_path / "other")
    save_state(tmp_path / "cut", {"a": torch.zeros(100)})
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-50])
    with pytest.raises(InputError, match="damaged"):
        load_state(tmp_path / "cut")
