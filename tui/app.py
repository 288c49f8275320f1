"""The application: the main screen over one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType

from tui.letters.box import LetterBox
from tui.letters.handled import Handled, handled_file
from tui.screens.main import MainScreen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.screen import Screen

    from tui.engine import Engine

__all__ = ["OpsciApp"]


class OpsciApp(App[None]):
    """Watches and drives one chain.

    The engine is started once the first frame is drawn; whoever made it stops it.

    Args:
        engine: the chain.
    """

    TITLE = "opsci"
    CSS_PATH = "opsci.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit.anywhere"),
    ]

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.letters = LetterBox(engine, Handled(handled_file()))
        self.theme = engine.settings.screen.theme

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        return MainScreen(self.engine, self.letters)

    def on_ready(self) -> None:
        """Start the chain, and ask for the dead letters of before."""
        self.engine.start()
        self.letters.read()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        yield from super().get_system_commands(screen)
        engine = self.engine
        if web := engine.settings.screen.web:
            yield SystemCommand("Open the web page", f"Change stock in a browser: {web}", lambda: self.open_url(web))
        yield SystemCommand("Pause applying", "Movements wait in Kafka; the stock stands still", engine.pause_apply)
        yield SystemCommand("Resume applying", "Go on changing the stock", engine.resume_apply)
        yield SystemCommand("Pause ingest", "Messages wait at the MQTT broker", engine.pause_ingest)
        yield SystemCommand("Resume ingest", "Go on taking messages from the MQTT broker", engine.resume_ingest)
