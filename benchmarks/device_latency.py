"""Latency of devices that were measured ten times, from devices that were measured often: the cost model on measured tables.

    OMP_NUM_THREADS=1 python benchmarks/device_latency.py --path ../shared/benchmarks

Tables of HELP (Lee et al. 2021) and HW-NAS-Bench. NAS-Bench-201 with HELP's devices, first in the protocol of its code: 900 architectures
learned from, ten of them measured on an unseen device, judged on 1,000 others, and of all three only those whose latency on the device is
in the middle 80 %. Then without such a selection, judged on all cells that were not measured; with every kind of device left out in turn;
and on devices that nobody looked at while the model was made. FBNet with the same devices, OFA with every GPU left out in turn. Printed as
Markdown: Spearman's rank correlation of predicted with measured latencies, mean over draws and the standard deviation over them; then
searches for the most accurate cell under a limit. About five minutes of one core.
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
from metanas.meta.cost_model.sources import fit_sources
from metanas.spaces import Architecture, Decision, TaskShape
from metanas.spaces.cell import OPERATIONS, cell_choices

Vector = NDArray[np.float64]
Index = NDArray[np.int64]

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
OTHERS = (
    *("2080ti_1", "2080ti_32", "2080ti_256", "titan_rtx_1", "titan_rtx_32", "titanx_1", "titanx_32", "titanx_256"),
    *("titanxp_1", "titanxp_32", "titanxp_256", "gold_6240", "edgegpu"),
)
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

    def first(self, count: int) -> Table:
        """Its first rows."""
        latency, sizes = ({name: column[:count] for name, column in columns.items()} for columns in (self.latency, self.sizes))
        return Table(self.features.rows(slice(count)), latency, sizes)


@dataclass(frozen=True)
class Rows:
    """Which rows of a table are measured on the source devices, may be references, and are judged on."""

    learning: Index
    references: Index
    judging: Index
    trimmed: bool = False

    def middle(self, rows: Index, latency: Vector) -> Index:
        """Where ``trimmed``, those whose latency is in the middle 80 %."""
        ordered = rows[np.argsort(latency[rows], kind="stable")]
        return ordered[int(0.1 * len(rows)) : int(0.9 * len(rows))] if self.trimmed else rows


def as_help(table: Table, rng: np.random.Generator) -> Rows:
    """The protocol of HELP's code (``loader.py``), whose order of the architectures is that of the table."""
    first = np.arange(MEASURED)
    return Rows(first, first, np.arange(MEASURED, MEASURED + 1000), trimmed=True)


