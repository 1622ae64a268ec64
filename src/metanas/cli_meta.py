"""The options of ``metanas meta-train`` and ``metanas adapt``; what they do is imported when they run."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metanas.cli_bench import Json
from metanas.errors import InputError

if TYPE_CHECKING:
    from metanas.search.meta import MetaResult
    from metanas.search.meta.observers import MetaObserver
    from metanas.tasks.data import Kind


def meta_train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="An .npz of examples by class, Omniglot's own archives, any classification data that `metanas search` reads, or sinusoid.",
        ),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="How to meta-learn: maml, fomaml, reptile, anil, ...", metavar="NAME")] = "maml",
    ways: Annotated[int, typer.Option("--ways", help="Classes of an episode.", metavar="N")] = 5,
    shots: Annotated[int, typer.Option("--shots", help="Examples of each class to learn from.", metavar="N")] = 1,
    queries: Annotated[
        int | None,
        typer.Option("--queries", min=1, help="Examples of each class asked about in training. Default: 5, or what there is.", metavar="N"),
    ] = None,
    test_queries: Annotated[
        int | None,
        typer.Option("--test-queries", min=1, help="The same in validation and test. Default: 15, or what there is.", metavar="N"),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="Time for everything: 3m, 20m, 2h. Default: 20m without --steps.", metavar="TIME")
    ] = None,
    steps: Annotated[
        str | None, typer.Option("--steps", help="Outer steps. Same seed and steps, without --budget: same result.", metavar="N")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for the result; where the same was begun there, it goes on. Default: one under runs/.", metavar="FOLDER"
        ),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the training in this folder; no other options.", metavar="FOLDER")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", help="Of the classes: vinyals, alphabets, given, random, random:SEED. Default: the data's own.", metavar="NAME"
        ),
    ] = None,
    rotations: Annotated[
        bool | None,
        typer.Option("--rotations/--no-rotations", help="Classes turned by 90, 180, 270 degrees are new ones. Default: for characters."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network",
            help="four-conv, four-conv-pool, two-dense, a space's plain network, or FILE.json; a space (few-shot, ...) for methods that "
            "choose in one. Default: by the data.",
            metavar="NAME",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", help="Channels of each layer of four-conv and few-shot (64), units of two-dense (40).", metavar="N"),
    ] = None,
    inner_steps: Annotated[
        int | None, typer.Option("--inner-steps", help="Steps that adapt to an episode. Default: the method's.", metavar="N")
    ] = None,
    inner_rate: Annotated[
        float | None, typer.Option("--inner-rate", help="Their learning rate. Default: the method's.", metavar="RATE")
    ] = None,
    outer_rate: Annotated[
        float | None, typer.Option("--outer-rate", help="Learning rate over episodes. Default: the method's.", metavar="RATE")
    ] = None,
    meta_batch: Annotated[
        int | None, typer.Option("--meta-batch", help="Episodes of an outer step. Default: the method's.", metavar="N")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Another setting of the method; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first weights and the training episodes.", metavar="N")] = 0,
    device: Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, cuda:1, mps.")] = "cpu",
    test_episodes: Annotated[int, typer.Option("--test-episodes", help="Fixed episodes of the closing test.", metavar="N")] = 1000,
    validation_episodes: Annotated[
        int, typer.Option("--validation-episodes", help="Fixed episodes of each validation.", metavar="N")
    ] = 200,
    kind: Annotated[
        str | None, typer.Option("--kind", help="image, series, sound, table, text; where it is in doubt.", metavar="KIND")
    ] = None,
    size: Annotated[int | None, typer.Option("--size", help="Longest side of pictures.", metavar="PIXELS")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Column of classes, of a table or texts.", metavar="COLUMN")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Column of texts.", metavar="COLUMN")] = None,
    as_json: Json = False,
) -> None:
    """Meta-train a network on episodes of DATA, so that it learns new classes from a few examples; judge it on classes held out."""
    began = monotonic()
    if (data is None) == (resume is None):
        raise InputError("give either DATA to meta-train on or --resume FOLDER to go on with")
    from metanas.search.meta import meta_train as run
    from metanas.search.meta import resume_meta_training
    from metanas.search.meta.asked import Episodes, read_meta_run

    if resume is not None:
        if strange := _given(context, leaving=("resume", "as_json")):
            raise InputError(f"--resume goes on with what was asked before; leave out {', '.join(strange)}")
        with _observer(as_json, read_meta_run(resume).episodes.kind, began) as observer:
            _tell(resume_meta_training(resume, observers=[observer], began=began), as_json)
        return
    _limits(budget, steps)
    given = {"inner_steps": inner_steps, "inner_rate": inner_rate, "outer_rate": outer_rate, "meta_batch": meta_batch}
    settings = {name: value for name, value in given.items() if value is not None} | _options(option or ())
    read = {name: value for name, value in (("kind", kind), ("size", size), ("target", target), ("text", text)) if value is not None}
    assert data is not None
    with _observer(as_json, Episodes(data).kind, began) as observer:
        found = run(
            data,
            method=method,
            ways=ways,
            shots=shots,
            queries=queries,
            test_queries=test_queries,
            split=split,
            rotations=rotations,
            network=network,
            width=width,
            settings=settings,
            budget=budget,
            steps=steps,
            seed=seed,
            device=device,
            out=out,
            read=read,
            validation_episodes=validation_episodes,
            test_episodes=test_episodes,
            command=shlex.join(["metanas", *sys.argv[1:]]),
            observers=[observer],
            began=began,
        )
    _tell(found, as_json)


def adapt(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a meta-training.")],
    support: Annotated[Path, typer.Argument(metavar="SUPPORT", help="An .npz with labelled examples: x as in training, and y.")],
    query: Annotated[
        Path | None, typer.Option("--query", help="An .npz with the examples to predict: x, and y if known.", metavar="FILE")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="CSV file for the predictions. Default: print.", metavar="FILE")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    device: Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, cuda:1, mps.")] = "cpu",
    as_json: Json = False,
) -> None:
    """Adapt the start in FOLDER to the examples in SUPPORT and predict those of --query; a CSV table with a line per example."""
    if query is None:
        raise InputError("say what to predict: --query FILE, an .npz with the examples as array x")
    if out is not None and out.exists() and not overwrite:
        raise InputError(f"{out} exists already and is not overwritten; name another file or add --overwrite")
    from metanas.delivery.adaptation import adapt as run
    from metanas.delivery.files import write_bytes

    adapted = run(folder, support, query, device=device)
    if adapted.few:
        print(f"note: {adapted.few}", file=sys.stderr)
    if as_json:
        print(json.dumps(adapted.to_json(), ensure_ascii=False))
        return
    if (chosen := adapted.model.architecture) is not None:
        print(f"its own architecture: {', '.join(f'{name} {option}' for name, option in chosen.as_dict.items())}", file=sys.stderr)
    if out is None:
        sys.stdout.write(adapted.csv())
    else:
        write_bytes(out, adapted.csv().encode("utf-8"))
        print(f"predictions in {out}")
    if adapted.score is not None and adapted.truth is not None:
        right = f"accuracy {100 * adapted.score:.1f} % ({adapted.right} of {len(adapted.truth)} right)"
        told = right if adapted.right is not None else f"mean squared error {adapted.score:.4g}"
        print(told, file=sys.stderr if out is None else sys.stdout)


def _given(context: typer.Context, leaving: Sequence[str]) -> list[str]:
    """The options of the command line, but for some parameters."""
    options = {p.name: p.opts[0] for p in context.command.params if p.name is not None and p.name not in leaving}
    return [option for name, option in options.items() if str(getattr(context.get_parameter_source(name), "name", "")) == "COMMANDLINE"]


def _limits(budget: str | None, steps: str | None) -> None:
    """Refuse limits that are none, naming the option."""
    from metanas.quantities import parse_count, parse_seconds

    for option, text, parse in (("--budget", budget, parse_seconds), ("--steps", steps, parse_count)):
        try:
            if text is not None:
                parse(text)
        except InputError as error:
            raise InputError(f"{option}: {error}") from None


def _options(pairs: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """``NAME=VALUE`` as settings: numbers, true and false as such, other values as text."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--option is NAME=VALUE, such as --option precision=bfloat16, not {pair!r}")
        try:
            settings[name.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            settings[name.strip().replace("-", "_")] = value.strip()
    return settings


@contextmanager
def _observer(as_json: bool, kind: Kind, began: float) -> Iterator[MetaObserver]:
    """Who shows the progress on standard error: JSON lines if asked, a bar in a terminal, else plain lines."""
    from metanas.search.meta.observers import MetaBar, MetaJson, MetaLines

    for_people = MetaBar if sys.stderr.isatty() else MetaLines
    shown: MetaObserver = MetaJson() if as_json else for_people(kind, began)
    try:
        yield shown
    finally:
        shown.close()


def _tell(found: MetaResult, as_json: bool) -> None:
    from metanas.delivery.files import finite
    from metanas.search.meta.report import summary_lines

    if as_json:
        print(json.dumps(finite({**found.record, "folder": str(found.folder)}), ensure_ascii=False))
    else:
        print("\n".join(summary_lines(found.record, found.folder)))
