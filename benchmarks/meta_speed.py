"""Outer steps per second of second-order MAML beside other ways to write it, on the four-convolution Omniglot network.

    python benchmarks/meta_speed.py [--tasks 8] [--inner-steps 5] [--queries 15] [--width 64] [--down stride] [--repeats 8] [--threads 1 2]

A step takes 8 tasks (5 ways, 1 shot, 15 queries each; random pictures, which take as long as drawn ones), five inner steps with second
derivatives, and Adam. Ways: ours, in float32 and with products rounded to bfloat16; TorchOpt and `higher`, where they are installed
(``pip install torchopt higher``); the same loop written with ``torch.func.functional_call``; and all tasks at once by ``torch.func.vmap``.
All start from the same weights, and their first outer gradients are compared before anything is timed.

The ways take turns, so that a busy neighbour hits them all; printed are the medians of the wall time, the least CPU time, and the median of
each repeat's ratio to ours. With more than one thread the others split every operation over the threads, and ours splits the tasks. The
same on a GPU where there is one: there the bar is five times the faster of TorchOpt and `higher`.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from metanas.evaluation.fast_convolution import bfloat16_is_fast
from metanas.meta import Episode, four_conv, make_meta_learner
from metanas.meta.learner import Batch
from metanas.spaces import TaskShape

WAYS, RATE, OUTER_RATE = 5, 0.4, 1e-3
Gradient = Callable[[], list[Tensor]]


class Plain:
    """The network as one would write it, and MAML over it by other means; each gives the outer gradient of the mean query loss."""

    def __init__(self, options: argparse.Namespace, weights: list[Tensor], batch: Episode, device: str) -> None:
        self.steps, self.tasks, self.batch = options.inner_steps, options.tasks, batch
        layers: list[nn.Module] = []
        for block in range(4):
            stride, channels = 2 if options.down == "stride" else 1, options.width if block else 1
            layers += [
                nn.Conv2d(channels, options.width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(options.width, track_running_stats=False),
            ]
            layers += [nn.ReLU()] + [nn.MaxPool2d(2, ceil_mode=True)] * (options.down != "stride")
        self.network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(options.width, WAYS)).to(device)
        with torch.no_grad():
            for p, w in zip(self.network.parameters(), weights, strict=True):
                p.copy_(w)

    def task(self, t: int) -> tuple[Tensor, ...]:
        x, y, x_query, y_query = (a[t] for a in self.batch.arrays)
        return x.float(), y, x_query.float(), y_query

    def functional(self) -> list[Tensor]:
        start = dict(self.network.named_parameters())
        losses = []
        for t in range(self.tasks):
            x, y, x_query, y_query = self.task(t)
            weights = start
            for _ in range(self.steps):
                loss = F.cross_entropy(functional_call(self.network, weights, (x,)), y)
                g = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
                weights = {n: w - RATE * d for (n, w), d in zip(weights.items(), g, strict=True)}
            loss = F.cross_entropy(functional_call(self.network, weights, (x_query,)), y_query) / self.tasks
            losses.append(torch.autograd.grad(loss, list(start.values())))
        return [torch.stack(g).sum(0) for g in zip(*losses, strict=True)]

    def vmapped(self) -> list[Tensor]:
        def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return F.cross_entropy(functional_call(self.network, weights, (x,)), y)

        def outer(weights: dict[str, Tensor], *task: Tensor) -> Tensor:
            for _ in range(self.steps):
                weights = {n: weights[n] - RATE * g for n, g in grad(loss)(weights, *task[:2]).items()}
            return loss(weights, *task[2:])

        x, y, x_query, y_query = self.batch.arrays
        start = {n: p.detach() for n, p in self.network.named_parameters()}
        found = vmap(grad(outer), in_dims=(None, 0, 0, 0, 0))(start, x.float(), y, x_query.float(), y_query)
        return [g.mean(0) for g in found.values()]

    def higher(self) -> list[Tensor]:
        import higher

        self.network.zero_grad()
        optimiser = torch.optim.SGD(self.network.parameters(), lr=RATE)
        for t in range(self.tasks):
            x, y, x_query, y_query = self.task(t)
            with higher.innerloop_ctx(self.network, optimiser, copy_initial_weights=False) as (inner, step):
                for _ in range(self.steps):
                    step.step(F.cross_entropy(inner(x), y))
                (F.cross_entropy(inner(x_query), y_query) / self.tasks).backward()
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def torchopt(self) -> list[Tensor]:
        import torchopt

        self.network.zero_grad()
        parameters = list(self.network.parameters())
        inner = torchopt.MetaSGD(self.network, lr=RATE)
        start = [torchopt.extract_state_dict(part, by="reference") for part in (self.network, inner)]
        for t in range(self.tasks):
            x, y, x_query, y_query = self.task(t)
            for _ in range(self.steps):
                inner.step(F.cross_entropy(self.network(x), y))
            (F.cross_entropy(self.network(x_query), y_query) / self.tasks).backward()
            for part, state in zip((self.network, inner), start, strict=True):
                torchopt.recover_state_dict(part, state)
        return [p.grad for p in parameters if p.grad is not None]


def ways(options: argparse.Namespace, device: str) -> dict[str, Callable[[], object]]:
    """What makes an outer step, by name; ours first."""
    generator = torch.Generator().manual_seed(0)
    shape = TaskShape("image", (1, 28, 28), WAYS)

    def draw(each: int) -> tuple[Tensor, Tensor]:
        labels = torch.arange(WAYS).repeat_interleave(each).repeat(options.tasks, 1)
        return torch.rand(*labels.shape, 1, 28, 28, generator=generator), labels

    batch = Episode(*draw(1), *draw(options.queries)).tensors(device)
    graph = four_conv(shape, width=options.width, down=options.down)
    settings = {"inner_steps": options.inner_steps, "inner_rate": RATE, "outer_rate": OUTER_RATE, "device": device}
    found: dict[str, Callable[[], object]] = {}
    for precision in ("float32", "bfloat16"):
        learner = make_meta_learner("maml", graph, precision=precision, **settings)
        state = learner.init(0)
        found[f"ours, {precision}"] = lambda learner=learner, state=state: learner.update(state, batch)
    exact = make_meta_learner("maml", graph, **settings)
    theta = exact.init(0)["theta"]
    plain = Plain(options, list(theta.values()), batch, device)
    others: dict[str, Gradient] = {"functional_call": plain.functional}
    if not options.no_vmap:
        others["vmap"] = plain.vmapped
    others |= {name: way for name, way in (("higher", plain.higher), ("torchopt", plain.torchopt)) if importlib.util.find_spec(name)}
    with torch.no_grad():
        gradient = exact.outcome(theta, Batch(*batch.arrays), 0.0, 0).gradient
    expected = [gradient[name] / options.tasks for name in theta]
    for name, way in others.items():
        apart = max(float((a - b).norm() / b.norm()) for a, b in zip(way(), expected, strict=True))
        print(f"  {name}: outer gradient differs from ours by at most {apart:.1e} of its length (float32)")
        found[name] = with_adam(plain, way)
    return found


def with_adam(plain: Plain, way: Gradient) -> Callable[[], object]:
    """An outer step; the rate is 0, so that all steps do the same work."""
    adam = torch.optim.Adam(plain.network.parameters(), lr=0.0)

    def step() -> None:
        for p, g in zip(plain.network.parameters(), way(), strict=True):
            p.grad = g
        adam.step()

    return step


def compare(options: argparse.Namespace, device: str, threads: int) -> None:
    torch.set_num_threads(threads)
    print(f"\n{device}" + (f", {threads} thread{'s' * (threads > 1)}" if device == "cpu" else f": {torch.cuda.get_device_name()}"))
    found = ways(options, device)
    wall: dict[str, list[float]] = {name: [] for name in found}
    cpu: dict[str, list[float]] = {name: [] for name in found}
    for repeat in range(options.repeats + 1):
        for name, step in found.items():
            began, used = time.perf_counter(), time.process_time()
            step()
            if device != "cpu":
                torch.cuda.synchronize()
            if repeat:  # the first is for warming up
                wall[name].append(time.perf_counter() - began)
                cpu[name].append(time.process_time() - used)
    ours = wall["ours, float32"]
    for name, times in wall.items():
        ratio = median(theirs / mine for theirs, mine in zip(times, ours, strict=True))
        middle, least = median(times), 1e3 * min(cpu[name])
        line = f"{name:>16}: {1 / middle:6.2f} outer steps/s, median {1e3 * middle:7.1f} ms, least CPU time {least:7.1f} ms"
        print(f"{line}, time / ours {ratio:5.2f}")
    rivals = {name: times for name, times in wall.items() if name in ("higher", "torchopt")}
    if rivals:
        fastest = min(rivals, key=lambda name: median(rivals[name]))
        ratio = median(theirs / mine for theirs, mine in zip(rivals[fastest], ours, strict=True))
        print(f"ours is {ratio:.2f} times as fast as {fastest}, the faster of the two")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("tasks", 8), ("inner-steps", 5), ("queries", 15), ("width", 64), ("repeats", 8)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--down", choices=("stride", "max_pool"), default="stride")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--no-vmap", action="store_true")
    options = parser.parse_args()
    print(f"four convolutions of {options.width} channels ({options.down}), {options.tasks} tasks, {options.inner_steps} inner steps")
    for name in ("higher", "torchopt"):
        if not importlib.util.find_spec(name):
            print(f"{name} is not installed, so it is left out")
    if not bfloat16_is_fast():
        print("this processor has no fast bfloat16, so that both of ours are the same on the CPU")
    for threads in options.threads:
        compare(options, "cpu", threads)
    if torch.cuda.is_available():
        compare(options, "cuda", 1)
    else:
        print("\nno GPU here, so the comparison on a GPU is left out")


if __name__ == "__main__":
    main()
