"""The search's side of the store: what is known already, and what is new."""

from __future__ import annotations

from collections.abc import Callable

from metanas.experience import Experience
from metanas.records import Candidate, Evaluation


class Journal:
    """Answers from the store and writes to it, for one search.

    Args:
        experience: the store.
        search_id: of the search, which was started there.
        fingerprint: of its task.
        metric: that chooses epochs; only evaluations by the same metric answer.
        elapsed: seconds of the budget spent by now.
    """

    def __init__(self, experience: Experience, search_id: str, fingerprint: str, metric: str, elapsed: Callable[[], float]) -> None:
        self._experience, self.search_id, self._fingerprint, self._metric = experience, search_id, fingerprint, metric
        self._elapsed = elapsed
        self._own = {e.proposal.id: e for e in experience.evaluations(search_id)}

    @property
    def finished(self) -> list[Evaluation]:
        """What this search has recorded, in the order of its proposals."""
        return [self._own[i] for i in sorted(self._own)]

    def find(self, candidate: Candidate) -> Evaluation | None:
        """The answer to a candidate: this search's own record of that proposal, or any search's of the same training."""
        own = self._own.get(candidate.proposal.id)
        asked = candidate.proposal
        if own is not None and (own.proposal.architecture, own.proposal.fidelity) == (asked.architecture, asked.fidelity):
            return own
        return self._experience.find(self._fingerprint, candidate, metric=self._metric, search_id=self.search_id)

    def record(self, finished: list[tuple[Evaluation, Candidate]]) -> None:
        """Write what is not written yet."""
        fresh = [(e, c) for e, c in finished if e.proposal.id not in self._own]
        if fresh:
            self._experience.record_many(self.search_id, self._fingerprint, fresh, self._elapsed())
            self._own.update((e.proposal.id, e) for e, _ in fresh)

    def tick(self) -> None:
        """Write how much of the budget is spent, where for long there is nothing to record."""
        self._experience.record_many(self.search_id, self._fingerprint, [], self._elapsed())
