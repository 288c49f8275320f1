"""`opsci-bridge` with a journal that notes no messages: the difference is the cost of the journal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bridge.command import main
from bridge.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journey


def note_nothing(_journal: Journal, _journeys: Sequence[Journey]) -> None:
    """Replaces the journal's method that notes messages."""


if __name__ == "__main__":
    for name in ("arrived", "acknowledged"):
        setattr(Journal, name, note_nothing)
    sys.exit(main())
