"""Sound front ends inside the model: ``log_mel(rate, bands, window, hop)`` and ``log_spectrogram(window, hop)``.

Waveforms ``(channels, samples)`` to pictures ``(channels, bands, frames)`` with ``frames = samples // hop + 1`` (centred
Hann windows of ``window`` samples); ``log_spectrogram`` has ``window // 2 + 1`` bands. Each channel is shifted and scaled to mean 0 and
variance 1 over the picture. Nothing is trained. The Fourier transform is counted as the matrix product that it is in the network.
"""

from math import prod

from metanas.spaces.operation import Inputs, Operation, Settings, integer, register_operation
from metanas.spaces.shape import Shape


def frames(inputs: Inputs, settings: Settings) -> int:
    """Number of frames of a front end."""
    (shape,) = inputs
    if len(shape) != 2:
        raise ValueError(f"a sound front end takes (channels, samples), not shape {shape}")
    return shape[1] // integer(settings, "hop") + 1


def _mel(inputs: Inputs, settings: Settings) -> Shape:
    return (inputs[0][0], integer(settings, "bands"), frames(inputs, settings))


def _mel_flops(inputs: Inputs, settings: Settings) -> int:
    return _fourier_flops(inputs, settings) + 2 * integer(settings, "bands") * prod(_spectrogram(inputs, settings))


def _fourier_flops(inputs: Inputs, settings: Settings) -> int:
    return 4 * integer(settings, "window") * prod(_spectrogram(inputs, settings))


def _spectrogram(inputs: Inputs, settings: Settings) -> Shape:
    return (inputs[0][0], integer(settings, "window") // 2 + 1, frames(inputs, settings))


register_operation(Operation("log_mel", _mel, flops=_mel_flops, fixed=True))
register_operation(Operation("log_spectrogram", _spectrogram, flops=_fourier_flops, fixed=True))
