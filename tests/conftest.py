"""Settings of all tests."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Before PyTorch loads: two computing threads beside a busy neighbour wait for each other and make small operations ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A job in the background of a script begins with Ctrl-C ignored, and what is tested here is what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The checks of a clean clone must not fail by chance on a change that has nothing to do with it; elsewhere examples are drawn anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def no_shipped_experience():
    """What comes with the package changes from version to version; tests of the rest begin from nothing."""
    from metanas.meta.prior import lesson_file

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson_file, "SHIPPED", Path("nowhere"))
        yield
