"""Operations whose input channels may be absent."""

from __future__ import annotations

import pytest
import torch

from metanas.networks.network import fresh_module
from metanas.networks.supernet_gaps import INPUT_AXES, with_channels
from metanas.spaces.operation import operation, operations
from metanas.spaces.steps import Apply

SETTINGS = {"conv": {"channels": 4, "kernel": 3}, "sep_conv": {"channels": 4, "kernel": 3}, "dense": {"units": 4}}


def test_all_operations_that_weigh_their_inputs_say_by_which_axes():
    assert {name for name in operations() if operation(name).weighs_inputs and not name.startswith("test")} == set(INPUT_AXES)


@pytest.mark.parametrize("op", INPUT_AXES)
@pytest.mark.parametrize("there", [(0,), (2,), (0, 2), (1, 2), (0, 1, 2), ()])
def test_absent_channels_are_as_good_as_zeros(op, there):
    settings = SETTINGS.get(op, {"units": 4, "bidirectional": True})
    parts, tail = (2, 1, 3), () if op == "dense" else (7,)
    module = fresh_module(0, "node", op, [(6, *tail)], settings)
    values = {i: torch.randn(5, size, *tail, generator=torch.Generator().manual_seed(i)) for i, size in enumerate(parts)}
    step = Apply(9, "node", op, tuple(settings.items()), ((0, 1, 2),), ((6, *tail),), operation(op).shape([(6, *tail)], settings), parts)
    filled = torch.cat([values[i] if i in there else torch.zeros_like(values[i]) for i in range(3)], dim=1)
    found = with_channels(step, module, [i if i in there else None for i in range(3)], values, lambda shape: torch.zeros(5, *shape))
    torch.testing.assert_close(found, module(filled))
