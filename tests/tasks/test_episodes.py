"""Episodes: what every one must be, how they are distributed, and who can draw them."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from metanas.errors import InputError
from metanas.tasks import Task
from metanas.tasks.few_shot import (
    ClassSplit,
    EpisodeSampler,
    Sinusoids,
    of_arrays,
    omniglot_split,
    random_split,
    read_few_shot,
    stack,
)
from metanas.tasks.few_shot.device import EpisodeFeed
from metanas.tasks.few_shot.episode import PARTS, draws, without_replacement

SHARED = Path(__file__).parents[3] / "shared" / "data"
FALSE_ALARM = 1e-6
"""Of each chi-square test here: seeds are fixed, so a test that passes once always does; another seed would fail this often."""


def marked(classes=12, examples=8, side=4, split=None):
    """Pictures that say who they are: the first pixel is the class, the second the example, the rest is theirs alone."""
    x = np.random.default_rng(0).integers(0, 256, (classes, examples, side, side)).astype(np.uint8)
    x[:, :, 0, 0], x[:, :, 0, 1] = np.arange(classes)[:, None], np.arange(examples)
    numbers = np.arange(classes)
    return of_arrays(x, split=split or {"train": numbers[:6], "val": numbers[6:9], "test": numbers[9:]}, name="marked")


@pytest.fixture
def sampler():
    return EpisodeSampler(marked(), ways=3, shots=2, queries=4, seed=7)


def who(x):
    """Class and example of each marked picture."""
    return list(zip(x[..., 0, 0, 0].ravel().tolist(), x[..., 0, 0, 1].ravel().tolist(), strict=True))


def test_shapes_and_types(sampler):
    e = sampler.episode("train", 0)
    assert (e.x_support.shape, e.y_support.tolist()) == ((6, 1, 4, 4), [0, 0, 1, 1, 2, 2])
    assert (e.x_query.shape, e.y_query.tolist()) == ((12, 1, 4, 4), [0] * 4 + [1] * 4 + [2] * 4)
    assert (e.x_support.dtype, e.y_support.dtype, e.kind, len(e.classes)) == (np.uint8, np.int64, "classification", 3)
    assert sampler.shape.outputs == 3
    assert sampler.shape.input == (1, 4, 4)


@pytest.mark.parametrize("part", PARTS)
def test_support_and_queries_are_different_examples_of_the_classes_named(sampler, part):
    for number in range(200):
        e = sampler.episode(part, number)
        support, queries = who(e.x_support), who(e.x_query)
        assert len(set(support) | set(queries)) == len(support) + len(queries)
        for label, name in enumerate(e.classes):
            assert {c for (c, _), y in zip(support + queries, [*e.y_support, *e.y_query], strict=True) if y == label} == {int(name)}


def test_classes_stay_in_their_part(sampler):
    of = {"train": range(6), "val": range(6, 9), "test": range(9, 12)}
    for part in PARTS:
        assert {c for c, _ in who(sampler.batch(part, 0, 300).x_support)} == set(of[part])


def test_a_batch_is_its_episodes_stacked(sampler):
    batch, alone = sampler.batch("train", 5, 4), stack([sampler.episode("train", n) for n in range(5, 9)])
    for a, b in zip(batch.arrays, alone.arrays, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_episodes_follow_from_seed_part_and_number_alone():
    def first(part, **seeds):
        return EpisodeSampler(marked(), 3, 2, 4, **seeds).batch(part, 0, 20).x_support

    np.testing.assert_array_equal(first("train", seed=1), first("train", seed=1, test_seed=5))
    assert (first("train", seed=1) != first("train", seed=2)).any()
    for part in ("val", "test"):
        np.testing.assert_array_equal(first(part, seed=1), first(part, seed=2))
        assert (first(part, test_seed=0) != first(part, test_seed=1)).any()


EPISODE_41 = (("10", "9", "11"), [(10, 2), (10, 6), (9, 2), (9, 4), (11, 7), (11, 3)])
"""Classes, and (class, example) of the support, written down once."""


def test_episodes_stay_the_same_in_all_versions():
    """Written down once: 'the same test episodes for everybody' means in ten years, too."""
    e = EpisodeSampler(marked(), 3, 2, 4).episode("test", 41)
    assert (e.classes, who(e.x_support)) == EPISODE_41


@pytest.mark.parametrize("rotations", [False, True])
def test_every_class_is_equally_frequent_with_every_label(rotations):
    """Chi-square against equal shares: of each (class, label) pair, 6 or 24 classes and 3 labels; false alarm rate 1e-6."""
    s = EpisodeSampler(marked(), 3, 1, 1, rotations=rotations, seed=3)
    chosen, _ = s._draw("train", 0, 20_000)
    counts = np.array([np.bincount(chosen[:, label], minlength=s.classes("train")) for label in range(3)])
    # Within an episode classes differ, so that counts vary a little less than those of independent draws: the test is conservative.
    assert counts.shape[1] == (24 if rotations else 6)
    assert stats.chisquare(counts.ravel()).pvalue > FALSE_ALARM


def test_every_pair_of_examples_is_equally_frequent():
    """Chi-square of (support, query) pairs, 8 x 7 of them, against an independent shuffle's equal shares; false alarm rate 1e-6."""
    s = EpisodeSampler(marked(), 3, 1, 1, seed=4)
    _, examples = s._draw("train", 0, 5_000)
    pairs = examples.reshape(-1, 2)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    counts = np.bincount(pairs[:, 0] * 8 + pairs[:, 1], minlength=64).reshape(8, 8)
    assert stats.chisquare(counts[~np.eye(8, dtype=bool)]).pvalue > FALSE_ALARM


