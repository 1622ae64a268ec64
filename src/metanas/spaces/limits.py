"""Hard limits that the graph of an architecture decides."""

from __future__ import annotations

from dataclasses import dataclass

from metanas.spaces.graph import Graph


@dataclass(frozen=True)
class Limits:
    """What the graph alone decides, as largest allowed values; None allows any."""

    parameters: int | None = None
    flops: int | None = None

    def admit(self, graph: Graph) -> bool:
        """Whether ``graph`` keeps the limits."""
        return (self.parameters is None or graph.parameters <= self.parameters) and (self.flops is None or graph.flops <= self.flops)

    def tightened(self, other: Limits) -> Limits:
        """The tighter of both, limit by limit."""
        pairs = ((self.parameters, other.parameters), (self.flops, other.flops))
        return Limits(*(min((most for most in pair if most is not None), default=None) for pair in pairs))
