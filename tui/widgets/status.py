"""The state of the chain: the line at the top, the labels in the panes' heads, and the banner for problems."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from bridge.journal import WATCHES, Hop, Server, State, Verdict
from bridge.text import readable
from tui.actions import key_of
from tui.format import clock, duration, percent, rate, waited
from tui.language import msgid, say, say_count
from tui.outcome import GLYPHS
from tui.widgets.cached_static import CachedStatic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual import events

    from bridge.journal import Connection, Journal
    from bridge.simulator import SimulatorStatus
    from tui.engine import Engine

__all__ = [
    "NAMES",
    "STATE_SIGNS",
    "Banner",
    "RefusedChosen",
    "StatusBar",
    "banner_lines",
    "is_away",
    "refused_at",
    "simulator_words",
    "state_label",
    "status_line",
    "trouble_lines",
]

NAMES: Final = {Server.MQTT: "MQTT", Server.KAFKA: "Kafka", Server.STRAPI: "Strapi"}

STATE_SIGNS: Final = {
    State.UP: ("●", "$text-success"),
    State.CONNECTING: ("◌", "$text-warning"),
    State.DOWN: ("✗", "$text-error"),
    State.REFUSED: ("⊘", "$text-error"),
    State.PAUSED: ("‖", "$text-warning"),
    State.OFF: ("○", "$foreground-muted"),
    State.STARTING: ("◌", "$text-warning"),
    State.STARTED: ("◌", "$text-success"),
    State.FAILED: ("✗", "$text-error"),
}
"""The glyph and the colour of each state."""

_STATES: Final = {
    State.CONNECTING: msgid("connecting"),
    State.DOWN: msgid("DOWN"),
    State.REFUSED: msgid("REFUSED"),
    State.PAUSED: msgid("PAUSED"),
    State.OFF: msgid("off"),
    State.STARTING: msgid("starting"),
    State.STARTED: msgid("started"),
    State.FAILED: msgid("NOT STARTED"),
}
"""The English word for each state except the usual one."""

_AWAY: Final = frozenset({State.DOWN, State.REFUSED, State.FAILED})

_CALM: Final = frozenset({State.OFF, State.CONNECTING, State.STARTING, State.STARTED})
"""The states whose word needs no filled label."""

_SAID_ELSEWHERE: Final = frozenset({State.UP, State.OFF, State.STARTING, State.STARTED, State.FAILED})
"""The states that the banner leaves out, or leaves to a note."""

LEAST: Final = (60, 15)
"""The minimum columns and rows of the screen."""

_SPACIOUS: Final = 150
"""The width from which the top line shows the web client's address; the command palette always has it."""

_GAP: Final = 3
"""Cells between two parts of the top line."""

_APPLY: Final = "apply"
"""The journal's note of how many movements wait, which the banner shows itself."""


def is_away(connection: Connection) -> bool:
    """Whether a server does not answer, refuses us, or did not start."""
    return connection.state in _AWAY


def state_label(connection: Connection, now: float) -> Content:
    """Format the state of a connection: a dot where it is up, else a word, highlighted if the user should know.

    Args:
        connection: the connection.
        now: seconds since the epoch.
    """
    sign, colour = STATE_SIGNS[connection.state]
    if connection.state is State.UP:
        return Content.styled(sign, colour)
    word = say(_STATES[connection.state])
    if connection.state is State.STARTING and connection.since:
        return Content.styled(f"{sign} {word} {waited(now - connection.since)}", colour)
    if connection.state in _CALM:
        return Content.styled(f"{sign} {word}", colour)
    if connection.since and is_away(connection) and connection.state is not State.FAILED:
        word = f"{word} {waited(now - connection.since)}"
    return Content.styled(f" {word} ", f"bold $background on {colour}")


def simulator_words(simulator: SimulatorStatus) -> Content:
    """Describe how many sensors send at which rate, or why they stopped; empty if there are none."""
    if not simulator.running:
        return Content.styled(f"▲ {readable(say(simulator.trouble))}" if simulator.trouble else "", "$text-warning")
    said = say_count("{count} sensor", "{count} sensors", simulator.objects) + f", {rate(simulator.rate)}"
    if simulator.errors:
        said += ", " + say("{share} errors").format(share=percent(simulator.errors))
    if simulator.trouble:
        said += f"  ▲ {readable(say(simulator.trouble))}"
    elif simulator.slow:
        slow = say("only {rate} of it gets through").format(rate=rate(simulator.per_second))
        said += f"  ▲ {slow}"
    return Content.styled(said, "$text-warning")


def too_small(width: int, height: int) -> str:
    """Describe the size that the screen needs if the terminal is smaller; empty if it suffices.

    Args:
        width: the terminal's columns.
        height: its rows.
    """
    if width >= LEAST[0] and height >= LEAST[1]:
        return ""
    return say("needs {width} x {height}, has {columns} x {rows}").format(
        width=LEAST[0], height=LEAST[1], columns=width, rows=height
    )


