"""The closing summary: the network, its score beside the baselines', and what to do next, for people without a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metanas.delivery.baselines import ANSWER, PLAIN
from metanas.delivery.memory_words import memory_lines
from metanas.delivery.model import FOLDER
from metanas.delivery.result import FILE, PLAIN_FOLDER, Result
from metanas.delivery.supernet_words import supernet_lines
from metanas.delivery.words import duration_text, metric_name, metric_text, metric_words
from metanas.records import LOWER_IS_BETTER

if TYPE_CHECKING:
    from rich.console import Console

_NEW_DATA = {"table": "NEW.csv", "text": "NEW.csv", "image": "NEW_PICTURES/", "sound": "NEW_CLIPS/", "series": "NEW.npz"}

_ARRAYS_TOO = {
    "image": "NEW_PICTURES/: a picture, a folder of them, or an .npz with them as array x in the scale of training",
    "sound": "NEW_CLIPS/: a WAV file, a folder of them, or an .npz with them as array x at the rate of training",
}


def print_summary(result: Result, folder: str | Path, console: Console | None = None) -> None:
    """Print the summary of the result in ``folder``; in colour on a terminal, else as plain text.

    Args:
        result: of the search.
        folder: that holds ``result.json`` and ``model/``.
        console: of rich; None makes one on standard output.
    """
    from rich.console import Console as RichConsole
    from rich.text import Text

    class Own(RichConsole):
        def on_broken_pipe(self) -> None:
            raise  # rich would end the program; who called knows better

    out = console if console is not None else Own()
    for line, style in _lines(result, Path(folder)):
        out.print(Text(line, style=style), soft_wrap=True)


def summary_lines(result: Result, folder: str | Path) -> list[str]:
    """The summary as plain lines."""
    return [line for line, _ in _lines(result, Path(folder))]


def verdict(result: Result, folder: str | Path | None = None) -> str:
    """Who is best on the test examples, in a sentence or two; empty where there was nothing to compare with.

    Args:
        result: of the search.
        folder: of the search, to name the plain network's where that is better; None names none.
    """
    told = result.comparison
    if told is None:
        return ""
    name, against = metric_name(result.metric), told["against"]
    low, high = sorted(abs(float(value)) for value in told["interval"])
    size = _gap(result.metric, abs(float(told["difference"])))
    sure = f"95 % confidence: {_gap(result.metric, low)} to {_gap(result.metric, high)}"
    if told["verdict"] == "wins":
        return f"The network found wins: its {name} is {size} better than that of the best baseline, {against} ({sure})."
    if told["verdict"] == "loses":
        prefer = "Prefer it for this data."
        if against == PLAIN and folder is not None:
            prefer = f"Prefer it for this data: it is in {Path(folder) / PLAIN_FOLDER}, and `metanas predict` takes that folder, too."
        return f"A baseline wins: the {name} of {against} is {size} better than that of the network found ({sure}). {prefer}"
    if float(told["difference"]) == 0:
        return f"A tie: the {name} of the network found is the same as that of the best baseline, {against}."
    lead = "better" if float(told["difference"]) >= 0 else "worse"
    return (
        f"No clear difference: the {name} of the network found is {size} {lead} than that of the best baseline, {against},"
        " which is within what chance explains."
    )


def _lines(result: Result, folder: Path) -> Iterator[tuple[str, str]]:
    yield "", ""
    yield f"{result.task}: a network of {result.parameters:,} parameters, found in {duration_text(result.seconds)}", "bold"
    yield f"  {_trials(result)}", ""
    if result.interrupted:
        yield "  Stopped before the budget was spent; this is the best network until then.", "yellow"
    yield "", ""
    yield "The network", "bold"
    yield from ((f"  {line}", "") for line in result.network)
    yield f"  {result.parameters:,} parameters (numbers learned), {_operations(result.flops)} operations per example", "dim"
    yield "", ""
    yield from _scores(result, folder)
    if result.oneshot is not None:
        yield "", ""
        yield f"The supernet ({result.oneshot['method']})", "bold"
        yield from ((f"  {line}", "") for line in supernet_lines(result.oneshot, result.metric))
    if result.prior is not None:
        yield "", ""
        yield "The memory of earlier searches", "bold"
        yield from ((f"  {line}", "") for line in memory_lines(result.prior))
    if result.notes:
        yield "", ""
        yield "Worth knowing", "bold"
        yield from ((f"  - {note}", "") for note in result.notes)
    yield "", ""
    yield "Files", "bold"
    yield f"  {folder / FILE}: all of the above for programs", ""
    yield f"  {folder / FOLDER}: the trained network", ""
    yield f"  metanas predict {_quoted(folder)} {_NEW_DATA.get(result.data, 'NEW')} --out predictions.csv", "bold"
    if result.data in _ARRAYS_TOO:
        yield f"  ({_ARRAYS_TOO[result.data]})", "dim"


def _trials(result: Result) -> str:
    failed = f", {result.failures:,} of them failed" if result.failures else ""
    networks = f"{result.trials:,} trial{'' if result.trials == 1 else 's'}"
    known = f", {result.reused:,} of them remembered from earlier searches" if result.reused else ""
    return f"{networks}{failed}{known}; strategy {result.strategy}, space {result.space}, seed {result.seed}"


def _scores(result: Result, folder: Path) -> Iterator[tuple[str, str]]:
    low, high = (metric_text(result.metric, value) for value in result.interval)
    tested = int(result.examples.get("test", 0))
    yield f"Its {metric_name(result.metric)}: {metric_text(result.metric, result.score)}", "bold"
    yield f"  measured on {tested:,} test examples that the search never saw; with 95 % confidence between {low} and {high}", ""
    yield f"  ({metric_name(result.metric)}: {metric_words(result.metric, result.target, result.classes, result.positive)})", "dim"
    if not result.baselines:
        return
    yield "", ""
    yield "Beside simpler methods, trained and tested on the same examples", "bold"
    yield from _table(result)
    told = verdict(result, folder)
    if told:
        yield f"  {told}", {"wins": "green", "loses": "bold red"}.get(str((result.comparison or {}).get("verdict")), "yellow")


def _table(result: Result) -> Iterator[tuple[str, str]]:
    sign = -1 if result.metric in LOWER_IS_BETTER else 1
    scored: dict[str, Mapping[str, Any]] = {ANSWER: result.test}
    scored |= {name: record for name, record in result.baselines.items() if "score" in record}
    ranked = sorted(scored.items(), key=lambda item: -sign * float(item[1]["score"]))
    wide = max(map(len, [*scored, *result.baselines]))
    texts = {name: metric_text(result.metric, float(record["score"])) for name, record in ranked}
    right = max(map(len, texts.values()))
    for name, record in ranked:
        low, high = (metric_text(result.metric, float(value)) for value in record["interval"])
        note = f"   {record['note']}" if record.get("note") else ""
        yield f"  {name.ljust(wide)}  {texts[name].rjust(right)}   ({low} to {high}){note}", "bold" if name == ANSWER else ""
    for name, record in result.baselines.items():
        if "score" not in record:
            yield f"  {name.ljust(wide)}  left out: {record.get('reason', 'no score')}", "dim"


def _gap(metric: str, value: float) -> str:
    """A difference of two values of a metric: percentages differ by points."""
    text = metric_text(metric, value)
    return text.replace(" %", " points") if text.endswith(" %") else text


def _operations(flops: int) -> str:
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if flops >= size:
            return f"{flops / size:.1f} {word}"
    return f"{flops:,}"


def _quoted(folder: Path) -> str:
    text = str(folder)
    return f'"{text}"' if " " in text else text
