"""How a search's supernet did, in sentences: what it left open, how far its choices were decided, how right its ranking was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metanas.delivery.words import metric_name

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


def listed(names: Sequence[str], most: int = 6) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _lines(record: Mapping[str, Any], metric: str) -> Iterator[str]:
    count, steps = len(record["open"]), record["steps"]
    if not steps:
        yield "stopped before its training had come to anything"
        return
    yield f"{steps:,} steps in {record['seconds']:.0f} s, with {count} choice{'s' * (count != 1)} left open ({listed(record['open'])})"
    if steps < LITTLE:
        yield "so few steps teach shared weights little: give the search more time, or a smaller space"
    yield from record["messages"]
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
    return f"{what} {verdict} that by training alone: rank correlation {found:.2f} over {points} networks (1: the same order, 0: none)"
