"""Mixed precision trains like float32 and leaves float32 weights; keeping memory is safe to ask for anywhere."""

import platform
import resource

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metanas.evaluation import fast_convolution
from metanas.evaluation.fast_convolution import bfloat16_is_fast, keep_freed_memory, mixed_precision


def network(seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 3))


def examples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(32, 1, 6, 6, generator=generator), torch.randint(3, (32,), generator=generator)


def gradient(mixed: bool) -> Tensor:
    net, (x, y) = network(0), examples()
    if mixed:
        with mixed_precision():
            raw = net(x)
    else:
        raw = net(x)
    F.cross_entropy(raw.float(), y).backward()
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(g.dtype == torch.float32 for g in gradients)
    return torch.cat([g.flatten() for g in gradients])


def test_mixed_precision_keeps_the_direction_of_the_gradient() -> None:
    assert F.cosine_similarity(gradient(True), gradient(False), dim=0) > 0.999


def test_mixed_precision_computes_in_bfloat16_exactly_where_that_is_fast() -> None:
    x, _ = examples()
    with mixed_precision():
        raw = network(0)(x)
    assert raw.dtype == (torch.bfloat16 if bfloat16_is_fast() else torch.float32)


def test_without_the_instructions_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_convolution, "bfloat16_is_fast", lambda: False)
    x, _ = examples()
    with mixed_precision():
        raw = network(0)(x)
    assert torch.equal(raw, network(0)(x))


def test_freed_memory_is_kept_with_the_gnu_library_and_elsewhere_the_answer_is_no() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="concerns the GNU C library's allocator")
def test_kept_memory_is_not_mapped_anew() -> None:
    keep_freed_memory()
    size = 4 * 2**20
    torch.ones(size // 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(size // 4)
    mapped = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert mapped < 10 * size // resource.getpagesize() // 4
