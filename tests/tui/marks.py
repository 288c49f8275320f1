"""Parameters for the fixture `pilot`, where the screen is not to have 120 columns and 40 rows."""

from __future__ import annotations

import pytest

NARROW = pytest.mark.parametrize("size", [(80, 24)], ids=["narrow"])
WIDE = pytest.mark.parametrize("size", [(200, 60)], ids=["wide"])
TOASTS = pytest.mark.parametrize("toasts", [True], ids=["toasts"])
"""With Textual's notifications on the screen."""
