"""Training-free scores (zero-cost proxies): what a fresh network says of how well it will learn; pure functions, a file per family."""

from metanas.evaluation.zero_cost.common import Score as Score
from metanas.evaluation.zero_cost.evaluator import QUICK as QUICK
from metanas.evaluation.zero_cost.evaluator import SCORES as SCORES
from metanas.evaluation.zero_cost.evaluator import ZeroCostEvaluator as ZeroCostEvaluator
