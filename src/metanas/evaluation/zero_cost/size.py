"""Size as a score: hard to beat, since larger networks are as a rule the better ones (Ning et al. 2021, "Evaluating Efficient
Performance Estimators of Neural Architectures", among others)."""

from __future__ import annotations

from torch import Tensor

from metanas.networks import Network
from metanas.tasks.data import Kind


def parameters(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """The number of trained numbers; nothing else is looked at."""
    return float(sum(p.numel() for p in network.parameters()))


def flops(network: Network, x: Tensor, y: Tensor, kind: Kind) -> float:
    """Floating-point operations of one example, forward, two per multiply-add; nothing else is looked at."""
    return float(network.graph.flops)
