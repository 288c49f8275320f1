"""Reading the screen as text, and waiting for what it shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui.screens.main import MainScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot
    from textual.widget import Widget

    from tui.app import OpsciApp

SIZES = [(80, 24), (120, 40), (200, 60)]


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 60) -> None:
    """Let the application run until a condition holds, and fail if it does not within a number of seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s\n{screen_text(pilot.app)}"
        await pilot.pause()


def main_screen(app: OpsciApp) -> MainScreen:
    """The main screen, whatever covers it."""
    return next(screen for screen in app.screen_stack if isinstance(screen, MainScreen))


def widget_lines(widget: Widget) -> list[str]:
    """The lines of a widget as drawn."""
    return [strip.text for strip in widget.render_lines(widget.size.region)]


def widget_text(widget: Widget) -> str:
    """All text that a widget draws."""
    return "\n".join(widget_lines(widget))


def shows(widget: Widget, text: str) -> bool:
    """Whether a widget draws a text."""
    return text in widget_text(widget)


def screen_text(app: object) -> str:
    """All text that the terminal shows."""
    from textual.app import App

    assert isinstance(app, App)
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
