"""What a search remembered of earlier ones, and what that was worth, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metanas.delivery.words import metric_name, metric_text

DOUBT = 0.5
"""Trust in what earlier tasks lead to expect below which it is said that it did not hold."""


def remembered_words(tasks: int, shipped: int, evaluations: int, space: str, record: Mapping[str, Any]) -> str:
    """The first line: how much is remembered, how many of the tasks came with the package, and of which prior."""
    whose = "" if not shipped else ", which came with metanas," if shipped == tasks else f", {shipped:,} of which came with metanas,"
    return f"memory: {_many(tasks, 'earlier task')}{whose} with {evaluations:,} evaluations in space {space} ({prior_name(record)})"


def prior_name(record: Mapping[str, Any]) -> str:
    """A prior by its digest and the day it was made."""
    day = str(record.get("made") or "")[:10]
    return f"prior {record.get('digest') or 'of your own'}" + (f" of {day}" if day else "")


def neighbour_words(name: str, distance: float, worked: Sequence[str], gain: float | None, metric: str) -> str:
    """A line on an earlier task.

    Args:
        name: of the task.
        distance: to the task at hand.
        worked: choices in words.
        gain: over the plain network, in the unit of the metric.
        metric: of the task.
    """
    lead = f"  like {name} (distance {distance:.2f})"
    if gain is not None and gain <= 0:
        return f"{lead}: nothing better than the plain network was found there"
    good = f"{', '.join(worked)} did well there" if worked else "its best networks had little in common"
    if gain is None:
        return f"{lead}: {good}"
    size = metric_text(metric, gain)
    size = size.replace(" %", " points") if size.endswith(" %") else f"{size} in {metric_name(metric)}"
    return f"{lead}: {good}; the best was {size} better than the plain network"


def skill_words(better: float | None, tasks: int) -> str:
    """The last line: what is expected of the first choice.

    Args:
        better: share of the networks that were tried on earlier tasks, each left out in turn, that it was better than; None if unknown.
        tasks: how many these were.
    """
    if better is None:
        return "  too few earlier tasks to say how much that will gain"
    measured = f"on {_many(tasks, 'earlier task')}, left out in turn, its favourite was better than {100 * better:.0f} % of what was tried"
    return f"  expected gain: {'' if better > 0.5 else 'none; '}{measured} (by chance 50 %)"


def led_words(learned: bool) -> str:
    """The line on who proposes.

    Args:
        learned: whether earlier tasks taught the policy over strategies.
    """
    whose = "that earlier tasks taught" if learned else "with its default weights"
    return f"  what proposes next, that memory, a model of these results alone, or local search, is chosen by a policy {whose}"


def memory_lines(record: Mapping[str, Any]) -> list[str]:
    """What the memory was worth.

    Args:
        record: ``Result.prior``.
    """
    return [*_lines(record), *start_lines(record.get("started") or {})]


def start_lines(started: Mapping[str, Any]) -> list[str]:
    """How many networks went on from learned weights; none where none was tried.

    Args:
        started: see ``metanas.search.starts.Starts.told``.
    """
    if not started.get("checked"):
        return []
    answer = "; so was the final network" if started.get("origin") is not None else ""
    return [
        f"{started['learned']} of {_many(started['checked'], 'network')} were trained from learned weights, the others from fresh{answer}"
    ]


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    if "tasks" in record:
        yield f"{_many(int(record['tasks']), 'earlier task')}, {_many(int(record['evaluations']), 'evaluation')} ({prior_name(record)})"
    told = record.get("worth")
    if told is None:
        yield "the strategy did not ask it"
        return
    if "unknown" in told:
        yield f"it knows nothing of space {told['unknown']} yet, so that this search began from nothing"
        return
    if "best_rank" not in told:
        yield f"too few networks were tried ({told['first'] + told['later']} beside the plain one) to say what it was worth"
        return
    first, count = int(told["first"]), int(told["first"]) + int(told["later"])
    yield (
        f"of the first {first} networks, which it led to, the best came {ordinal(told['best_rank'])} of {count} "
        f"and the middle one {ordinal(told['middle_rank'])}; of the later ones the middle one came {ordinal(told['later_middle_rank'])}"
    )
    if told["matched_after"] is None:
        yield f"none of the {told['later']} later networks was as good as the best of them"
    elif told["middle_rank"] > told["later_middle_rank"] and told["matched_after"] <= first:
        yield f"it was of no help here: the {ordinal(told['matched_after'])} network after them was as good as the best of them"
        if told.get("trust", 1.0) < DOUBT:
            yield "what it led to expect did not hold on this task, so that it had to be let go of"
    else:
        yield f"it took {_many(int(told['matched_after']), 'more network')} until one was as good as the best of them"


def ordinal(number: float) -> str:
    """``1st``, ``2nd``, ...; of a half the larger neighbour."""
    whole = int(number + 0.5)
    ending = "th" if 10 <= whole % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole}{ending}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
