"""The command line: ``metanas search``, ``resume``, ``predict``, ``history``, ``forget``, ``learn``, ``bench``, ``meta-train``, ``adapt``.

Nothing heavy is imported before a verb runs, so that ``metanas --help`` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from metanas import __version__
from metanas.cli_bench import Json, bench
from metanas.cli_learn import learn, learn_again
from metanas.cli_meta import adapt, meta_train
from metanas.errors import InputError, MetaNASError

if TYPE_CHECKING:
    from metanas.interfaces import Observer
    from metanas.search import SearchResult
    from metanas.search.budget import Budget

P = ParamSpec("P")
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="metanas",
    help="Finds a small neural network for your data, trains it and hands it over as files.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The entry point of the command ``metanas``; a command line that can't be understood ends with one sentence and exit code 2."""
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False, prog_name="metanas")
    except typer.TyperException as error:
        _complain(f"{error.format_message().rstrip('.')}; see `{_help_for(error)}`", "--json" in sys.argv)
        code = BAD_INPUT
    except typer.Abort:
        _complain("stopped", "--json" in sys.argv)
        code = INTERRUPTED
    sys.exit(code)


def _complain(words: str, as_json: bool) -> None:
    sentence = " ".join(words.split())
    print(json.dumps({"error": sentence}, ensure_ascii=False) if as_json else f"metanas: {sentence}", file=sys.stderr)


def _help_for(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'metanas'} --help"


def _verb(function: Callable[P, None]) -> Callable[P, None]:
    """A verb whose errors are one sentence on standard error (with ``--json`` an object with ``error``).

    The exit code is 2 for bad input, 1 for a search that came to nothing, 130 for Ctrl-C before there was anything to give.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        def fail(words: str, code: int) -> typer.Exit:
            _complain(words, bool(kwargs.get("as_json")))
            return typer.Exit(code)

        try:
            function(*args, **kwargs)
            sys.stdout.flush()
        except InputError as error:
            raise fail(str(error), BAD_INPUT) from None
        except MetaNASError as error:
            raise fail(str(error), FAILED) from None
        except KeyboardInterrupt:
            raise fail("stopped before there was a result", INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of a pipe (head, less) has seen enough; what Python flushes at exit must not complain about it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return run


def _version(asked: bool) -> None:
    if asked:
        print(f"metanas {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")] = False,
) -> None:
    pass


Workers = Annotated[
    int | None, typer.Option("--workers", min=0, help="Processes that train; 0: this one alone. Default: one per core.", metavar="N")
]
Store = Annotated[str | None, typer.Option("--store", help="Where searches are remembered: a file or a database URL.", metavar="FILE|URL")]


@app.command(short_help="Find, train and write a network for your data.")
@_verb
def search(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A table (CSV, TSV, Parquet), an .npz, a folder of pictures or WAV files, or digits, iris, ..."
        ),
    ],
    budget: Annotated[
        str | None, typer.Option("--budget", help="Time for everything: 60s, 5m, 1.5h. Default: 5m without --trials.", metavar="TIME")
    ] = None,
    trials: Annotated[str | None, typer.Option("--trials", help="Number of networks to try.", metavar="N")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed and same --trials, without --budget: same result.")] = 0,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            help="How to search: random, evolution, ..., hyperband:NAME, which tries many networks briefly and the best longer, "
            "a one-shot method (darts, darts-second-order, gdas, pc-darts, enas, single-path), which trains all networks of the space "
            "as one with shared weights first, or FILE.py with a strategy of your own. Default: by the data.",
            metavar="NAME",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            help="What to build: mlp, convnet, sequence, ..., or FILE.py with a space of your own (FILE.py:NAME for one of several). "
            "Default: by the data.",
            metavar="NAME",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, cuda:1, mps.")] = "cpu",
    out: Annotated[
        Path | None, typer.Option("--out", help="New folder for the result. Default: one under runs/.", metavar="FOLDER")
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Column to predict.", metavar="COLUMN")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Column of texts to learn from.", metavar="COLUMN")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Column whose values stay on one side of a split.", metavar="COLUMN")] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Column of moments: learn from earlier rows, test on later.", metavar="COLUMN")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="table, image, series, sound, text; classification or regression; where it is in doubt.", metavar="KIND"
        ),
    ] = None,
    test: Annotated[Path | None, typer.Option("--test", help="Table with the test part.", metavar="FILE")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Longest side of pictures.", metavar="PIXELS")] = None,
    rate: Annotated[int | None, typer.Option("--rate", help="Samples per second of sound.", metavar="N")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Longest part of a sound clip that is kept.", metavar="S")] = None,
    mirror: Annotated[
        bool | None, typer.Option("--mirror/--no-mirror", help="Whether mirrored pictures mean the same. Default: found out.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="What decides: accuracy, balanced_accuracy, f1, rmse, ...", metavar="NAME")
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            help="Of two classes, the one that recall, precision and F1 are about. Default: the later, or the other if much rarer.",
            metavar="CLASS",
        ),
    ] = None,
    max_params: Annotated[str | None, typer.Option("--max-params", help="Most parameters: 50000, 100k, 2M.", metavar="SIZE")] = None,
    workers: Workers = None,
    store: Store = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Remember nothing of this search.")] = False,
    prior: Annotated[
        str | None,
        typer.Option(
            "--prior",
            help="What earlier searches taught: a file that `metanas learn` wrote, or none. Default: the one beside the store.",
            metavar="FILE|none",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Search a network for DATA, train it, and write it to a new folder."""
    began = monotonic()
    if store is not None and no_store:
        raise InputError("--store and --no-store exclude each other; give one of them")
    limits = _limits(budget, trials, max_params)
    from metanas.search import search as run_search
    from metanas.search.budget import Budget
    from metanas.search.search import DEFAULT_BUDGET
    from metanas.tasks import Task

    asked: dict[str, Any] = {"target": target, "text": text, "group": group, "time": time, "kind": kind, "metric": metric}
    asked |= {"test": test, "size": size, "rate": rate, "seconds": seconds, "mirror": mirror, "positive": positive}
    task = Task.read(data, seed=seed, **{name: value for name, value in asked.items() if value is not None})
    spend = limits["budget"] or (None if limits["trials"] else DEFAULT_BUDGET)
    with _observer(as_json, task.metric, Budget(spend, limits["trials"], began=began)) as observer:
        found = run_search(
            task,
            **limits,
            seed=seed,
            strategy=strategy,
            space=space,
            device=device,
            out=out,
            workers=workers,
            store=False if no_store else store,
            prior=prior,
            observers=[observer],
            began=began,
        )
    _tell(found, as_json)
    if not (as_json or no_store or prior):
        learn_again(store)


