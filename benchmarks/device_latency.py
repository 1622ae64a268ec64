"""Latency of devices that were measured ten times, from devices that were measured often: the cost model on measured tables.

    OMP_NUM_THREADS=1 python benchmarks/device_latency.py --path ../shared/benchmarks

Tables of HELP (Lee et al. 2021): NAS-Bench-201 with HELP's own split and with every kind of device left out in turn, FBNet with the same
split, and OFA with every GPU left out in turn. Printed as Markdown: Spearman's rank correlation between predicted and measured latencies of
architectures that were neither references nor measured on the source devices, mean over draws of source architectures and references, with
the standard deviation over draws; then searches for the most accurate cell under a limit. About two minutes of one core.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

from metanas.meta.cost_model import (
    CostModel,
    Encoded,
    Features,
    Measured,
    best_measured,
    best_predicted,
    choice_features,
    choose_references,
    space_features,
)
from metanas.spaces import Architecture, Decision, TaskShape
from metanas.spaces.cell import OPERATIONS, cell_choices

Vector = NDArray[np.float64]

TRAIN = ("1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1", "samsung_s7")
TEST = ("titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss")
KINDS = {
    "GPU": ("1080ti_1", "1080ti_32", "1080ti_256", "titan_rtx_256"),
    "CPU": ("silver_4114", "silver_4210r", "gold_6226"),
    "telephone": ("samsung_a50", "samsung_s7", "pixel2", "pixel3", "essential_ph_1"),
    "single-board computer": ("raspi4",),
    "accelerator": ("fpga", "eyeriss"),
}
"""Of HELP's fifteen devices outside its validation part."""
GPUS = ("2080ti", "titan_rtx", "titan_xp", "v100")
HELP = {"titan_rtx_256": 0.987, "gold_6226": 0.989, "fpga": 0.985, "pixel2": 0.802, "raspi4": 0.890, "eyeriss": 0.940}
"""Published, ten measurements; for NAS-Bench-201."""
MEASURED, REFERENCES = 900, 10
LIMITS = (0.1, 0.25, 0.5)
"""Of the searches: quantiles of the device's latencies."""
CANDIDATES, EXTRA, SEARCHES = 4000, 5, 10
MARGINS = (0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class Table:
    """Architectures, milliseconds by device, and what ranks without any measurement."""

    features: Features
    latency: Mapping[str, Vector]
    sizes: Mapping[str, Vector]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", type=Path, default=Path("../shared/benchmarks"), help="folder of the tables")
    parser.add_argument("--samples", type=int, default=3, help="draws of the source devices' architectures")
    parser.add_argument("--draws", type=int, default=10, help="draws of the references, for each of these")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began, draws = time.process_time(), (options.samples, options.draws)
    rng = np.random.default_rng(options.seed)
    cells, accuracy = nasbench201(options.path)
    print(f"Spearman's rank correlation from {REFERENCES} measurements, {draws[0]} x {draws[1]} draws.\n\n## NAS-Bench-201, HELP's split\n")
    rows = compared(cells, TRAIN, TEST, draws, rng)
    rows["HELP, published"] = {device: np.array([value]) for device, value in HELP.items()}
    printed(rows, TEST)
    print("\n## NAS-Bench-201, one kind of device left out\n")
    kinds = {kind: [d for d in (*TRAIN, *TEST) if d not in members] for kind, members in KINDS.items()}
    harder(cells, [(kind, sources, KINDS[kind]) for kind, sources in kinds.items()], options.draws, rng)
    print("\n## FBNet, the same split\n")
    blocks = fbnet(options.path)
    printed(
        compared(blocks, [d.replace("_256", "_64") for d in TRAIN], fbnet_test := [d.replace("_256", "_64") for d in TEST], draws, rng),
        fbnet_test,
    )
    print("\n## OFA, one GPU left out\n")
    stretched = ofa(options.path)
    left = {gpu: [d for d in stretched.latency if d.startswith(gpu)] for gpu in GPUS}
    harder(stretched, [(gpu, [d for d in stretched.latency if d not in out], out) for gpu, out in left.items()], options.draws, rng)
    print(f"\n## The most accurate of {CANDIDATES:,} cells under a limit, on HELP's unseen devices\n")
    searches(cells, accuracy, rng)
    print(f"\n{time.process_time() - began:.0f} s of processor time.")


# -- tables ----------------------------------------------------------------------------------------------------------------------


def nasbench201(folder: Path) -> tuple[Table, Vector]:
    """The cells, and their test accuracy on CIFAR-100 (%)."""
    known = np.load(folder / "nasbench201" / "nasbench201.npz")
    space = cell_choices(TaskShape("image", (3, 32, 32), 100))
    names = [d.name for d in space.decisions]
    cells = [Architecture(space.name, tuple(zip(names, (OPERATIONS[k] for k in row), strict=True))) for row in known["ops"].tolist()]
    sizes = {"FLOPs": known["c100_flops_m"].astype(float), "parameters": known["c100_params_m"].astype(float)}
    return Table(space_features(space, cells), latencies(folder, "nb201"), sizes), known["c100_test_acc_200"].astype(float)


def fbnet(folder: Path) -> Table:
    table = np.load(folder / "hardware" / "help_latency.npz")
    names = tuple(name.decode() for name in table["fbnet_op_names"])
    codes = table["fbnet_ops"].astype(np.int64)
    decisions = [Decision(f"block{i}", names) for i in range(codes.shape[1])]
    return Table(choice_features(decisions, codes), latencies(folder, "fbnet"), {})


def ofa(folder: Path) -> Table:
    """Kernel and expansion of a layer are open where its unit is deep enough."""
    table = np.load(folder / "hardware" / "help_latency.npz")
    depth = table["ofa_depth"].astype(np.int64)
    deep = np.arange(4) < depth[:, :, None]
    columns: list[tuple[Decision, NDArray[np.int64]]] = []
    for unit in range(5):
        columns.append((Decision(f"unit{unit}.depth", (2, 3, 4), ordered=True), depth[:, unit] - 2))
        for layer in range(4):
            for name, options in (("kernel", (3, 5, 7)), ("expand", (3, 4, 6))):
                chosen = np.searchsorted(options, table[f"ofa_{name}"][:, 4 * unit + layer])
                columns.append((Decision(f"unit{unit}.layer{layer}.{name}", options), np.where(deep[:, unit, layer], chosen, -1)))
    features = choice_features([d for d, _ in columns], np.stack([c for _, c in columns], axis=1))
    pixels = (table["ofa_resolution"].astype(float) / 224)[:, None] ** 2
    return Table(features.beside(Features(pixels, ("pixels",), ("pixels",))), latencies(folder, "ofa"), {})


def latencies(folder: Path, prefix: str) -> dict[str, Vector]:
    table = np.load(folder / "hardware" / "help_latency.npz")
    names = [name.decode() for name in table[f"{prefix}_devices"]]
    return dict(zip(names, table[f"{prefix}_latency_ms"].astype(float), strict=True))


# -- predictions -----------------------------------------------------------------------------------------------------------------


def learned(table: Table, sources: Sequence[str], rng: np.random.Generator) -> tuple[CostModel, Encoded, NDArray[np.int64]]:
    """The model of ``sources``, all architectures as it sees them, and those that were not measured there."""
    every = rng.permutation(len(table.features))
    part = table.features.rows(every[:MEASURED])
    model = CostModel.learn({d: Measured(part, table.latency[d][every[:MEASURED]]) for d in sources}, rng)
    return model, model.encode(table.features), np.sort(every[MEASURED:])


def compared(
    table: Table, sources: Sequence[str], targets: Sequence[str], draws: tuple[int, int], rng: np.random.Generator
) -> dict[str, dict[str, Vector]]:
    """Correlations by method and device, one per draw."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(draws[0]):
        model, every, rest = learned(table, sources, rng)
        designed = choose_references(model.prior, every, REFERENCES, rng)
        for number in range(draws[1]):
            drawn = rng.choice(len(every), REFERENCES, replace=False)
            for device in targets:
                latency = table.latency[device]
                judged = judge(latency, np.setdiff1d(rest, np.concatenate([drawn, designed])))
                for name, prediction in predictions(model, every, table, latency, drawn, designed if number == 0 else None):
                    found.setdefault(name, {}).setdefault(device, []).append(judged(prediction))
    return {name: {device: np.array(values) for device, values in rows.items()} for name, rows in found.items()}


def judge(latency: Vector, shown: NDArray[np.int64]) -> Callable[[Vector], float]:
    """Spearman's correlation over the architectures ``shown``."""
    ranks = rankdata(latency[shown])
    return lambda prediction: float(np.corrcoef(ranks, rankdata(prediction[shown]))[0, 1])


def predictions(
    model: CostModel, every: Encoded, table: Table, latency: Vector, drawn: NDArray[np.int64], designed: NDArray[np.int64] | None
) -> Iterator[tuple[str, Vector]]:
    for size, values in table.sizes.items():
        yield f"{size} (no measurement)", values
    ranks = rankdata(latency[drawn])
    nearest = int(np.argmax([np.corrcoef(ranks, rankdata(column))[0, 1] for column in every.sources[drawn].T]))
    yield "nearest source device", every.sources[:, nearest]
    yield "Gaussian process, features alone", plain_process(every.z, latency, drawn)
    yield "Gaussian process, latencies on the sources", plain_process(every.sources, latency, drawn)
    yield "cost model", model.adapt(every.rows(drawn), latency[drawn]).predict(every)[0]
    if designed is not None:
        yield "cost model, references chosen", model.adapt(every.rows(designed), latency[designed]).predict(every)[0]


def plain_process(x: Vector, latency: Vector, drawn: NDArray[np.int64]) -> Vector:
    """scikit-learn's, on the logarithm, with hyper-parameters of largest marginal likelihood."""
    x = (x - x.mean(axis=0)) / (x.std(axis=0) * x.shape[1] ** 0.5 + 1e-9)
    y = np.log(latency[drawn])
    kernel = ConstantKernel(1.0) * (DotProduct(1.0) + RBF(1.0, (0.1, 100.0))) + WhiteKernel(0.05, (1e-4, 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hyper-parameters at their bounds, of ten points
        process = GaussianProcessRegressor(kernel, normalize_y=True).fit(x[drawn], y)
    return np.asarray(process.predict(x))


# -- searches --------------------------------------------------------------------------------------------------------------------


def searches(table: Table, accuracy: Vector, rng: np.random.Generator) -> None:
    """A row per way to answer; regret against the most accurate candidate that keeps the limit."""
    found: dict[str, list[tuple[bool, bool, float, float]]] = {}
    model, every, rest = learned(table, TRAIN, rng)
    for _ in range(SEARCHES):
        drawn = rng.choice(len(every), REFERENCES, replace=False)
        shown = np.concatenate([drawn, rng.choice(np.setdiff1d(rest, drawn), CANDIDATES - REFERENCES, replace=False)])
        candidates, scores = every.rows(shown), accuracy[shown]
        for device in TEST:
            latency = table.latency[device][shown]
            adapted = model.adapt(candidates.rows(slice(REFERENCES)), latency[:REFERENCES])
            for limit in np.quantile(latency, LIMITS).tolist():
                best = float(scores[latency <= limit].max())
                for margin in MARGINS:
                    answer = best_predicted(adapted, candidates, scores, limit, margin)
                    row = outcome(answer, scores, latency, limit, best)
                    found.setdefault(f"predicted, margin {margin:.0f} deviations | 0", []).append(row)
                known = dict(enumerate(latency[:REFERENCES].tolist()))
                for extra in (1, 3, EXTRA):
                    answer = best_measured(adapted, candidates, scores, limit, latency.__getitem__, extra, known).position
                    found.setdefault(f"measured | {extra}", []).append(outcome(answer, scores, latency, limit, best))
    print(
        "| answer | further measurements | answers | beyond the limit | by, at most | accuracy lost (points) |\n|---|---|---|---|---|---|"
    )
    for name, rows in found.items():
        given, broken, excess, lost = (np.array(column) for column in zip(*rows, strict=True))
        print(
            f"| {name} | {given.sum():.0f} of {len(given)} | {broken.sum():.0f} ({broken.sum() / given.sum():.1%}) "
            f"| {excess.max():.1%} | {np.nanmean(np.where(broken, np.nan, lost)):.2f} |"
        )


def outcome(answer: int | None, scores: Vector, latency: Vector, limit: float, best: float) -> tuple[bool, bool, float, float]:
    """Whether there is an answer, whether it breaks the limit, by how much, and the accuracy lost by it."""
    if answer is None:
        return False, False, 0.0, float("nan")
    return True, bool(latency[answer] > limit), max(0.0, float(latency[answer] / limit) - 1.0), best - float(scores[answer])


# -- printing --------------------------------------------------------------------------------------------------------------------


def printed(rows: Mapping[str, Mapping[str, Vector]], devices: Sequence[str]) -> None:
    print(f"| method | {' | '.join(devices)} | mean |\n|---|{'---|' * (len(devices) + 1)}")
    for name, row in rows.items():
        cells = [shown(row[device]) for device in devices]
        print(f"| {name} | {' | '.join(cells)} | **{np.mean([row[d].mean() for d in devices]):.3f}** |")


def shown(values: Vector) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if np.ptp(values) > 5e-4 else f"{values.mean():.3f}"


def harder(table: Table, splits: Sequence[tuple[str, Sequence[str], Sequence[str]]], draws: int, rng: np.random.Generator) -> None:
    """A row per method, a column per kind left out: the mean over its devices."""
    by_kind = {kind: compared(table, sources, targets, (1, draws), rng) for kind, sources, targets in splits}
    means = {
        name: {kind: np.mean([rows[name][d] for d in rows[name]], axis=0) for kind, rows in by_kind.items()}
        for name in next(iter(by_kind.values()))
    }
    printed(means, list(by_kind))


if __name__ == "__main__":
    main()
