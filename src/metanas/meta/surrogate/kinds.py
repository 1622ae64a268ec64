"""Which surrogates of several tasks there are, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from metanas.meta.surrogate.deep_kernel import DeepKernel
from metanas.meta.surrogate.history import Floats, History
from metanas.meta.surrogate.multi_task import MultiTask
from metanas.meta.surrogate.process import TaughtProcess

PROCESSES: Mapping[str, type[DeepKernel | MultiTask]] = {"multi-task": MultiTask, "deep-kernel": DeepKernel}
"""The first is the one to take."""


def taught(name: str, histories: Sequence[History], seed: int, steps: int) -> TaughtProcess:
    """The surrogate of that name.

    Args:
        name: one of :data:`PROCESSES`.
        histories: of two tasks at least.
        seed: of its draws.
        steps: of learning, where it is learned by steps.
    """
    learn = partial(DeepKernel.learn, steps=steps) if name == "deep-kernel" else MultiTask.learn
    return learn(histories, seed=seed)


def name_of(process: TaughtProcess) -> str:
    """The name of its kind."""
    return next(name for name, kind in PROCESSES.items() if isinstance(process, kind))


def restored(name: str, arrays: Mapping[str, Floats]) -> TaughtProcess:
    """The surrogate of that name whose :meth:`~TaughtProcess.arrays` these are."""
    return PROCESSES[name].from_arrays(arrays)
