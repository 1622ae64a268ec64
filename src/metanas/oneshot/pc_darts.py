"""``pc-darts``: DARTS in which a quarter of the channels pass the options, and edges that meet share one softmax.

When to choose it: where the whole mixture of DARTS is too large or too slow, and against its preference for skip connections.
Xu et al. 2020, "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search", sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from metanas.oneshot.choices import Mixture, softmax_mixture
from metanas.oneshot.logits import LogitMethod
from metanas.oneshot.partial import partial_channels
from metanas.oneshot.registry import register_oneshot
from metanas.oneshot.structure import ruling
from metanas.spaces import Architecture, Space
from metanas.spaces.closing import Edge, OpenNode
from metanas.spaces.decision import Decision
from metanas.spaces.narrowing import supernet_space
from metanas.spaces.operation import traits

PARTIAL = 4
"""K of the paper: one in so many channels passes the options."""
_SUMS = frozenset({"add", "residual"})
_EDGES = "edges into "


@register_oneshot("pc-darts")
class PcDarts(LogitMethod):
    """DARTS (first order) on a supernet of a rewritten space: with partial channels (:mod:`metanas.oneshot.partial`), and with a decision
    more for every place where several decisions meet in a sum, whose options are the edges: its softmax is edge normalisation.

    Deviations from the paper: AdamW for the weights, a higher rate for the logits; the shares of the edges steer the training, but choose
    no edges, for in our spaces an edge is left out by an option of its own. Networks of the space can't inherit the weights, which are for
    a quarter of the channels; so inherited scores tell of the supernet alone.

    Args:
        brief: space and task.
        training: of the weights.
        logits: of the logits, those of the edges included.
    """

    @classmethod
    def trained_space(cls, space: Space) -> Space:
        """With partial channels and edge decisions; ``space`` itself where some option could not be open with them."""
        rewritten = normalised_edges(partial_channels(space, PARTIAL))
        kept = {d.name: d.options for d in supernet_space(rewritten)[0].decisions}
        return rewritten if all(kept[d.name] == d.options for d in space.decisions) else space

    def mixture(self, logits: Mapping[str, Tensor], progress: float, rng: np.random.Generator) -> Mixture:
        """Eq. 1 and 2: softmax over the options, and over the edges that meet."""
        return softmax_mixture(logits)

    def path(self, architecture: Architecture) -> dict[str, Tensor]:
        """One-hot but for the edges, of which all have the same share."""
        chosen = {d.name: architecture.as_dict.get(d.name, d.options[0]) for d in self.supernet.decisions}
        paths = {d.name: [float(option == chosen[d.name]) for option in d.options] for d in self.supernet.decisions}
        even = {d.name: [1.0 / len(d.options)] * len(d.options) for d in self.supernet.decisions if d.name.startswith(_EDGES)}
        return {name: torch.tensor(weights, device=self.brief.device) for name, weights in {**paths, **even}.items()}


def normalised_edges(space: Space) -> Space:
    """``space`` with a decision for every group of edges that meet in a sum, each edge there where it is chosen; a mixture of them is the
    sum of the edges weighted by their shares (eq. 2 of the paper). Groups of the same decisions share theirs."""
    nodes = {node.name: node for node in space.nodes}
    added: dict[tuple[str, ...], Decision] = {}
    rewritten = []
    for node in space.nodes:
        group = _group(node, nodes, space)
        if group:
            decision = added.setdefault(group, Decision(f"{_EDGES}{node.name}", group))
            edges = (Edge(edge.source, edge.when & decision.among(name)) for edge, name in zip(node.inputs, group, strict=True))
            node = replace(node, inputs=tuple(edges))
        rewritten.append(node)
    return replace(space, decisions=(*space.decisions, *added.values()), nodes=tuple(rewritten))


def _group(node: OpenNode, nodes: Mapping[str, OpenNode], space: Space) -> tuple[str, ...]:
    """The decisions that meet in a sum, in the order of its inputs: each input is there always and comes through nodes of exactly one open
    decision, which does not rule the sum itself, no two through the same; else nothing."""
    if not isinstance(node.op, str) or node.op not in _SUMS or len(node.inputs) < 2:
        return ()
    opened = {d.name for d in space.decisions if len(d.options) > 1} - set(ruling(node, space))
    through = [_through(nodes, edge.source, space) & opened for edge in node.inputs]
    if any(name in opened for edge in node.inputs for name, _ in edge.when.terms):
        return ()
    group = tuple(name for names in through for name in names)
    return group if all(len(names) == 1 for names in through) and len(set(group)) == len(group) else ()


def _through(nodes: Mapping[str, OpenNode], source: str, space: Space) -> set[str]:
    """Decisions that rule the nodes on the way back from ``source`` to the last place where paths may meet."""
    found: set[str] = set()
    while source in nodes and not (isinstance(op := nodes[source].op, str) and traits(op).join):
        found |= set(ruling(nodes[source], space))
        source = nodes[source].inputs[0].source
    return found
