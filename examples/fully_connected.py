"""Search over fully connected networks, each judged by how well MAML can teach it to learn new tasks from ten examples.

    python examples/fully_connected.py [--trials 8] [--steps 300]

Tasks are sine waves of random height and phase (Finn et al. 2017). Random search draws networks; MAML looks for a start from which few
gradient steps solve a new wave; a network is as good as its error on waves that were never seen, after adapting to ten points of each.
"""

import argparse

import numpy as np

from metanas.meta import make_meta_learner
from metanas.spaces import TaskShape, make_space
from metanas.tasks.few_shot import Sinusoids

parser = argparse.ArgumentParser()
parser.add_argument("--trials", type=int, default=8)
parser.add_argument("--steps", type=int, default=300)
options = parser.parse_args()

waves = Sinusoids(shots=10, queries=10)
space = make_space("mlp", TaskShape("table", (1,), 1, numeric=1)).narrowed({"norm": ["none"], "dropout": [0.0]})
unseen = waves.batch("test", 0, 50).tensors()


def error_after_adapting(architecture):
    """Meta-train the network, then its mean squared error on unseen waves."""
    learner = make_meta_learner("maml", space.graph(architecture), kind="regression", outer_rate=2e-3)
    state = learner.init(seed=0)
    for step in range(options.steps):
        episodes = waves.batch("train", 4 * step, 4).tensors()
        state = learner.update(state, episodes, progress=step / options.steps)
    return float(learner.evaluate(state, unseen)["loss"].mean())


random = np.random.default_rng(0)
best = (np.inf, None)
for trial in range(options.trials):
    architecture = space.baseline if trial == 0 else space.sample(random)
    best = min(best, (error_after_adapting(architecture), architecture), key=lambda pair: pair[0])
    print(f"trial {trial}: best error so far {best[0]:.3f}")
print(f"the best network has {space.graph(best[1]).parameters:,} parameters and these choices:")
for name, choice in best[1].choices:
    print(f"  {name}: {choice}")