def status_line(
    journal: Journal, simulator: SimulatorStatus, width: int, web: str = "", *, counts: bool = True
) -> Content:
    """Format the top line: how much was applied and refused, the typical time, and the sensors.

    Args:
        journal: the source of its data.
        simulator: the state of the simulated sensors.
        width: the available cells; parts without room are dropped, the program's name and the typical time first.
        web: the address of the web client; empty for none.
        counts: whether to show how much was applied and refused, which the stage view shows itself.
    """
    verdicts, total = journal.verdicts, journal.latency[Hop.TOTAL].summary()
    applied, refused = verdicts[Verdict.APPLIED], verdicts[Verdict.REJECTED]
    typical = say("typically {time} end to end").format(time=duration(total.p50)) if total.measured else ""
    rest = [
        Content.styled("✓ " + say_count("{count} applied", "{count} applied", applied), "bold $text-success"),
        Content.styled("✗ " + say_count("{count} refused", "{count} refused", refused), "bold $text-error"),
    ]
    name = [
        Content.styled(" opsci ", "bold $background on $foreground"),
        Content.styled(say("stock chain"), "$foreground-muted"),
    ]
    right = rest if counts and (applied or refused) else []
    sensors = simulator_words(simulator)
    for shown in (
        [
            *right,
            Content.styled(typical, "$foreground-muted"),
            sensors,
            Content.styled(readable(web), "$foreground-muted"),
        ],
        [*right, Content.styled(typical, "$foreground-muted"), sensors],
        [*right, sensors],
        right,
    ):
        found = [part for part in shown if part]
        used = sum(part.cell_length + _GAP for part in found)
        for left in (name, name[:1], []):
            head = Content(" ").join(left) if left else Content("")
            if head.cell_length + used <= width:
                gap = " " * (width - head.cell_length - used + (_GAP if found else 0))
                return Content.assemble(head, gap, Content(" " * _GAP).join(found))
    return Content(" ").join(right) or Content("")


def banner_lines(
    journal: Journal,
    now: float,
    origins: Mapping[Server, str] | None = None,
    *,
    brief: bool = False,
    tiny: bool = False,
) -> Content:
    """Describe what is wrong, how many movements wait and where, that nothing is lost, and what to do.

    Args:
        journal: the source of its data.
        now: seconds since the epoch.
        origins: the source of each address, shown for a server that does not answer.
        brief: whether there is room for one line of a narrow screen only.
        tiny: whether even that is short.

    Returns:
        A sentence for each server that is down and a line with its reason; then the notes. Empty where all is well.
    """
    strapi = journal.connections[Server.STRAPI]
    away = [
        server
        for server, connection in journal.connections.items()
        if is_away(connection) and connection.state is not State.FAILED
    ]
    if brief and len(away) > 1:
        # One sentence for all of them, which leaves room for the reasons.
        told = say("{names} do not answer.").format(names=", ".join(NAMES[server] for server in away))
        sentences = [(told, _waiting(_keeper(away), journal, brief=True, tiny=tiny))]
    else:
        sentences = [
            (_happened(one, journal.connections[one], brief=brief), _waiting(one, journal, brief=brief, tiny=tiny))
            for one in away
        ]
    lines = [
        Content.assemble((happened, "bold $foreground"), " ", (kept, "$foreground")) for happened, kept in sentences
    ]
    notes = {name: note for name, note in journal.notes.copy().items() if name != _APPLY or not is_away(strapi)}
    more = trouble_lines(journal.connections, notes, origins, brief=brief)
    return Content("\n").join([*lines, *([more] if more else [])])


def _keeper(away: Sequence[Server]) -> Server:
    """Of several servers that are down, return the one whose backlog is shown, and where that waits."""
    if Server.STRAPI in away and Server.KAFKA not in away:
        return Server.STRAPI
    return away[0]


def _happened(server: Server, connection: Connection, *, brief: bool) -> str:
    name = NAMES[server]
    if connection.state is State.REFUSED:
        return say("{name} lets us not in.").format(name=name)
    if brief or not connection.since:
        return say("{name} does not answer.").format(name=name)
    return say("{name} does not answer since {time}.").format(name=name, time=clock(connection.since))


def _waiting(server: Server, journal: Journal, *, brief: bool, tiny: bool) -> str:
    """Describe the backlog of a server, and where it waits."""
    if brief and server is not Server.STRAPI:
        kept = (say("What is sent from here is kept."), say("What comes waits at the MQTT broker."))
        return kept[server is Server.KAFKA]
    if server is Server.MQTT:
        return say("What is sent from here is kept, and goes out once it is back.")
    if server is Server.KAFKA:
        return say("What comes waits at the MQTT broker, and is taken in once Kafka is back.")
    if journal.lag < 0:
        return say("Movements wait safely in Kafka.")
    if tiny:
        return say_count("{count} waits safely in Kafka.", "{count} wait safely in Kafka.", journal.lag)
    if brief:
        return say_count(
            "{count} movement waits safely in Kafka.", "{count} movements wait safely in Kafka.", journal.lag
        )
    return say_count(
        "{count} movement waits safely in Kafka; it is applied once Strapi is back.",
        "{count} movements wait safely in Kafka; all are applied once it is back.",
        journal.lag,
    )


