"""What the unit tests share."""

from __future__ import annotations

from hypothesis import settings

# A deadline by the clock fails on a busy machine, and says nothing of the code.
settings.register_profile("opsci", deadline=None)
settings.load_profile("opsci")
