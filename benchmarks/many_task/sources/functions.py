"""Generated functions of numbers: regression benchmarks, random functions, physics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special

from ..raw import Array, Raw, Request, binned, source

_ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "sine": lambda z: np.sin(2 * z),
}


def _targets(request: Request, y: Array) -> Array:
    """The values with noise, or the classes of equal size that the option ``bins`` asks for."""
    y = y + request.rng.normal(0, float(request.options.get("noise", 0.0)) * y.std(), len(y))
    return binned(y, request.options["bins"]) if request.options.get("bins") else y


@source("friedman1", "generated", tasks=4, idle=(5, 0, 20), noise=(0.2, 0.05), bins=(0, 3))
def _friedman1(request: Request) -> Raw:
    """Friedman 1991, "Multivariate Adaptive Regression Splines", eq. 61."""
    x = request.rng.uniform(size=(request.rows, 5 + request.options["idle"]))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return Raw(x, _targets(request, y))


@source("circuits", "generated", tasks=4, what=("impedance", "phase"), noise=(0.1, 0.3), bins=(0, 2))
def _circuits(request: Request) -> Raw:
    """Impedance or phase of an alternating current circuit (Friedman 1991, eq. 63 and 64)."""
    low, high = np.array([0, 40 * np.pi, 0, 1]), np.array([100, 560 * np.pi, 1, 11])
    x = request.rng.uniform(low, high, (request.rows, 4))
    reactance = x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])
    y = np.hypot(x[:, 0], reactance) if request.options["what"] == "impedance" else np.arctan2(reactance, x[:, 0])
    return Raw(x, _targets(request, y))


@source("sparse_linear", "generated", tasks=5, features=(30, 60), informative=(4, 12), noise=(0.5, 1.5), bins=(0, 2))
def _sparse_linear(request: Request) -> Raw:
    """A linear function of a few of many correlated numbers."""
    rng, o = request.rng, request.options
    hidden = rng.normal(size=(request.rows, o["features"] // 2))
    x = hidden @ rng.normal(size=(hidden.shape[1], o["features"])) / np.sqrt(hidden.shape[1]) + 0.5 * rng.normal(
        size=(request.rows, o["features"])
    )
    weights = np.zeros(o["features"])
    weights[rng.permutation(o["features"])[: o["informative"]]] = rng.normal(size=o["informative"])
    return Raw(x, _targets(request, x @ weights))


@source("additive", "generated", tasks=5, features=(6, 12), steps=(False, True), noise=(0.2, 0.5), bins=(0, 3))
def _additive(request: Request) -> Raw:
    """A sum of random functions of one number each, smooth or of steps."""
    rng, n = request.rng, request.rows
    x, y = rng.uniform(-1, 1, (n, request.options["features"])), np.zeros(n)
    for column in x.T:
        knots, values = np.sort(rng.uniform(-1, 1, 6)), rng.normal(size=7)
        if request.options["steps"]:
            y += values[np.searchsorted(knots, column)]
        else:
            y += np.interp(column, np.concatenate([[-1.0], knots]), values)
    return Raw(x, _targets(request, y))


@source("gaussian_process", "generated", tasks=7, dimensions=(4, 2, 8), length=(1.0, 0.4), noise=(0.1, 0.4), bins=(0, 2, 4))
def _gaussian_process(request: Request) -> Raw:
    """A draw of a Gaussian process with a squared exponential kernel (Rahimi and Recht 2007, random features)."""
    rng, d = request.rng, request.options["dimensions"]
    x = rng.uniform(-1, 1, (request.rows, d))
    frequencies, phases = rng.normal(size=(d, 400)) / request.options["length"], rng.uniform(0, 2 * np.pi, 400)
    return Raw(x, _targets(request, np.cos(x @ frequencies + phases) @ rng.normal(size=400)))


@source(
    "teacher_network",
    "generated",
    tasks=8,
    features=(10, 25),
    depth=(2, 1, 3),
    form=("tanh", "relu", "sine"),
    noise=(0.1, 0.5),
    bins=(0, 5, 2),
)
def _teacher_network(request: Request) -> Raw:
    """What a random network says."""
    rng = request.rng
    activation = _ACTIVATIONS[request.options["form"]]
    x = rng.normal(size=(request.rows, request.options["features"]))
    z = x
    for _ in range(request.options["depth"]):
        z = activation(z @ rng.normal(size=(z.shape[1], 24)) * (1.6 / np.sqrt(z.shape[1])) + 0.3 * rng.normal(size=24))
    return Raw(x, _targets(request, z @ rng.normal(size=24)))


@source("teacher_trees", "generated", tasks=7, features=(10, 30), depth=(5, 3, 8), trees=(1, 10), noise=(0.1, 0.4), bins=(0, 4, 2))
def _teacher_trees(request: Request) -> Raw:
    """What random trees say: each asks about one number after the other, at random borders."""
    rng, o = request.rng, request.options
    x, y = rng.normal(size=(request.rows, o["features"])), np.zeros(request.rows)
    for _ in range(o["trees"]):
        leaf = np.zeros(request.rows, np.int64)
        for level in range(o["depth"]):
            column, border = rng.integers(0, o["features"], 2**level), 0.7 * rng.normal(size=2**level)
            leaf = 2 * leaf + (x[np.arange(request.rows), column[leaf]] > border[leaf])
        y += rng.normal(size=2 ** o["depth"])[leaf]
    return Raw(x, _targets(request, y))


@source("interactions", "generated", tasks=5, features=(8, 20), order=(2, 3), noise=(0.1, 0.5), bins=(0, 2))
def _interactions(request: Request) -> Raw:
    """A sum of products of two or three numbers."""
    rng, o = request.rng, request.options
    x = rng.uniform(-1.5, 1.5, (request.rows, o["features"]))
    terms = [rng.permutation(o["features"])[: o["order"]] for _ in range(6)]
    return Raw(x, _targets(request, sum((rng.normal() * x[:, term].prod(1) for term in terms), np.zeros(len(x)))))


@source("options_market", "generated", tasks=4, what=("price", "volatility"), noise=(0.02, 0.1), bins=(0, 3))
def _options_market(request: Request) -> Raw:
    """The price of a call (Black and Scholes 1973), or the volatility behind a price."""
    rng, n = request.rng, request.rows
    spot, strike, years = rng.uniform(50, 150, n), rng.uniform(50, 150, n), rng.uniform(0.1, 2, n)
    interest, volatility = rng.uniform(0, 0.1, n), rng.uniform(0.1, 0.6, n)
    spread = volatility * np.sqrt(years)
    first = (np.log(spot / strike) + (interest + volatility**2 / 2) * years) / spread
    price = spot * special.ndtr(first) - strike * np.exp(-interest * years) * special.ndtr(first - spread)
    what = request.options["what"]
    x = np.stack([spot, strike, years, interest, volatility if what == "price" else price], 1)
    return Raw(x, _targets(request, price if what == "price" else volatility))


@source("ballistics", "generated", tasks=4, what=("distance", "hit"), noise=(0.02, 0.1), idle=(0, 4))
def _ballistics(request: Request) -> Raw:
    """How far a throw goes in wind with drag (numerically), or whether it lands on a target."""
    rng, n = request.rng, request.rows
    speed, angle, drag = rng.uniform(5, 40, n), rng.uniform(0.15, 1.4, n), rng.uniform(0, 0.03, n)
    wind, height = rng.uniform(-8, 8, n), rng.uniform(0, 10, n)
    across, up, x, y, landed = speed * np.cos(angle), speed * np.sin(angle), np.zeros(n), height.copy(), np.zeros(n, bool)
    for _ in range(500):
        relative = across - wind
        resistance = drag * np.hypot(relative, up)
        step = np.where(landed, 0.0, 0.02)
        x, y = x + step * across, y + step * up
        across, up = across - step * resistance * relative, up - step * (9.81 + resistance * up)
        landed |= y <= 0
    inputs = [speed, angle, drag, wind, height, *rng.normal(size=(request.options["idle"], n))]
    if request.options["what"] == "distance":
        return Raw(np.stack(inputs, 1), _targets(request, x))
    target = x * np.exp(0.35 * rng.normal(size=n)) + rng.normal(size=n)
    return Raw(np.stack([*inputs, target], 1), (np.abs(target - x) < 0.15 * np.abs(x) + 1).astype(np.int64))


@source("orbits", "generated", tasks=3, what=("anomaly", "distance"), noise=(0.0, 0.05))
def _orbits(request: Request) -> Raw:
    """Kepler's equation solved: the true anomaly's sine, or the distance, from mean anomaly, eccentricity and axis."""
    rng, n = request.rng, request.rows
    mean, eccentricity, axis = rng.uniform(0, 4 * np.pi, n), rng.uniform(0, 0.9, n), rng.uniform(0.5, 2, n)
    eccentric = mean.copy()
    for _ in range(50):
        eccentric -= (eccentric - eccentricity * np.sin(eccentric) - mean) / (1 - eccentricity * np.cos(eccentric))
    distance = axis * (1 - eccentricity * np.cos(eccentric))
    sine = np.sqrt(1 - eccentricity**2) * np.sin(eccentric) * axis / distance
    return Raw(np.stack([mean, eccentricity, axis], 1), _targets(request, sine if request.options["what"] == "anomaly" else distance))


@source("physics", "generated", tasks=8, law=(0, 1, 2, 3, 4, 5, 6, 7), noise=(0.01, 0.1))
def _physics(request: Request) -> Raw:
    """Laws of physics in physical quantities (a selection as in Udrescu and Tegmark 2020, "AI Feynman")."""
    a, b, c, d, e = request.rng.uniform(1, 4, (5, request.rows))
    y = (
        a * b / (c**2 + (d - e) ** 2),  # attraction
        a * np.sqrt(1 + (b / c) ** 2 + 2 * b / c * np.cos(d)) / e,  # interference
        np.exp(-((a - b) ** 2) / (2 * c**2)) / c + 0 * d,  # normal density
        (a + b) / (1 + a * b / (4 * (c + d)) ** 2),  # velocities
        a * np.sin(b * c / 2) ** 2 / np.sin(c / 2 + 0.1) ** 2,  # grating
        a / (np.exp(b / c) - 1) * d,  # mean energy of an oscillator
        np.log(a / b) * c * d + e,  # work of a gas
        np.arcsin(np.clip(np.sin(a) / (0.8 + b), -1, 1)) * c,  # refraction
    )[request.options["law"]]
    return Raw(np.stack([a, b, c, d, e], 1), _targets(request, y))


@source("queues", "generated", tasks=4, what=("wait", "full"), noise=(0.05,))
def _queues(request: Request) -> Raw:
    """The mean wait at counters by Erlang's formula (1917), or whether it is longer than the service; counters as a number."""
    rng, n = request.rng, request.rows
    counters, service, load = rng.integers(1, 15, n), rng.uniform(1, 10, n), rng.uniform(0.3, 0.97, n)
    offered, inverse = load * counters, np.ones(n)
    for k in range(1, 15):  # Erlang B, recursively
        inverse = np.where(k <= counters, 1 + inverse * k / offered, inverse)
    blocked = 1 / inverse
    waiting = blocked / (1 - load * (1 - blocked))
    wait = waiting * service / (counters * (1 - load))
    x = np.stack([counters.astype(np.float64), service, offered / service], 1)
    if request.options["what"] == "full":
        return Raw(x, (wait > 0.4 * service).astype(np.int64))
    return Raw(x, _targets(request, np.log(wait + 0.01)))


@source("epidemics", "generated", tasks=4, what=("peak", "size", "day"), noise=(0.02, 0.1))
def _epidemics(request: Request) -> Raw:
    """An epidemic with contagion, recovery, births and vaccination (Kermack and McKendrick 1927): peak, final size or day of the peak."""
    rng, n = request.rng, request.rows
    contagion, recovery, first, births, shots = (
        rng.uniform(a, b, n) for a, b in ((0.1, 0.8), (0.05, 0.4), (1e-4, 1e-2), (0, 0.01), (0, 0.02))
    )
    open_, ill, peak, day, total = 1 - first, first.copy(), first.copy(), np.zeros(n), first.copy()
    for t in range(200):
        new = contagion * open_ * ill
        open_, ill = open_ - new - shots * open_ + births * (1 - open_), ill + new - recovery * ill
        total += new
        day = np.where(ill > peak, t, day)
        peak = np.maximum(peak, ill)
    y = {"peak": peak, "size": total, "day": day}[request.options["what"]]
    return Raw(np.stack([contagion, recovery, np.log(first), births, shots], 1), _targets(request, y))
