"""Draws tasks anew on which there is nothing to learn, or for which a line is enough; writes ``redrawn.json``.

    python -m benchmarks.many_task.screen --data DATA_FOLDER [TASK ...]

A task counts as learnable if a random forest or a linear model is better than a constant, and as no challenge if a linear model
makes almost no mistake. The ordinary task of each source stays what it is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from metanas.tasks import Task
from metanas.tasks.metrics import compute_one

from .catalogue import REDRAWN, catalogue, recipe_of, redrawn
from .shards import baselines
from .trainings import Judge, one_thread

LEAST_GAIN = 0.08
"""Share of a constant's error that must be gone."""
LINEAR = 0.99
"""Share of right answers of a linear model from which on a task is too easy."""
ATTEMPTS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets of others")
    parser.add_argument("tasks", nargs="*", help="names; all if there are none")
    options = parser.parse_args()
    one_thread()
    drawn = redrawn()
    for recipe in catalogue():
        number = int(recipe.name.rpartition("-")[2].removeprefix("c"))
        if not number or (options.tasks and recipe.name not in options.tasks):
            continue
        for attempt in range(drawn.get(recipe.name, 0), ATTEMPTS):
            found = worth(recipe_of(recipe.group, number, recipe.space, attempt).task(options.data))
            print(recipe.name, attempt, *(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
            if found["gain"] >= LEAST_GAIN and found["linear"] <= LINEAR:
                break
        drawn |= {recipe.name: attempt} if attempt else {}
        REDRAWN.write_text(json.dumps(dict(sorted(drawn.items())), indent=1) + "\n", encoding="utf-8")


def worth(task: Task) -> dict[str, float]:
    """The share of a constant's test error that the better of two simple models takes away, and the share of right answers of the linear
    one (of the variance, for numbers)."""
    judge = Judge(task)
    scores = baselines(task, judge) | {"forest": forest(task, judge)}
    if judge.sign < 0:
        gain = 1 - min(scores["linear"], scores["forest"]) / scores["constant"]
        return {"gain": gain, "linear": 1 - (scores["linear"] / scores["constant"]) ** 2, "forest": scores["forest"]}
    gain = (max(scores["linear"], scores["forest"]) - scores["constant"]) / (1.0001 - scores["constant"])
    return {"gain": gain, "linear": scores["linear"], "forest": scores["forest"]}


def forest(task: Task, judge: Judge) -> float:
    """The test score of a random forest on the inputs that networks get."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    data, target = task.prepare()[0], task.test_data()[1]
    x = data.x_train.reshape(len(data.x_train), -1)
    held = judge.tensors.x_val.numpy().reshape(len(judge.tensors.x_val), -1)[judge.held :]
    if data.kind == "regression":
        model = RandomForestRegressor(40, max_features=0.5, random_state=0).fit(x, data.y_train[:, 0])
        return compute_one(judge.metric, target, model.predict(held)[:, None])
    classifier = RandomForestClassifier(60, random_state=0).fit(x, data.y_train)
    outputs = np.zeros((len(held), data.shape.outputs))
    outputs[:, classifier.classes_] = classifier.predict_proba(held)
    return compute_one(judge.metric, target, outputs)


if __name__ == "__main__":
    main()
