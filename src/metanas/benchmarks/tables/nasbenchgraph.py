"""NAS-Bench-Graph: 26,206 graph neural networks, each trained on nine graphs.

Qin et al. 2022, "NAS-Bench-Graph: Benchmarking Graph Neural Architecture Search". Four nodes, each with one operation and one earlier
node (or the input) as its source; nodes that no other takes feed the output. Of isomorphic variants one is listed. Results are means
over three seeds, at the end of a training whose settings were tuned once per data set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metanas.benchmarks.problem import Level, Problem
from metanas.benchmarks.tables.arrays import load_arrays
from metanas.benchmarks.tables.registry import WHOLE, Published, register_benchmark
from metanas.benchmarks.tables.rows import choices_of, listed, row_finder
from metanas.benchmarks.tables.values import whole
from metanas.errors import InputError
from metanas.spaces import Draft, Space, TaskShape
from metanas.spaces.closing import Edge
from metanas.spaces.decision import ALWAYS, Condition, Decision

FILE = "nasbenchgraph/nasbenchgraph.npz"
NODES = (1, 2, 3, 4)
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
SHAPES = {
    "cora": (1433, 7),
    "citeseer": (3703, 6),
    "pubmed": (500, 3),
    "cs": (6805, 15),
    "physics": (8415, 5),
    "photo": (745, 8),
    "computers": (767, 10),
    "arxiv": (128, 40),
    "proteins": (8, 112),
}
"""Features of a vertex and number of outputs, by data set."""
BEST = (0.8313, 0.7157, 0.7860, 0.9126, 0.9300, 0.9279, 0.8558, 0.7239, 0.7926)
"""Best test results, in the order of :data:`SHAPES`."""


@register_benchmark(
    "nasbenchgraph",
    title="graph neural networks of four nodes (Qin et al. 2022)",
    datasets=tuple(SHAPES),
    file=FILE,
    rows={name: 2_021 if name == "proteins" else 26_206 for name in SHAPES},
    epochs=(WHOLE.epochs,),
    licence="Apache-2.0",
    published={name: Published(test=best) for name, best in zip(SHAPES, BEST, strict=True)},
)
def nasbenchgraph(folder: Path, dataset: str) -> Problem:
    """The problem; its metric is ``accuracy``, on proteins ``roc_auc``. Costs: ``parameters`` and ``latency`` (seconds).

    Args:
        folder: holds the tables of all benchmarks.
        dataset: one of :data:`SHAPES`.

    Raises:
        InputError: if the file isn't what it should be.
    """
    file = folder / FILE
    kinds = ("val", "test", "latency_s", "params_m")
    numbers = {"wiring": ("rows", 4), "ops": ("rows", 4), **{f"{dataset}_{kind}": ("rows",) for kind in kinds}}
    table = load_arrays(file, numbers, {"op_names": ("operations",)})
    names = tuple(table["op_names"].tolist())
    wiring, operations = (whole(table[name], f"column {name!r} of {file}") for name in ("wiring", "ops"))
    codes = np.hstack([wiring[:, 1:], operations])
    limits = np.array([node - 1 for node in NODES[1:]] + [len(names) - 1] * len(NODES))
    if names != OPERATIONS or (codes < 0).any() or (codes > limits).any() or wiring[:, 0].any():
        raise InputError(f"{file} holds wirings or operations that are none of NAS-Bench-Graph's; get the file again")
    there = np.isfinite(table[f"{dataset}_val"])
    if not there.any():
        raise InputError(f"{file} holds no result for {dataset}; get the file again")
    validation, tested, latency, millions = (table[f"{dataset}_{kind}"][there].astype(np.float64) for kind in kinds)
    space = _space(dataset)
    choices = choices_of(space.decisions, codes[there])
    row = row_finder(space.decisions, choices)
    metric = "roc_auc" if dataset == "proteins" else "accuracy"
    levels = (Level(WHOLE, {metric: np.round(validation, 7)}),)
    costs = {"parameters": np.round(millions * 1e6), "latency": latency}
    test = {metric: np.round(tested, 7)}
    return Problem("nasbenchgraph", dataset, listed(space, choices), row, levels, metric, test, costs, "the table has no training times")


def _space(dataset: str) -> Space:
    """Where nodes 2, 3 and 4 take their input from, and the operations of all four."""
    draft, motif = Draft(), Draft()
    sources = {node: draft.decide(f"from{node}", ("input", *(f"node{n}" for n in range(1, node)))) for node in NODES[1:]}
    operations = {node: draft.decide(f"node{node}", OPERATIONS) for node in NODES}
    for node in NODES:
        inputs = [Edge(str(o), sources[node].among(o)) for o in sources[node].options] if node in sources else ["input"]
        motif.choose(f"node{node}", operations[node], {name: {} for name in OPERATIONS}, inputs)
    # The ends lie side by side before a linear layer: their order doesn't matter, and of the known joins that is "add".
    motif.node("output", "add", [Edge(f"node{node}", _unused(node, sources)) for node in NODES])
    features, outputs = SHAPES[dataset]
    plain = {"from2": "node1", "from3": "node2", "from4": "node3", **{f"node{node}": "gcn" for node in NODES}}
    return draft.space("nasbenchgraph", TaskShape("table", (features,), outputs, numeric=features), plain, motif=motif)


def _unused(node: int, sources: dict[int, Decision]) -> Condition:
    """The condition that no later node takes its input from this one."""
    condition = ALWAYS
    for later, source in sources.items():
        if later > node:
            condition &= source.among(*(option for option in source.options if option != f"node{node}"))
    return condition
