"""A network in words: its graph as a few readable lines, repeats folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metanas.spaces.graph import INPUT, Graph, Node
from metanas.spaces.shape import Shape
from metanas.tasks.options import share_text

Settings = Mapping[str, Any]
Words = Callable[[Settings, Sequence[Shape], Shape], str]
"""Settings, input shapes and output shape of a node to its words."""

_FOLLOWERS = frozenset({"batch_norm", "layer_norm", "activation", "dropout", "identity"})
"""Operations that are told on the line of the layer that they follow."""
_JOINS = frozenset({"residual", "add", "concat"})
_ACTIVATIONS = {"relu": "ReLU", "silu": "SiLU", "gelu": "GELU"}
_SUMMARIES = {"avg": "average", "max": "maximum", "both": "average and maximum", "last": "value at the last step"}
_LONGEST_BLOCK = 12


def describe_graph(graph: Graph) -> list[str]:
    """The network from input to output: one line per layer, what follows it (normalisation, activation, dropout) on the same line.

    A layer that repeats is told once, ``3 x convolution ...``; a block that repeats is a line ``2 times:`` with its layers indented.
    """
    lines: list[str] = []
    joins: set[int] = set()
    owner: dict[str, int] = {INPUT: -1}
    previous = INPUT
    for node in graph.nodes:
        if node.op in _FOLLOWERS and node.inputs == (previous,) and lines:
            lines[-1] += _follower(node)
        else:
            lines.append(_layer(graph, node, previous, owner, joins))
            if node.op in _JOINS:
                joins.add(len(lines) - 1)
        owner[node.name] = len(lines) - 1
        previous = node.name
    return [_input(graph), *_folded(lines)]


def _layer(graph: Graph, node: Node, previous: str, owner: Mapping[str, int], joins: set[int]) -> str:
    def layers_since(name: str) -> int:
        return sum(k not in joins for k in range(owner[name] + 1, owner[previous] + 1))

    others = [name for name in node.inputs if name != previous]
    if node.op == "residual":
        layers = layers_since(others[0] if others else previous)
        return f"shortcut around the last {'layer' if layers == 1 else f'{layers} layers'} added"
    places = _places({name: layers_since(name) for name in others})
    if node.op in _JOINS:
        verb = "added to" if node.op == "add" else "joined with"
        return f"{verb} {places}" if previous in node.inputs else f"{places}, {'added up' if node.op == 'add' else 'joined'}"
    words = _told(node, graph.input_shapes(node), graph.shapes[node.name])
    if node is graph.nodes[-1] and node.op == "dense":
        words = f"dense, {_count(graph.shape.outputs, 'output')}"
    return f"{words} (reads {places})" if others else words


def _places(layers: Mapping[str, int]) -> str:
    """Earlier outputs in words, by how many layers ago they were computed."""
    words = ["the network's input"] if INPUT in layers else []
    ago = [str(count) for name, count in layers.items() if name != INPUT]
    if ago:
        words.append(f"the output{'s' if len(ago) > 1 else ''} {_listed(ago)} layer{'s' if ago != ['1'] else ''} before")
    return _listed(words)


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _follower(node: Node) -> str:
    if node.op == "identity":
        return ""
    if node.op == "activation":
        kind = str(node.options["kind"])
        return f", {_ACTIVATIONS.get(kind, kind)}"
    if node.op == "dropout":
        return f", dropout {share_text(float(node.options['rate']))}"
    return f", {node.op.replace('_', ' ')}"


def _input(graph: Graph) -> str:
    shape = graph.shape
    size = shape.input
    if shape.data == "table":
        return f"input: {_count(size[0], 'number')} per row"
    if shape.data == "image":
        colours = {1: "grey", 3: "colour"}.get(size[0], f"{size[0]}-channel")
        order = "" if size[1] == size[2] else " (width x height)"
        return f"input: {colours} pictures of {size[2]} x {size[1]} pixels{order}"
    if shape.data == "sound":
        return f"input: sound of {size[1] / max(1, shape.rate):.2g} s, {shape.rate:,} samples per second"
    if shape.data == "text":
        return f"input: texts of up to {_count(size[0], 'word')}, {_count(shape.vocabulary, 'different word')} known"
    return f"input: series of {_count(size[1], 'step')}, {_count(size[0], 'value')} at each"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _window(options: Settings, inputs: Sequence[Shape]) -> str:
    kernel = options["kernel"]
    return f"{kernel}x{kernel}" if len(inputs[0]) == 3 else f"over {_count(int(kernel), 'step')}"


def _stride(options: Settings) -> str:
    stride = int(options.get("stride", 1))
    return {1: "", 2: ", size halved"}.get(stride, f", size divided by {stride}")


def _conv(name: str) -> Words:
    return lambda options, inputs, output: f"{name} {_window(options, inputs)}, {_count(output[0], 'channel')}{_stride(options)}"


def _pool(name: str) -> Words:
    return lambda options, inputs, output: f"{name} {_window(options, inputs)}{_stride(options)}"


def _recurrent(name: str) -> Words:
    def words(options: Settings, inputs: Sequence[Shape], output: Shape) -> str:
        return f"{name}, {_count(int(options['units']), 'unit')}{', in both directions' if options.get('bidirectional') else ''}"

    return words


def _transformer(options: Settings, inputs: Sequence[Shape], output: Shape) -> str:
    rate = float(options.get("dropout", 0.0))
    width = _count(int(options["expansion"]) * output[0], "hidden unit")
    return f"Transformer block, {_count(int(options['heads']), 'attention head')}, {width}{f', dropout {share_text(rate)}' if rate else ''}"


_WORDS: dict[str, Words] = {
    "conv": _conv("convolution"),
    "sep_conv": _conv("depthwise separable convolution"),
    "max_pool": _pool("maximum"),
    "avg_pool": _pool("average"),
    "global_pool": lambda options, inputs, output: f"{_SUMMARIES[options['kind']]} of each channel",
    "dense": lambda options, inputs, output: f"dense, {_count(output[0], 'unit')}",
    "flatten": lambda options, inputs, output: f"all values as one row of {output[0]:,}",
    "rnn": _recurrent("simple recurrent layer"),
    "lstm": _recurrent("LSTM"),
    "gru": _recurrent("GRU"),
    "transformer": _transformer,
    "positional": lambda options, inputs, output: f"position of each step added ({options['kind']})",
    "embedding": lambda options, inputs, output: f"each word as {_count(output[0], 'number')}",
    "log_mel": lambda options, inputs, output: f"log-mel spectrogram, {output[1]} bands by {output[2]} moments",
    "log_spectrogram": lambda options, inputs, output: f"log spectrogram, {output[1]} bands by {output[2]} moments",
    "periodic": lambda options, inputs, output: f"sines and cosines of the numbers, {options['frequencies']} frequencies each",
}


def _told(node: Node, inputs: Sequence[Shape], output: Shape) -> str:
    if node.op in _WORDS:
        return _WORDS[node.op](node.options, inputs, output)
    if node.op in _FOLLOWERS:
        return _follower(node).removeprefix(", ") or "as it is"
    settings = ", ".join(f"{name} {value}" for name, value in node.settings)
    return f"{node.op.replace('_', ' ')}{f' ({settings})' if settings else ''}"


def _folded(lines: Sequence[str]) -> list[str]:
    """``lines`` with consecutive repeats told once; of several ways to fold, at each line the one that saves most lines."""
    folded: list[str] = []
    start = 0
    while start < len(lines):
        length, times = max(((length, _repeats(lines, start, length)) for length in range(1, _LONGEST_BLOCK + 1)), key=_saved)
        block = lines[start : start + length]
        if times == 1:
            folded.append(lines[start])
            start += 1
            continue
        folded += [f"{times} x {block[0]}"] if length == 1 else [f"{times} times:", *(f"  {line}" for line in _folded(block))]
        start += length * times
    return folded


def _saved(way: tuple[int, int]) -> int:
    length, times = way
    return length * (times - 1) - (length > 1)


def _repeats(lines: Sequence[str], start: int, length: int) -> int:
    """How often the ``length`` lines from ``start`` stand there in a row."""
    times = 1
    while lines[start + times * length : start + (times + 1) * length] == lines[start : start + length]:
        times += 1
    return times
