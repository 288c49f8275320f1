"""The infrastructure window: what each server says of itself, read while the window is open, and when it was read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen

from bridge.journal import Server
from tui.actions import bindings
from tui.infrastructure import Readings, server_text
from tui.widgets.cached_static import CachedStatic
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.status import NAMES, is_away, state_label

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.engine import Engine

__all__ = ["InfrastructureScreen"]

_WIDE: Final = 110
"""From how many columns on all three stand side by side."""

_LOOK: Final = 0.5


class ServerFacts(VerticalScroll):
    """One server.

    Args:
        server: which.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(id=f"facts-{server.value}", classes="facts")
        self.server = server
        self.text = CachedStatic(markup=False)

    def compose(self) -> ComposeResult:
        """All that is known of it."""
        yield self.text


class InfrastructureScreen(TranslatedKeys[None], Screen[None]):
    """All three servers, side by side where there is room, else one at a time.

    Args:
        engine: what asks them.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("infrastructure")

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._readings = Readings(engine)
        self._panes = [ServerFacts(server) for server in Server]

    def compose(self) -> ComposeResult:
        """A pane for each, and the keys."""
        yield Horizontal(*self._panes)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Ask, and go on asking while this is open."""
        self.action_server(2)
        self.set_interval(_LOOK, self.pull)

    def pull(self) -> None:
        """Take over what the servers answered."""
        self._readings.pull()
        chain = [self._title(number) for number in range(1, len(self._panes) + 1)]
        for title, pane in zip(chain, self._panes, strict=True):
            connection = self._engine.journal.connections[pane.server]
            pane.set_class(is_away(connection), "away")
            pane.border_title = title if self.has_class("-wide") else Content(" ━▶ ").join(chain)
            facts, trouble = self._readings.facts.get(pane.server), self._readings.trouble.get(pane.server)
            width = max(20, pane.scrollable_content_region.width)
            pane.text.update(server_text(connection, facts, trouble, width))

    def _title(self, number: int) -> Content:
        pane = self._panes[number - 1]
        connection = self._engine.journal.connections[pane.server]
        shown = (
            f"bold $background on ${pane.server}" if self.has_class("-narrow") and pane.has_class("-current") else ""
        )
        name = Content.styled(f" {number} {NAMES[pane.server]} ", shown or f"bold ${pane.server}")
        return Content.assemble(name, state_label(connection, time.time()))

    def on_resize(self) -> None:
        """Use the room that there is."""
        self.call_after_refresh(self.pull)

    def action_server(self, number: int) -> None:
        """Go to a server.

        Args:
            number: 1 to 3, in the order of the chain.
        """
        for place, pane in enumerate(self._panes, 1):
            pane.set_class(place == number, "-current")
        self._panes[number - 1].focus()
        self.pull()

    def action_next_server(self, step: int) -> None:
        """Go to the next server, or back."""
        here = next((place for place, pane in enumerate(self._panes) if pane.has_class("-current")), 0)
        self.action_server((here + step) % len(self._panes) + 1)
