"""Episodes as tensors where the training is: examples go to a GPU once, not with every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from metanas.tasks.few_shot.episode import Episode, EpisodeFamily, EpisodePart
from metanas.tasks.few_shot.sampler import EpisodeSampler

if TYPE_CHECKING:
    from torch import Tensor


@final
class EpisodeFeed:
    """Batches of a family as tensors on a device; equal to ``family.batch(...).tensors(device)``.

    Args:
        family: that is drawn from.
        device: where the tensors are to be. On another device than the CPU the examples of a data set are kept there, so that a batch moves
            a few numbers for each example instead of the example itself.
    """

    def __init__(self, family: EpisodeFamily, device: str = "cpu") -> None:
        self.family, self.device = family, device
        self._table: Tensor | None = None

    def batch(self, part: EpisodePart, first: int, count: int) -> Episode:
        """Episodes ``first`` to ``first + count - 1`` of a part, stacked, as tensors."""
        import torch

        family = self.family
        if self.device == "cpu" or not isinstance(family, EpisodeSampler):
            return family.batch(part, first, count).tensors(self.device)
        if self._table is None:
            self._table = torch.as_tensor(family.table).to(self.device)
        support, query = (torch.as_tensor(rows).to(self.device) for rows in family.rows(part, first, count))
        y_support, y_query = (
            torch.arange(family.ways, device=self.device).repeat_interleave(each).expand(count, -1)
            for each in (family.shots, family.queries)
        )
        return Episode(self._table[support], y_support, self._table[query], y_query)
