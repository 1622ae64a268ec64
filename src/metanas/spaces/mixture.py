"""Mixtures: the graph of a space with its choices left open, as a list of steps that computes every option once.

A node's value depends on its contexts (:mod:`metanas.spaces.contexts`). Where a reader does not refer to a decision, it is summed out: the
reader sees the sum, over the options, of the option's weight times its value (Liu et al. 2019, "DARTS", eq. 2; a chain of nodes that refer
to one decision is one operation of theirs). A decision that many nodes refer to (a depth, an activation) is mixed at each of these places
by itself.

What is absent passes its first input on; where paths meet, absent ones and zeros add nothing. Channels that are absent in some contexts
only are zeros there, and the readers must be operations that weigh their inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metanas.spaces.beside import Part, Parts, Placed, aligned, is_zero, whole_shape
from metanas.spaces.coefficients import ONE, Coefficient, added, weighted
from metanas.spaces.contexts import Behaviour, Context, Contexts, Names, Table, restricted
from metanas.spaces.decision import Value
from metanas.spaces.graph import INPUT
from metanas.spaces.operation import operation
from metanas.spaces.shape import Shape
from metanas.spaces.space import Space
from metanas.spaces.steps import Apply, MisfitError, Mixture, Step, Sum, tidied

PURE = frozenset({"activation", "max_pool", "avg_pool"})
"""Operations without weights or randomness that many nodes apply to the same value, for which it is then computed once."""


def mixture_of(space: Space, contexts: Contexts | None = None) -> Mixture:
    """The mixture of all architectures of ``space`` at once.

    Args:
        space: with nodes.
        contexts: made before, for this space with other options; saves time.

    Raises:
        MisfitError: if choices can't be left open together.
        InputError: if a node refers to too many of them.
    """
    tables, last = (contexts or Contexts()).tables(space)
    return _Compiler(space, tables, last).mixture()


class _Compiler:
    def __init__(self, space: Space, tables: dict[str, Table], last: str) -> None:
        self.space, self.tables, self.last = space, tables, last
        self.steps: list[Step] = []
        self.options = {d.name: len(d.options) for d in space.decisions}
        self.positions = {(d.name, o): i for d in space.decisions for i, o in enumerate(d.options)}
        self.refers = {name: frozenset(table.refers) for name, table in tables.items()}
        self.values: dict[str, dict[Context, Parts]] = {}
        self.read: dict[tuple[str, Names, Context], Parts] = {}
        self.known: dict[object, int] = {}
        self.layouts: dict[object, tuple[Shape, ...]] = {}

    def mixture(self) -> Mixture:
        """All steps."""
        for name, contexts in self._needed().items():
            self.values[name] = self._values(name, contexts)
        out = self._number(self._single(self.last, self._read(self.last, (), frozenset())))
        return Mixture(tidied(self.steps, out, self.options))

    # -- which contexts are asked for --------------------------------------------------------------------------------------

    def _needed(self) -> dict[str, list[Context]]:
        """Of every node that the output depends on the contexts in which it does."""
        needed: dict[str, set[Context]] = {name: set() for name in self.tables}
        needed[self.last] = set(self.tables[self.last].rows)
        for name in reversed(self.tables):
            table = self.tables[name]
            asked = {(position, context) for context in needed[name] for position in table.rows[context].edges}
            for position, context in asked:
                source = table.sources[position]
                if source != INPUT:
                    needed[source].update(self.tables[source].agreeing(context, self.refers[source] & self.refers[name]))
        return {name: [row for row in table.rows if row in needed[name]] for name, table in self.tables.items() if needed[name]}

    # -- reading: what a reader does not refer to is summed out ----------------------------------------------------------------

    def _read(self, source: str, context: Context, refers: Names) -> Parts:
        if source == INPUT:
            return (Part(((0, ONE),), self.space.shape.input),)
        shared = self.refers[source] & refers
        key = (source, shared, restricted(context, shared))
        if key not in self.read:
            names = [name for name in self.tables[source].refers if name not in shared]
            self.read[key] = self._summed(source, self.tables[source].agreeing(context, shared), names)
        return self.read[key]

    def _summed(self, source: str, rows: Sequence[Context], names: Sequence[str]) -> Parts:
        if not names:
            (row,) = rows
            return self.values[source][row]
        first, *others = names
        groups: dict[Value | None, list[Context]] = {}
        for row in rows:
            groups.setdefault(dict(row).get(first), []).append(row)
        if None in groups:
            return self._summed(source, rows, others)
        chosen = {self.positions[first, o]: self._summed(source, group, others) for o, group in groups.items() if o is not None}
        return self._blended(source, first, chosen)

    def _blended(self, source: str, decision: str, chosen: dict[int, Parts]) -> Parts:
        values = list(chosen.values())
        if all(value == values[0] for value in values):
            return values[0]
        shapes = {tuple([part.shape for part in value]) for value in values}
        if len(shapes) > 1:
            values = [(self._single(source, value),) for value in values]
            chosen = dict(zip(chosen, values, strict=True))
            shapes = {(part.shape,) for (part,) in values}
        if len(shapes) > 1:
            raise MisfitError(f"the options of {decision!r} give {source!r} the shapes {' and '.join(sorted(map(str, shapes)))}")
        parts = []
        for column, part in enumerate(values[0]):
            terms = [(n, weighted(decision, o, c)) for o, value in chosen.items() for n, c in value[column].terms]
            parts.append(self._total(terms, part.shape, any(value[column].vanishes for value in values)))
        return tuple(parts)

    def _total(self, terms: Iterable[tuple[int, Coefficient]], shape: Shape, vanishes: bool) -> Part:
        """The sum of ``terms`` as one value."""
        by_number: dict[int, list[Coefficient]] = {}
        for number, coefficient in terms:
            by_number.setdefault(number, []).append(coefficient)
        part = Part(tuple((n, added(found, self.options)) for n, found in by_number.items()), shape, vanishes)
        return part if len(part.terms) < 2 else Part(((self._number(part), ONE),), shape, vanishes)

    def _number(self, part: Part) -> int:
        """The number of the value that ``part`` comes to."""
        if len(part.terms) == 1 and part.terms[0][1] == ONE:
            return part.terms[0][0]
        key = ("sum", part.terms, part.shape)
        if key not in self.known:
            self.known[key] = len(self.steps) + 1
            self.steps.append(Sum(self.known[key], part.terms, part.shape))
        return self.known[key]

    # -- what nodes give ---------------------------------------------------------------------------------------------------

    def _values(self, name: str, contexts: Sequence[Context]) -> dict[Context, Parts]:
        table, refers = self.tables[name], self.refers[name]
        values: dict[Context, Parts] = {}
        beside: dict[Context, list[Placed]] = {}
        for context in contexts:
            behaviour = table.rows[context]
            inputs = [(position, self._read(table.sources[position], context, refers)) for position in behaviour.edges]
            if not inputs:
                raise MisfitError(f"node {name!r} has no input where {dict(context)}")
            join = behaviour.present and operation(behaviour.op).join
            if join and len(inputs) > 1:
                inputs = [(p, value) for p, value in inputs if not is_zero(value)] or inputs[:1]
            alone = join and len(inputs) == 1 and (behaviour.op != "concat" or is_zero(inputs[0][1]))
            if not behaviour.present or alone:
                values[context] = inputs[0][1]
            elif behaviour.op == "concat":
                beside[context] = [(p, i, part) for p, value in inputs for i, part in enumerate(value)]
            else:
                values[context] = self._computed(name, behaviour, [value for _, value in inputs])
        return values | aligned(name, beside, table.sources)

    def _computed(self, name: str, behaviour: Behaviour, inputs: Sequence[Parts]) -> Parts:
        if behaviour.op in ("add", "residual"):
            parts = [self._single(name, value) for value in inputs]
            shapes = [part.shape for part in parts]
            if behaviour.op == "add" or shapes[0] == shapes[1]:
                if len(set(shapes)) > 1:
                    raise MisfitError(f"what meets in {name!r} has the shapes {shapes}")
                terms = [term for part in parts for term in part.terms]
                return (self._total(terms, shapes[0], all(part.vanishes for part in parts)),)
            if parts[0].vanishes:
                raise MisfitError(f"the main path of {name!r} may be zeros, where its shortcut has another shape")
            return (self._applied(name, behaviour, [(part,) for part in parts]),)
        op = operation(behaviour.op)
        if op.join and any(part.vanishes for value in inputs for part in value):
            raise MisfitError(f"what meets in {name!r} may be zeros")
        return (self._applied(name, behaviour, inputs),)

    def _applied(self, name: str, behaviour: Behaviour, inputs: Sequence[Parts]) -> Part:
        op = operation(behaviour.op)
        beside = [value for value in inputs if len(value) > 1 and any(part.vanishes for part in value)]
        parts = tuple(part.shape[0] for part in beside[0]) if beside else ()
        if parts and not op.weighs_inputs:
            raise MisfitError(f"channels that reach {name!r} may be absent, and {behaviour.op} can't do without")
        shapes = tuple(whole_shape(name, value) for value in inputs)
        try:
            shape = op.shape(shapes, dict(behaviour.settings))
        except ValueError as error:
            raise MisfitError(f"node {name!r}: {error}") from error
        if behaviour.op != "concat" and self.layouts.setdefault((name, behaviour.op, behaviour.settings), shapes) != shapes:
            raise MisfitError(f"node {name!r} gets inputs of other shapes in other contexts")
        numbers = tuple(tuple(self._number(part) for part in value) for value in inputs)
        if op.zero:
            return Part((), shape, vanishes=True)
        key = (name if behaviour.op not in PURE else "", behaviour.op, behaviour.settings, numbers)
        if key not in self.known:
            self.known[key] = len(self.steps) + 1
            self.steps.append(Apply(self.known[key], name, behaviour.op, behaviour.settings, numbers, shapes, shape, parts))
        return Part(((self.known[key], ONE),), shape)

    def _single(self, name: str, value: Parts) -> Part:
        """``value`` as one tensor."""
        if len(value) == 1:
            return value[0]
        return self._applied(name, Behaviour(True, "concat", (), ()), [value])