def test_statistics_agree_with_an_independent_implementation():
    """How often which classes meet, beside episodes of numpy's own ``choice``; chi-square of homogeneity, false alarm rate 1e-6."""
    s = EpisodeSampler(marked(), 3, 1, 1, seed=5)
    ours = [tuple(sorted(row)) for row in s._draw("train", 0, 10_000)[0].tolist()]
    rng = np.random.default_rng(0)
    theirs = [tuple(sorted(rng.choice(6, 3, replace=False).tolist())) for _ in range(10_000)]
    sets = sorted(set(theirs))
    table = [[rows.count(each) for each in sets] for rows in (ours, theirs)]
    assert set(ours) == set(sets)
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_without_replacement_gives_each_order_equally_often():
    """All 24 orders of 4; chi-square, false alarm rate 1e-6."""
    raw = draws(0, "train", 0, 24_000, 4)
    orders = without_replacement(raw, np.full(24_000, 4)) @ np.array([64, 16, 4, 1])
    _, counts = np.unique(orders, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_turned_pictures_are_turned_and_classes_of_the_same_part():
    data = marked()
    s = EpisodeSampler(data, 3, 2, 4, rotations=True)
    seen = set()
    for number in range(100):
        for part in PARTS:
            e = s.episode(part, number)
            for label, name in enumerate(e.classes):
                base, _, turn = name.partition(" turned by ")
                assert int(base) in s.data.split.of(part)
                seen.add((part, name))
                for x in e.x_support[e.y_support == label]:
                    upright = np.rot90(x[0], -int(turn.rstrip("°") or 0) // 90)
                    c, example = int(upright[0, 0]), int(upright[0, 1])
                    assert c == int(base)
                    np.testing.assert_array_equal(upright, data.x[data.starts[c] + example, 0])
    assert len(seen) == 4 * 12
    assert s.classes("train") == 24


def test_uneven_classes_are_drawn_from_all_their_examples():
    digits = read_few_shot("digits", ways=3)
    s = EpisodeSampler(digits, 3, 1, 5)
    chosen, examples = s._draw("train", 0, 4000)
    for place, c in enumerate(digits.split.train):
        assert set(np.unique(examples[chosen == place])) == set(range(digits.sizes[c]))


def test_tensors_and_stacks(sampler):
    episodes = [sampler.episode("train", n).tensors() for n in range(2)]
    both = stack(episodes)
    assert isinstance(both.x_support, torch.Tensor)
    assert (both.x_support.dtype, both.y_query.dtype, tuple(both.x_query.shape)) == (torch.uint8, torch.int64, (2, 12, 1, 4, 4))
    with pytest.raises(ValueError, match="same number"):
        stack([sampler.episode("train", 0), EpisodeSampler(marked(), 3, 1, 4).episode("train", 0)])
    with pytest.raises(ValueError, match="at least one"):
        stack([])


def test_a_feed_gives_what_the_family_gives(sampler, monkeypatch):
    feed = EpisodeFeed(EpisodeSampler(marked(), 3, 2, 4, rotations=True, seed=7), "cpu")
    here = feed.batch("train", 3, 5)
    monkeypatch.setattr(feed, "device", "cpu:0")  # the way by a table on the device
    for a, b in zip(here.arrays, feed.batch("train", 3, 5).arrays, strict=True):
        assert torch.equal(a, b)


# -- sinusoids -------------------------------------------------------------------------------------------------------------


def test_sinusoids_are_sine_waves_of_their_ranges():
    waves = Sinusoids(shots=10, queries=30, seed=1).batch("train", 0, 500)
    x, y = (
        np.concatenate(pair, 1)[..., 0].astype(np.float64) for pair in ((waves.x_support, waves.x_query), (waves.y_support, waves.y_query))
    )
    assert waves.kind == "regression"
    assert waves.x_support.dtype == waves.y_query.dtype == np.float32
    assert x.min() >= -5
    assert x.max() <= 5
    amplitudes, phases = [], []
    for xs, ys in zip(x, y, strict=True):  # y = a sin(x - p) = (a cos p) sin x - (a sin p) cos x: linear in both
        (u, v), residual, *_ = np.linalg.lstsq(np.stack([np.sin(xs), -np.cos(xs)], 1), ys, rcond=None)
        assert residual[0] < 1e-10
        amplitudes.append(np.hypot(u, v))
        phases.append(np.arctan2(v, u))
    # Kolmogorov and Smirnov against the uniform distributions of the paper; false alarm rate 1e-6 each.
    assert stats.kstest(amplitudes, stats.uniform(0.1, 4.9).cdf).pvalue > FALSE_ALARM
    assert stats.kstest(phases, stats.uniform(0, np.pi).cdf).pvalue > FALSE_ALARM
    assert stats.kstest(x.ravel(), stats.uniform(-5, 10).cdf).pvalue > FALSE_ALARM


def test_sinusoids_are_numbered():
    waves = Sinusoids(5, 7, seed=1)
    batch, alone = waves.batch("test", 2, 3), stack([waves.episode("test", n) for n in (2, 3, 4)])
    for a, b in zip(batch.arrays, alone.arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(waves.episode("test", 9).x_query, Sinusoids(5, 7, seed=2).episode("test", 9).x_query)
    with pytest.raises(InputError, match="1 shot"):
        Sinusoids(0)


# -- splits ----------------------------------------------------------------------------------------------------------------


def test_random_splits_share_no_class_and_leave_none_out():
    for classes, ways in ((15, 5), (16, 5), (100, 5), (1623, 20), (7, 2)):
        split = random_split(classes, ways, seed=0)
        assert sorted(np.concatenate([split.train, split.val, split.test])) == list(range(classes))
        assert min(len(split.of(part)) for part in PARTS) >= ways
    assert (random_split(100, 5, 0).test != random_split(100, 5, 1).test).any()


def test_splits_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="class 3 in two parts"):
        ClassSplit("mine", np.array([1, 3]), np.array([3]), np.array([4]))
    with pytest.raises(InputError, match="names class 99, but there are classes 0 to 11"):
        marked(split={"train": np.array([0, 99]), "val": np.array([1]), "test": np.array([2])})
    with pytest.raises(InputError, match="no training classes"):
        marked(split={"val": np.array([1]), "test": np.array([2])})


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"ways": 5}, "5 ways need at least 5 classes, and there are 3 classes to validate on; use --ways 3 or fewer"),
        ({"ways": 7}, "7 ways need at least 7 classes, and there are 6 classes to train on; use --ways 6 or fewer"),
        (
            {"ways": 3, "shots": 4, "queries": 5},
            "4 shots and 5 queries need 9 examples of every class, but class '0' has 8; use --queries 4",
        ),
        ({"ways": 3, "shots": 8, "queries": 1}, "use fewer shots"),
        ({"ways": 1}, "at least 2 ways"),
        ({"ways": 3, "shots": 0}, "at least 2 ways, 1 shot"),
    ],
)
def test_sizes_that_do_not_fit(sizes, words):
    with pytest.raises(InputError) as error:
        EpisodeSampler(marked(), **{"shots": 1, "queries": 2, **sizes})
    assert words in str(error.value)
    assert str(error.value).count(". ") == 0


