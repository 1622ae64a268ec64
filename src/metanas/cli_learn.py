"""The options of ``metanas learn``; what it does is imported when it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metanas.cli_bench import Json
from metanas.errors import InputError

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
    only_stores: Annotated[
        bool, typer.Option("--only-stores", help="Leave out the experience on public data that comes with metanas.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same stores: same prior.", metavar="N")] = 0,
    surrogate: Annotated[
        str,
        typer.Option(
            "--surrogate",
            help="What foretells results on a new task: multi-task, deep-kernel, or rgpe, one Gaussian process per task.",
            metavar="NAME",
        ),
    ] = "multi-task",
    as_json: Json = False,
) -> None:
    """Learn from every search in the store a prior that the next search starts from."""
    from metanas.meta.prior import make_prior

    made = make_prior(store, others or (), out, seed=seed, shipped=not only_stores, surrogate=surrogate)
    if as_json:
        print(json.dumps(_record(made), ensure_ascii=False))
    else:
        print("\n".join(_lines(made, out is None)))


def learn_again(store: str | None) -> None:
    """Where the store has come to hold enough that it is worth the while, learn from it."""
    from metanas.meta.prior import due, make_prior

    if not (sentence := due(store)):
        return
    print(f"\n{sentence}: learning from it (some seconds; Ctrl-C leaves it for `metanas learn`) ...", file=sys.stderr, flush=True)
    try:
        made = make_prior(store)
    except KeyboardInterrupt:
        print("left for `metanas learn`", file=sys.stderr)
    except InputError as error:
        print(f"nothing was learned: {error}", file=sys.stderr)
    else:
        print(f"learned in {made.seconds:.1f} s; the next search starts from it (prior {made.digest})", file=sys.stderr)


def _record(made: Made) -> dict[str, Any]:
    from metanas.meta.surrogate.kinds import name_of

    spaces = {
        name: {
            "tasks": [{"name": t.name, "evaluations": t.evaluations, "failed": t.failed, "metric": t.metric} for t in known.tasks],
            "evaluations": known.evaluations,
            "surrogate": None if known.process is None else "rgpe" if known.ensemble else name_of(known.process),
            "policy": known.policy is not None,
            "embedding": "attributes" if known.encoder is None else "learned",
            "foretelling": None if known.foretelling is None else asdict(known.foretelling),
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
        "initial_weights": [entry.name for entry in made.prior.bank.entries] if made.prior.bank else [],
        "passed_over": list(made.passed_over),
        "lost": list(made.lost),
    }


def _lines(made: Made, by_itself: bool) -> Iterator[str]:
    prior = made.prior
    yield f"learned from {_many(len(prior.sources), 'task')} and {_many(prior.evaluations, 'evaluation')} in {made.seconds:.1f} s"
    for name, known in prior.spaces.items():
        yield from _space_lines(name, known)
    if prior.bank is not None:
        yield f"  initial weights: from what the searches on {_some([entry.name for entry in prior.bank.entries])} trained in the end"
    if made.passed_over:
        yield f"passed over, since this version can't read {'it' if len(made.passed_over) == 1 else 'them'}: {_some(made.passed_over)}"
    if made.lost:
        yield f"the prior that lay there knew tasks that are not in these stores, and this one has lost them: {_some(made.lost)}"
        yield "  (to keep them, add the stores they came from: --from FILE)"
    use = "`metanas search` uses it by itself, --prior none turns it off" if by_itself else f"use it with: --prior {made.path}"
    yield f"prior {made.digest} in {made.path} ({made.size / 1e6:.1f} MB); {use}"


def _space_lines(name: str, known: KnownSpace) -> Iterator[str]:
    failed = sum(task.failed for task in known.tasks)
    shipped = {known.sources[source] for source in known.shipped}
    yield (
        f"  {name}: {_many(known.evaluations, 'network')}" + (f", {failed:,} of them failed," if failed else "") + " on "
        f"{_some(sorted(known.sources.values(), key=lambda name: name in shipped))}"
    )
    if known.process is None:
        yield "    one task alone: it remembers what was best there, and needs a second one to learn what tasks have in common"
    elif known.skill is None:
        yield "    too few tasks to say how far that carries to a new one"
    else:
        told = f"{100 * known.skill.better:.0f} % of what was tried there (by chance 50 %)"
        yield f"    on {_many(known.skill.tasks, 'task')}, left out in turn, its favourite was better than {told}"
    if (measured := known.foretelling) is not None:
        figures = f"{measured.learned:.2f} against {measured.plain:.2f} on {_many(measured.sources, 'task')}, left out in turn"
        if known.encoder is None:
            yield f"    tasks are compared by plain attributes: a learned one was not surely better at telling which are alike ({figures})"
        else:
            yield f"    tasks are compared by a learned embedding: it tells better than plain attributes which are alike ({figures})"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _some(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
