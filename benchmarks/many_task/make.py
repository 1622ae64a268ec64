"""Makes the shards that are missing, one after the other; may be ended and started again at any time.

OMP_NUM_THREADS=1 python -m benchmarks.many_task.make --data DATA_FOLDER --out benchmarks/many_task/shards --space mlp
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metanas.benchmarks.tables.many_task_files import read_choices
from metanas.spaces.decision import Value

from .recipe import Recipe
from .shards import SIZES, facts, known_tasks, rows_of, shards, write
from .trainings import Judge, Training, one_thread, train_all

ARCHITECTURES = Path(__file__).with_name("architectures.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets of others")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--space", choices=[*SIZES, "all"], default="all")
    parser.add_argument("--turn", default="0/1", help="1/3: of every three shards the second, so that three processes share the work")
    parser.add_argument("--shards", type=int, default=None, help="how many to make at the most")
    parser.add_argument("--code", default="", help="what to note as the version of the code, such as a commit")
    options = parser.parse_args()
    one_thread()
    choices = read_choices(ARCHITECTURES)
    options.out.mkdir(parents=True, exist_ok=True)
    made = 0
    turn, of = map(int, options.turn.split("/"))
    for name, recipes in shards()[turn::of]:
        if options.space not in ("all", recipes[0].space) or made == options.shards or _there(options.out / name, recipes):
            continue
        make(options.out / name, recipes, options.data, choices, options.code)
        made += 1


def _there(file: Path, recipes: Sequence[Recipe]) -> bool:
    """Whether a shard has been made; a shard of other tasks is an error."""
    if not file.exists():
        return False
    if [Recipe.from_json(task["recipe"]) for task in known_tasks(file)] != list(recipes):
        raise SystemExit(f"{file} holds other tasks than the catalogue has now; remove it or take another --out")
    return True


def make(file: Path, recipes: Sequence[Recipe], data: Path, choices: Mapping[str, Sequence[Mapping[str, Value]]], code: str) -> None:
    """Train all architectures on a shard's tasks and write it; ``code`` is noted as the version."""
    columns, tasks = [], []
    for recipe in recipes:
        began = time.process_time()
        task = recipe.task(data)
        trainings = list(train_all(task, recipe.space, recipe.epochs, choices[recipe.space]))
        judge = Judge(task)
        columns.append(rows_of(recipe.name, trainings))
        tasks.append(facts(recipe, task, judge, time.process_time() - began) | {"code": code})
        print(file.name, says(tasks[-1], judge, trainings), flush=True)
    write(file, columns, tasks)


def says(task: Mapping[str, Any], judge: Judge, trainings: Sequence[Training]) -> str:
    """A line on a task that has been made."""
    ends = judge.sign * np.sort([judge.sign * t.test[-1] for t in trainings if t.seed < 2 and np.isfinite(t.test[-1])])
    failed = sum(not np.isfinite(t.test[-1]) for t in trainings)
    found = f"best {ends[-1]:.3f}, median {ends[len(ends) // 2]:.3f}, worst {ends[0]:.3f}"
    line = f"{task['recipe']['name']}: {task['metric']} {found}, linear {task['baselines']['linear']:.3f}"
    return f"{line}, constant {task['baselines']['constant']:.3f}; {len(trainings)} trainings, {failed} failed, {task['seconds']:.0f} s"


if __name__ == "__main__":
    main()
