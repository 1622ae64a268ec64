"""The options of ``metanas learn``; what it does is imported when it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metanas.cli_bench import Json

if TYPE_CHECKING:
    from metanas.meta.prior import KnownSpace, Made

MOST_NAMES = 6


def learn(
    store: Annotated[
        str | None, typer.Option("--store", help="Where searches are remembered: a file or a database URL.", metavar="FILE|URL")
    ] = None,
    others: Annotated[
        list[str] | None, typer.Option("--from", help="Another store to learn from as well; may be repeated.", metavar="FILE|URL")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write. Default: beside the store, where `metanas search` finds it.", metavar="FILE"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same stores: same prior.", metavar="N")] = 0,
    as_json: Json = False,
) -> None:
    """Learn from every search in the store a prior that the next search starts from."""
    from metanas.meta.prior import make_prior

    made = make_prior(store, others or (), out, seed=seed)
    if as_json:
        print(json.dumps(_record(made), ensure_ascii=False))
    else:
        print("\n".join(_lines(made, out is None)))


def _record(made: Made) -> dict[str, Any]:
    spaces = {
        name: {
            "tasks": [{"name": t.name, "evaluations": t.evaluations, "failed": t.failed, "metric": t.metric} for t in known.tasks],
            "evaluations": known.evaluations,
            "surrogate": known.kernel is not None,
            "better": None if known.skill is None else known.skill.better,
        }
        for name, known in made.prior.spaces.items()
    }
    return {
        "prior": str(made.path),
        "digest": made.digest,
        "bytes": made.size,
        "made": made.prior.provenance.made,
        "tasks": len(made.prior.sources),
        "evaluations": made.prior.evaluations,
        "seconds": round(made.seconds, 3),
        "spaces": spaces,
        "passed_over": list(made.passed_over),
        "lost": list(made.lost),
    }


def _lines(made: Made, by_itself: bool) -> Iterator[str]:
    prior = made.prior
    yield f"learned from {_many(len(prior.sources), 'task')} and {_many(prior.evaluations, 'evaluation')} in {made.seconds:.1f} s"
    for name, known in prior.spaces.items():
        yield from _space_lines(name, known)
    if made.passed_over:
        yield f"passed over, since this version can't read {'it' if len(made.passed_over) == 1 else 'them'}: {_some(made.passed_over)}"
    if made.lost:
        yield f"the prior that lay there knew tasks that are not in these stores, and this one has lost them: {_some(made.lost)}"
        yield "  (to keep them, add the stores they came from: --from FILE)"
    use = "`metanas search` uses it by itself, --prior none turns it off" if by_itself else f"use it with: --prior {made.path}"
    yield f"prior {made.digest} in {made.path} ({made.size / 1e6:.1f} MB); {use}"


def _space_lines(name: str, known: KnownSpace) -> Iterator[str]:
    failed = sum(task.failed for task in known.tasks)
    yield (
        f"  {name}: {_many(known.evaluations, 'network')}" + (f", {failed:,} of them failed," if failed else "") + " on "
        f"{_some(list(known.sources.values()))}"
    )
    if known.kernel is None:
        yield "    one task alone: it remembers what was best there, and needs a second one to learn what tasks have in common"
    elif known.skill is None:
        yield "    too few tasks to say how far that carries to a new one"
    else:
        told = f"{100 * known.skill.better:.0f} % of what was tried there (by chance 50 %)"
        yield f"    on {_many(known.skill.tasks, 'task')}, left out in turn, its favourite was better than {told}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _some(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
