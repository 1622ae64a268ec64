"""How good it is: training one at a time and as a population, fidelities, costs."""

from metanas.evaluation.evaluator import TrainingEvaluator as TrainingEvaluator
from metanas.evaluation.population import batchable as batchable
from metanas.evaluation.training import TrainingSettings as TrainingSettings
