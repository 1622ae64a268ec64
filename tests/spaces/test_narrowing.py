"""Spaces narrowed: by hand, and to what a supernet can leave open."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.errors import InputError
from metanas.spaces import Draft, TaskShape, make_space, supernet_space
from metanas.spaces.mixture import mixture_of
from metanas.spaces.narrowing import closed_in_words
from metanas.spaces.steps import Apply

IMAGE = TaskShape("image", (3, 8, 8), 4)
TABLE = TaskShape("table", (5,), 3, numeric=4)
KINDS = [
    ("cell", IMAGE),
    ("convnet", IMAGE),
    ("convnet", TaskShape("series", (2, 32), 3)),
    ("convnet", TaskShape("sound", (1, 900), 4, rate=2000)),
    ("ecnas", IMAGE),
    ("mlp", TABLE),
    ("sequence", TaskShape("text", (12,), 3, vocabulary=20)),
    ("sequence", TaskShape("series", (3, 24), 3)),
    ("fcnet", TABLE),
    ("openml_mlp", TABLE),
]
LIMITS = {"convnet": 12_000, "mlp": 3_000, "sequence": 9_000, "ecnas": 20_000, "cell": 90_000}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["mlp", "convnet", "cell"]))
def test_architectures_of_fewer_options_are_valid_in_the_full_space(seed, kind):
    rng = np.random.default_rng(seed)
    space = make_space(kind, TABLE if kind == "mlp" else IMAGE)
    options = {d.name: [o for o in d.options if rng.random() < 0.6] or [d.options[-1]] for d in space.decisions if rng.random() < 0.7}
    narrowed = space.narrowed(options)
    assert [d.name for d in narrowed.decisions] == [d.name for d in space.decisions]
    for architecture in (narrowed.baseline, narrowed.sample(rng), narrowed.mutate(narrowed.sample(rng), rng)):
        narrowed.validate(architecture)
        space.validate(architecture)
        assert all(option in options.get(name, (option,)) for name, option in architecture.choices)
        assert narrowed.graph(architecture) == space.graph(architecture)
    assert narrowed.count() <= space.count()


def test_limits_lists_and_order_stay():
    space = make_space("mlp", TABLE).within(parameters=1000)
    narrowed = space.narrowed({"depth": (3, 1), "activation": ("tanh",)})
    assert narrowed.limits == space.limits
    assert [d.options for d in narrowed.decisions if d.name in ("depth", "activation")] == [(1, 3), ("tanh",)]
    assert narrowed.baseline["activation"] == "tanh"
    rng = np.random.default_rng(0)
    listed = space.only([space.sample(rng) for _ in range(30)])
    fewer = listed.narrowed({"depth": (1, 2)})
    assert set(fewer.listed) == {a for a in listed.listed if a["depth"] < 3}
    assert fewer.baseline in fewer.listed


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"size": (1,)}, "'size' is no decision of space 'mlp'"),
        ({"depth": (1, 9)}, r"'depth' can be narrowed to some of \[1, 2, 3, 4\], not to \[1, 9\]"),
        ({"depth": ()}, "'depth' can be narrowed to some of"),
        ({f"layer{i}.width": (256,) for i in (1, 2, 3, 4)}, "no network of space 'mlp' keeps the limit of 500 parameters"),
    ],
)
def test_impossible_wishes_are_refused(options, reason):
    with pytest.raises(InputError, match=reason):
        make_space("mlp", TABLE).within(parameters=500).narrowed(options)


def test_lists_without_such_architectures_are_refused():
    space = make_space("mlp", TABLE)
    with pytest.raises(InputError, match="none of the 1 listed architectures"):
        space.only([space.baseline]).narrowed({"depth": (4,)})


@pytest.mark.parametrize(("name", "shape"), KINDS, ids=lambda v: v if isinstance(v, str) else v.data)
@pytest.mark.parametrize("limited", [False, True])
def test_what_stays_open_fits(name, shape, limited):
    """Every shape of a closed graph is that of the mixture, but for channels that are absent; and nothing more can be narrowed."""
    space = make_space(name, shape)
    if limited:
        space = space.within(parameters=LIMITS.get(name, 100_000))
    narrowed, closed = supernet_space(space)
    mixture = mixture_of(narrowed)
    shapes = {(s.node, s.op): s for s in mixture.steps if isinstance(s, Apply)}
    rng = np.random.default_rng(0)
    for architecture in (narrowed.baseline, *(narrowed.sample(rng) for _ in range(10))):
        space.validate(architecture)
        graph = narrowed.graph(architecture)
        for node in graph.nodes:
            if step := shapes.get((node.name, node.op)):
                assert graph.shapes[node.name] == step.shape
                if not step.parts:
                    assert tuple(graph.input_shapes(node)) == step.shapes
    assert narrowed.limits == space.limits
    assert narrowed.baseline == space.baseline
    assert closed == {name: option for name, option in closed.items() if [option] == [*_options(narrowed, name)]}
    again, more = supernet_space(narrowed)
    assert (again.decisions, more) == (narrowed.decisions, {})


def _options(space, name):
    return next(d.options for d in space.decisions if d.name == name)


def test_operations_and_connections_stay_open():
    convnet = supernet_space(make_space("convnet", IMAGE))[0]
    opened = {d.name: d.options for d in convnet.decisions if len(d.options) > 1}
    assert opened["connection"] == ("chain", "residual")
    assert opened["norm"] == ("batch_norm", "layer_norm", "none")
    assert opened["stage1.block2.op"] == ("conv", "sep_conv", "max_pool", "avg_pool")
    assert opened["stage1.block2.kernel"] == (3, 5)
    assert opened["stage1.depth"] == (1, 2, 3)
    assert not {"stages", "stem.width", "stage2.width", "stem.stride", "dropout", "recipe.learning_rate"} & set(opened)
    assert opened["stage2.block1.op"] == ("conv", "sep_conv")  # here pooling would keep too few channels
    mlp = {d.name: d.options for d in supernet_space(make_space("mlp", TABLE))[0].decisions if len(d.options) > 1}
    assert mlp["connection"] == ("chain", "residual", "dense", "sparse")
    assert mlp["layer4.join.from2"] == (False, True)
    cell = supernet_space(make_space("cell", IMAGE))[0]
    assert all(len(d.options) > 1 for d in cell.decisions if not d.name.startswith("recipe."))
    ecnas = supernet_space(make_space("ecnas", IMAGE))[0]
    assert all(len(d.options) > 1 for d in ecnas.decisions if not d.name.startswith("recipe."))


def test_without_pooling_connections_stay_open_in_convnet_too():
    no_pools = {f"stage{s}.block{b}.op": ("conv", "sep_conv") for s in (1, 2, 3, 4) for b in (1, 2, 3)}
    space = supernet_space(make_space("convnet", IMAGE).narrowed(no_pools))[0]
    opened = {d.name: d.options for d in space.decisions if len(d.options) > 1}
    assert opened["connection"] == ("chain", "residual", "dense", "sparse")
    assert opened["stage2.block3.join.from1"] == (False, True)


def test_what_new_layers_need_to_fit_is_chosen_for_them():
    """The plain network's layers are as narrow as the limit wants; a third one has to end as wide as the second."""
    space = make_space("mlp", TABLE).within(parameters=3_000)
    narrowed = supernet_space(space)[0]
    widths = {d.name: d.options for d in narrowed.decisions if "width" in d.name}
    assert 3 in _options(narrowed, "depth")
    assert widths["layer3.width"] == (space.baseline["layer2.width"],)


