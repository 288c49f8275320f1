"""The infrastructure window: what each server reports about itself, read while the window is open, and when."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen

from bridge.errors import OpsciError
from bridge.infrastructure.facts import KafkaFacts
from bridge.journal import Server
from bridge.text import readable
from tui.actions import bindings
from tui.infrastructure import Readings, server_text
from tui.language import say
from tui.screens.confirm import ConfirmScreen
from tui.widgets.cached_static import CachedStatic, set_titles
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.status import NAMES, is_away, state_label

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.engine import Engine
    from tui.recording.servers import Servers

__all__ = ["InfrastructureScreen"]

_WIDE: Final = 110
"""Columns from which all three servers are shown side by side."""

_LOOK: Final = 0.5

_RUNNERS_NAMES: Final = {Server.MQTT: "mosquitto", Server.KAFKA: "kafka", Server.STRAPI: "strapi"}
"""What the runner calls each server."""


class ServerFacts(VerticalScroll):
    """One server.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(id=f"facts-{server.value}", classes="facts")
        self.server = server
        self.text = CachedStatic(markup=False)

    def compose(self) -> ComposeResult:
        yield self.text


class InfrastructureScreen(TranslatedKeys[None], Screen[None]):
    """All three servers, side by side if there is room, else one at a time.

    Args:
        engine: asks the servers.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("infrastructure")

    def __init__(self, engine: Engine, servers: Servers | None = None) -> None:
        super().__init__()
        self._engine = engine
        self._servers = servers
        self._doing: dict[Server, str] = {}
        """The action under way on a server, as text."""
        self._readings = Readings(engine)
        self._panes = [ServerFacts(server) for server in Server]

    def compose(self) -> ComposeResult:
        yield Horizontal(*self._panes)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Start asking the servers while the window is open."""
        self.action_server(2)
        self.set_interval(_LOOK, self.pull)

    def pull(self) -> None:
        """Take over the servers' answers."""
        self._readings.pull()
        chain = [self._title(number) for number in range(1, len(self._panes) + 1)]
        for title, pane in zip(chain, self._panes, strict=True):
            connection = self._engine.journal.connections[pane.server]
            pane.set_class(is_away(connection), "away")
            shown = title if self.has_class("-wide") else Content(" ━▶ ").join(chain)
            set_titles(pane, shown, Content(self._doing.get(pane.server, "")))
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
        """Lay out for the new size."""
        self.call_after_refresh(self.pull)

    def action_server(self, number: int) -> None:
        """Show a server.

        Args:
            number: 1 to 3, in the order of the chain.
        """
        for place, pane in enumerate(self._panes, 1):
            pane.set_class(place == number, "-current")
        self._panes[number - 1].focus()
        self.refresh_bindings()
        self.pull()

    def action_next_server(self, step: int) -> None:
        """Show the next or previous server."""
        here = next((place for place, pane in enumerate(self._panes) if pane.has_class("-current")), 0)
        self.action_server((here + step) % len(self._panes) + 1)

    @property
    def _current(self) -> Server:
        return next(pane.server for pane in self._panes if pane.has_class("-current"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable stopping other people's servers, one of several brokers, or any from a read-only screen."""
        if action == "turn_server":
            facts = self._readings.facts.get(Server.KAFKA)
            several = isinstance(facts, KafkaFacts) and len(facts.brokers) > 1
            return (
                self._servers is not None
                and not self._engine.read_only
                and not self._doing
                and not (several and self._current is Server.KAFKA)
            )
        return super().check_action(action, parameters)

    def action_turn_server(self) -> None:
        """Stop the server in the current pane after a confirmation, or start it if it is down."""
        server = self._current
        if is_away(self._engine.journal.connections[server]):
            self._turn(server, stop=False)
            return

        def stop(wanted: bool | None) -> None:
            if wanted:
                self._turn(server, stop=True)

        question = say("Stop {name}?").format(name=NAMES[server])
        consequence = say("What needs it waits until it is started again, by the same key here; nothing is lost.")
        self.app.push_screen(ConfirmScreen(question, consequence), stop)

    def _turn(self, server: Server, *, stop: bool) -> None:
        self._doing[server] = say("being stopped") if stop else say("being started")
        # A worker of the application, as it continues if this window is closed meanwhile.
        self.app.run_worker(self._turned(server, stop=stop))

    async def _turned(self, server: Server, *, stop: bool) -> None:
        servers, name = self._servers, _RUNNERS_NAMES[server]
        if servers is None:
            return
        try:
            await (servers.stop(name) if stop else servers.start(name))
        except OpsciError as error:
            self.app.notify(readable(say(error.text)), title=NAMES[server], severity="error", markup=False, timeout=15)
        finally:
            self._doing.pop(server, None)
            self.refresh_bindings()
