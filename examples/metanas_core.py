"""MetaNAS: task embedding, initialiser and policy, pre-trained on earlier tasks and fine-tuned on a new one.

    python examples/metanas_core.py [--trials 12] [--epochs 8]

What there is to learn from are random searches on small data sets. f(T), a graph convolution over a task's graph, learns which tasks are
alike; the prior learns what to begin with, phi(f(T)), and a policy pi(a | s, f(T)) over what to try next, which the new results tune.
"""

import argparse
import time

from sklearn import datasets

from metanas.evaluation import TrainingEvaluator
from metanas.meta.prior import Read, Told, gather, learn
from metanas.meta.tasks import TaskEncoder, rank_correlations, task_graph, train_encoder
from metanas.records import Candidate, Fidelity, Objective
from metanas.spaces import make_space
from metanas.strategies import Brief, make_strategy
from metanas.tasks import Task

parser = argparse.ArgumentParser()
parser.add_argument("--trials", type=int, default=12)
parser.add_argument("--epochs", type=int, default=8)
options = parser.parse_args()


def search(task, strategy, prior=None):
    """Evaluations of the architectures that a strategy asks for, in groups that train together."""
    data, objective = task.prepare()[0], Objective.of(task.metric)
    space = make_space("mlp", data.shape)
    asking = make_strategy(strategy, Brief(space, objective, (Fidelity(options.epochs),), task=task.describe(), prior=prior))
    evaluator, found = TrainingEvaluator(data), []
    while len(found) < options.trials:
        proposals = asking.ask(min(3, options.trials - len(found)))
        candidates = [Candidate(p, space.graph(p.architecture), space.recipe(p.architecture), seed=0) for p in proposals]
        found += sorted(evaluator.evaluate(candidates, time.monotonic() + 60), key=lambda e: e.proposal.id)
        asking.tell(found[-len(proposals) :])
    return found


made = {name: getattr(datasets, f"make_{name}") for name in ("moons", "circles", "gaussian_quantiles", "friedman1", "swiss_roll")}
earlier = [Task.from_arrays(*make(n_samples=300, random_state=0), name=name) for name, make in made.items()]
earlier += [Task.read(name) for name in ("iris", "breast_cancer", "diabetes")]
searches = [search(task, "random") for task in earlier]  # the same architectures everywhere
told = [Told(t.fingerprint, t.name, t.metric, e) for t, found in zip(earlier, searches, strict=True) for e in found]
prior = learn(gather([Read({t.fingerprint: t.describe() for t in earlier}, tuple(told))]))
scores = [[Objective.of(t.metric).values(e)[0] for e in found] for t, found in zip(earlier, searches, strict=True)]
graphs, new = [task_graph(t.describe()) for t in earlier], Task.read("wine")
theta = train_encoder(graphs, rank_correlations(scores), seed=0, steps=100)
here, *there = TaskEncoder().encode(theta, [task_graph(new.describe()), *graphs])
alike = sorted(((float(here @ vector), t.name) for t, vector in zip(earlier, there, strict=True)), reverse=True)
print(f"pre-trained on {len(told)} networks; by f(T), {new.name} is most like {alike[0][1]} and {alike[1][1]}, least like {alike[-1][1]}")
first = prior.shortlist(make_space("mlp", new.prepare()[0].shape), new.describe(), 1)[0]
print("phi(f(T)) begins with " + ", ".join(f"{name} {option}" for name, option in first.choices if "recipe" not in name))
for strategy, given in (("reinforce", None), ("meta-policy", prior), ("meta-bayes", prior)):
    known = sorted(search(new, strategy, given), key=lambda e: -e.metrics.get("accuracy", 0.0))
    print(f"{strategy} {'with' if given else 'without'} prior: best accuracy {known[0].metrics['accuracy']:.3f} of", end=" ")
    print(f"{known[0].costs['parameters']:,.0f} parameters, middle {known[len(known) // 2].metrics.get('accuracy', 0.0):.3f}")
