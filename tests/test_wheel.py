"""The wheel holds all that the package needs away from its repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import metanas

ROOT = Path(__file__).parents[1]
USE = """
import metanas, metanas.experience as experience
from pathlib import Path
assert Path(metanas.__file__).is_relative_to({site!r}), metanas.__file__
with experience.open_experience("store.db") as store:
    print(metanas.__version__, store.searches())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_every_source_file_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = ROOT / "src"
    files = {
        str(file.relative_to(source)) for file in (source / "metanas").rglob("*") if file.is_file() and "__pycache__" not in file.parts
    }
    assert files <= names
    assert "metanas/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_installed_wheel_makes_a_store(wheel, tmp_path):
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    run = [sys.executable, "-c", USE.format(site=str(site))]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [metanas.__version__, "[]"]
    assert (tmp_path / "store.db").stat().st_size > 0
