"""How much memory training a network takes: predicted before it is built, and watched while it runs."""

from __future__ import annotations

import os
import re
import sys
from math import prod
from pathlib import Path

from metanas.spaces.graph import Graph, Node
from metanas.spaces.operation import integer

NUMBER = 4
"""Bytes of a float32."""

COPIES_OF_WEIGHTS = 5
"""Weights, gradients, two moments of AdamW, and the best weights so far."""

COPIES_OF_ACTIVATIONS = 2.5
"""Every output between nodes is kept for the backward pass, its gradient is needed while it is passed back, and some
operations keep copies in a layout of their own."""

_GATES = {"rnn": 1, "gru": 5, "lstm": 10, "sep_conv": 1}
"""Gates and states of recurrent layers, and what stands between the two halves of a separable convolution."""

_EXHAUSTED = re.compile(r"not enough memory|can't allocate|cannot allocate|out of memory|bad alloc", re.IGNORECASE)


def training_bytes(graph: Graph, batch: int) -> int:
    """Bytes that training takes besides the data, estimated from the graph without building it.

    Args:
        graph: of the network.
        batch: examples per step.
    """
    inside = sum(_inside(node) * prod(graph.shapes[node.name]) for node in graph.nodes)
    return int(NUMBER * (COPIES_OF_WEIGHTS * graph.parameters + COPIES_OF_ACTIVATIONS * batch * (graph.activations + inside)))


def _inside(node: Node) -> int:
    """Numbers that an operation keeps for the backward pass besides its output, per number of the output."""
    if node.op == "transformer":
        # Two normalised inputs, query, key and value, what is attended to, the first half's sum, and the wide layer twice.
        return 7 + 2 * integer(node.options, "expansion")
    return _GATES.get(node.op, 0)


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


def total_bytes() -> int:
    """Bytes of memory that this process could ever have: the machine's, or less where a container limits it.

    What is free at the moment does not count: it differs from run to run, and searches are to be repeatable.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for where in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        file = Path(where)
        if file.exists() and (text := file.read_text(encoding="ascii").strip()).isdigit():
            limits.append(int(text))
    return min(limits)
