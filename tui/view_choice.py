"""The view of the main screen that was chosen last, kept for the next start."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOVEMENTS", "PANES", "STAGE", "VIEWS", "ViewChoice", "view_file"]

PANES: Final = "panes"
MOVEMENTS: Final = "movements"
STAGE: Final = "stage"

VIEWS: Final = (PANES, MOVEMENTS, STAGE)
"""The views in the order of the key that switches them: three panes; one table of movements; for a projector."""

_LONGEST: Final = 100


def view_file() -> Path:
    """Return the file of the user's choice, in the folder for state, as it is not a setting."""
    return platformdirs.user_state_path("opsci") / "view"


class ViewChoice:
    """The chosen view.

    Args:
        file: where it is kept; ignored if it is missing, unreadable or names no view.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.view = PANES
        with contextlib.suppress(OSError, UnicodeDecodeError), file.open(encoding="utf-8") as opened:
            kept = opened.read(_LONGEST).strip()
            self.view = kept if kept in VIEWS else PANES

    def choose(self, view: str) -> None:
        """Choose another view and save it; if saving fails, it applies to this run only."""
        self.view = view
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(view + "\n", encoding="utf-8")
