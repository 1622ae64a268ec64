"""The form of a space: equal to the space's own encoding where that is known, tolerant where it is not."""

import json

import numpy as np
import pytest
from prior_examples import SHAPE, WORDS, space

from metanas.meta.prior.form import Form, KnownDecision
from metanas.spaces import TaskShape, make_space

SHAPES = {
    "mlp": SHAPE,
    "convnet": TaskShape("image", (1, 8, 8), 4),
    "sequence": TaskShape("series", (2, 20), 3),
    "cell": TaskShape("image", (3, 8, 8), 4),
}


@pytest.mark.parametrize("name", SHAPES)
def test_it_encodes_as_the_space_does(name):
    made, rng = make_space(name, SHAPES[name]), np.random.default_rng(0)
    form = Form.of(made)
    for architecture in (made.baseline, *(made.sample(rng) for _ in range(20))):
        np.testing.assert_array_equal(form.encode(architecture.as_dict), made.encode(architecture))
        assert form.choices(form.code(architecture.as_dict)) == dict(architecture.choices)
    assert form.size == len(made.encode(made.baseline))


def test_json_keeps_it():
    form = Form.of(space())
    assert Form.from_json(json.loads(json.dumps(form.to_json()))) == form


def test_what_is_unknown_counts_as_not_open_and_numbers_lie_between_their_neighbours():
    form = Form("s", (KnownDecision("width", (8, 16, 32), True, True), KnownDecision("kind", ("a", "b"))))
    np.testing.assert_array_equal(form.encode({"width": 24, "kind": "b", "other": 3}), [0.75, 1, 0, 1])
    np.testing.assert_array_equal(form.encode({"width": 1000, "kind": "c"}), [1, 1, 0, 0])
    np.testing.assert_array_equal(form.encode({"width": "wide"}), [0, 0, 0, 0])
    assert form.encode_all([]).shape == (0, 4)


def test_forms_of_two_tasks_together():
    """A table without numbers has no encoding of them: so in the whole form it may be absent."""
    numbers, words = Form.of(space()), Form.of(space(WORDS))
    both = words.merged(numbers)
    assert both.merged(numbers) == both
    assert {d.name for d in both.decisions} == {d.name for d in numbers.decisions}
    assert next(d for d in both.decisions if d.name == "encoding").conditional
    chosen = space(WORDS).sample(np.random.default_rng(1)).as_dict
    assert both.choices(both.code(chosen)) == dict(chosen)
    one, other = (Form("s", (KnownDecision("width", options, True),)) for options in ((8, 32), (16, 64)))
    assert one.merged(other).decisions[0].options == (8, 16, 32, 64)


def test_what_architectures_alone_tell():
    form = Form.seen("mine", [{"width": 32, "kind": "a", "flag": True}, {"width": 8, "kind": "b"}])
    width, kind, flag = form.decisions
    assert (width.options, width.ordered, width.conditional) == ((8, 32), True, False)
    assert (kind.options, kind.ordered) == (("a", "b"), False)
    assert (flag.ordered, flag.conditional) == (False, True)


def test_codes_of_another_form_are_refused():
    form = Form("s", (KnownDecision("width", (8, 16)),))
    for code in ([2], [-2], [0, 0]):
        with pytest.raises(ValueError, match=r"option|argument"):
            form.choices(code)


def test_what_a_task_has_no_use_for_counts_as_in_the_plain_network():
    """With columns of numbers there are ways to encode them, without there are none: the same network all the same."""
    numbers, words = (make_space("mlp", TaskShape("table", (6,), 3, numeric=n)) for n in (6, 0))
    assert "encoding" in numbers.baseline.as_dict
    assert "encoding" not in words.baseline.as_dict
    form = Form.of(words).merged(Form.of(numbers))
    np.testing.assert_array_equal(
        form.among(words.decisions).encode(words.baseline.as_dict), form.among(numbers.decisions).encode(numbers.baseline.as_dict)
    )
    assert form.among(words.decisions).code(words.baseline.as_dict) == form.code(numbers.baseline.as_dict)
    other = words.edit(words.baseline, "depth", 4)
    assert not np.array_equal(form.among(words.decisions).encode(other.as_dict), form.encode(numbers.baseline.as_dict))
    assert Form.from_json(form.to_json()) == form
