"""Settings of all tests."""

import os

from hypothesis import settings

# Before PyTorch loads: two computing threads beside a busy neighbour wait for each other and make small operations ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The checks of a clean clone must not fail by chance on a change that has nothing to do with it; elsewhere examples are drawn anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("repeatable")
