"""Small pictures: real sets, crops of larger pictures, and drawn ones."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from ..raw import Array, Raw, Request, source


@lru_cache(maxsize=2)
def _npz(file: Path) -> dict[str, Array]:
    with np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def _joined(file: Path, parts: tuple[str, ...] = ("train", "test")) -> tuple[Array, Array, Array]:
    """Pictures, classes, and from which part they are."""
    arrays = _npz(file)
    x, y = (np.concatenate([arrays[f"{name}_{part}"] for part in parts]) for name in ("x", "y"))
    return x, y, np.repeat(np.arange(len(parts)), [len(arrays[f"y_{part}"]) for part in parts])


@source("digits", "image", tasks=7, rows=1797, classes=10, licence="UCI data set as distributed with scikit-learn", shipped=False)
def _digits(request: Request) -> Raw:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return Raw(np.rint(loaded.images * (255 / 16)).astype(np.uint8), loaded.target.astype(np.int64))


@source("fashion_mnist", "image", tasks=12, rows=40000, classes=10, licence="MIT")
def _fashion(request: Request) -> Raw:
    x, y, _ = _joined(request.data / "fashion_mnist/fashion_mnist.npz")
    return Raw(x, y)


@source("sign_digits", "image", tasks=8, rows=2062, classes=10, licence="Apache-2.0", domain="may")
def _signs(request: Request) -> Raw:
    x, y, part = _joined(request.data / "sign_digits/sign_digits.npz")
    return Raw(np.ascontiguousarray(x[:, ::2, ::2]), y, part)


@source("cifar_fs", "image", tasks=10, rows=8000, classes=80, licence="none stated for the pictures", shipped=False, colour=(True, False))
def _cifar(request: Request) -> Raw:
    arrays = _npz(request.data / "cifar_fs/cifar_fs.npz")
    x = np.concatenate([arrays["x_train"], arrays["x_val"]])
    y = np.repeat(np.arange(len(x)), x.shape[1])
    x = x.reshape(-1, *x.shape[2:])
    return Raw(x if request.options["colour"] else x.mean(3).astype(np.uint8), y)


@source("omniglot", "image", tasks=14, rows=1200, classes=20, licence="MIT", domain="must", what=("characters", "alphabets", "characters"))
def _omniglot(request: Request) -> Raw:
    """The characters of one alphabet, drawn by the seed, every picture also a little tilted, or which of some alphabets it is."""
    arrays = _npz(request.data / "omniglot/omniglot.npz")
    x, alphabet = arrays["x"], arrays["alphabet"]
    if request.options["what"] == "alphabets":
        chosen = request.rng.permutation(len(arrays["alphabet_names"]))[:8]
        rows = np.isin(alphabet, chosen)
        y = np.repeat(np.searchsorted(np.sort(chosen), alphabet[rows]), x.shape[1])
        return Raw(x[rows].reshape(-1, *x.shape[2:]), y.astype(np.int64))
    characters = np.flatnonzero(alphabet == request.rng.integers(len(arrays["alphabet_names"])))
    x = x[characters]
    y, drawer = (np.broadcast_to(a, x.shape[:2]).reshape(-1) for a in (np.arange(len(x))[:, None], np.arange(x.shape[1])[None]))
    flat = x.reshape(-1, *x.shape[2:])
    # Twenty drawings per character are few: each also stands tilted to either side, a drawer's all on one side of a cut.
    tilted = [ndimage.rotate(flat, angle, axes=(1, 2), reshape=False, order=1) for angle in (-12, 12)]
    return Raw(np.concatenate([flat, *tilted]), np.tile(y, 3).astype(np.int64), np.tile(drawer, 3).astype(np.int64))


@source("camvid", "image", tasks=7, rows=5000, classes=5, licence="CC BY-NC 4.0 (repository); none stated for CamVid", shipped=False)
def _camvid(request: Request) -> Raw:
    """Squares of 16 x 16 of street scenes; the class is what fills most of them: sky, building, road, tree, car."""
    arrays = _npz(request.data / "camvid/camvid.npz")
    wanted, found, classes = (0, 1, 3, 5, 8), [], []
    rng = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        for top, left in np.stack([rng.integers(0, x.shape[1] - 16, 60), rng.integers(0, x.shape[2] - 16, 60)], 1):
            squares = y[:, top : top + 16, left : left + 16].reshape(len(y), -1)
            shares = np.stack([(squares == number).mean(1) for number in wanted], 1)
            rows = np.flatnonzero(shares.max(1) > 0.8)[::4]
            found.append(x[rows, top : top + 16, left : left + 16])
            classes.append(shares[rows].argmax(1))
    return Raw(np.concatenate(found), np.concatenate(classes).astype(np.int64))


@source("bccd", "image", tasks=7, rows=1300, classes=3, licence="MIT")
def _bccd(request: Request) -> Raw:
    """Blood cells cut out of microscope pictures, 20 x 20: red, white, platelet; at most 600 of each."""
    arrays = _npz(request.data / "bccd/bccd.npz")
    found, classes = [], []
    for part in ("train", "val", "test"):
        for picture, boxes in zip(arrays[f"x_{part}"], arrays[f"boxes_{part}"], strict=True):
            for kind, *box in boxes[boxes[:, 0] >= 0]:
                left, right = (round(v * picture.shape[1]) for v in (box[0], box[2]))
                top, bottom = (round(v * picture.shape[0]) for v in (box[1], box[3]))
                cell = picture[max(0, top) : max(bottom, top + 4), max(0, left) : max(right, left + 4)]
                if min(cell.shape[:2]) >= 4:
                    zoom = (20 / cell.shape[0], 20 / cell.shape[1], 1)
                    found.append(np.clip(ndimage.zoom(cell.astype(np.float32), zoom, order=1), 0, 255).astype(np.uint8))
                    classes.append(int(kind))
    y = np.array(classes, np.int64)
    kept = np.concatenate([np.flatnonzero(y == number)[:600] for number in np.unique(y)])
    return Raw(np.stack(found)[kept], y[kept])


_PHOTOGRAPHS = "CC BY (scikit-learn's sample images)"


@source("photographs", "image", tasks=4, rows=4000, classes=4, licence=_PHOTOGRAPHS, what=("quarter", "turn"))
def _photographs(request: Request) -> Raw:
    """Squares of scikit-learn's two photographs: from which half of which, or how often turned by 90 degrees."""
    from sklearn.datasets import load_sample_image

    rng, found, classes = request.rng, [], []
    for number, name in enumerate(("china.jpg", "flower.jpg")):
        whole = load_sample_image(name)[::2, ::2]
        for top, left in zip(rng.integers(0, whole.shape[0] - 16, 2000), rng.integers(0, whole.shape[1] - 16, 2000), strict=True):
            found.append(whole[top : top + 16, left : left + 16])
            classes.append(2 * number + int(left + 8 > whole.shape[1] // 2))
    x, y = np.stack(found), np.array(classes, np.int64)
    if request.options["what"] == "turn":
        y = rng.integers(0, 4, len(x))
        x = np.stack([np.rot90(square, k) for square, k in zip(x, y, strict=True)])
    return Raw(x, y)


@source("shapes", "image", tasks=6, classes=4, what=("shape", "count", "area"), noise=(20, 60, 90))
def _shapes(request: Request) -> Raw:
    """Discs, squares, triangles and rings at any place and size: which, how many (1 to 4 discs), or the covered area (a number)."""
    rng, side, n = request.rng, 16, request.rows
    rows, columns = np.mgrid[:side, :side] + 0.5
    x, y = np.zeros((n, side, side)), rng.integers(0, 4, n)
    what = request.options["what"]
    for i, kind in enumerate(y):
        for _ in range(kind + 1 if what == "count" else 1):
            radius = rng.uniform(1.3, 2.6) if what == "count" else rng.uniform(2.5, 6)
            down, right = rows - rng.uniform(radius, side - radius), columns - rng.uniform(radius, side - radius)
            far, most = np.hypot(down, right), np.maximum(np.abs(down), np.abs(right))
            triangle = (down < radius * 0.7) & (np.abs(right) * 1.7 < down + radius)
            inside = (far < radius, most < radius * 0.9, triangle, (far < radius) & (far > radius * 0.6))
            x[i] = np.maximum(x[i], inside[0 if what == "count" else kind] * rng.uniform(110, 255))
    area = (x > 0).mean((1, 2))
    noisy = np.clip(x + rng.normal(0, request.options["noise"], x.shape), 0, 255).astype(np.uint8)
    return Raw(noisy, area.astype(np.float64) if what == "area" else y.astype(np.int64))


@source("gratings", "image", tasks=6, classes=6, what=("angle", "frequency", "exponent"), noise=(40, 80, 120))
def _gratings(request: Request) -> Raw:
    """Textures: the angle of a grating in six classes, its frequency (a number), or the exponent of 1/f noise in three classes."""
    rng, side, n, what = request.rng, 16, request.rows, request.options["what"]
    rows, columns = np.mgrid[:side, :side]
    if what == "exponent":
        y = rng.integers(0, 3, n)
        far = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
        far[0, 0] = np.inf
        waves = rng.normal(size=(n, *far.shape)) + 1j * rng.normal(size=(n, *far.shape))
        x = np.fft.irfft2(waves * far[None] ** -(0.5 + 0.7 * y[:, None, None]), s=(side, side))
        x = 128 + 60 * x / x.std((1, 2), keepdims=True)
        return Raw(np.clip(x + rng.normal(0, request.options["noise"] / 4, x.shape), 0, 255).astype(np.uint8), y)
    y = rng.integers(0, 6, n)
    angle = (np.pi * (y + rng.uniform(-0.4, 0.4, n)) / 6)[:, None, None]
    frequency = rng.uniform(0.08, 0.35, n)
    phase = 2 * np.pi * (frequency[:, None, None] * (rows * np.sin(angle) + columns * np.cos(angle)) + rng.uniform(size=(n, 1, 1)))
    x = 128 + 80 * np.sin(phase) + rng.normal(0, request.options["noise"], (n, side, side))
    return Raw(np.clip(x, 0, 255).astype(np.uint8), frequency if what == "frequency" else y)


@source("glyphs", "image", tasks=7, classes=10, characters=("0123456789", "abdegpqo", "CGOQDU", "+-*/=<>", "IJLTFEH"), tilt=(5, 20, 45))
def _glyphs(request: Request) -> Raw:
    """Characters of a font in any size and place, tilted. The font is the one that Pillow carries with it."""
    from PIL import Image, ImageDraw, ImageFont

    rng, characters = request.rng, request.options["characters"]
    y = rng.integers(0, len(characters), request.rows)
    x = np.zeros((request.rows, 16, 16), np.uint8)
    fonts = [ImageFont.load_default(size) for size in range(18, 31, 2)]
    for i, number in enumerate(y):
        canvas = Image.new("L", (32, 32))
        place = tuple(rng.uniform(12, 20, 2))
        ImageDraw.Draw(canvas).text(place, characters[number], fill=255, font=fonts[rng.integers(len(fonts))], anchor="mm")
        tilt = request.options["tilt"]
        turned = canvas.rotate(rng.uniform(-tilt, tilt), Image.Resampling.BILINEAR).resize((16, 16), Image.Resampling.BOX)
        x[i] = np.clip(np.asarray(turned) * rng.uniform(0.5, 1) + rng.normal(0, 15, (16, 16)), 0, 255)
    return Raw(x, y.astype(np.int64))
