"""Recurrent cells as data: how NAS-Bench-NLP writes them, and the choices that describe them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from metanas.benchmarks.tables.rows import Choices
from metanas.spaces import Decision, Draft, Space, TaskShape
from metanas.spaces.architecture import digest
from metanas.spaces.closing import Edge
from metanas.spaces.decision import Value

ARITY = {
    "linear": (2, 3),
    "blend": (3, 3),
    "elementwise_sum": (2, 2),
    "elementwise_prod": (2, 2),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}
"""Fewest and most inputs of an operation."""
COMMUTATIVE = frozenset({"linear", "elementwise_sum", "elementwise_prod"})
OPERATIONS = tuple(ARITY)
MOST = 15
"""Nodes of the largest cells."""
STATES = (0, 1, 2)
SOURCES = ("x", *(f"h{s}" for s in STATES))
"""The token's vector and the previous states."""
NONE = "none"


class NoCell(ValueError):
    """A text that describes no cell of this kind."""


def read_cell(text: str) -> Choices:
    """The choices of a cell written as JSON: node name to operation and inputs, states read as ``h_prev_i``, written as ``h_new_i``.

    The same for the same cell, whatever its nodes are called and in whatever order they, and inputs whose order doesn't matter, come.

    Raises:
        NoCell: if it is none.
    """
    nodes = _parse(text)
    colours = _colours(nodes)
    numbers: dict[str, int] = {name: at for at, name in enumerate(SOURCES)}
    inputs: dict[str, list[int]] = {}
    while len(inputs) < len(nodes):
        ready = {
            name: _arranged(op, [numbers[source] for source in sources])
            for name, (op, sources) in nodes.items()
            if name not in inputs and all(source in numbers for source in sources)
        }
        if not ready:
            raise NoCell("its nodes wait for each other")
        chosen = min(ready, key=lambda name: (colours[name], ready[name]))
        numbers[chosen], inputs[chosen] = len(numbers), ready[chosen]
    chosen_options: list[tuple[str, Value]] = [("nodes", len(nodes))]
    for number, (name, sources) in enumerate(inputs.items(), start=1):
        op = nodes[name][0]
        chosen_options.append((f"node{number}.op", op))
        places = [_called(source) for source in sources] + [NONE] * (ARITY[op][1] - len(sources))
        chosen_options += [(f"node{number}.input{place}", source) for place, source in enumerate(places, start=1)]
    for state in STATES:
        new = f"h_new_{state}"
        chosen_options.append((f"state{state}", _called(numbers[new]) if new in nodes else NONE))
    return tuple(chosen_options)


def recurrent_space(name: str, shape: TaskShape) -> Space:
    """All cells of at most :data:`MOST` nodes, as choices without a network: an operation and its inputs per node, a node per state."""
    draft, motif = Draft(), Draft()
    count = draft.decide("nodes", tuple(range(2, MOST + 1)), ordered=True)
    earlier = list(SOURCES)
    for state in STATES:
        motif.node(f"h{state}", f"previous_state{state}", ["input"])
    for number in range(1, MOST + 1):
        node, here = f"node{number}", count.at_least(number)
        op = draft.decide(f"{node}.op", OPERATIONS, when=here)
        places = [draft.decide(f"{node}.input1", tuple(earlier), when=here)]
        places.append(draft.decide(f"{node}.input2", tuple(earlier), when=op.among(*_taking(2))))
        places.append(draft.decide(f"{node}.input3", (NONE, *earlier), when=op.among(*_taking(3))))
        edges = [edge for place in places for edge in _edges(place)]
        absent = Edge("input", count.among(*range(2, number)))
        motif.choose(node, op, {name: {} for name in OPERATIONS}, [*edges, absent], here)
        earlier.append(node)
    nodes = tuple(earlier[len(SOURCES) :])
    ends = []
    for state in STATES:
        new = draft.decide(f"state{state}", (NONE, *nodes))
        given = new.among(*nodes)
        motif.node(f"new{state}", f"new_state{state}", [*_edges(new), Edge("input", new.among(NONE))], given)
        ends.append(Edge(f"new{state}", given))
    motif.node("out", "add", ends)
    return draft.space(name, shape, {}, motif=motif)


def _taking(inputs: int) -> list[str]:
    return [op for op, (_, most) in ARITY.items() if most >= inputs]


def _edges(place: Decision) -> list[Edge]:
    return [Edge("input" if option == "x" else str(option), place.among(option)) for option in place.options if option != NONE]


def _called(number: int) -> str:
    """Sources come first, then the nodes from 1."""
    return SOURCES[number] if number < len(SOURCES) else f"node{number - len(SOURCES) + 1}"


def _arranged(op: str, inputs: Sequence[int]) -> list[int]:
    return sorted(inputs) if op in COMMUTATIVE else list(inputs)


def _parse(text: str) -> dict[str, tuple[str, list[str]]]:
    """Node name to operation and inputs, previous states called as in :data:`SOURCES`."""
    try:
        nodes = {str(n): (str(v["op"]), [re.sub(r"^h_prev_(?=\d$)", "h", str(i)) for i in v["input"]]) for n, v in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise NoCell("it is no JSON object of nodes") from error
    known = {*nodes, *SOURCES}
    for op, inputs in nodes.values():
        fewest, most = ARITY.get(op, (0, -1))
        if not (fewest <= len(inputs) <= most and known.issuperset(inputs)):
            raise NoCell(f"a node has the operation {op!r} with the inputs {inputs}")
    if not 2 <= len(nodes) <= MOST or known.intersection(nodes, SOURCES) or "h_new_0" not in nodes:
        raise NoCell("it has too few or too many nodes, or no state")
    return nodes


def _colours(nodes: Mapping[str, tuple[str, list[str]]]) -> dict[str, str]:
    """A text per node that says what it computes and what is made of it, but not what it is called."""
    colours = {name: digest([op, name if name.startswith("h_new_") and name[6:].isdigit() else ""]) for name, (op, _) in nodes.items()}
    users: dict[str, list[tuple[str, int]]] = {name: [] for name in nodes}
    for name, (op, inputs) in nodes.items():
        for place, source in enumerate(inputs):
            if source in users:
                users[source].append((name, 0 if op in COMMUTATIVE else place))
    for _ in range(len(nodes)):
        seen = {name: [colours.get(source, source) for source in inputs] for name, (_, inputs) in nodes.items()}
        colours = {
            name: digest([
                colours[name],
                sorted(seen[name]) if op in COMMUTATIVE else seen[name],
                sorted([colours[user], place] for user, place in users[name]),
            ])
            for name, (op, _) in nodes.items()
        }  # fmt: skip
    return colours