def test_only_square_pictures_turn():
    data = of_arrays(np.zeros((9, 4, 6, 5), np.uint8), ways=3)
    with pytest.raises(InputError, match="square"):
        EpisodeSampler(data, 3, 1, 1, rotations=True)


# -- reading ---------------------------------------------------------------------------------------------------------------


def archive(tmp_path, **arrays):
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz"


def test_arrays_by_class(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (15, 6, 5, 5), np.uint8)
    data = read_few_shot(archive(tmp_path, x=x, names=np.array([f"n{i}" for i in range(15)])))
    assert (data.classes[3], data.split.name, data.shape.input) == ("n3", "random, seed 0", (1, 5, 5))
    np.testing.assert_array_equal(data.x.reshape(15, 6, 5, 5), x)
    seen = x[data.split.train].astype(float)
    np.testing.assert_allclose(data.preprocessing.input_mean, [seen.mean()], rtol=1e-6)
    np.testing.assert_allclose(data.preprocessing.input_std, [seen.std()], rtol=1e-6)


def test_other_kinds_of_arrays_by_class(tmp_path):
    rng = np.random.default_rng(0)
    series = read_few_shot(archive(tmp_path, x=rng.normal(size=(15, 6, 40, 2)).astype(np.float32)), kind="series")
    assert (series.shape.data, series.shape.input, series.x.dtype) == ("series", (2, 40), np.float32)
    table = read_few_shot(archive(tmp_path, x=rng.normal(size=(15, 6, 4))))
    assert (table.shape.data, table.shape.input) == ("table", (4,))
    assert EpisodeSampler(table, 5, 1, 2).batch("train", 0, 2).x_query.dtype == np.float32


