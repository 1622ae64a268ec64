"""The options of ``metanas bench``; what it does is in ``metanas.benchmarks``, which is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metanas.errors import InputError

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def bench(
    problem: Annotated[str | None, typer.Argument(help="A benchmark (see --list), or the JSON file of a table of your own.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Data sets of the benchmark, joined by commas, or all.", metavar="NAME,...")
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="Strategies, joined by commas, or FILE.py with one of your own; random and local-search run beside.",
            metavar="NAME,...",
        ),
    ] = "evolution",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Runs of each strategy: seeds 0, 1, ...", metavar="N")] = 20,
    evaluations: Annotated[
        int | None, typer.Option("--evaluations", min=1, help="Networks evaluated in each run. Default: 200 without --clock.", metavar="N")
    ] = None,
    clock: Annotated[
        str | None, typer.Option("--clock", help="Simulated training time of each run, from the table: 12000s, 5h.", metavar="TIME")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Guide by results after so many epochs. Default: the most.", metavar="N")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option("--objective", help="Another goal than the table's own, or several: accuracy,latency:raspi4.", metavar="NAME,..."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Validation results to be reached, as printed: 73.4,73.49.", metavar="NUMBER,...")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Option of the benchmark (see --list); may be repeated.", metavar="NAME=VALUE")
    ] = None,
    path: Annotated[
        Path | None, typer.Option("--path", help="Folder of the benchmarks' tables. Default: METANAS_BENCHMARKS.", metavar="FOLDER")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder that keeps runs, report and plots; its runs are not made again.", metavar="FOLDER")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, help="Processes; 0: this one alone. Default: one per core.", metavar="N")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the benchmarks and where their tables are.")] = False,
    as_json: Json = False,
) -> None:
    """Compare search strategies on PROBLEM, whose every answer is known: many seeds, exact results, statistical tests."""
    if list_all or problem is None:
        from metanas.benchmarks.command import list_command

        if not list_all:
            raise InputError("say which benchmark to run, or --list to see them all")
        list_command(path, as_json)
        return
    from metanas.benchmarks.command import bench_command

    bench_command(
        problem,
        dataset=dataset,
        strategy=strategy,
        seeds=seeds,
        evaluations=evaluations,
        clock=clock,
        epochs=epochs,
        objective=objective,
        targets=target,
        workers=workers,
        out=out,
        path=path,
        options=option or (),
        as_json=as_json,
    )
