"""Batch normalisation inside supernets."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from metanas.networks.operations.elementwise import EPSILON, BatchNorm


class BatchStatistics(nn.Module):
    """Batch normalisation by the statistics of the batch, always: averages over paths would be those of no path."""

    def __init__(self, norm: BatchNorm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, channels, ...)``, normalised."""
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.1, EPSILON)


def without_averages(module: nn.Module) -> nn.Module:
    """``module`` with batch normalisation by the statistics of the batch, wherever it holds some."""
    if isinstance(module, BatchNorm):
        return BatchStatistics(module)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.track_running_stats = False
            part.running_mean = part.running_var = part.num_batches_tracked = None
        for name, child in list(part.named_children()):
            if isinstance(child, BatchNorm):
                setattr(part, name, BatchStatistics(child))
    return module
