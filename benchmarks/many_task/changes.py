"""What makes several tasks of one data set: other pictures, other columns, other labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import ndimage

from .parts import TEST, TRAIN, Parts, step
from .raw import Array
from .views import grey as without_colour
from .views import shrunk

MOST = 128
"""Numbers that networks shall read at the most."""

# -- pictures ----------------------------------------------------------------------------------------------------------


def _bytes(x: Array) -> Array:
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)


@step
def resize(parts: Parts, rng: np.random.Generator, *, side: int) -> Parts:
    """Another resolution."""
    return parts.each(lambda x: _bytes(shrunk(x, side)))


@step
def invert(parts: Parts, rng: np.random.Generator) -> Parts:
    """Dark for bright."""
    return parts.each(lambda x: 255 - x)


@step
def grey(parts: Parts, rng: np.random.Generator) -> Parts:
    """Without colours."""
    return parts.each(lambda x: _bytes(without_colour(x)))


@step
def tint(parts: Parts, rng: np.random.Generator) -> Parts:
    """Every picture in a colour of its own, before a background of another."""

    def coloured(x: Array) -> Array:
        share = without_colour(x)[..., None] / 255
        front, back = rng.uniform(80, 255, (2, len(x), 1, 1, 3))
        return _bytes(share * front + (1 - share) * 0.6 * back)

    return parts.each(coloured)


@step
def turn(parts: Parts, rng: np.random.Generator, *, quarters: int) -> Parts:
    """Turned by right angles."""
    return parts.each(lambda x: np.ascontiguousarray(np.rot90(x, quarters, axes=(1, 2))))


@step
def tilt(parts: Parts, rng: np.random.Generator, *, angle: float) -> Parts:
    """Every picture turned by an angle of its own, up to ``angle`` degrees."""

    def tilted(x: Array) -> Array:
        angles = rng.uniform(-angle, angle, len(x))
        return np.stack([ndimage.rotate(one, a, reshape=False, order=1, mode="nearest") for one, a in zip(x, angles, strict=True)])

    return parts.each(tilted)


@step
def move(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """Every picture moved by up to a share of its side, round the edges."""

    def moved(x: Array) -> Array:
        far = round(share * x.shape[1])
        return np.stack([np.roll(one, tuple(rng.integers(-far, far + 1, 2)), axis=(0, 1)) for one in x])

    return parts.each(moved)


@step
def grain(parts: Parts, rng: np.random.Generator, *, spread: float) -> Parts:
    """Noise on every pixel."""
    return parts.each(lambda x: _bytes(x + rng.normal(0, spread, x.shape)))


@step
def cover(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """A grey square somewhere over every picture."""

    def covered(x: Array) -> Array:
        side, x = round(share * x.shape[1]), x.copy()
        for one, top, left in zip(x, *rng.integers(0, x.shape[1] - side + 1, (2, len(x))), strict=True):
            one[top : top + side, left : left + side] = 128
        return x

    return parts.each(covered)


# -- tables ------------------------------------------------------------------------------------------------------------


def _numeric(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name].dtype)]


@step
def drop(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """Without a share of the columns."""
    names = list(parts.inputs[TRAIN].columns)
    kept = np.sort(rng.permutation(len(names))[: max(2, round((1 - share) * len(names)))])
    return parts.each(lambda table: table[[names[i] for i in kept]])


@step
def distractors(parts: Parts, rng: np.random.Generator, *, count: int) -> Parts:
    """With columns of noise."""

    def more(table: pd.DataFrame) -> pd.DataFrame:
        noise = pd.DataFrame(rng.normal(size=(len(table), count)), columns=[f"noise{i}" for i in range(count)])
        return pd.concat([table, noise], axis=1)

    return parts.each(more)


@step
def shuffle(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """A share of the columns with their values in another order, so that they mean nothing."""
    names = parts.inputs[TRAIN].columns
    chosen = [names[i] for i in rng.permutation(len(names))[: max(1, round(share * len(names)))]]

    def shuffled(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{name: table[name].to_numpy()[rng.permutation(len(table))] for name in chosen})

    return parts.each(shuffled)


@step
def missing(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """A share of the values missing, in so many columns that there is room to mark them."""
    columns = parts.inputs[TRAIN].shape[1]
    chosen = rng.permutation(columns) < max(1, MOST - columns)
    return parts.each(lambda table: table.mask((rng.uniform(size=table.shape) < share) & chosen))


@step
def bins(parts: Parts, rng: np.random.Generator, *, count: int) -> Parts:
    """Numbers as ``count`` categories of equal content in the training part, or as fewer where there are many."""
    names = _numeric(parts.inputs[TRAIN])
    count = int(np.clip(MOST // max(1, len(names)), 2, count))
    borders = {name: np.unique(np.nanquantile(parts.inputs[TRAIN][name], np.linspace(0, 1, count + 1)[1:-1])) for name in names}

    def binned(table: pd.DataFrame) -> pd.DataFrame:
        words = {name: pd.Series(np.searchsorted(borders[name], table[name]).astype(str)).radd("b") for name in names}
        return table.assign(**words)

    return parts.each(binned)


def _standardised(parts: Parts, then: Callable[[Array], Array]) -> Parts:
    """``then`` of the columns of numbers, standardised as in the training part, missing ones at the mean."""
    names = _numeric(parts.inputs[TRAIN])
    known = parts.inputs[TRAIN][names].to_numpy(np.float64)
    mean, spread = np.nanmean(known, axis=0), np.nanstd(known, axis=0) + 1e-9

    def changed(table: pd.DataFrame) -> pd.DataFrame:
        z = np.nan_to_num((table[names].to_numpy(np.float64) - mean) / spread)
        return table.assign(**dict(zip(names, then(z).T, strict=True)))

    return parts.each(changed)


@step
def rotate(parts: Parts, rng: np.random.Generator) -> Parts:
    """The columns of numbers mixed by a random rotation."""
    count = len(_numeric(parts.inputs[TRAIN]))
    turned = np.linalg.qr(rng.normal(size=(count, count)))[0]
    return _standardised(parts, lambda z: z @ turned)


@step
def stretch(parts: Parts, rng: np.random.Generator) -> Parts:
    """The columns of numbers with heavy tails."""
    return _standardised(parts, lambda z: np.sinh(1.5 * np.clip(z, -5, 5)))


# -- targets -----------------------------------------------------------------------------------------------------------


@step
def wrong_labels(parts: Parts, rng: np.random.Generator, *, share: float) -> Parts:
    """A share of the training and validation labels drawn anew, or noise of that share of the spread on numbers; the test part stays."""
    known, spread = np.unique(parts.targets[TRAIN]), parts.targets[TRAIN].std()

    def worse(y: Array) -> Array:
        if parts.classification:
            return np.where(rng.uniform(size=len(y)) < share, rng.choice(known, len(y)), y)
        return np.asarray(y + 2 * share * spread * rng.normal(size=len(y)))

    return replace(parts, targets=(worse(parts.targets[0]), worse(parts.targets[1]), parts.targets[TEST]))
