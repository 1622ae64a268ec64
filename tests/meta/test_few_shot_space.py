"""The few-shot space: around the four-convolution network, and no larger."""

import numpy as np
import pytest

from metanas.errors import InputError
from metanas.meta import few_shot_space, four_conv
from metanas.spaces.narrowing import supernet_space
from metanas.spaces.shape import TaskShape

OMNIGLOT = TaskShape("image", (1, 28, 28), 5)


@pytest.mark.parametrize("width", [8, 64])
@pytest.mark.parametrize("shape", [OMNIGLOT, TaskShape("image", (3, 32, 32), 20), TaskShape("series", (2, 50), 3)])
def test_the_plain_network_is_the_four_convolution_network(shape, width):
    space = few_shot_space(shape, width=width)
    assert space.graph(space.baseline).key == four_conv(shape, width=width).key


def test_no_network_has_much_more_parameters_than_the_plain_one():
    space = few_shot_space(OMNIGLOT, width=32)
    most = 1.12 * four_conv(OMNIGLOT, width=32).parameters
    rng = np.random.default_rng(0)
    largest = space.architecture({d.name: d.options[0] if d.name.endswith(".op") else d.options[-1] for d in space.decisions})
    assert all(space.graph(a).parameters <= most for a in [largest, *(space.sample(rng) for _ in range(50))])


def test_a_supernet_leaves_everything_open():
    space = few_shot_space(OMNIGLOT, width=4)
    narrowed, closed = supernet_space(space)
    assert not closed
    assert narrowed.count() == space.count() == 4 * 6**3


def test_pooling_is_an_option_of_the_first_block_only_where_the_input_is_as_wide():
    wide = few_shot_space(TaskShape("image", (3, 8, 8), 5), width=3)
    assert "max_pool3" in wide.decisions[0].options
    assert "max_pool3" not in few_shot_space(OMNIGLOT, width=3).decisions[0].options


def test_unsuitable_inputs_are_refused():
    with pytest.raises(InputError, match="pictures or series"):
        few_shot_space(TaskShape("table", (4,), 2, numeric=4))
    with pytest.raises(InputError, match="at least 1"):
        few_shot_space(OMNIGLOT, width=0)
