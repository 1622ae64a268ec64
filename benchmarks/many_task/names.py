"""Writes the names of the tasks that are there, for the reader: ``src/metanas/benchmarks/tables/many_task_names.py``.

    python -m benchmarks.many_task.names [SHARDS] > src/metanas/benchmarks/tables/many_task_names.py

Without a folder of shards: all tasks of the catalogue.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from .catalogue import catalogue
from .recipe import Recipe
from .shards import known_tasks

HEAD = '''"""The tasks of ``many-task``; written by ``benchmarks/many_task/names.py``."""

from __future__ import annotations

from collections.abc import Mapping
'''


def main() -> None:
    recipes = list(catalogue())
    if len(sys.argv) > 1:
        files = sorted(Path(sys.argv[1]).glob("*.parquet"))
        recipes = [Recipe.from_json(task["recipe"]) for file in files for task in known_tasks(file)]
    print(HEAD)
    for space in ("mlp", "convnet"):
        epochs: dict[str, list[int]] = defaultdict(list)
        for recipe in sorted((r for r in recipes if r.space == space), key=lambda r: (r.source, _number(r))):
            if _number(recipe) != len(epochs[recipe.source]):
                raise SystemExit(f"{recipe.name} is there, but an earlier task of its source is not; make the shards in order")
            epochs[recipe.source].append(recipe.epochs)
        print(f"{space.upper()}: Mapping[str, tuple[int, ...]] = {{")
        for source in sorted(epochs):
            print(f'    "{source}": ({", ".join(map(str, epochs[source]))}{"," if len(epochs[source]) == 1 else ""}),')
        print("}")
        print('"""Source to the epochs of a training on each of its tasks."""')


def _number(recipe: Recipe) -> int:
    return int(recipe.name.rpartition("-")[2].removeprefix("c"))


if __name__ == "__main__":
    main()
