"""The benchmarks whose tables metanas reads, one file each, and a format for tables of one's own."""

from metanas.benchmarks.tables import accelnasbench as accelnasbench
from metanas.benchmarks.tables import ecnas as ecnas
from metanas.benchmarks.tables import fcnet as fcnet
from metanas.benchmarks.tables import many_task as many_task
from metanas.benchmarks.tables import nasbench201 as nasbench201
from metanas.benchmarks.tables import nasbenchgraph as nasbenchgraph
from metanas.benchmarks.tables import nasbenchmr as nasbenchmr
from metanas.benchmarks.tables import nasbenchnlp as nasbenchnlp
from metanas.benchmarks.tables import nmt as nmt
from metanas.benchmarks.tables import openml_mlp as openml_mlp
from metanas.benchmarks.tables.registry import Benchmark as Benchmark
from metanas.benchmarks.tables.registry import Published as Published
from metanas.benchmarks.tables.registry import benchmarks as benchmarks
from metanas.benchmarks.tables.registry import open_problem as open_problem
from metanas.benchmarks.tables.registry import register_benchmark as register_benchmark
from metanas.benchmarks.tables.registry import says as says
