"""Made-up devices: what a cost model can be checked against exactly."""

import numpy as np
from numpy.typing import NDArray

from metanas.meta.cost_model import CostModel, Features, Measured, choice_features
from metanas.spaces import Decision

DECISIONS = [Decision(f"layer{i}", ("skip", "small", "large")) for i in range(6)]


def architectures(count: int, seed: int = 0) -> Features:
    """Networks of six layers, some of them twice."""
    return choice_features(DECISIONS, np.random.default_rng(seed).integers(0, 3, size=(count, len(DECISIONS))))


def prices(seed: int) -> NDArray[np.float64]:
    """What each option of each layer costs on a device, ``(18,)``: by its kind, and a little by the layer."""
    rng = np.random.default_rng(seed)
    return np.tile([0.05, 1.0, 1.0] + rng.random(3) * [0.1, 1.0, 4.0], 6) * (1.0 + 0.1 * rng.random(18))


def device(features: Features, costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Latencies without noise: costs add up, and starting takes its time."""
    return 1.0 + features.values[:, :18] @ costs


def model(devices: int = 4, count: int = 150, noise: float = 0.0) -> CostModel:
    """Learned from devices of these kinds."""
    features, rng = architectures(count), np.random.default_rng(5)
    latencies = [device(features, prices(seed)) * np.exp(noise * rng.standard_normal(count)) for seed in range(devices)]
    return CostModel.learn({f"device{i}": Measured(features, y) for i, y in enumerate(latencies)}, np.random.default_rng(7), most=100)
