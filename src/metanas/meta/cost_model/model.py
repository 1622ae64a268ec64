"""The cost model: learned from measurements on some devices, it predicts the latency of any architecture on another from about ten.

Measured is also what a device's firmware or compiler does; the model asks for nothing but latencies, in any unit. The task of predicting
latency with few samples of an unseen device is that of Lee et al. 2021, "HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via
Meta-Learning"; where they meta-learn a network, here a device is a draw from a Gaussian process whose mean and covariance are learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metanas.errors import InputError
from metanas.meta.cost_model.device import DeviceModel, adapt
from metanas.meta.cost_model.features import Features, Vector
from metanas.meta.cost_model.kernel import Kernel
from metanas.meta.cost_model.prior import DevicePrior, Encoded, fit_prior
from metanas.meta.cost_model.sources import Sources, fit_sources

SCHEMA = 1
_NUMBERS = 200_000
"""Of the architectures that are kept, at most: with the rest less than a megabyte."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Latencies of one device.

    Args:
        features: of the architectures.
        latencies: of each, positive, in any unit, ``(architectures,)``.

    Raises:
        InputError: if there is not one for each of at least two architectures.
    """

    features: Features
    latencies: Vector

    def __post_init__(self) -> None:
        latencies = self.latencies
        if latencies.shape != (len(self.features),) or len(latencies) < 2 or not (np.isfinite(latencies) & (latencies > 0)).all():
            raise InputError("a source device needs one positive latency per architecture, of at least two; leave out what could not run")


@dataclass(frozen=True, eq=False)
class CostModel:
    """What is known of devices.

    Args:
        devices: names of those it was learned from.
        prior: of a device.

    Example:
        >>> model = CostModel.learn({"phone": Measured(features, on_phone), "server": Measured(features, on_server)}, rng)
        >>> watch = model.adapt(features.rows(references), measured_on_watch)
        >>> mean, deviation = watch.predict(features)
    """

    devices: tuple[str, ...]
    prior: DevicePrior

    @classmethod
    def learn(cls, sources: Mapping[str, Measured], rng: np.random.Generator, inducing: int = 500, most: int = 200) -> CostModel:
        """The model of these devices; about a second for nine of 900 architectures each.

        Args:
            sources: by device; all of one space, their architectures need not be the same.
            rng: chooses among architectures where only some are looked at.
            inducing: architectures that are kept as the base of the sources' functions, at most; fewer where they have many features.
            most: measurements of a device that variances are fitted to, at most.

        Raises:
            InputError: if there are fewer than two devices, or if these are not of one space.
        """
        if len(sources) < 2:
            raise InputError("a cost model is learned from at least two devices; measure on another one")
        every = _stacked([measured.features for measured in sources.values()])
        kernel = Kernel.of(every)
        z = np.unique(kernel.standardised(every).astype(np.float32), axis=0).astype(np.float64)
        base = z[np.sort(rng.permutation(len(z))[: min(inducing, _NUMBERS // z.shape[1])])]
        measured = [(kernel.standardised(m.features), m.latencies.astype(np.float64)) for m in sources.values()]
        functions, factors = fit_sources(kernel, measured, base, most, rng)
        relative = [(z, latencies * factor) for (z, latencies), factor in zip(measured, factors, strict=True)]
        return cls(tuple(sources), fit_prior(functions, relative, most, rng))

    def encode(self, architectures: Features) -> Encoded:
        """``architectures`` as :meth:`adapt`, :meth:`DeviceModel.predict` and the others take them, too: saves time where many devices
        are asked about the same ones."""
        return self.prior.encode(architectures)

    def adapt(self, references: Features | Encoded, latencies: ArrayLike) -> DeviceModel:
        """The model of a device on which the ``references`` were measured.

        Args:
            references: architectures, ten or so, at least two.
            latencies: of each, positive, in any unit, ``(references,)``.

        Raises:
            InputError: if these don't fit together or are of another space.
        """
        return adapt(self.prior, self.prior.encode(references), np.asarray(latencies, dtype=np.float64))

    def to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and JSON from which :meth:`from_arrays` makes a model that predicts the same."""
        kernel, functions = self.prior.sources.kernel, self.prior.sources
        arrays: dict[str, NDArray[Any]] = {"centre": kernel.centre, "factor": kernel.factor}
        arrays |= {"inducing": functions.inducing.astype(np.float32), "scale": functions.scale}
        arrays |= {
            "variances": functions.variances,
            "weights": functions.weights,
            "shares": self.prior.shares,
            "amounts": self.prior.amounts,
        }
        return arrays, {"schema": SCHEMA, "devices": list(self.devices), "names": list(kernel.names), "groups": list(kernel.groups)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> CostModel:
        """What :meth:`to_arrays` gave.

        Raises:
            InputError: if something is missing, or written by a newer version.
        """
        if record.get("schema", 0) > SCHEMA:
            raise InputError("this cost model was written by a newer version of metanas; update metanas to read it")
        try:
            kernel = Kernel(tuple(record["names"]), tuple(record["groups"]), arrays["centre"], arrays["factor"])
            inducing = arrays["inducing"].astype(np.float64)
            functions = Sources(kernel, inducing, arrays["variances"], arrays["weights"], arrays["scale"])
            return cls(tuple(record["devices"]), DevicePrior(functions, arrays["shares"], arrays["amounts"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError("this is no cost model, or a damaged one; learn it anew") from error


def _stacked(parts: list[Features]) -> Features:
    """The architectures of all, with the columns that any of them has; where it lacks one it has 0 there."""
    groups = {name: group for part in parts for name, group in zip(part.names, part.groups, strict=True)}
    places = {name: place for place, name in enumerate(groups)}
    values = np.zeros((sum(map(len, parts)), len(groups)))
    start = 0
    for part in parts:
        values[start : start + len(part), [places[name] for name in part.names]] = part.values
        start += len(part)
    return Features(values, tuple(groups), tuple(groups.values()))
