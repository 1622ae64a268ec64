"""Who is better: problems with tables of answers, runs over seeds, statistics, plots."""

from metanas.benchmarks.problem import Level as Level
from metanas.benchmarks.problem import Problem as Problem
from metanas.benchmarks.problem import TableEvaluator as TableEvaluator
