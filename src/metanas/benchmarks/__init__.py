"""Who is better: problems with tables of answers, runs over seeds, statistics, plots."""

from metanas.benchmarks.problem import Level as Level
from metanas.benchmarks.problem import Problem as Problem
from metanas.benchmarks.problem import TableEvaluator as TableEvaluator
from metanas.benchmarks.tables import benchmarks as benchmarks
from metanas.benchmarks.tables import open_problem as open_problem
from metanas.benchmarks.tables import says as says
