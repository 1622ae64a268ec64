"""Every example runs, briefly, and prints what it is about."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
BRIEFLY = {
    "fully_connected": ["--trials", "2", "--steps", "5"],
    "layered_space": ["--trials", "2", "--epochs", "2"],
    "metanas_core": ["--trials", "5", "--epochs", "1"],
    "recurrent_controller": ["--trials", "2", "--epochs", "1"],
    "recurrent_text": ["--trials", "1"],
}


def test_all_are_listed_and_short() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(BRIEFLY)
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < 60 for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", sorted(BRIEFLY))
def test_it_runs(name: str) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *BRIEFLY[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "parameters" in done.stdout
