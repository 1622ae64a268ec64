"""Architectures: frozen sets of choices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from metanas.spaces.decision import Value

SCHEMA = 1


def digest(record: Any) -> str:
    """A short key of a JSON value, the same in every process and on every machine (128 bits, hex)."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Architecture:
    """The active choices of one space, in the order of its decisions.

    Made by :meth:`Space.architecture`, which drops inactive choices, so that equal active choices have equal keys.
    """

    space: str
    choices: tuple[tuple[str, Value], ...]

    @cached_property
    def key(self) -> str:
        """Equal for equal active choices of the same space; stable across processes and versions of Python."""
        return digest([self.space, [[name, value] for name, value in sorted(self.choices)]])

    def __getitem__(self, name: str) -> Value:
        return self.as_dict[name]

    @cached_property
    def as_dict(self) -> Mapping[str, Value]:
        """Decision name to chosen option."""
        return dict(self.choices)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with a schema version; :meth:`from_json` reads it back."""
        return {"schema": SCHEMA, "space": self.space, "choices": dict(self.choices)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Architecture:
        """The architecture written by :meth:`to_json`.

        Raises:
            ValueError: if the record was written by a newer schema.
        """
        if record.get("schema", 0) > SCHEMA:
            raise ValueError(f"architecture of schema {record['schema']} is newer than this version of metanas reads ({SCHEMA})")
        return cls(record["space"], tuple(record["choices"].items()))
