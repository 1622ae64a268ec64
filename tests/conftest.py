"""Settings of all tests."""

import os

from hypothesis import settings

# The checks of a clean clone must not fail by chance on a change that has nothing to do with it; elsewhere examples are drawn anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("repeatable")