def whole(table: Table, rng: np.random.Generator) -> Rows:
    """Drawn architectures are learned from, any may be references, all others judge."""
    drawn = rng.permutation(len(table.features))
    return Rows(drawn[:MEASURED], drawn, drawn[MEASURED:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", type=Path, default=Path("../shared/benchmarks"), help="folder of the tables")
    parser.add_argument("--samples", type=int, default=3, help="models, of other source architectures where these are drawn")
    parser.add_argument("--draws", type=int, default=10, help="draws of the references, for each of these")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began, draws = time.process_time(), (options.samples, options.draws)
    rng = np.random.default_rng(options.seed)
    cells, accuracy = nasbench201(options.path)
    print(f"Spearman's rank correlation from {REFERENCES} measurements; {draws[0]} x {draws[1]} draws.")
    print("\n## NAS-Bench-201, HELP's devices and protocol\n")
    rows = compared(cells.first(MEASURED + 1000), TRAIN, TEST, as_help, draws, rng)
    printed({**rows, "HELP, published": {device: np.array([value]) for device, value in HELP.items()}}, TEST)
    print("\n## NAS-Bench-201, HELP's devices, all cells\n")
    printed(compared(cells, TRAIN, TEST, whole, draws, rng), TEST)
    print("\n## NAS-Bench-201, all cells, one kind of device left out (mean over its devices)\n")
    kinds = {kind: [d for d in (*TRAIN, *TEST) if d not in members] for kind, members in KINDS.items()}
    harder(cells, [(kind, sources, KINDS[kind]) for kind, sources in kinds.items()], draws, rng)
    print("\n## NAS-Bench-201, all cells, devices not looked at while the model was made\n")
    harder(cells, [(name, TRAIN, devices) for name, devices in (("12 of HELP's", OTHERS[:-1]), ("Jetson TX2", OTHERS[-1:]))], draws, rng)
    print("\n## FBNet, HELP's devices, all architectures\n")
    sources, targets = ([d.replace("_256", "_64") for d in devices] for devices in (TRAIN, TEST))
    printed(compared(fbnet(options.path), sources, targets, whole, draws, rng), targets)
    print("\n## OFA, all architectures, one GPU left out (mean over its three batch sizes)\n")
    stretched = ofa(options.path)
    left = {gpu: [d for d in stretched.latency if d.startswith(gpu)] for gpu in GPUS}
    harder(stretched, [(gpu, [d for d in stretched.latency if d not in out], out) for gpu, out in left.items()], draws, rng)
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
    edge = np.load(folder / "hardware" / "hwnasbench_nb201.npz")["c10_edgegpu_latency"].astype(float)
    return Table(space_features(space, cells), {**latencies(folder, "nb201"), "edgegpu": edge}, sizes), known["c100_test_acc_200"].astype(
        float
    )


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


def learned(table: Table, sources: Sequence[str], rows: Rows, rng: np.random.Generator) -> tuple[CostModel, Encoded]:
    """The model of ``sources``, and all architectures as it sees them."""
    measured = {}
    for device in sources:
        index = rows.middle(rows.learning, table.latency[device])
        measured[device] = Measured(table.features.rows(index), table.latency[device][index])
    model = CostModel.learn(measured, rng)
    return model, model.encode(table.features)


def compared(
    table: Table,
    sources: Sequence[str],
    targets: Sequence[str],
    protocol: Callable[[Table, np.random.Generator], Rows],
    draws: tuple[int, int],
    rng: np.random.Generator,
) -> dict[str, dict[str, Vector]]:
    """Correlations by method and device, one per draw."""
    found: dict[str, dict[str, list[float]]] = {}
    for sample in range(draws[0]):
        rows = protocol(table, rng)
        model, every = learned(table, sources, rows, rng)
        designed = rows.references[choose_references(model.prior, every.rows(rows.references), REFERENCES, rng)]
        for number in range(draws[1]):
            for device in targets:
                latency = table.latency[device]
                drawn = rng.choice(rows.middle(rows.references, latency), REFERENCES, replace=False)
                judged = judge(latency, np.setdiff1d(rows.middle(rows.judging, latency), np.concatenate([drawn, designed])))
                for name, prediction in predictions(model, every, table, latency, drawn):
                    found.setdefault(name, {}).setdefault(device, []).append(judged(prediction))
                if number == 0:
                    chosen = model.adapt(every.rows(designed), latency[designed]).predict(every)[0]
                    found.setdefault("cost model, references chosen", {}).setdefault(device, []).append(judged(chosen))
                if number == sample == 0:
                    own = judged(measured_often(every, latency, rows.middle(rows.learning, latency), model, rng))
                    found.setdefault(f"{MEASURED} measurements of the device itself", {})[device] = [own]
    return {name: {device: np.array(values) for device, values in rows.items()} for name, rows in found.items()}


def judge(latency: Vector, shown: Index) -> Callable[[Vector], float]:
    """Spearman's correlation over the architectures ``shown``."""
    ranks = rankdata(latency[shown])
    return lambda prediction: float(np.corrcoef(ranks, rankdata(prediction[shown]))[0, 1])


def predictions(model: CostModel, every: Encoded, table: Table, latency: Vector, drawn: Index) -> Iterator[tuple[str, Vector]]:
    for size, values in table.sizes.items():
        yield f"{size}, no measurement", values
    ranks = rankdata(latency[drawn])
    nearest = int(np.argmax([np.corrcoef(ranks, rankdata(column))[0, 1] for column in every.sources[drawn].T]))
    yield "nearest source device", every.sources[:, nearest]
    counts = [place for place, group in enumerate(model.prior.sources.kernel.groups) if group == "counts"]
    yield "Gaussian process on counts of options", plain_process(every.z[:, counts], latency, drawn)
    yield "Gaussian process on the sources' latencies", plain_process(every.sources, latency, drawn)
    yield "cost model", model.adapt(every.rows(drawn), latency[drawn]).predict(every)[0]


def measured_often(every: Encoded, latency: Vector, rows: Index, model: CostModel, rng: np.random.Generator) -> Vector:
    """What the same features and covariances can do at best: the rest is noise, or in no feature."""
    kernel = model.prior.sources.kernel
    functions, _ = fit_sources(kernel, [(every.z[rows], latency[rows])], every.z[rows[:500]], 300, rng)
    return functions.at(every.z)[:, 0]


def plain_process(x: Vector, latency: Vector, drawn: Index) -> Vector:
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
    rows = whole(table, rng)
    model, every = learned(table, TRAIN, rows, rng)
    for _ in range(SEARCHES):
        drawn = rng.choice(len(every), REFERENCES, replace=False)
        shown = np.concatenate([drawn, rng.choice(np.setdiff1d(rows.judging, drawn), CANDIDATES - REFERENCES, replace=False)])
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
        columns = [row[device] for device in devices]
        print(f"| {name} | {' | '.join(map(shown, columns))} | **{shown(np.mean(columns, axis=0))}** |")


def shown(values: Vector) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if np.ptp(values) > 5e-4 else f"{values.mean():.3f}"


def harder(
    table: Table, splits: Sequence[tuple[str, Sequence[str], Sequence[str]]], draws: tuple[int, int], rng: np.random.Generator
) -> None:
    """A row per method, a column per split: the mean over its devices."""
    by_kind = {kind: compared(table, sources, targets, whole, draws, rng) for kind, sources, targets in splits}
    means = {
        name: {kind: np.mean([rows[name][d] for d in rows[name]], axis=0) for kind, rows in by_kind.items()}
        for name in next(iter(by_kind.values()))
    }
    printed(means, list(by_kind))


if __name__ == "__main__":
    main()