@app.command(short_help="Go on with a search that was stopped.")
@_verb
def resume(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a search that was stopped.")],
    workers: Workers = None,
    store: Annotated[
        str | None, typer.Option("--store", help="Where the searches are remembered now, if they have moved.", metavar="FILE|URL")
    ] = None,
    as_json: Json = False,
) -> None:
    """Go on with a search that was stopped, from its folder; nothing finished is trained again."""
    began = monotonic()
    from metanas.search import resume as run_resume
    from metanas.search.budget import Budget
    from metanas.search.folder import move_store, read_run, seconds_spent

    if store is not None:
        move_store(folder, store)
    run = read_run(folder)
    budget = Budget(run.seconds, run.trials, spent=seconds_spent(folder, run), began=began)
    with _observer(as_json, run.metric, budget) as observer:
        found = run_resume(folder, workers=workers, observers=[observer], began=began)
    _tell(found, as_json)


@app.command(short_help="Predict new data with a network found.")
@_verb
def predict(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a finished search.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="New data of the same kind, without or with the target.")],
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="CSV file to write. Default: print.", metavar="FILE")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Predict new data with the network in FOLDER; a CSV table with a line per example."""
    from metanas.delivery import load_model, predictions_csv, write_predictions

    _import_own(folder)
    model = load_model(folder)
    if out is None:
        sys.stdout.write(predictions_csv(model, data, proba=proba))
        return
    written = write_predictions(model, data, out, proba=proba, overwrite=overwrite)
    print(f"predictions in {written}")


def _import_own(folder: Path) -> None:
    """The user's own files that the run in ``folder`` took, such as one with an operation of the network."""
    from metanas.plugins import import_plugins

    try:
        plugins = json.loads((folder / "run.json").read_text(encoding="utf-8")).get("plugins", [])
    except (OSError, ValueError, AttributeError):  # what is wrong with the folder, loading the model will say
        return
    import_plugins([p for p in plugins if isinstance(p, str)], "the network")


