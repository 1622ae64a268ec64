"""Makes the prior that comes with the package, of those shards whose data allow it.

    python -m benchmarks.many_task.ship benchmarks

TABLES is the folder that holds ``many_task/``. Written are the lessons (which networks were how good on which task) and the prior that is
learned of them, both under ``src/metanas/meta/prior/shipped``. No example of any data is in them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from metanas.benchmarks.tables.many_task_files import POINTS, MeasuredTask, mean_over_seeds, measured_tasks
from metanas.machine import one_thread
from metanas.meta.prior import Form, Lesson, learn, save_lessons, save_prior, shipped_lessons
from metanas.meta.prior.lesson_file import LESSONS, PRIOR, SHIPPED
from metanas.meta.prior.lessons import failures_below

SPACES = ("mlp",)
"""Of which a prior comes with the package. Not ``convnet``: lessons know nothing of time, and what was best there after as many steps takes
1.4 to 1.8 times as long as the plain network, so that a short search had less time for anything else."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    options = parser.parse_args()
    lessons = [lesson_of(task) for task in measured_tasks(options.tables) if task.shipped and task.space.name in SPACES]
    SHIPPED.mkdir(exist_ok=True)
    save_lessons(SHIPPED / LESSONS, lessons)
    began = time.process_time()
    with one_thread():
        prior = learn(shipped_lessons())  # as they are read again, so that anybody makes the same prior of them
    save_prior(SHIPPED / PRIOR, prior)
    sizes = " and ".join(f"{(SHIPPED / name).stat().st_size / 1e6:.2f} MB" for name in (LESSONS, PRIOR))
    print(f"{len(lessons)} tasks of {len(prior.sources)} sources, {prior.evaluations:,} evaluations; learned in", end=" ")
    print(f"{time.process_time() - began:.0f} s; lessons and prior {sizes}")


def lesson_of(task: MeasuredTask) -> Lesson:
    """What searches that tried everything twice would have taught of a task; all tasks of a source have one name.

    The test part has no say.
    """
    values = task.sign * mean_over_seeds(task.after(POINTS)[0][:, :2])
    failed = ~np.isfinite(values)
    choices = tuple(architecture.as_dict for architecture in task.space.listed or ())
    named = replace(task.description, name=task.source)
    good, form = failures_below(values), Form.of(task.space)
    return Lesson(task.facts["fingerprint"], named, task.metric, form, choices, good, failed, choices[0], (), shipped=True)


if __name__ == "__main__":
    main()
