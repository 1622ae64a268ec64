from collections.abc import Iterator
from pathlib import Path

import pytest

from metanas.networks import registry as network_registry
from metanas.plugins import import_plugin
from metanas.spaces import operation as operations
from metanas.spaces import registry as space_registry


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store of a user of whom there is nothing else."""
    path = tmp_path / "users-store" / "experience.db"
    monkeypatch.setenv("METANAS_STORE", str(path))
    return path


@pytest.fixture(scope="module")
def own_registries() -> Iterator[None]:
    """What a test registers is unknown to the other modules."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((operations, "_OPERATIONS"), (network_registry, "_BUILDERS"), (space_registry, "_SPACES")):
            patch.setattr(module, name, dict(getattr(module, name)))
        yield


@pytest.fixture(scope="module")
def troublesome(own_registries: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a plugin with troublesome operations, which is imported."""
    path = tmp_path_factory.mktemp("plugin") / "troublesome.py"
    path.write_text((Path(__file__).parent / "troublesome.py").read_text())
    import_plugin(str(path))
    return str(path)
