"""A recurrent controller describes networks for pictures, layer by layer, and learns from their rewards by policy gradient.

    python examples/recurrent_controller.py [--trials 12] [--epochs 3]

The loop that `metanas search digits --strategy reinforce` runs, written out: the controller proposes, the network is built, trained and
validated, and the controller is told what came of it.
"""

import argparse
import time

from metanas.evaluation import TrainingEvaluator
from metanas.records import Candidate, Fidelity, Objective
from metanas.spaces import make_space
from metanas.strategies import Brief, make_strategy
from metanas.tasks import Task

parser = argparse.ArgumentParser()
parser.add_argument("--trials", type=int, default=12)
parser.add_argument("--epochs", type=int, default=3)
options = parser.parse_args()

data = Task.read("digits").prepare()[0]
space = make_space("convnet", data.shape).within(parameters=50_000)
controller = make_strategy("reinforce", Brief(space, Objective.of("accuracy"), (Fidelity(options.epochs),), seed=0))
evaluator = TrainingEvaluator(data)

best = None
for trial in range(options.trials):
    (proposal,) = controller.ask(1)
    graph, recipe = space.graph(proposal.architecture), space.recipe(proposal.architecture)
    (evaluation,) = evaluator.evaluate([Candidate(proposal, graph, recipe, seed=0)], time.monotonic() + 60)
    controller.tell([evaluation])
    if evaluation.failed:
        print(f"trial {trial}: {evaluation.reason}")
        continue
    reward = evaluation.metrics["accuracy"]
    best = max(best or (0.0, 0), (reward, graph.parameters))
    print(f"trial {trial}: accuracy {reward:.3f}, F1 {evaluation.metrics['f1']:.3f}, {graph.parameters:,} parameters; best {best[0]:.3f}")
