"""Writes the splits of the benchmark down: ``benchmarks/many_task/splits.json``.

    python -m benchmarks.many_task.splits > benchmarks/many_task/splits.json

*By source*: five folds of whole sources, every kind of data dealt out evenly; learn on four, test on the fifth. *By kind*: learn on all
kinds but one, test on that one. *Shipped*: the sources that a shipped prior may learn from.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from . import sources as sources
from .raw import KINDS, SOURCES

SCHEMA, SEED, FOLDS = 1, 0, 5


def splits() -> dict[str, Any]:
    """The splits as JSON: sources by fold, by kind of data, and those that may be learned from for shipping."""
    rng = np.random.default_rng(SEED)
    dealt = [str(name) for kind in KINDS for name in rng.permutation(sorted(n for n, s in SOURCES.items() if s.kind == kind))]
    folds = [sorted(dealt[fold::FOLDS]) for fold in range(FOLDS)]
    kinds = {kind: sorted(name for name, source in SOURCES.items() if source.kind == kind) for kind in KINDS}
    shipped = sorted(name for name, source in SOURCES.items() if source.shipped)
    return {"schema": SCHEMA, "seed": SEED, "sources": folds, "kinds": kinds, "shipped": shipped}


if __name__ == "__main__":
    print(json.dumps(splits(), indent=1))
