"""How much memory a meta-training takes, predicted without building anything."""

from __future__ import annotations

from metanas.evaluation.memory import training_bytes
from metanas.networks.supernet_memory import supernet_bytes, supernet_parameters
from metanas.spaces.graph import Graph
from metanas.spaces.memory import NUMBER
from metanas.spaces.space import Space

COPIES_PER_TASK = 3
"""Of the weights, for every task of a piece: as they were, their gradient, and as they are after the step."""


def meta_bytes(subject: Graph | Space, examples: int, tasks: int) -> int:
    """Bytes that an outer step takes at the least besides the data: a single inner step, in a single thread.

    Args:
        subject: the network, or the space whose supernet is trained.
        examples: to learn from, of one task.
        tasks: that are computed together.

    Raises:
        InputError: if nothing in the space can be left open.
    """
    if isinstance(subject, Graph):
        parameters, once = subject.parameters, training_bytes(subject, tasks * examples)
    else:
        parameters, once = supernet_parameters(subject), supernet_bytes(subject, tasks * examples, whole=True)
    return once + NUMBER * COPIES_PER_TASK * tasks * parameters
