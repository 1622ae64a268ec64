"""Series: sets of the UCR archive, and made-up ones."""

from __future__ import annotations

import numpy as np

from ..raw import Raw, Request, source

_UCR = "none stated (UCR archive, to be cited)"


def _series(name: str, request: Request) -> Raw:
    with np.load(request.data / f"timeseries/{name}.npz") as arrays:
        x, y = (np.concatenate([arrays[f"{a}_train"], arrays[f"{a}_test"]]) for a in ("x", "y"))
    return Raw(x, y)


def _register(name: str, tasks: int, rows: int, classes: int) -> None:
    source(name.lower(), "series", tasks=tasks, rows=rows, classes=classes, licence=_UCR, shipped=False)(
        lambda request: _series(name, request)
    )


_register("Adiac", 5, 781, 37)
_register("ECG200", 4, 200, 2)
_register("GunPoint", 4, 200, 2)
_register("SyntheticControl", 5, 600, 6)
_register("Trace", 4, 200, 4)


@source("cylinder_bell_funnel", "series", tasks=5, classes=3, noise=(1.0, 2.0, 3.0))
def _cylinder(request: Request) -> Raw:
    """Plateaus, ramps up and ramps down in noise (Saito 1994)."""
    rng, n = request.rng, request.rows
    time = np.arange(96)[None]
    y, start, length = rng.integers(0, 3, n), rng.uniform(12, 24, (n, 1)), rng.uniform(24, 70, (n, 1))
    inside, along = (time >= start) & (time < start + length), (time - start) / length
    form = np.select([(y == 0)[:, None], (y == 1)[:, None]], [np.ones_like(along), along], 1 - along)
    x = (6 + rng.normal(size=(n, 1))) * inside * form + rng.normal(0, request.options["noise"], (n, 96))
    return Raw(x.astype(np.float32)[..., None], y)


@source("waveform", "series", tasks=5, classes=3, idle=(0, 19, 40))
def _waveform(request: Request) -> Raw:
    """Two of three triangles mixed, in noise (Breiman et al. 1984, "Classification and Regression Trees"), and idle noise behind."""
    rng, n, idle = request.rng, request.rows, request.options["idle"]
    bases = np.stack([np.maximum(6 - np.abs(np.arange(1, 22) - centre), 0) for centre in (11, 15, 7)])
    y, share = rng.integers(0, 3, n), rng.uniform(size=(n, 1))
    x = share * bases[y] + (1 - share) * bases[(y + 1) % 3]
    x = np.concatenate([x, np.zeros((n, idle))], 1) + rng.normal(size=(n, 21 + idle))
    return Raw(x.astype(np.float32)[..., None], y)


@source("autoregression", "series", tasks=6, classes=4, what=("order", "coefficient", "break"), length=(60, 120))
def _autoregression(request: Request) -> Raw:
    """Second-order autoregressions: which of four, the first coefficient (a number), or whether it changes half way."""
    rng, n, length, what = request.rng, request.rows, request.options["length"], request.options["what"]
    y = rng.integers(0, 2 if what == "break" else 4, n)
    pairs = np.array([[0.3, 0.0], [0.8, 0.0], [0.5, -0.6], [1.2, -0.5]])
    first, second = rng.uniform(-0.9, 0.9, n), np.zeros(n)
    if what == "order":
        first, second = pairs[y].T + rng.normal(0, 0.05, (2, n))
    x = np.zeros((n, length + 20))
    for t in range(2, length + 20):
        now = np.where((y == 1) & (t >= 20 + length // 2), -first, first) if what == "break" else first
        x[:, t] = now * x[:, t - 1] + second * x[:, t - 2] + rng.normal(size=n)
    return Raw(x[:, 20:].astype(np.float32)[..., None], first if what == "coefficient" else y)


@source("chaos", "series", tasks=5, classes=3, what=("rate", "map"), noise=(0.0, 0.05, 0.15))
def _chaos(request: Request) -> Raw:
    """Orbits of chaotic maps seen through noise: the rate of a logistic map (a number), or which map: logistic, tent, sine."""
    rng, n = request.rng, request.rows
    y, rate, state = rng.integers(0, 3, n), rng.uniform(3.58, 4.0, n), rng.uniform(0.1, 0.9, n)
    orbit = np.zeros((n, 84))
    for t in range(84):
        logistic, tent, sine = rate * state * (1 - state), 1.98 * np.minimum(state, 1 - state), 0.25 * rate * np.sin(np.pi * state)
        state = logistic if request.options["what"] == "rate" else np.choose(y, [logistic, tent, sine])
        orbit[:, t] = state
    x = orbit[:, 24:] + rng.normal(0, request.options["noise"], (n, 60))
    return Raw(x.astype(np.float32)[..., None], rate if request.options["what"] == "rate" else y)


@source("oscillator", "series", tasks=5, classes=3, what=("damping", "frequency", "drive"), noise=(0.05, 0.3))
def _oscillator(request: Request) -> Raw:
    """Damped oscillations: damping in three classes, frequency (a number), or free, driven or stopped half way."""
    rng, n, what = request.rng, request.rows, request.options["what"]
    time = np.linspace(0, 10, 80)[None]
    damping, frequency, phase = rng.uniform(0.02, 0.5, (n, 1)), rng.uniform(1, 6, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    x = np.exp(-damping * time) * np.sin(frequency * time + phase)
    y = np.digitize(damping[:, 0], [0.12, 0.26]).astype(np.int64)
    if what == "drive":
        y = rng.integers(0, 3, n)
        drive = 0.5 * np.sin(rng.uniform(1, 6, (n, 1)) * time)
        x = x + (y == 1)[:, None] * drive * (1 - np.exp(-damping * time)) - (y == 2)[:, None] * 0.7 * x * (time > 5)
    x = x * rng.uniform(0.5, 2, (n, 1)) + rng.normal(0, request.options["noise"], x.shape)
    return Raw(x.astype(np.float32)[..., None], frequency[:, 0] if what == "frequency" else y)
