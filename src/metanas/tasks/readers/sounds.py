"""Folders of WAV files, a sub-folder per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks import clips
from metanas.tasks.build import Found, assemble
from metanas.tasks.data import Array
from metanas.tasks.folders import find, holds, note_broken
from metanas.tasks.options import Options, number_of
from metanas.tasks.task import Task, check_source


class SoundReader(TaskReader):
    """WAV files of mixed rates, lengths and channels; ``train/`` and ``test/`` above the classes are respected."""

    def reads(self, path: Path) -> bool:
        """A folder with WAV files in it."""
        return holds(path, clips.SUFFIXES)

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: rate, seconds, metric, seed, name. Files that can't be read are skipped and named in the notes.

        Raises:
            InputError: if there are no readable WAV files of at least two classes.
        """
        asked = Options.of(options)
        asked.require("a folder of WAV files", "rate", "seconds")
        if asked.data not in (None, "sound") or asked.problem == "regression":
            raise InputError("a folder of WAV files by class is a task of sound classification; leave --kind out")
        files = find(check_source(path), clips.SUFFIXES, "WAV files")
        loaded = [clips.load(p) for p in files.paths]
        good = [i for i, clip in enumerate(loaded) if clip is not None]
        if not good:
            raise InputError(f"none of the {len(loaded)} WAV files in {str(path)!r} can be read; the first is {str(files.paths[0])!r}")
        kept = files.keep(good)
        broken = [p for p, clip in zip(files.paths, loaded, strict=True) if clip is None]
        notes = list(note_broken(broken, "WAV file", path))
        x, rate, more = arrange([clip for clip in loaded if clip is not None], asked, kept.learned)
        found = Found(
            name=path.name,
            data="sound",
            inputs=x,
            values=list(kept.classes),
            target="label",
            given=kept.given,
            notes=notes + more,
            source=str(path.resolve()),
            facts={"rate": rate},
        )
        return assemble(found, replace(asked, problem="classification"))


def arrange(loaded: Sequence[tuple[int, Array]], asked: Options, learned: Array) -> tuple[Array, int, list[str]]:
    """Clips as one array ``(n, channels, samples)`` at the commonest rate, its samples per second, and notes.

    Rate, channels and length are decided by those that ``learned`` marks (all, if none).
    """
    telling = [clip for clip, known in zip(loaded, learned, strict=True) if known] or loaded
    rates = Counter(rate for rate, _ in telling)
    rate = asked.rate or min(rates.most_common(1)[0][0], clips.HIGHEST_RATE)
    widths = {len(waves) for _, waves in telling}
    channels = widths.pop() if len(widths) == 1 else 1
    notes = [] if not widths else ["clips with different numbers of channels were mixed down to one"]
    if {own for own, _ in loaded} != {rate}:
        notes.append(f"clips were resampled to {rate} samples per second; --rate changes that")
    durations = np.array([waves.shape[1] / r for r, waves in loaded])
    known = np.array([waves.shape[1] / r for r, waves in telling])
    longest = asked.seconds or min(float(np.quantile(known, 0.95)), clips.LONGEST)
    length = max(1, round(longest * rate))
    cut = int((durations * rate > length + 1).sum())
    if cut:
        notes.append(f"{number_of(cut, 'clip')} cut to the first {longest:.2f} seconds; --seconds changes that")
    return arranged(loaded, channels, rate, length), rate, notes


def arranged(loaded: Sequence[tuple[int, Array]], channels: int, rate: int, length: int) -> Array:
    """Clips as float32 ``(n, channels, length)``: mixed down where channels differ, resampled, cut at the end or padded with zeros."""
    x = np.zeros((len(loaded), channels, length), np.float32)
    for row, (own_rate, waves) in enumerate(loaded):
        needed = int(np.ceil((length + 1) * own_rate / rate))
        sound = clips.resample(clips.with_channels(waves[:, :needed], channels), own_rate, rate)[:, :length]
        x[row, :, : sound.shape[1]] = np.clip(sound, -1, 1)
    return x
