"""Sentences for the user on what the numbers of a result alone would hide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from metanas.records import Candidate, Evaluation
from metanas.spaces import Space

MOST_REASONS = 3
"""Different reasons for failure that a result tells."""


def candid_notes(evaluations: Sequence[Evaluation], answer: Candidate, space: Space) -> list[str]:
    """Why trials failed, the commonest reasons first, and that nothing beat the plain network where it is the answer.

    Args:
        evaluations: all of a search.
        answer: the network that it gives.
        space: that was searched.
    """
    notes = []
    reasons = Counter(e.reason for e in evaluations if e.reason is not None).most_common()
    for reason, count in reasons[:MOST_REASONS]:
        notes.append(f"{count} trial{'s' * (count != 1)} failed: {reason}")
    if len(reasons) > MOST_REASONS:
        rest = sum(count for _, count in reasons[MOST_REASONS:])
        notes.append(f"{rest} more trial{'s' * (rest != 1)} failed for other reasons")
    if answer.proposal.architecture == space.baseline and len(evaluations) > 1:
        notes.append(f"nothing better was found than the plain network with which space {space.name} begins, so it is the answer")
    return notes
