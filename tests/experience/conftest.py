from collections.abc import Iterator
from pathlib import Path

import pytest
from experience_examples import FINGERPRINT, description

from metanas.experience import Experience


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def experience(path: Path) -> Iterator[Experience]:
    with Experience(path) as store:
        store.add_task(FINGERPRINT, description())
        yield store
