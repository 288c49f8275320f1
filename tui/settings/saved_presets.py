"""Presets made from movements that were sent, saved in the user's settings. No widgets here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import SettingsError
from bridge.phrase import placed
from tui.settings.draft import Draft

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import Preset
    from bridge.settings.load import Sources

__all__ = ["save_preset"]

_KEY = "screen.presets"


def save_preset(sources: Sources, preset: Preset) -> tuple[list[Preset], list[Path]]:
    """Write a preset into the settings file.

    Args:
        sources: where the settings come from.
        preset: the new one.

    Returns:
        All presets as they load now, and the files that were written.

    Raises:
        SettingsError: the environment or the command line gives the presets, or the file can't be written.
    """
    draft = Draft(sources)
    if locked := draft.locked(_KEY):
        raise SettingsError(placed(_KEY, locked))
    rows: Any = draft.kept_value(_KEY)
    row = {"name": preset.name, "product": preset.product, "amount": preset.amount}
    draft.change(_KEY, [*rows, row])
    # Refused where it would not load, or another source would hide it.
    settings = draft.candidate()
    return settings.screen.presets, draft.keep()
