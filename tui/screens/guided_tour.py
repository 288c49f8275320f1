"""The guided tour's window: a caption beside what it explains, over the main screen, which keeps updating."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from bridge.errors import OpsciError
from bridge.text import readable
from tui.actions import bindings
from tui.guided_tour import Guide
from tui.language import language, say
from tui.recording.tour_file import load_tour
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.engine import Engine
    from tui.recording.servers import Servers
    from tui.screens.main import MainScreen

__all__ = ["TOUR", "GuidedTourScreen"]

TOUR: Final = Path(__file__).parents[2] / "configs" / "tours" / "guided.py"
"""The tour's script."""

_LOOK: Final = 0.1
"""Seconds between two refreshes of the main screen."""

_LETTER: Final = 0.06
"""Reading time of a character in seconds."""

_PANES: Final = {"mqtt": 1, "kafka": 2, "stock": 3}
"""The number of each explained pane."""


class GuidedTourScreen(ModalScreen[None], TranslatedKeys[None]):
    """Plays the tour. Enter continues, Esc leaves; then its effects are undone.

    Args:
        engine: the chain.
        servers: stops and starts its servers; None if this program may not.
        main: the explained screen.
    """

    BINDINGS = bindings("tour")

    def __init__(self, engine: Engine, servers: Servers | None, main: MainScreen) -> None:
        super().__init__()
        self._main = main
        self._pane = main.current_pane
        self._read = asyncio.Event()
        self._guide = Guide(engine, servers, self._show, language())
        self._playing: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        caption = Static(markup=False, id="tour-caption")
        caption.border_title = Content(say("Tour"))
        yield caption
        yield KeysFooter()

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._main.pull)
        self.run_worker(self._play())

    def on_unmount(self) -> None:
        """Undo the tour's movements if the program ends during it."""
        self._guide.give_back()

    def action_go_on(self) -> None:
        """Continue with the next step."""
        self._read.set()

    def action_leave(self) -> None:
        """Leave the tour and undo its effects."""
        if self._playing is not None:
            self._playing.cancel()

    async def _play(self) -> None:
        self._playing = asyncio.create_task(self._steps())
        trouble = ""
        try:
            await asyncio.wait([self._playing])
            if not self._playing.cancelled() and (error := self._playing.exception()) is not None:
                trouble = str(error)
            self._say(say("Everything is being put back as it was."))
            await self._guide.restore()
        except OpsciError as error:
            trouble = str(error)
        if trouble:
            self.app.notify(readable(trouble), title=say("Tour"), severity="error", markup=False, timeout=15)
        self._main.show_pane(self._pane)
        self.dismiss()

    async def _steps(self) -> None:
        await load_tour(TOUR)(self._guide)

    async def _show(self, place: str, text: str) -> None:
        self.set_class(place == "form", "above")
        if place in _PANES:
            self._main.show_pane(_PANES[place])
        self._say(text)
        self._read.clear()
        try:
            await asyncio.wait_for(self._read.wait(), 2 + _LETTER * len(text))
        except TimeoutError:
            return

    def _say(self, text: str) -> None:
        self.query_one("#tour-caption", Static).update(Content(text))
