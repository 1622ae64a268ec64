"""Sound front ends inside the model: ``log_mel(rate, bands, window, hop)`` and ``log_spectrogram(window, hop)``.

Waveforms ``(channels, samples)`` to pictures ``(channels, bands, frames)`` with ``frames = samples // hop + 1`` (centred
Hann windows of ``window`` samples); ``log_spectrogram`` has ``window // 2 + 1`` bands. Each channel is shifted and scaled to mean 0 and variance 1
over the picture. Nothing is trained.
"""

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
    channels, bands, times = _mel(inputs, settings)
    return 2 * channels * bands * times * (integer(settings, "window") // 2 + 1)


def _spectrogram(inputs: Inputs, settings: Settings) -> Shape:
    return (inputs[0][0], integer(settings, "window") // 2 + 1, frames(inputs, settings))


register_operation(Operation("log_mel", _mel, flops=_mel_flops, fixed=True))
register_operation(Operation("log_spectrogram", _spectrogram, fixed=True))
