"""The lines above the panes: each server's connection over its pane, and what the whole chain does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from bridge.journal import Hop, Server, State, Verdict
from bridge.text import readable
from tui.format import clock, count, duration, rate
from tui.language import msgid, say, say_count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import ComposeResult

    from bridge.journal import Connection, Journal, Latency
    from bridge.simulator import Standing
    from tui.dead_letters import PendingLetters
    from tui.engine import Engine

__all__ = ["StatusBar", "connection_lines", "simulator_line", "totals_line", "trouble_lines"]

NAMES: Final = {Server.MQTT: "MQTT", Server.KAFKA: "Kafka", Server.STRAPI: "Strapi"}

SIGNS: Final = {
    State.UP: ("●", "$text-success"),
    State.CONNECTING: ("◌", "$text-warning"),
    State.DOWN: ("✗", "$text-error"),
    State.REFUSED: ("⊘", "$text-error"),
    State.PAUSED: ("‖", "$text-warning"),
    State.OFF: ("○", "$foreground-muted"),
}
"""The glyph and the colour of each state; the word stands beside them."""

STATES: Final = {
    State.UP: msgid("up"),
    State.CONNECTING: msgid("connecting"),
    State.DOWN: msgid("down"),
    State.REFUSED: msgid("refused"),
    State.PAUSED: msgid("paused"),
    State.OFF: msgid("off"),
}
"""The word for each state, in English."""

HOPS: Final = {
    Server.MQTT: (Hop.INGEST, msgid("into Kafka")),
    Server.KAFKA: (Hop.KAFKA, msgid("to the consumer")),
    Server.STRAPI: (Hop.APPLY, msgid("into Strapi")),
}
"""The hop that follows each server, and what to call it in English."""

ROOMY: Final = 36
"""From how many cells for one server on there is room to say what a figure is."""

SPACIOUS: Final = 150
"""From how many cells on the totals' line has room for the web client's address; the command palette has it always."""


def simulator_line(standing: Standing) -> Content:
    """Say how many objects send how fast, and how to stop them; or why they stopped. Empty where there is nothing."""
    if not standing.running:
        return Content.styled(f"▲ sim: {readable(say(standing.trouble))}" if standing.trouble else "", "$text-warning")
    said = say("sim {objects} obj {rate}, {sent} sent").format(
        objects=count(standing.objects), rate=rate(standing.rate), sent=count(standing.sent)
    )
    parts = [("⟳ ", "$text-primary"), (said, "bold"), (say("  ctrl+g stops"), "$foreground-muted")]
    if standing.trouble:
        parts.append((f"  ▲ {readable(say(standing.trouble))}", "$text-warning"))
    elif standing.slow:
        slow = say("only {rate} of it gets through").format(rate=rate(standing.per_second))
        parts.append((f"  ▲ {slow}", "$text-warning"))
    return Content.assemble(*parts)


def connection_lines(
    server: Server, connection: Connection, latency: Latency, width: int = 80
) -> tuple[Content, Content]:
    """Say how a connection stands.

    Args:
        server: which one.
        connection: how it stands.
        latency: of the hop after it.
        width: the cells there are for each line.

    Returns:
        State and address; and under it since when it is so, or how long the hop takes while all is well.
    """
    glyph, colour = SIGNS[connection.state]
    first = Content.assemble(
        (f"{glyph} ", colour),
        (NAMES[server], "bold"),
        (f" {say(STATES[connection.state])} ", colour),
        (readable(connection.address), "$foreground-muted"),
    )
    if connection.state is not State.UP:
        return first, Content.styled(
            "  " + say("since {time}").format(time=clock(connection.since)) if connection.since else "", colour
        )
    if connection.detail:
        return first, Content.styled(f"  {readable(say(connection.detail))}", "$foreground-muted")
    if not latency.measured:
        return first, Content("")
    what = f"{say(HOPS[server][1])} " if width >= ROOMY else ""
    return first, Content.styled(
        f"  {what}p50 {duration(latency.p50)} p99 {duration(latency.p99)}", "$foreground-muted"
    )


def trouble_lines(
    connections: Mapping[Server, Connection], notes: Mapping[str, str], origins: Mapping[Server, str] | None = None
) -> Content:
    """Say in full what is wrong with the connections that are not up, and what to do about it, and the notes.

    Args:
        connections: how each stands.
        notes: the journal's.
        origins: who gave each address, said of a server that does not answer.

    Returns:
        A line for each, nothing where all is well.
    """
    lines = []
    for server, connection in connections.items():
        said = [readable(say(text)) for text in (connection.detail, connection.advice) if text]
        if said and connection.state not in {State.UP, State.OFF}:
            glyph, colour = SIGNS[connection.state]
            parts = [(f"{glyph} {NAMES[server]}: ", f"bold {colour}"), (": ".join(said), colour)]
            if connection.advice and connection.state in {State.DOWN, State.REFUSED}:
                origin = (origins or {}).get(server, "")
                parts.append((f" · {origin or say('press s for settings')}", "$foreground-muted"))
            lines.append(Content.assemble(*parts))
    lines += [Content.styled(f"▲ {readable(say(note))}", "$text-warning") for note in notes.values()]
    return Content("\n").join(lines)


def totals_line(journal: Journal, *, wide: bool, letters: int = 0, web: str = "") -> Content:
    """Say what the chain does.

    Args:
        journal: what it is read from.
        wide: whether there is room for the rates.
        letters: how many dead letters wait for a person.
        web: where the web client is; empty says nothing of it.

    Returns:
        The rates, the time from end to end, the lag, the verdicts, the letters, the web client.
    """
    total = journal.latency[Hop.TOTAL].summary()
    verdicts = journal.verdicts
    parts: list[str | tuple[str, str]] = []
    if wide:
        parts += [
            ("MQTT ", "$foreground-muted"),
            rate(journal.received.per_second()),
            (" → Kafka ", "$foreground-muted"),
            rate(journal.produced.per_second()),
            (" → Strapi ", "$foreground-muted"),
            rate(journal.answered.per_second()),
            "   ",
        ]
    parts += [
        (say("end to end") + " ", "$foreground-muted"),
        f"p50 {duration(total.p50)} p99 {duration(total.p99)}" if total.measured else "-",
        ("   " + say("lag") + " ", "$foreground-muted"),
        count(journal.lag) if journal.lag >= 0 else "-",
        ("   ✓ ", "$text-success"),
        count(verdicts[Verdict.APPLIED]),
        ("  ✗ ", "$text-error"),
        count(verdicts[Verdict.REJECTED]),
        ("  ≡ ", "$text-warning"),
        count(verdicts[Verdict.DUPLICATE]),
    ]
    if letters:
        parts.append(("   ▲ " + say_count("{count} dead (d)", "{count} dead (d)", letters), "$text-error"))
    if web:
        parts += [("   " + say("web") + " ", "$foreground-muted"), readable(web)]
    return Content.assemble(*parts)


class StatusBar(Vertical):
    """The status of the chain.

    Args:
        engine: the chain.
        letters: the dead letters that wait.
        origins: gives who gave each server's address.
    """

    def __init__(
        self, engine: Engine, letters: PendingLetters, origins: Callable[[], Mapping[Server, str]] = dict[Server, str]
    ) -> None:
        super().__init__(id="status")
        self._origins = origins
        self._engine = engine
        self._web = engine.settings.screen.web
        self._letters = letters
        self._journal = engine.journal
        self._said: dict[str, Content] = {}
        self._told: Mapping[Server, str] | None = None

    def compose(self) -> ComposeResult:
        """A cell for each connection, a line for the whole, and what is wrong."""
        with Horizontal(id="connections"):
            for server in Server:
                with Vertical(classes="connection"):
                    yield Static(id=f"{server}-state", markup=False)
                    yield Static(id=f"{server}-detail", markup=False)
        yield Static(id="totals", markup=False)
        yield Static(id="simulator", markup=False)
        yield Static(id="trouble", markup=False)

    def _known_origins(self) -> Mapping[Server, str]:
        """Who gave each address: asked once, and only where a server does not answer."""
        away = {State.DOWN, State.REFUSED}
        if self._told is None and any(one.state in away for one in self._journal.connections.values()):
            self._told = self._origins()
        return self._told or {}

    def pull(self) -> None:
        """Say anew what changed."""
        journal, width = self._journal, self.size.width
        for server in Server:
            latency = journal.latency[HOPS[server][0]].summary()
            first, second = connection_lines(server, journal.connections[server], latency, width // len(Server))
            self._say(f"{server}-state", first)
            self._say(f"{server}-detail", second)
        wide = width >= ROOMY * len(Server)
        web = self._web if width >= SPACIOUS else ""
        self._say("totals", totals_line(journal, wide=wide, letters=len(self._letters), web=web))
        simulator = simulator_line(self._engine.simulation)
        if self._say("simulator", simulator):
            self.query_one("#simulator").set_class(bool(simulator), "told")
        trouble = trouble_lines(journal.connections, journal.notes.copy(), self._known_origins())
        if self._say("trouble", trouble, layout=True):
            widget = self.query_one("#trouble")
            widget.set_class(bool(trouble), "told")
            widget.set_class("\n" in trouble.plain, "many")

    def _say(self, identity: str, content: Content, *, layout: bool = False) -> bool:
        said = self._said.get(identity)
        if said is not None and said.is_same(content):
            return False
        self._said[identity] = content
        self.query_one(f"#{identity}", Static).update(content, layout=layout)
        return True
