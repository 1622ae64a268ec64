"""Surrogates that earlier tasks have taught: how good an architecture will be on a new one, before and after its first evaluations."""

from metanas.meta.surrogate.deep_kernel import DeepKernel as DeepKernel
from metanas.meta.surrogate.history import History as History
from metanas.meta.surrogate.history import normal_scores as normal_scores
from metanas.meta.surrogate.multi_task import MultiTask as MultiTask
from metanas.meta.surrogate.portfolio import portfolio as portfolio
from metanas.meta.surrogate.process import Posterior as Posterior
from metanas.meta.surrogate.process import TaughtProcess as TaughtProcess
from metanas.meta.surrogate.rgpe import RankedEnsemble as RankedEnsemble
from metanas.meta.surrogate.rgpe import TaskProcess as TaskProcess
