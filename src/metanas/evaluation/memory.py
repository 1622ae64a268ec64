"""How much memory training a network takes: predicted before it is built, and watched while it runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from metanas.spaces.memory import training_bytes as training_bytes

MEMORY_SHARE = 0.8
"""Share of the memory for trainings."""

_EXHAUSTED = re.compile(r"not enough memory|can't allocate|cannot allocate|out of memory|bad alloc", re.IGNORECASE)


def in_words(size: float) -> str:
    """A number of bytes for people, e.g. ``1.2 GB``."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"


def is_exhaustion(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _EXHAUSTED.search(str(error)) is not None)


def resident_bytes() -> int:
    """Bytes of memory that this process holds now; its largest so far where the system does not say."""
    table = Path("/proc/self/statm")
    if table.exists():
        return int(table.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def room(device: str = "cpu") -> int:
    """Bytes that trainings may take together on a device: :data:`MEMORY_SHARE` of its memory."""
    return int(MEMORY_SHARE * total_bytes(device))


def total_bytes(device: str = "cpu") -> int:
    """Bytes of memory that this process could ever have: a CUDA device's own; else the machine's, or less where a container limits it.

    What is free at the moment does not count: it differs from run to run, and searches are to be repeatable.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for where in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        file = Path(where)
        if file.exists() and (text := file.read_text(encoding="ascii").strip()).isdigit():
            limits.append(int(text))
    return min(limits)
