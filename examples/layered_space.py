"""A layered space, an actor-critic that edits networks in it, and a reward of accuracy, complexity and interpretability.

    python examples/layered_space.py [--trials 12] [--epochs 8]

Layers, their connections (chain, residual, dense, sparse), activations and regularisation are open. The state is an architecture, an action
changes it, starting from the plain network. R = accuracy - 0.1 * log10(parameters) / 6 + 0.05 * interpretability, where a network is as
interpretable as it has few steps between input and answer.
"""

import argparse
import math
import time
from dataclasses import replace

from metanas.evaluation import TrainingEvaluator
from metanas.records import Candidate, Fidelity, Goal, Objective
from metanas.spaces import make_space
from metanas.strategies import Brief, make_strategy
from metanas.tasks import Task

parser = argparse.ArgumentParser()
parser.add_argument("--trials", type=int, default=12)
parser.add_argument("--epochs", type=int, default=8)
options = parser.parse_args()

data = Task.read("wine").prepare()[0]
space = make_space("mlp", data.shape)
reward = Goal((("accuracy", 1.0), ("complexity", 0.1), ("interpretability", 0.05)))
strategy = make_strategy("actor-critic", Brief(space, Objective((reward,)), (Fidelity(options.epochs),), seed=0))
evaluator = TrainingEvaluator(data)

history = []
for _ in range(options.trials):
    (proposal,) = strategy.ask(1)
    graph = space.graph(proposal.architecture)
    candidate = Candidate(proposal, graph, space.recipe(proposal.architecture), seed=0)
    (evaluation,) = evaluator.evaluate([candidate], time.monotonic() + 60)
    more = {"complexity": -math.log10(graph.parameters) / 6, "interpretability": 1 / len(graph.nodes)}
    evaluation = replace(evaluation, metrics={**evaluation.metrics, **more})
    strategy.tell([evaluation])
    history.append((reward.value(evaluation), evaluation.metrics.get("accuracy"), graph))
for value, accuracy, graph in sorted(history, key=lambda row: -row[0])[:3]:
    print(f"reward {value:.3f}: accuracy {accuracy:.3f}, {graph.parameters:,} parameters, {len(graph.nodes)} nodes")
