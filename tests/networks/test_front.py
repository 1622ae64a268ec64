"""Sound front ends against PyTorch's short-time Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metanas.networks import module_of
from metanas.networks.operations.front import mel_filters

WINDOW, HOP = 64, 24


def reference(x, filters=None):
    """The same by ``torch.stft``."""
    hann = torch.hann_window(WINDOW)
    spectrum = torch.stft(x, WINDOW, HOP, window=hann, center=True, pad_mode="constant", return_complex=True)
    power = (spectrum.abs() * 2 / hann.sum()) ** 2
    if filters is not None:
        power = torch.from_numpy(filters).float() @ power
    loud = torch.log(power + 1e-6)
    return (loud - loud.mean((1, 2), keepdim=True)) / loud.std((1, 2), keepdim=True, unbiased=False)


@pytest.mark.parametrize("samples", [240, 241, 263, 264])
def test_spectrogram_is_the_fourier_transform(samples):
    x = torch.randn(3, samples)
    ours = module_of("log_spectrogram", ((1, samples),), {"window": WINDOW, "hop": HOP})(x[:, None])
    expected = reference(x)
    assert ours.shape[1:] == (1, WINDOW // 2 + 1, samples // HOP + 1)
    assert torch.allclose(ours[:, 0], expected, atol=1e-3)


def test_mel_bands_pool_the_spectrogram():
    x = torch.randn(2, 400)
    options = {"rate": 8000, "bands": 10, "window": WINDOW, "hop": HOP}
    ours = module_of("log_mel", ((1, 400),), options)(x[:, None])
    assert torch.allclose(ours[:, 0], reference(x, mel_filters(8000, 10, WINDOW)), atol=1e-3)


def test_channels_are_pictures_of_their_own():
    x = torch.randn(2, 2, 200)
    module = module_of("log_spectrogram", ((2, 200),), {"window": WINDOW, "hop": HOP})
    alone = module_of("log_spectrogram", ((1, 200),), {"window": WINDOW, "hop": HOP})
    assert torch.allclose(module(x)[:, 1:], alone(x[:, 1:]), atol=1e-5)


@pytest.mark.parametrize("bands", [4, 40, 80])
def test_mel_filters_are_averages_in_rising_order(bands):
    filters = mel_filters(16000, bands, 512)
    assert filters.shape == (bands, 257)
    assert np.allclose(filters.sum(1), 1)
    assert (filters >= 0).all()
    centres = filters @ np.arange(257)
    assert (np.diff(centres) >= 0).all()
    assert np.diff(centres)[-1] > np.diff(centres)[0]


def test_a_tone_lights_the_band_of_its_frequency():
    rate, frequency = 8000, 1500
    wave = torch.sin(2 * torch.pi * frequency * torch.arange(4000) / rate)[None, None]
    picture = module_of("log_spectrogram", ((1, 4000),), {"window": 256, "hop": 128})(wave)
    assert picture[0, 0, :, 10].argmax() == round(frequency / rate * 256)


def test_silence_is_finite():
    picture = module_of("log_mel", ((1, 300),), {"rate": 8000, "bands": 8, "window": WINDOW, "hop": HOP})(torch.zeros(2, 1, 300))
    assert torch.isfinite(picture).all()
    assert picture.abs().max() < 1e-2
