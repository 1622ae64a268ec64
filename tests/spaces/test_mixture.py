"""Mixtures as lists of steps."""

import pytest

from metanas.spaces import Draft, TaskShape, make_space, supernet_space
from metanas.spaces.closing import Edge
from metanas.spaces.mixture import mixture_of
from metanas.spaces.steps import Apply, MisfitError, Sum

TABLE = TaskShape("table", (4,), 2, numeric=4)
IMAGE = TaskShape("image", (3, 8, 8), 4)


@pytest.mark.parametrize("name", ["cell", "convnet", "ecnas", "mlp"])
def test_steps_come_after_what_they_need_and_are_needed(name):
    space = supernet_space(make_space(name, TABLE if name == "mlp" else IMAGE))[0]
    mixture = mixture_of(space)
    known = {0}
    for step in mixture.steps:
        assert known.issuperset(step.reads)
        assert step.out not in known
        known.add(step.out)
    read = {n for step in mixture.steps for n in step.reads} | {mixture.steps[-1].out}
    assert read == known
    inputs = {step.out: step.shape for step in mixture.steps} | {0: space.shape.input}
    for step in mixture.steps:
        if isinstance(step, Sum):
            assert {inputs[n] for n in step.reads} <= {step.shape}
        else:
            sizes = [sum(inputs[n][0] for n in numbers) for numbers in step.inputs]
            assert sizes == [shape[0] for shape in step.shapes]


def test_every_option_is_there_once():
    space = make_space("cell", IMAGE).narrowed({"cells": (1,)})
    calls = [step for step in mixture_of(space).steps if isinstance(step, Apply)]
    convolutions = [step for step in calls if step.op == "conv"]
    assert len(convolutions) == len({step.variant for step in convolutions}) == 1 + 3 * 6 * 2 + 2 * 3
    # ReLU and pooling of one value are computed once, however many edges begin with them.
    assert len([step for step in calls if step.op == "activation"]) == 3 * 3 + 2 * 2 + 1
    assert len([step for step in calls if step.op == "avg_pool"]) == 3 * 3 + 2


def test_a_chain_of_nodes_is_summed_where_it_ends():
    """With the weights of its options, zeros left out: no product of sums."""
    sums = [step for step in mixture_of(make_space("cell", IMAGE).narrowed({"cells": (1,)})).steps if isinstance(step, Sum)]
    first = sums[0]
    assert [c for _, c in first.terms] == [(((("edge0-1", option),), 1),) for option in (1, 2, 3, 4)]
    assert len(sums) == 3 * 3 + 2  # the reductions add, too


def test_a_depth_is_mixed_where_the_stage_ends():
    mixture = mixture_of(make_space("cell", IMAGE).narrowed({"cells": (1, 2), **{f"edge{e}": ("nor_conv_1x1",) for e in ("0-3",)}}))
    ends = [step for step in mixture.steps if isinstance(step, Sum) and any("cells" in str(c) for _, c in step.terms)]
    assert len(ends) == 3


def test_what_later_nodes_refer_to_again_is_not_summed_before():
    draft = Draft()
    side = draft.decide("side", ("left", "right"))
    a = draft.node("a", "dense", ["input"], units=4)
    b = draft.node("b", "dense", ["input"], units=4)
    chosen = draft.node("chosen", "add", [Edge(a, side.among("left")), Edge(b, side.among("right"))])
    again = draft.node("again", "add", [chosen, Edge(a, side.among("left"))])
    draft.node("head", "dense", [again], units=2)
    (total,) = [step for step in mixture_of(draft.space("sides", TABLE, {})).steps if isinstance(step, Sum)]
    assert sorted(c for _, c in total.terms) == [(((("side", 0),), 2),), (((("side", 1),), 1),)]


def test_channels_that_may_be_absent_are_places_of_their_own():
    draft = Draft()
    side = draft.decide("side", (False, True))
    x = draft.node("joined", "concat", [draft.node("a", "dense", ["input"], units=3), Edge("input", side.among(True))])
    draft.node("head", "dense", [x], units=2)
    head = mixture_of(draft.space("beside", TABLE, {})).steps[-1]
    assert isinstance(head, Apply)
    assert (head.parts, head.shapes) == ((3, 4), ((7,),))


@pytest.mark.parametrize(
    ("op", "settings", "reason"),
    [
        ("dense", {"units": 5}, "give 'b' the shapes"),
        ("batch_norm", {}, "channels that reach 'c' may be absent, and batch_norm can't do without"),
    ],
)
def test_what_does_not_fit_is_said(op, settings, reason):
    draft = Draft()
    there = draft.decide("there", (False, True))
    if op == "dense":
        x = draft.node("b", op, ["input"], there.among(True), **settings)
    else:
        x = draft.node("c", op, [draft.node("b", "concat", ["input", Edge("input", there.among(True))])], **settings)
    draft.node("head", "dense", [x], units=2)
    with pytest.raises(MisfitError, match=reason):
        mixture_of(draft.space("misfit", TABLE, {}))
