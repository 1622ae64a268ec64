"""What a supernet leaves open under the limits of a search."""

from __future__ import annotations

from collections.abc import Mapping

from metanas.errors import InputError
from metanas.spaces import Space
from metanas.spaces.decision import Decision, Value
from metanas.spaces.narrowing import supernet_space
from metanas.spaces.space import Limits


def opened(space: Space) -> tuple[Space, Mapping[str, Value]]:
    """What a supernet leaves open in ``space``, and what it closes."""
    try:
        return supernet_space(reachable(space))
    except InputError:  # nothing of what is in reach: then all may be open, and the limits hold for the answers alone
        return supernet_space(space)


def reachable(space: Space) -> Space:
    """``space`` without the options that its limits leave to no network, or in an ordered choice (a depth) only to cut-down ones.

    A supernet has a place for every option; what no admitted network comes near would only take its time.
    """
    if space.listed or space.limits == Limits():
        return space
    return space.narrowed({d.name: [o for o in d.options if _in_reach(space, d, o)] for d in space.decisions})


def _in_reach(space: Space, decision: Decision, option: Value) -> bool:
    if space.admits(space.edit(space.baseline, decision.name, option)):
        return True
    try:
        return not decision.ordered and bool(space.narrowed({decision.name: [option]}).baseline)
    except InputError:
        return False
