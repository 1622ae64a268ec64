"""Contexts: what the open nodes of a space do, by the open choices that they refer to.

A *context* of a node is an assignment of the decisions on which its behaviour depends, and of those that decide whether these are open;
inactive decisions are absent. Contexts stay small, for a node refers to few decisions, however many the space has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from metanas.errors import InputError
from metanas.spaces.closing import OpenNode
from metanas.spaces.decision import Condition, Decision, Value
from metanas.spaces.graph import INPUT
from metanas.spaces.operation import operation
from metanas.spaces.space import Space

Context = tuple[tuple[str, Value], ...]
Names = frozenset[str]
MOST = 1 << 13
"""Contexts of one node that are worked through; a node that has more refers to too many choices at once."""


@dataclass(frozen=True)
class Behaviour:
    """What a node does in a context.

    Args:
        present: whether it is there; where it is absent its first present edge stands for its output.
        op: the operation; empty where absent.
        settings: of the operation, closed.
        edges: positions of the present edges among all of the node's; where it is absent only the first.
    """

    present: bool
    op: str
    settings: tuple[tuple[str, Value], ...]
    edges: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """A node's contexts.

    Args:
        refers: names of the open decisions that contexts assign, in the order of the space.
        rows: context to behaviour.
        sources: of every edge the node that it brings the output of; where that one is never there, the one that stands for it.
    """

    refers: tuple[str, ...]
    rows: Mapping[Context, Behaviour]
    sources: tuple[str, ...] = ()
    _groups: dict[Names, dict[Context, list[Context]]] = field(default_factory=dict, compare=False)

    def agreeing(self, context: Context, shared: Names) -> list[Context]:
        """The contexts that agree with ``context`` on the decisions ``shared``, among which all that this node refers to may be."""
        if shared not in self._groups:
            groups = self._groups[shared] = {}
            for row in self.rows:
                groups.setdefault(restricted(row, shared), []).append(row)
        return self._groups[shared].get(restricted(context, shared), [])


def restricted(context: Context, names: Names) -> Context:
    """``context`` without the decisions that are not in ``names``."""
    return tuple([pair for pair in context if pair[0] in names])


class Contexts:
    """The tables of spaces that differ in the options of their decisions alone; what was worked out for one is kept for the next."""

    def __init__(self) -> None:
        self._referred: dict[str, tuple[str, ...]] = {}
        self._known: dict[object, Table] = {}

    def tables(self, space: Space) -> tuple[dict[str, Table], str]:
        """The table of every node that is ever there, in order, and the name of the one that gives the output.

        A node where paths meet, which computes nothing by itself, refers to what its readers refer to, too.

        Raises:
            InputError: if a node has more than :data:`MOST` contexts.
        """
        known = {d.name: d for d in space.decisions}
        stands: dict[str, str] = {INPUT: INPUT}
        tables: dict[str, Table] = {}
        for node in space.nodes:
            table = self._table(node, known)
            first = next(iter(table.rows.values()))
            if len(table.rows) == 1 and not first.present and first.edges:
                stands[node.name] = stands[node.inputs[first.edges[0]].source]
                continue
            stands[node.name] = node.name
            tables[node.name] = Table(table.refers, table.rows, tuple(stands[edge.source] for edge in node.inputs))
        return self._seen_by_readers(tables, known), stands[space.nodes[-1].name]

    def _table(self, node: OpenNode, known: Mapping[str, Decision]) -> Table:
        if node.name not in self._referred:
            self._referred[node.name] = _referred(node, known)
        decisions = [known[name] for name in self._referred[node.name]]
        key = (node.name, tuple(d.options for d in decisions))
        if key not in self._known:
            self._known[key] = _table(node, decisions)
        return self._known[key]

    def _seen_by_readers(self, tables: dict[str, Table], known: Mapping[str, Decision]) -> dict[str, Table]:
        """The tables, those of joins with what their readers refer to."""
        wanted: dict[str, set[str]] = {name: set() for name in tables}
        joins = {name for name, table in tables.items() if all(not b.present or operation(b.op).join for b in table.rows.values())}
        for name in reversed(tables):
            asked = set(tables[name].refers) | (wanted[name] if name in joins else set())
            for source in tables[name].sources:
                if source != INPUT:
                    wanted[source] |= asked
        for name, table in tables.items():
            if name in joins:
                brought = {d for source in table.sources if source != INPUT for d in tables[source].refers}
                if more := (brought & wanted[name]).difference(table.refers):
                    tables[name] = self._extended(name, table, more, known)
        return tables

    def _extended(self, name: str, table: Table, more: Iterable[str], known: Mapping[str, Decision]) -> Table:
        names = frozenset(table.refers) | frozenset(more)
        decisions = _with_parents(names, known)
        key = (name, table.refers, table.sources, tuple((d.name, d.options) for d in decisions))
        if key not in self._known:
            own = frozenset(table.refers)
            contexts = dict.fromkeys(restricted(tuple(a.items()), names) for a in _assignments(name, decisions))
            rows = {context: table.rows[restricted(context, own)] for context in contexts}
            self._known[key] = Table(tuple(d.name for d in decisions if d.name in names), rows, table.sources)
        return self._known[key]


def _table(node: OpenNode, decisions: Sequence[Decision]) -> Table:
    names = [d.name for d in decisions if len(d.options) > 1]
    kept = frozenset(names)
    rows = {restricted(tuple(a.items()), kept): _behaviour(node, a) for a in _assignments(node.name, decisions)}
    whens = {d.name: _mentioned(d.when) for d in decisions}
    for name in reversed(names):  # those that are open under others come after them, so they go first
        fewer = kept - {name}
        if any(name in whens[other] for other in fewer):
            continue
        found: dict[Context, set[Behaviour]] = {}
        for context, behaviour in rows.items():
            found.setdefault(restricted(context, fewer), set()).add(behaviour)
        if all(len(behaviours) == 1 for behaviours in found.values()):
            kept, rows = fewer, {context: next(iter(behaviours)) for context, behaviours in found.items()}
    return Table(tuple(name for name in names if name in kept), rows)


def _assignments(node: str, decisions: Sequence[Decision]) -> list[dict[str, Value]]:
    """All assignments of the decisions that are open, in order; ``decisions`` come with those that they are open under."""
    found: list[dict[str, Value]] = [{}]
    for d in decisions:
        found = [fresh for a in found for fresh in ([{**a, d.name: o} for o in d.options] if d.when.holds(a) else [a])]
        if len(found) > MOST:
            names = ", ".join(d.name for d in decisions if len(d.options) > 1)
            raise InputError(f"node {node!r} refers to too many open choices at once ({names}); narrow the space with Space.narrowed")
    return found


def _behaviour(node: OpenNode, choices: Mapping[str, Value]) -> Behaviour:
    edges = tuple(i for i, edge in enumerate(node.inputs) if edge.when.holds(choices))
    if not node.when.holds(choices):
        return Behaviour(False, "", (), edges[:1])
    op = node.op if isinstance(node.op, str) else str(choices[node.op.name])
    settings = tuple((k, choices[v.name] if isinstance(v, Decision) else v) for k, v in node.options[op].items())
    return Behaviour(True, op, settings, edges)


def _referred(node: OpenNode, known: Mapping[str, Decision]) -> tuple[str, ...]:
    """The decisions that a node's behaviour may depend on, and those that these are open under, in the order of the space."""
    names = {term for when in (node.when, *(edge.when for edge in node.inputs)) for term in _mentioned(when)}
    names |= {node.op.name} if isinstance(node.op, Decision) else set()
    names |= {value.name for settings in node.options.values() for value in settings.values() if isinstance(value, Decision)}
    return tuple(d.name for d in _with_parents(names, known))


def _with_parents(names: Iterable[str], known: Mapping[str, Decision]) -> list[Decision]:
    found = set(names)
    waiting = list(found)
    while waiting:
        fresh = _mentioned(known[waiting.pop()].when) - found
        found |= fresh
        waiting += fresh
    return [d for d in known.values() if d.name in found]


def _mentioned(when: Condition) -> set[str]:
    return {name for name, _ in when.terms}
