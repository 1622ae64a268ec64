"""Sounds: spoken digits, spelled words as cepstra, and made-up tones."""

from __future__ import annotations

import itertools

import numpy as np

from ..raw import Array, Raw, Request, source

_ONES = "ZERO OH ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN"
_TENS = "TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY"
_SLICES = 32


@source(
    "fsdd",
    "sound",
    tasks=11,
    rows=3000,
    classes=10,
    licence="CC BY-SA 4.0",
    shipped=False,
    domain="may",
    what=("digit", "speaker", "length", "digit"),
)
def _fsdd(request: Request) -> Raw:
    """Spoken digits at 8 kHz: which digit, who speaks, or how long the clip is (seconds, a number); the domain is the speaker."""
    with np.load(request.data / "fsdd/fsdd.npz") as arrays:
        waves, digit, speaker, length = (
            np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_test"]]) for name in ("x", "y", "speaker", "len")
        )
    targets = {"digit": digit, "speaker": speaker, "length": length / 8000.0}[request.options["what"]]
    domain = None if request.options["what"] == "speaker" else speaker
    return Raw((waves / 32768.0).astype(np.float32)[..., None], targets, domain, rate=8000)


@source("an4", "sound", tasks=8, rows=1078, classes=3, licence="CMU, free for any purpose", what=("kind", "letters", "words", "kind:E"))
def _an4(request: Request) -> Raw:
    """Utterances as 13 cepstra in 32 slices of time: spelled, numbers or mixed; how many characters; at most five words; an E in them."""
    frames, texts = [], []
    with np.load(request.data / "an4/an4.npz") as arrays:
        for part in ("train", "test"):
            offsets = arrays[f"offsets_{part}"]
            frames += np.split(arrays[f"frames_{part}"].astype(np.float32), offsets[1:-1])
            texts += arrays[f"text_{part}"].tolist()
    what, words = request.options["what"], [text.split() for text in texts]
    numbers = {*_ONES.split(), *_TENS.split()}
    if what == "kind":
        spelled = [all(len(word) == 1 for word in w) for w in words]
        targets = np.array([1 if s else 2 * all(word in numbers for word in w) for s, w in zip(spelled, words, strict=True)])
    elif what == "letters":
        targets = np.array([float(len(text)) for text in texts])
    else:
        targets = np.array([int(len(w) <= 5 if what == "words" else "E" in "".join(w)) for w in words])
    return Raw(np.stack([_slices(f) for f in frames]), targets)


def _slices(frames: Array) -> Array:
    borders = np.linspace(0, len(frames), _SLICES + 1).round().astype(int)
    return np.stack([frames[a : max(b, a + 1)].mean(0) for a, b in itertools.pairwise(borders)])


@source("tones", "sound", tasks=8, classes=4, what=("wave", "pitch", "voices", "event"), noise=(0.1, 0.5, 1.5))
def _tones(request: Request) -> Raw:
    """Half a second at 4 kHz: the form of the wave, its pitch (octaves, a number), how many tones, or what happens to the tone."""
    rng, n, rate, what = request.rng, request.rows, 4000, request.options["what"]
    time = np.arange(2048)[None] / rate
    y = rng.integers(0, 4, n)
    octave = rng.uniform(0, 2, n)
    phase = (110 * 2**octave)[:, None] * time + rng.uniform(size=(n, 1))
    if what == "voices":  # one to four
        pitches = 110 * 2 ** rng.uniform(0, 3, (4, n, 1))
        waves = sum((y[:, None] >= k) * np.sin(2 * np.pi * (pitches[k] * time + rng.uniform(size=(n, 1)))) for k in range(4))
        waves = waves / np.sqrt(y + 1)[:, None]
    elif what == "event":  # rises, falls, swells, breaks off
        bend = np.select([y == 0, y == 1], [0.6, -0.6], 0.0)[:, None]
        waves = np.sin(2 * np.pi * phase * (1 + bend * time))
        waves = waves * np.select([(y == 2)[:, None], (y == 3)[:, None]], [2 * time / 0.5, 1.4 * (time < 0.3)], 1.0)
    else:
        turn = phase % 1
        forms = np.stack([np.sin(2 * np.pi * phase), np.sign(turn - 0.5), 2 * turn - 1, np.sign(turn - 0.85)])
        waves = forms[y, np.arange(n)]
    waves = waves * rng.uniform(0.5, 1, (n, 1)) + rng.normal(0, request.options["noise"], waves.shape)
    return Raw((0.2 * waves).astype(np.float32)[..., None], octave if what == "pitch" else y, rate=rate)
