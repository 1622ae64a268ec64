"""Independent pieces of arithmetic in threads, one thread of PyTorch's own in each.

PyTorch lets go of Python's lock while it computes, so pieces whose operations take tens of microseconds run side by side. Splitting every
single operation over the cores, as PyTorch does by itself, gains little at such sizes and stalls when a core is busy with something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


@contextmanager
def threads_to_share() -> Iterator[int]:
    """How many threads PyTorch may use in the calling thread; while the block lasts it uses a single one there."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def in_threads(function: Callable[[Piece], Result], pieces: Sequence[Piece], threads: int) -> list[Result]:
    """``function`` of every piece, in order, in so many threads; the results don't depend on how many. Within :func:`threads_to_share`."""
    workers = min(threads, len(pieces))
    if workers <= 1:
        return [function(piece) for piece in pieces]
    return list(_pool(workers).map(function, pieces))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Kept, since a new thread starts with no memory of its own, and has to be given all of it page by page."""
    return ThreadPoolExecutor(workers, thread_name_prefix="metanas", initializer=torch.set_num_threads, initargs=(1,))
