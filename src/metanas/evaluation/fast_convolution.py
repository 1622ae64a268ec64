"""What brings the training of small convolution networks on a CPU near the machine's limit, without compiling anything.

Two things count, measured by ``benchmarks/convolution_speed.py``. Arithmetic in bfloat16, with weights, optimiser and running
averages in float32 ("Mixed Precision Training", Micikevicius et al. 2018; bfloat16 has float32's range, so the loss needs no
scaling): on processors with instructions for it, a 3x3 convolution takes a quarter to a sixth of the time, and everything
between convolutions moves half the bytes. And memory that stays in the process: activations of a few megabytes are else
given back to the system after every step, and every page of them is mapped and cleared anew.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
_NEVER_TRIM = 2**31 - 1


@cache
def bfloat16_is_fast() -> bool:
    """Whether this processor multiplies bfloat16 numbers in hardware (AVX-512 BF16, with or without AMX).

    Elsewhere PyTorch imitates the type, which is slower than float32.
    """
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return onednn and supported is not None and bool(supported())


def mixed_precision(device: str = "cpu") -> torch.autocast:
    """A context for the forward pass of a convolution network: in bfloat16 where that is fast on a CPU, else as it is.

    Take the loss outside of it, on ``output.float()``. Validation and delivery need no such context: the weights are float32.

    Args:
        device: type of the device that the network is on, e.g. ``cpu`` or ``cuda``; only ``cpu`` changes anything.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=kind == "cpu" and bfloat16_is_fast())


@cache
def keep_freed_memory() -> bool:
    """Have this process keep freed memory for its next allocations instead of giving it back; once, before training.

    Concerns the GNU C library's allocator alone (``mallopt(3)``); the process then holds on to the most it ever used.

    Returns:
        Whether the allocator agreed; False on other systems, where nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Setting either switches off the allocator's own adjustment of both, so both are set.
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER_TRIM))
