"""Sound front ends: log-mel and log spectrograms as fixed matrix products, which every runtime has.

The Fourier transform of short windows is written as a convolution with the windowed cosines and sines. For windows of up
to a few hundred samples this takes about as long as a fast Fourier transform, and it exports like any convolution.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from metanas.networks.registry import builds
from metanas.spaces.operation import Inputs, Settings, integer

_FLOOR = 1e-6
"""Added to the power before the logarithm: about 60 dB below a full-scale sine, so that digital silence stays finite."""


class Spectrogram(nn.Module):
    """Logarithm of the power in frequency bands; every channel is brought to mean 0 and variance 1 over its picture.

    Args:
        window: samples in one Hann window.
        hop: samples from one window to the next.
        filters: ``(bands, window // 2 + 1)`` weights that pool frequencies into bands, or None to keep all.
    """

    basis: Tensor
    filters: Tensor | None

    def __init__(self, window: int, hop: int, filters: NDArray[np.float64] | None) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        self.register_buffer("basis", torch.from_numpy(fourier_basis(window)).float()[:, None, :], persistent=False)
        self.register_buffer("filters", None if filters is None else torch.from_numpy(filters).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Waveforms ``(batch, channels, samples)`` to pictures ``(batch, channels, bands, samples // hop + 1)``."""
        batch, channels, samples = x.shape
        frames = samples // self.hop + 1
        before = self.window // 2
        after = max(0, (frames - 1) * self.hop + self.window - before - samples)
        waves = F.conv1d(F.pad(x.reshape(batch * channels, 1, samples), (before, after)), self.basis, stride=self.hop)
        real, imaginary = waves.chunk(2, dim=1)
        power = real.square() + imaginary.square()
        if self.filters is not None:
            power = self.filters @ power
        loud = torch.log(power + _FLOOR)
        centred = loud - loud.mean(dim=(1, 2), keepdim=True)
        scaled = centred / torch.sqrt(centred.square().mean(dim=(1, 2), keepdim=True) + 1e-5)
        return scaled.view(batch, channels, -1, frames)


def fourier_basis(window: int) -> NDArray[np.float64]:
    """Cosines, then negative sines, of the frequencies ``0 .. window // 2`` under a periodic Hann window.

    ``(2 * (window // 2 + 1), window)``, scaled so that a sine of amplitude 1 at one of these frequencies has power 1.
    """
    times = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * times / window)
    angles = 2 * np.pi * np.outer(np.arange(window // 2 + 1), times) / window
    return np.asarray(np.concatenate([np.cos(angles), -np.sin(angles)]) * hann * (2 / hann.sum()))


def mel_filters(rate: int, bands: int, window: int) -> NDArray[np.float64]:
    """Triangles, evenly spaced on the mel scale from 0 to ``rate / 2`` hertz: ``(bands, window // 2 + 1)``.

    Mel scale of O'Shaughnessy 1987: ``2595 log10(1 + f / 700)``. Every row sums to 1; a triangle too narrow to hold a
    frequency takes the nearest one.
    """
    frequencies = np.linspace(0, rate / 2, window // 2 + 1)
    mels = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    filters = np.maximum(0, np.minimum((frequencies - low) / (centre - low), (high - frequencies) / (high - centre)))
    nearest = np.abs(frequencies - centre).argmin(axis=1)
    empty = filters.sum(axis=1) <= 0
    filters[empty, nearest[empty]] = 1
    return np.asarray(filters / filters.sum(axis=1, keepdims=True))


@builds("log_mel")
def log_mel(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``log_mel``."""
    window = integer(settings, "window")
    return Spectrogram(window, integer(settings, "hop"), mel_filters(integer(settings, "rate"), integer(settings, "bands"), window))


@builds("log_spectrogram")
def log_spectrogram(inputs: Inputs, settings: Settings) -> nn.Module:
    """The module of ``log_spectrogram``."""
    return Spectrogram(integer(settings, "window"), integer(settings, "hop"), None)
