"""How near the training of small convolution networks on one thread comes to the machine's matrix-product rate.

    python benchmarks/convolution_speed.py [--batch 64] [--repeats 12] [--pictures]

Networks: five times 3x3 convolution, batch normalisation and ReLU of 8, 16 or 32 channels on 28x28 inputs of as many channels,
and a residual network (stem 16, stages of 16, 32 and 64 channels; 77,000 parameters) on pictures of one channel. With
``--pictures`` all take one channel: the first convolution then has little arithmetic, but as much to read and write as any other.
A step is forward, backward and a fused AdamW update. Its floating-point operations are counted by PyTorch's ``FlopCounterMode``
and divided by its CPU time (the least of all repeats; the ways take turns, and waiting for a busy neighbour costs no CPU time),
then by the rate of a float32 product of two 2048x2048 matrices, measured in the same run. bfloat16 may pass 100 %: it is
compared with float32 arithmetic.

Ways, each with what the one before it has: plain eager PyTorch, channels last; global average pooling whose gradient keeps
channels last (PyTorch's own turns it round, and the last layers then work on mixed layouts); bfloat16; freed memory kept
in the process; for 8 and 16 channels, several networks at once as groups of one convolution (time per network).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from metanas.evaluation.fast_convolution import bfloat16_is_fast, keep_freed_memory, mixed_precision

SIZE, CLASSES, DEPTH = 28, 10, 5


class ChannelsLastPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(1, 2).mean(1)


class UsualPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


class GroupedDense(nn.Module):
    """One dense layer per network: ``(batch, groups * channels)`` to ``(batch, groups * CLASSES)``."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.randn(groups, channels, CLASSES) / channels**0.5)

    def forward(self, x: Tensor) -> Tensor:
        each = x.view(len(x), self.groups, -1).transpose(0, 1)
        return torch.bmm(each, self.weight.to(x.dtype)).transpose(0, 1).flatten(1)


class ResidualBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False) if channels_in != channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.main(x) + self.shortcut(x))


def plain(channels: int, inputs: int, pool: nn.Module, groups: int = 1) -> nn.Module:
    layers: list[nn.Module] = []
    width = channels * groups
    for index in range(DEPTH):
        # All networks see the same input, so the first convolution has no groups.
        conv = nn.Conv2d(width if index else inputs, width, 3, padding=1, bias=False, groups=groups if index else 1)
        layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, pool, GroupedDense(channels, groups)).to(memory_format=torch.channels_last)


def residual(pool: nn.Module) -> nn.Module:
    stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    blocks = [ResidualBlock(16, 16, 1), ResidualBlock(16, 32, 2), ResidualBlock(32, 64, 2)]
    return nn.Sequential(*stem, *blocks, pool, GroupedDense(64, 1)).to(memory_format=torch.channels_last)


class Way:
    """One way to train one network (or several at once)."""

    def __init__(self, network: nn.Module, batch: int, inputs: int, *, bfloat16: bool, groups: int = 1) -> None:
        self.network, self.bfloat16, self.groups = network, bfloat16, groups
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
        self.x = torch.randn(batch, inputs, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
        self.y = torch.randint(CLASSES, (batch,))

    def loss(self) -> Tensor:
        if self.bfloat16:
            with mixed_precision():
                raw = self.network(self.x)
        else:
            raw = self.network(self.x)
        return F.cross_entropy(raw.float().view(-1, CLASSES), self.y.repeat_interleave(self.groups)) * self.groups

    def step(self) -> None:
        self.loss().backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def flops(self) -> int:
        with FlopCounterMode(display=False) as counter:
            self.loss().backward()
        self.optimiser.zero_grad(set_to_none=True)
        return counter.get_total_flops()


def cpu_time(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def matrix_rate() -> float:
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    return 2 * 2048**3 / min(cpu_time(lambda: a @ b) for _ in range(6))


def take_turns(ways: list[Way], repeats: int) -> list[float]:
    """Seconds per network and step of each way."""
    least = [float("inf")] * len(ways)
    for _ in range(repeats):
        for index, way in enumerate(ways):
            way.step()  # warms the caches that the ways before it have taken
            least[index] = min(least[index], cpu_time(way.step) / way.groups)
    return least


def three_ways(build: Callable[[nn.Module], nn.Module], batch: int, inputs: int) -> list[Way]:
    return [
        Way(build(UsualPool()), batch, inputs, bfloat16=False),
        Way(build(ChannelsLastPool()), batch, inputs, bfloat16=False),
        Way(build(ChannelsLastPool()), batch, inputs, bfloat16=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--pictures", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    table: dict[str, list[Way]] = {}
    more: dict[str, list[Way]] = {}
    for channels in (8, 16, 32):
        inputs = 1 if options.pictures else channels
        table[f"{channels} channels"] = three_ways(lambda pool, c=channels, i=inputs: plain(c, i, pool), options.batch, inputs)
        more[f"{channels} channels"] = [
            Way(plain(channels, inputs, ChannelsLastPool(), groups), options.batch, inputs, bfloat16=True, groups=groups)
            for groups in ((1, 2, 4) if channels < 32 else (1,))
        ]
    table["residual"] = three_ways(residual, options.batch, 1)
    more["residual"] = [Way(residual(ChannelsLastPool()), options.batch, 1, bfloat16=True)]
    flops = {name: ways[0].flops() for name, ways in table.items()}
    rate = matrix_rate()
    seconds = {name: take_turns(ways, options.repeats) for name, ways in table.items()}
    kept = keep_freed_memory()
    for name, ways in more.items():
        seconds[name] += take_turns(ways, options.repeats)
    print(f"float32 matrix product 2048^3: {rate / 1e9:.0f} GFLOP/s; bfloat16 in hardware: {bfloat16_is_fast()}; freed memory kept: {kept}")
    print(f"batch {options.batch}; share of the matrix product's rate (milliseconds per network and step)")
    labels = ("plain float32", "+ pooling", "+ bfloat16", "+ memory kept", "2 at once", "4 at once")
    print(f"{'':12}" + "".join(f"{label:>18}" for label in labels))
    for name, times in seconds.items():
        print(f"{name:12}" + "".join(f"{flops[name] / t / rate:>9.0%} ({t * 1e3:5.1f})" for t in times))


if __name__ == "__main__":
    main()
