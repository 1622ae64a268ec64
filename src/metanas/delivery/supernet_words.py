"""How a search's supernet did, in sentences: what it left open, how far its choices were decided, how right its ranking was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metanas.delivery.words import duration_text, metric_name, metric_text

DECIDED, OPEN = 0.3, 0.8
"""Shares of the largest entropy: below the first the choices are decided, above the second they have hardly begun to be."""
LITTLE = 200
"""Steps of a training below which it has taught shared weights little."""
FEW = 5
"""Networks trained alone from which on a rank correlation says something."""
SURE = 1.96
"""Standard deviations of a rank correlation by chance, ``1 / sqrt(points - 1)``, beyond which it is none (95 %)."""


def supernet_lines(record: Mapping[str, Any], metric: str) -> list[str]:
    """Sentences for the user.

    Args:
        record: ``Result.oneshot``.
        metric: of the task.
    """
    return list(_lines(record, metric))


def too_short(needed: float | None) -> str:
    """That a search had no time for a supernet.

    Args:
        needed: seconds that its budget should have had; None if nobody could tell.
    """
    would_do = "some minutes" if needed is None else f"about {duration_text(needed)}"
    return f"the budget is too short to train shared weights, for which {would_do} would do; the plain network is trained"


def way_out_words(way_out: Mapping[str, Any], metric: str) -> str:
    """Which point before a collapse was taken, and why.

    Args:
        way_out: ``Result.oneshot["way_out"]``.
        metric: of the task.
    """
    taken = f"of step {way_out['step']:,} ({100 * way_out['progress']:.0f} % of the training)"
    found, compared, last = way_out["architectures"], way_out["compared"], way_out["last"]
    if found == 1:
        return f"taken is the architecture {taken}, the only one decoded before the collapse"
    if not compared:
        return f"taken is the architecture {taken}, the last of {found} decoded before the collapse: there was no time to compare them"
    score, name = metric_text(metric, way_out["inherited"]), metric_name(metric)
    than = "" if last["step"] == way_out["step"] else f" (the last one had {metric_text(metric, last['inherited'])})"
    among = f"the {found}" if compared == found else f"the last {compared} of {found}"
    best = f"the best of {among} decoded before the collapse: {name} {score} with the weights of then{than}"
    return f"taken is the architecture {taken}, {best}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _lines(record: Mapping[str, Any], metric: str) -> Iterator[str]:
    count, steps = len(record["open"]), record["steps"]
    if not steps:
        yield too_short(record["needed"]) if record.get("short") else "stopped before its training had come to anything"
        return
    yield f"{steps:,} steps in {record['seconds']:.0f} s, with {count} choice{'s' * (count != 1)} left open ({listed(record['open'])})"
    if steps < LITTLE:
        time = "more time" if record.get("needed") is None else f"about {duration_text(record['needed'])}"
        yield f"so few steps teach shared weights little: give the search {time}, or a smaller space"
    yield from record["messages"]
    if record.get("way_out") is not None:
        yield way_out_words(record["way_out"], metric)
    if (entropies := _entropies(record)) is not None:
        first, last = entropies
        undecided = "hardly decided, so its answers are little more than guesses" if last > OPEN else "half decided"
        verdict = "decided" if last < DECIDED else undecided
        yield f"its choices are {verdict}: their entropy went from {100 * first:.0f} % to {100 * last:.0f} % of the largest possible"
    if "skip_share" in record["diagnosis"]:
        yield f"skip connections make {100 * record['diagnosis']['skip_share']:.0f} % of what could be one in its best architecture"
    yield _agreement(record, metric)


def _entropies(record: Mapping[str, Any]) -> tuple[float, float] | None:
    """The first and the last share of the largest entropy."""
    shares = [p["entropy_share"] for p in (*record["history"], record["diagnosis"]) if p.get("entropy_share") is not None]
    return (shares[0], shares[-1]) if shares else None


def _agreement(record: Mapping[str, Any], metric: str) -> str:
    found, points = record["rank_correlation"], record["points"]
    what = f"its ranking by {metric_name(metric)} with shared weights"
    if points < FEW:
        return f"too few networks were trained alone ({points}) to say how right {what} is"
    if found is None:
        return f"its {points} networks are equally good with shared weights, or alone, so that there is no ranking to compare"
    chance = SURE / math.sqrt(points - 1)
    verdict = "agrees with" if found > chance else "contradicts" if found < -chance else "says nothing sure about"
    agreement = f"rank correlation {found:.2f} over {points} networks (1: the same order, 0: none)"
    return f"{what} {verdict} that by training alone: {agreement}{_sample(record)}"


def _sample(record: Mapping[str, Any]) -> str:
    """Of what networks the sample is that a rank correlation is over."""
    sources = [a.get("why") for a in record["answers"] if a["inherited"] is not None and a["alone"] is not None]
    guessed, plain, drawn = (sources.count(why) for why in ("guessed", "plain", "drawn"))
    others = ["the plain one"] * plain + [f"{drawn} drawn at random"] * bool(drawn)
    return f": {' and '.join([f'{guessed} of its own answers', *others])}" if guessed + plain + drawn == len(sources) else ""
