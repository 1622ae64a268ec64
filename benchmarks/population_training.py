"""Training small networks as a population against one at a time: time per candidate by width, and for mixes of widths.

    OMP_NUM_THREADS=1 python benchmarks/population_training.py

One thread, 4,096 examples of 20 features and 5 classes in batches of 64, three hidden layers. *alone* is
``metanas.evaluation.training.train``, *bare loop* the same network in a minimal eager loop (cross-entropy, backward, fused AdamW; no
clipping, no validation), *population* ``train_population`` on the buckets of ``partition``. All are CPU time of this process, for whole
trainings with what comes before and after the steps, measured in turns; medians over the repeats. Ratios are to the population's time.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from metanas.evaluation.population import partition, train_population
from metanas.evaluation.recipe import Recipe, batch_size
from metanas.evaluation.tensors import Tensors
from metanas.evaluation.training import train
from metanas.networks import build_network
from metanas.records import Candidate, Fidelity, Proposal
from metanas.spaces import TaskShape
from metanas.spaces.decision import Value
from metanas.spaces.mlp import WIDTHS, mlp
from metanas.tasks.data import LearningData

FEATURES, CLASSES, EXAMPLES, EPOCHS, LAYERS = 20, 5, 4096, 10, (1, 2, 3, 4)
GROUPS = (1, 4, 8, 16)
FOREVER = float("inf")
SPACE = mlp(TaskShape("table", (FEATURES,), CLASSES, numeric=10))


def made_up_data() -> LearningData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES + 1000, FEATURES)).astype(np.float32)
    y = (np.tanh(x @ rng.normal(size=(FEATURES, 16))) @ rng.normal(size=(16, CLASSES))).argmax(1)
    zeros = {"input_mean": np.zeros(FEATURES, np.float32), "target_mean": np.zeros(CLASSES, np.float32)}
    ones = {"input_std": np.ones(FEATURES, np.float32), "target_std": np.ones(CLASSES, np.float32)}
    parts = (x[:EXAMPLES], y[:EXAMPLES], x[EXAMPLES:], y[EXAMPLES:])
    return LearningData(SPACE.shape, "classification", "accuracy", *parts, **zeros, **ones)


def candidate(number: int, choices: dict[str, Value]) -> Candidate:
    architecture = SPACE.architecture({**{d.name: d.options[0] for d in SPACE.decisions}, **choices})
    proposal = Proposal(number, architecture, Fidelity(EPOCHS))
    return Candidate(proposal, SPACE.graph(architecture), SPACE.recipe(architecture), number)


def of_width(number: int, width: int) -> Candidate:
    return candidate(number, {"depth": 3, "activation": "relu", **{f"layer{layer}.width": width for layer in LAYERS}})


def sampled(members: int, **fixed: Value) -> list[Candidate]:
    rng = np.random.default_rng(0)
    return [candidate(n, {**SPACE.sample(rng).as_dict, **fixed}) for n in range(members)]


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def bare_loop(one: Candidate, tensors: Tensors) -> None:
    network, recipe, size = build_network(one.graph, seed=0), Recipe.of(one.recipe), batch_size(EXAMPLES)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(EXAMPLES), size):
            raw = network.rest(tensors.x_train.index_select(0, rows))
            loss = torch.nn.functional.cross_entropy(raw, tensors.y_train.index_select(0, rows))
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()


def as_population(candidates: Sequence[Candidate], tensors: Tensors) -> None:
    buckets, rest = partition(candidates)
    for bucket in buckets:
        for evaluation in train_population(bucket, tensors, deadline=FOREVER):
            assert not evaluation.failed
    for one in rest:
        train(one, tensors, deadline=FOREVER)


def row(name: str, candidates: list[Candidate], tensors: Tensors, repeats: int, alone_of: int) -> None:
    """Measure and print; only ``alone_of`` of the candidates, evenly chosen, are trained alone."""
    step = max(1, len(candidates) // alone_of)
    chosen = candidates[step // 2 :: step]
    times: dict[str, list[float]] = {"alone": [], "bare": [], "population": []}
    for _ in range(repeats):
        times["population"].append(seconds(lambda: as_population(candidates, tensors)) / len(candidates))
        times["alone"].append(statistics.mean(seconds(lambda c=c: train(c, tensors, deadline=FOREVER)) for c in chosen))  # type: ignore[misc]
        times["bare"].append(statistics.mean(seconds(lambda c=c: bare_loop(c, tensors)) for c in chosen))  # type: ignore[misc]
    alone, bare, population = (1000 * statistics.median(times[kind]) for kind in ("alone", "bare", "population"))
    print(f"{name:>22} {alone:10.1f} {bare:10.1f} {population:10.1f} {alone / population:9.1f}x {bare / population:9.1f}x", flush=True)


def by_group(name: str, candidates: Sequence[Candidate], tensors: Tensors) -> None:
    """Measure and print the time per candidate where they come in smaller groups."""
    found = []
    for size in GROUPS:
        groups = [candidates[at : at + size] for at in range(0, len(candidates), size)]
        found.append(1000 * seconds(lambda groups=groups: [as_population(group, tensors) for group in groups]) / len(candidates))  # type: ignore[misc]
    print(f"{name:>22} " + " ".join(f"{ms:10.1f}" for ms in found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=60, help="candidates of a population, before it is cut into buckets")
    parser.add_argument("--repeats", type=int, default=3)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    members, repeats = settings.members, settings.repeats
    tensors = Tensors.of(made_up_data())
    print(f"{'ms per candidate':>22} {'alone':>10} {'bare loop':>10} {'population':>10} {'ratio':>10} {'to bare':>10}")
    for width in WIDTHS:
        row(f"width {width}", [of_width(n, width) for n in range(members)], tensors, repeats, 3)
    row("mix of widths", [of_width(n, WIDTHS[n % len(WIDTHS)]) for n in range(members)], tensors, repeats, 2 * len(WIDTHS))
    row("mlp space, plain", sampled(members, encoding="plain"), tensors, repeats, members // 2)
    row("mlp space, all", sampled(members), tensors, repeats, members // 2)
    print(f"\n{'in groups of':>22} " + " ".join(f"{size:10}" for size in GROUPS))
    for most in (None, 20_000, 1_500):
        space = SPACE if most is None else SPACE.within(parameters=most)
        drawn = [space.sample(np.random.default_rng(n)).as_dict for n in range(48)]
        by_group(f"{most or 'any'} parameters", [candidate(n, choices) for n, choices in enumerate(drawn)], tensors)


if __name__ == "__main__":
    main()