def test_options_that_do_the_same_are_kept_once():
    draft = Draft()
    kind = draft.decide("kind", ("plain", "other", "relu"))
    unused = draft.decide("unused", (1, 2), when=kind.among("relu"))
    x = draft.node("hidden", "dense", ["input"], units=4)
    x = draft.node("act", "activation", [x], kind.among("relu"), kind="relu")
    draft.node("head", "dense", [x], units=2)
    narrowed, closed = supernet_space(draft.space("twins", TABLE, {}))
    assert _options(narrowed, "kind") == ("plain", "relu")
    assert _options(narrowed, unused.name) == (1,)
    assert closed == {"unused": 1}


def test_the_account_in_words():
    space = make_space("convnet", IMAGE)
    words = closed_in_words(space, supernet_space(space)[0])
    assert words.startswith("closed: stages = 3, stem.width = 16, ")
    assert "stage4" not in words  # of a stage that is not there
    assert words.endswith("pool without both")
    assert "stage2.block1.op without max_pool, avg_pool" in words
    assert closed_in_words(space, space) == ""


def test_spaces_without_networks_are_refused():
    draft = Draft()
    draft.decide("a", (1, 2))
    with pytest.raises(InputError, match="has choices but no network"):
        supernet_space(draft.space("bare", TABLE, {}))
