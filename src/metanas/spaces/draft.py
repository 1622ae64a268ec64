"""Writing spaces: a draft collects decisions and open nodes in order and becomes a :class:`Space`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metanas.spaces.closing import Edge, OpenNode
from metanas.spaces.decision import ALWAYS, Condition, Decision, Value
from metanas.spaces.shape import TaskShape
from metanas.spaces.space import RECIPE, Space


class Draft:
    """Collects what a space consists of.

    Example:
        >>> def tiny(shape: TaskShape) -> Space:
        ...     draft = Draft()
        ...     width = draft.decide("width", (8, 16, 32), ordered=True)
        ...     x = draft.node("hidden", "dense", ["input"], units=width)
        ...     x = draft.node("act", "activation", [x], kind=draft.decide("activation", ("relu", "tanh")))
        ...     draft.recipe()
        ...     draft.node("head", "dense", [x], units=shape.outputs)
        ...     return draft.space("tiny", shape, plain={"width": 16})
    """

    def __init__(self) -> None:
        self._decisions: list[Decision] = []
        self._nodes: list[OpenNode] = []

    def decide(self, name: str, options: Sequence[Value], *, ordered: bool = False, when: Condition = ALWAYS) -> Decision:
        """A new open choice; see :class:`Decision`."""
        decision = Decision(name, tuple(options), ordered, when)
        self._decisions.append(decision)
        return decision

    def node(self, name: str, op: str, inputs: Sequence[str | Edge], when: Condition = ALWAYS, **settings: Value | Decision) -> str:
        """A node of operation ``op``; returns its name, to be used as an input of later nodes."""
        return self.choose(name, op, {op: settings}, inputs, when)

    def choose(
        self,
        name: str,
        op: str | Decision,
        options: Mapping[str, Mapping[str, Value | Decision]],
        inputs: Sequence[str | Edge],
        when: Condition = ALWAYS,
    ) -> str:
        """A node whose operation is open: ``op`` decides among the keys of ``options``, each with its own settings."""
        edges = tuple(Edge(source) if isinstance(source, str) else source for source in inputs)
        self._nodes.append(OpenNode(name, op, options, edges, when))
        return name

    def join(self, name: str, connection: Decision, earlier: Sequence[str], when: Condition = ALWAYS) -> str:
        """The input of the next layer: the last of ``earlier``; with ``connection`` "dense" all of them side by side
        (Huang et al. 2017, DenseNet), with "sparse" the last and a searched subset of the others."""
        edges = [Edge(earlier[-1])]
        for position, source in enumerate(earlier[:-1]):
            edges.append(Edge(source, connection.among("dense")))
            skip = self.decide(f"{name}.from{position}", (False, True), when=when & connection.among("sparse"))
            edges.append(Edge(source, skip.among(True)))
        return self.node(name, "concat", edges, when)

    def residual(self, name: str, connection: Decision, main: str, shortcut: str, when: Condition = ALWAYS) -> str:
        """``main`` plus ``shortcut`` where ``connection`` is "residual" (He et al. 2016); elsewhere ``main``."""
        return self.node(name, "residual", [main, Edge(shortcut, connection.among("residual"))], when)

    def recipe(self, *, label_smoothing: bool = False) -> None:
        """Open the choices of the training recipe; see ``metanas.evaluation.recipe``."""
        self.decide(f"{RECIPE}learning_rate", (3e-4, 1e-3, 3e-3, 1e-2), ordered=True)
        self.decide(f"{RECIPE}weight_decay", (1e-4, 1e-2, 5e-2, 2e-1), ordered=True)
        if label_smoothing:
            self.decide(f"{RECIPE}label_smoothing", (0.0, 0.1), ordered=True)

    def space(self, name: str, shape: TaskShape, plain: Mapping[str, Value], motif: Draft | None = None) -> Space:
        """The finished space; the last node gives the network's output.

        Args:
            name: of the space.
            shape: of the task.
            plain: choices of the plain baseline network.
            motif: its nodes are what repeats in the network (a cell) and what encodings look at; it shares the decisions of this draft.
        """
        return Space(name, shape, tuple(self._decisions), tuple(self._nodes), plain, motif=() if motif is None else tuple(motif._nodes))
