"""Random search: every choice drawn uniformly and independently.

When to choose it: as the baseline that every other strategy must beat, and where nothing is known of the space.
Bergstra and Bengio 2012, "Random Search for Hyper-Parameter Optimization".
"""

from metanas.spaces import Architecture
from metanas.strategies.base import BaseStrategy, register_strategy


@register_strategy("random")
class RandomSearch(BaseStrategy):
    """Draws architectures from the space, none twice."""

    def propose(self) -> Architecture:
        """A fresh draw."""
        return self.space.sample(self.rng)
