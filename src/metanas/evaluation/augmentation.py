"""Light augmentation of pictures: small shifts, and mirroring where a mirrored picture means the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from metanas.tasks.data import LearningData


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are shifted, and whether they are mirrored.

    Args:
        down, across: largest shift in pixels along height and width; what moves in repeats the edge.
        mirror: whether every second picture (at random) is mirrored left to right.
    """

    down: int
    across: int
    mirror: bool

    @classmethod
    def of(cls, data: LearningData) -> Augmentation | None:
        """What suits the data: images are shifted by up to a twentieth of their size; nothing else is augmented.

        Larger shifts cost accuracy in trainings of some ten epochs, and those of tiny pictures.
        """
        if data.shape.data != "image":
            return None
        _, height, width = data.shape.input
        suited = cls(round(height / 20), round(width / 20), data.mirror)
        return None if suited == cls(0, 0, False) else suited

    def draw(self, pictures: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """The pictures of ``rows``, each moved in its own way.

        Args:
            pictures: all of them, ``(examples, height, width, channels)``.
            rows: int64 ``(batch,)``, which to take.
            generator: of the shifts.

        Returns:
            ``(batch, height, width, channels)``.
        """
        batch, height, width = len(rows), pictures.shape[1], pictures.shape[2]
        device = pictures.device
        lines = _shifted(batch, height, self.down, generator, device)
        columns = _shifted(batch, width, self.across, generator, device)
        if self.mirror:
            flip = torch.rand(batch, 1, generator=generator, device=generator.device).to(device) < 0.5
            columns = torch.where(flip, columns.flip(1), columns)
        cells = (lines * width)[:, :, None] + columns[:, None, :] + (rows * (height * width))[:, None, None]
        flat = pictures.view(-1, pictures.shape[3])
        return flat.index_select(0, cells.view(-1)).view(batch, height, width, -1)


def _shifted(batch: int, length: int, most: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """``(batch, length)``: the positions ``0 .. length - 1``, shifted by up to ``most`` and kept inside."""
    shift = torch.randint(-most, most + 1, (batch, 1), generator=generator, device=generator.device).to(device)
    return (torch.arange(length, device=device) + shift).clamp(0, length - 1)