@app.command(short_help="List every search ever run.")
@_verb
def history(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="Only searches of this task (name or fingerprint).")] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Every search ever run, from the store, the latest first."""
    from metanas.experience import absent, history_rows, history_text, open_experience

    rows: list[dict[str, Any]] = []
    if not (missing := absent(store)):
        with open_experience(store) as experience:
            rows = history_rows(experience, task)
    if as_json:
        print(json.dumps(rows, indent=2))
    elif missing:
        print(f"No searches yet: there is no store {missing}; `metanas search digits` makes it.")
    else:
        print(history_text(rows, task=task, score=_score_text, at_work=_at_work))


@app.command(short_help="Remove a search or a task from the store.")
@_verb
def forget(
    what: Annotated[
        str, typer.Argument(metavar="SEARCH|TASK", help="Id of a search, or name or fingerprint of a task with all its searches.")
    ],
    every: Annotated[bool, typer.Option("--all", help="All tasks of that name, where there are several.")] = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Remove a search, or a task with all its searches, from the store for good; files stay."""
    from metanas.experience import absent, forgotten_rows, forgotten_text, open_experience

    if missing := absent(store):
        raise InputError(f"there is no search or task {what!r}: there is no store {missing}")
    with open_experience(store) as experience:
        gone = experience.forget(what, every=every)
    print(json.dumps(forgotten_rows(gone), indent=2) if as_json else forgotten_text(gone))


def _score_text(metric: str, value: float) -> str:
    from metanas.delivery.words import metric_name, metric_text

    return f"{metric_name(metric)} {metric_text(metric, value)}"


def _at_work(folder: str) -> bool:
    from metanas.search.folder import at_work

    return at_work(Path(folder))


app.command(short_help="Learn from all searches for the next one.")(_verb(learn))
app.command(short_help="Compare search strategies on exact benchmarks.")(_verb(bench))
app.command("meta-train", short_help="Learn, over many small tasks, a start that a few examples adapt.")(_verb(meta_train))
app.command(short_help="Adapt such a start to a few examples, and predict.")(_verb(adapt))


def _limits(budget: str | None, trials: str | None, max_params: str | None) -> dict[str, Any]:
    """The limits as numbers, checked before anything is read."""
    from metanas.quantities import parse_count, parse_seconds

    return {
        "budget": None if budget is None else _named("--budget", parse_seconds, budget),
        "trials": None if trials is None else _named("--trials", lambda text: parse_count(text, "40"), trials),
        "max_params": None if max_params is None else _named("--max-params", parse_count, max_params),
    }


def _named(option: str, parse: Callable[[Any], float], text: str) -> float:
    try:
        return parse(text)
    except InputError as error:
        raise InputError(f"{option}: {error}") from None


@contextmanager
def _observer(as_json: bool, metric: str, budget: Budget) -> Iterator[Observer]:
    """Who shows the progress on standard error: JSON lines if asked, a bar in a terminal, else plain lines."""
    from metanas.search.observers import JsonObserver, LogObserver, RichObserver

    if as_json:
        observer: JsonObserver | LogObserver | RichObserver = JsonObserver()
    elif sys.stderr.isatty():
        observer = RichObserver(metric, budget, budget.trials)
    else:
        observer = LogObserver(metric, budget, budget.trials)
    try:
        yield observer
    finally:
        observer.close()


def _tell(found: SearchResult, as_json: bool) -> None:
    from metanas.delivery import print_summary

    if as_json:
        print(json.dumps(found.result.to_json(), ensure_ascii=False))
    else:
        print_summary(found.result, found.folder)