def trouble_lines(
    connections: Mapping[Server, Connection],
    notes: Mapping[str, str],
    origins: Mapping[Server, str] | None = None,
    *,
    brief: bool = False,
) -> Content:
    """Describe in full what is wrong with connections that are not up, what to do about it, and the notes.

    Args:
        connections: the connections.
        notes: the journal's.
        origins: the source of each address, shown for a server that does not answer.
        brief: whether a line may be cut, so that it begins with what to do.

    Returns:
        A line for each, empty where all is well.
    """
    lines = []
    for server, connection in connections.items():
        said = [readable(say(text)) for text in (connection.detail, connection.advice) if text]
        if said and connection.state not in _SAID_ELSEWHERE:
            glyph, colour = STATE_SIGNS[connection.state]
            colon = say(": ")
            joined = " · ".join(reversed(said)) if brief else colon.join(said)
            parts = [(f"{glyph} {NAMES[server]}{colon}", f"bold {colour}"), (joined, colour)]
            if connection.advice and is_away(connection):
                origin = (origins or {}).get(server, "")
                origin = origin or say("press {key} for settings").format(key=key_of("settings.open"))
                parts.append((f" · {origin}", "$foreground-muted"))
            lines.append(Content.assemble(*parts))
    for name, note in notes.items():
        line = readable(say(note))
        if name == WATCHES:
            line = say("{note}; {key} takes over").format(note=line, key=key_of("watch.take_over"))
        lines.append(Content.styled(f"▲ {line}", "$text-warning"))
    return Content("\n").join(lines)


class RefusedChosen(Message):
    """The number of refused movements was clicked."""


class StatusBar(CachedStatic):
    """The line at the top; a click on the number of refused movements opens them.

    Args:
        engine: the chain.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(id="status", markup=False)
        self._engine = engine

    def pull(self) -> None:
        small = too_small(*self.screen.size)
        self.set_class(bool(small), "small")
        if small:
            self.update(Content.styled(small, "bold $text-warning"), layout=False)
            return
        engine, width = self._engine, self.size.width
        web = engine.settings.screen.web if width >= _SPACIOUS else ""
        counts = not self.screen.has_class("view-stage")
        self.update(status_line(engine.journal, engine.simulation, width, web, counts=counts), layout=False)

    def on_click(self, event: events.Click) -> None:
        """Report a click on the number of refused movements."""
        if self.told is not None and refused_at(self.told.plain, event.get_content_offset_capture(self).x):
            self.post_message(RefusedChosen())


def refused_at(line: str, x: int) -> bool:
    """Whether a cell of the line belongs to the number of refused movements, from its sign to the gap after it."""
    start = line.find(GLYPHS[Verdict.REJECTED])
    if start < 0:
        return False
    end = line.find("  ", start)
    return start <= x < (end if end >= 0 else len(line))


class Banner(Static):
    """The problems, above the form; hidden while all is well.

    Args:
        journal: the source of its data.
        origins: returns the source of each server's address.
    """

    def __init__(self, journal: Journal, origins: Callable[[], Mapping[Server, str]] = dict[Server, str]) -> None:
        super().__init__(id="banner", markup=False)
        self._journal = journal
        self._origins = origins
        self._known: Mapping[Server, str] | None = None
        self._said = Content("")
        self._laid_out: tuple[int, float | None] = (0, None)

    def _known_origins(self) -> Mapping[Server, str]:
        """The source of each address: requested once, and only when a server does not answer."""
        if self._known is None and any(map(is_away, self._journal.connections.values())):
            self._known = self._origins()
        return self._known or {}

    def pull(self) -> None:
        brief = self.screen.size.width < _ROOMY
        tiny = self.screen.size.width < _TINY
        said = banner_lines(self._journal, time.time(), self._known_origins(), brief=brief, tiny=tiny)
        room = self.styles.max_height
        # The same text is laid out again in another size.
        size = (self.screen.size.width, None if room is None else room.value)
        if said.is_same(self._said) and size == self._laid_out:
            return
        self._said, self._laid_out = said, size
        self.set_class(bool(said), "told")
        connections = self._journal.connections.values()
        away = sum(map(is_away, connections))
        self.set_class(away > 0, "alarm")
        self.set_class(away > 1, "several")
        self.set_class(any(connection.state is State.FAILED for connection in connections), "failed")
        width = max(1, self.screen.size.width - self.styles.padding.width)
        needed = sum(max(1, -(-line.cell_length // width)) for line in said.split("\n"))
        # In full where there is room; otherwise each line is cut, so that every line is shown.
        self.set_class(room is not None and needed > room.value, "many")
        self.update(said, layout=True)


_TINY: Final = 72
"""The width below which the banner's sentences leave out what can be guessed."""

_ROOMY: Final = 110
"""The width from which the banner's sentences include the time and the consequence."""
