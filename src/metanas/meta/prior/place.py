"""Where the prior of a store lies."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

from metanas.experience.location import data_folder, shown, store_url

ENDING = ".prior.safetensors"


def beside(store: str | Path | None = None) -> Path | None:
    """The file of a store's prior: in the same folder under the same name; that of a database server's in the user's data folder.

    Args:
        store: as for :func:`metanas.experience.open_experience`.

    Returns:
        The path, whether there is a file or not; None for a store in memory.
    """
    url = store_url(store)
    if url.get_backend_name() != "sqlite":
        # The password is no part of the name: it may change, and must not be told by a digest.
        mark = hashlib.blake2b(shown(url).encode(), digest_size=4).hexdigest()
        name = re.sub(r"[^\w.-]+", "-", str(url.database or "store"))
        return data_folder(os.environ, sys.platform) / f"{name}-{mark}{ENDING}"
    if url.database in (None, "", ":memory:"):
        return None
    path = Path(str(url.database))
    return path.with_name(path.stem + ENDING)
