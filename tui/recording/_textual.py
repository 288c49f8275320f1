"""What recording needs of Textual's private names, in one place; a test notices when one of them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

from textual import _time, events
from textual._context import visible_screen_stack
from textual.keys import _character_to_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from textual.app import App
    from textual.strip import Strip

__all__ = ["key_event", "rebuilds", "strips", "timers_on"]


def strips(app: App[Any]) -> list[Strip]:
    """Draw the whole screen anew, with what lies under a window, and change nothing of what is to be repainted."""
    before = visible_screen_stack.set(app._background_screens)
    try:
        return app.screen._compositor.render_strips()
    finally:
        visible_screen_stack.reset(before)


def rebuilds(app: App[Any]) -> bool:
    """Whether a part of the screen is being taken away and made anew, so that nothing is to be drawn."""
    return app._batch_count > 0


def key_event(key: str) -> events.Key:
    """A press of a key as Textual calls it (`enter`, `ctrl+s`, `plus`), or of a printable character."""
    if len(key) != 1:
        return events.Key(key, " " if key == "space" else None)
    return events.Key(key if key.isalnum() else _character_to_key(key), key)


def timers_on(clock: Callable[[], float]) -> AbstractContextManager[object]:
    """Let Textual's timers and animations go by another clock."""
    return mock.patch.object(_time, "get_time", clock)