def test_splits_in_the_archive(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (12, 6, 5, 5), np.uint8)
    path = archive(tmp_path, x=x, mine=np.repeat([0, 2, 1], 4), other=np.arange(12))
    assert read_few_shot(path).split.name == "mine"
    np.testing.assert_array_equal(read_few_shot(path).split.test, [4, 5, 6, 7])
    assert read_few_shot(path, split="random:4", ways=3).split.name == "random, seed 4"
    with pytest.raises(InputError, match="no split named 'mime' \\(did you mean 'mine'\\?\\); choose one of mine, random"):
        read_few_shot(path, split="mime")
    with pytest.raises(InputError, match="random:3"):
        read_few_shot(path, split="mine:3")


def test_parts_in_the_archive(tmp_path):
    """CIFAR-FS's layout: with two parts the second is held out, and validation classes come from the first."""
    rng = np.random.default_rng(0)
    x = {part: rng.integers(0, 255, (n, 5, 4, 4, 3), np.uint8) for part, n in (("train", 20), ("val", 6), ("test", 5))}
    two = read_few_shot(
        archive(tmp_path, x_train=x["train"], x_val=x["val"], names_train=np.arange(20).astype(str), names_val=np.array([*"abcdef"]))
    )
    assert (two.shape.input, two.split.name) == ((3, 4, 4), "given")
    assert [two.classes[c] for c in two.split.test] == [*"abcdef"]
    assert len(two.split.val) == 5
    assert set(two.split.val) | set(two.split.train) == set(range(20))
    three = read_few_shot(archive(tmp_path, **{f"x_{part}": rows for part, rows in x.items()}))
    assert [len(three.split.of(part)) for part in PARTS] == [20, 6, 5]
    with pytest.raises(InputError, match="alike but for the number of classes"):
        read_few_shot(archive(tmp_path, x_train=x["train"], x_val=x["val"][:, :, :3]))


def test_any_classification_task():
    data = read_few_shot("digits", ways=3)
    whole = Task.read("digits")
    assert data.sizes.sum() == len(whole.targets)
    assert data.classes == whole.classes
    for c in range(10):
        of_class = data.x[data.starts[c] : data.starts[c + 1]]
        np.testing.assert_array_equal(np.sort(of_class.sum((1, 2, 3))), np.sort(whole.inputs[whole.targets == c].sum((1, 2, 3))))
    with pytest.raises(InputError, match=r"15 classes .* the data have 10; use --ways 3 or fewer"):
        read_few_shot("digits", ways=5)
    with pytest.raises(InputError, match="regression"):
        read_few_shot("diabetes")
    with pytest.raises(InputError, match="no split named 'vinyals'"):
        read_few_shot("digits", split="vinyals")


def test_preprocessing_sees_training_classes_alone(table):
    frame = table(rows=300)
    frame["target"] = np.repeat([*"abcdefghi"], 34)[:300]
    frame.loc[frame.target != "a", "size"] += 1000
    task = Task.from_table(frame, target="target")
    from metanas.tasks.few_shot import of_task

    a = task.classes.index("a")
    data = of_task(task, lambda n: ClassSplit("one", np.array([a]), np.arange(1, 4), np.arange(4, n)))
    assert abs(data.x[data.starts[a] : data.starts[a + 1]].mean(0)[0]) < 0.2
    assert np.abs(data.x[data.starts[a + 1] :, 0]).mean() > 2


