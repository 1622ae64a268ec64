"""What a one-shot method is given, and how shared weights are trained."""

from __future__ import annotations

from dataclasses import dataclass

from metanas.evaluation.recipe import step_size
from metanas.spaces import Space
from metanas.tasks.data import Array, Kind, LearningData


@dataclass(frozen=True, eq=False)
class OneShotBrief:
    """All that a one-shot method is given.

    Args:
        space: where to search; what it leaves open must suit a supernet, see ``metanas.spaces.narrowing.supernet_space``.
        kind: of the task.
        input_mean, input_std: one number per channel; None for 0 and 1.
        class_weights: ``(classes,)`` with which the loss counts the classes, or None.
        label_smoothing: share of the target spread evenly over all classes, for the shared weights alone.
        device: where the weights are to be: ``cpu``, ``cuda``, ...
    """

    space: Space
    kind: Kind
    input_mean: Array | None = None
    input_std: Array | None = None
    class_weights: Array | None = None
    label_smoothing: float = 0.0
    device: str = "cpu"

    @classmethod
    def of(cls, space: Space, data: LearningData, device: str = "cpu") -> OneShotBrief:
        """The brief of a search in ``space`` for the network of a task."""
        return cls(space, data.kind, data.input_mean, data.input_std, data.class_weights, device=device)


@dataclass(frozen=True)
class WeightTraining:
    """How shared weights are trained: AdamW with a cosine down to zero.

    Measured on single paths of ``cell`` (one cell per stage, 4,000 pictures of Fashion-MNIST at 14 x 14), the moving training loss after
    1,000 steps: AdamW at 0.003 1.00, at 0.01 0.92, at 0.02 0.89; SGD with momentum 0.9 at 0.03 1.17, at 0.1 0.94.

    Args:
        rate: peak learning rate.
        decay: decoupled weight decay, on weights of two or more axes.
        warm_up: share of the schedule in which the rate rises to its peak.
    """

    rate: float = 1e-2
    decay: float = 1e-2
    warm_up: float = 0.02

    def rate_at(self, progress: float) -> float:
        """The learning rate when a share of the schedule is over."""
        return self.rate * step_size(round(1000 * progress), 1000, max(1, round(1000 * self.warm_up)))


WEIGHTS = WeightTraining()
