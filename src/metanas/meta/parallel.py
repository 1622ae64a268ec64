"""Independent pieces of arithmetic in threads, one thread of PyTorch's own in each.

PyTorch lets go of Python's lock while it computes, so pieces whose operations take tens of microseconds run side by side. Splitting every
single operation over the cores, as PyTorch does by itself, gains little at such sizes and stalls when a core is busy with something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def in_threads(function: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """``function`` of every piece, in order; in as many threads as PyTorch may use when this is called.

    The results don't depend on the number of threads. In the calling thread that number is what it was afterwards.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(pieces))
    if workers <= 1:
        return [function(piece) for piece in pieces]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, pieces))
    finally:
        torch.set_num_threads(threads)
