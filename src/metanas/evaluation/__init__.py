"""How good it is: training one at a time and as a population, fidelities, costs."""

from metanas.evaluation.evaluator import TrainingEvaluator as TrainingEvaluator
from metanas.evaluation.guard import TrainingSettings as TrainingSettings
from metanas.evaluation.population import batchable as batchable
