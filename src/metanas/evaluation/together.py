"""Which networks can train together."""

from metanas.evaluation.population_cells import NotBatchableError, cells_of
from metanas.spaces import Graph


def trains_together(graph: Graph) -> bool:
    """Whether a network of this graph can train with others as a population: by its operations alone."""
    try:
        cells_of(graph)
    except NotBatchableError:
        return False
    return True