@pytest.fixture
def omniglot(tmp_path):
    """Both archives in the official layout, four alphabets, 3 characters, 4 drawings: ink (black) in a corner that tells the alphabet."""
    for name, alphabets in (("images_background", ("Greek", "Hebrew")), ("images_evaluation", ("Keble", "ULOG"))):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for alphabet in alphabets:
                for character in (1, 2, 11):
                    for drawing in range(4):
                        picture = Image.new("1", (105, 105), 1)
                        picture.paste(0, (0, 0, 30, 60) if alphabet < "I" else (60, 0, 105, 30))
                        where = f"{name}/{alphabet}/character{character:02d}/{drawing:04d}_{character:02d}.png"
                        with archive.open(where, "w") as file:
                            picture.save(file, "PNG")
            archive.writestr("__MACOSX/._x", "nothing")
    return tmp_path


def test_official_archives(omniglot):
    data = read_few_shot(omniglot, split="alphabets")
    assert data.classes[:3] == ("Greek/1", "Greek/2", "Greek/11")
    assert (len(data.x), data.shape.input, data.turned) == (48, (1, 28, 28), True)
    assert data.x[0, 0, 2, 2] == 255  # ink is bright
    assert data.x[0, 0, 20, 20] == 0
    assert [[data.classes[c].split("/")[0] for c in data.split.of(part)][::3] for part in PARTS] == [
        ["Greek"],
        ["Hebrew"],
        ["Keble", "ULOG"],
    ]
    unpacked = omniglot / "unpacked"
    for name in ("images_background", "images_evaluation"):
        with zipfile.ZipFile(omniglot / f"{name}.zip") as archive:
            archive.extractall(unpacked)
    for source in (unpacked, unpacked / "images_background", omniglot / "images_background.zip"):
        again = read_few_shot(source)
        np.testing.assert_array_equal(again.x, data.x)
        assert again.split.name == "vinyals"


@pytest.mark.parametrize("name", ["../evil/character01/a.png", "/evil/character01/a.png", "images_background/../character01/a.png"])
def test_archives_with_paths_that_lead_out(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "images_background.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(InputError, match=r"leads out of it|no pictures of Omniglot"):
        read_few_shot(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["images_background.zip"]


def test_archives_that_are_broken(tmp_path):
    path = tmp_path / "images_background.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match="fetch it again"):
        read_few_shot(tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images_background/Greek/character01/0001_01.png", b"no picture")
    with pytest.raises(InputError, match="can't be read"):
        read_few_shot(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images_background/Greek/character01/0001_01.png", b"0" * (2 << 20))
    with pytest.raises(InputError, match="would unpack"):
        read_few_shot(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_omniglot_and_cifar_fs_as_they_are():
    arrays = np.load(SHARED / "omniglot" / "omniglot.npz")
    data = read_few_shot(SHARED / "omniglot" / "omniglot.npz")
    assert [len(data.split.of(part)) for part in PARTS] == [1028, 172, 423]
    assert (data.turned, len(data.classes)) == (True, 1623)
    alphabets = [str(arrays["alphabet_names"][a]) for a in arrays["alphabet"]]
    ours = omniglot_split("vinyals", alphabets, list(arrays["character"]))
    for number, part in enumerate(PARTS):
        np.testing.assert_array_equal(ours.of(part), np.flatnonzero(arrays["vinyals"] == number))
    by_alphabet = read_few_shot(SHARED / "omniglot" / "omniglot.npz", split="alphabets").split
    np.testing.assert_array_equal(by_alphabet.test, np.flatnonzero(~arrays["background"]))
    cifar = read_few_shot(SHARED / "cifar_fs" / "cifar_fs.npz")
    assert [len(cifar.split.of(part)) for part in PARTS] == [54, 10, 16]
    e = EpisodeSampler(cifar, 5, 1, 15).episode("test", 0)
    assert e.x_support.shape == (5, 3, 32, 32)
    assert set(e.classes) <= set(np.load(SHARED / "cifar_fs" / "cifar_fs.npz")["names_val"])


def test_replacing_a_split_is_refused_where_it_names_no_class():
    data = marked()
    with pytest.raises(InputError):
        EpisodeSampler(replace(data, split=ClassSplit("small", np.arange(2), np.arange(2, 4), np.arange(4, 6))), 3, 1, 1)
