"""The stage view: three large boxes, digits five rows high and one timeline, readable from across a room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from bridge.journal import Server, Verdict
from bridge.text import readable
from tui.format import count, rate, signed
from tui.language import say, say_count
from tui.outcome import GLYPHS, STYLES, Tone, outcome
from tui.timeline import marks, timeline
from tui.widgets.cached_static import CachedStatic
from tui.widgets.pane import sparkline
from tui.widgets.status import NAMES, RefusedChosen, is_away, refused_at, state_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from bridge.journal import Journal, Journey, Rate

__all__ = ["StageView", "large"]

Line: TypeAlias = "list[Content | tuple[str, str]]"

_DIGITS: Final = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
}
"""Five rows of three dots each."""

_ROWS: Final = 5

_LEAST: Final = 4
"""Cells below which a stock is said in words only."""

_HELD: Final = 2.0
"""Seconds for which a movement is shown, so that it is readable while many arrive."""

_REST: Final = 9
"""Lines under the boxes: the movement's name, its timeline and the account."""

_GAP: Final = 8
"""Cells between two boxes."""


def large(number: int, room: int, ink: str) -> list[Line]:
    """Format a number in digits five rows high, drawn with the cells' background, so that they look solid in any font.

    Args:
        number: the number.
        room: the available cells; if they do not suffice, a dot is one cell wide instead of two.
        ink: the colour.

    Returns:
        Five lines of `room` cells with the number centred; in plain digits where there is no room at all.
    """
    room = max(0, room)
    text = str(number)
    dot = 2 if len(text) * 8 - 2 <= room else 1
    width = len(text) * 4 * dot - dot
    if width > room:
        plain = f"{count(number):^{room}}"[:room]
        return [[(plain if row == _ROWS // 2 else " " * room, f"bold {ink}")] for row in range(_ROWS)]
    left = (room - width) // 2
    lines: list[Line] = []
    for row in range(_ROWS):
        line: Line = [(" " * left, "")]
        for place, digit in enumerate(text):
            line += [(" " * dot, f"on {ink}" if one == "#" else "") for one in _DIGITS[digit][row]]
            if place + 1 < len(text):
                line.append((" " * dot, ""))
        lines.append([*line, (" " * (room - width - left), "")])
    return lines


class StageView(CachedStatic):
    """The whole chain, large.

    Args:
        journal: the source of its data.
    """

    def __init__(self, journal: Journal) -> None:
        super().__init__(id="stage", markup=False)
        self._journal = journal
        self._shown: Journey | None = None
        self._since = 0.0

    def pull(self, followed: Journey | None) -> None:
        """Update the view.

        Args:
            followed: the movement that someone chose or sent; None for the latest decided one.
        """
        width, height = self.size
        if width and height:
            self.update(self._drawn(width, height, self._movement(followed)), layout=False)

    def on_click(self, event: events.Click) -> None:
        """Show the refused movements where their count was clicked."""
        at = event.get_content_offset_capture(self)
        lines = [] if self.told is None else self.told.plain.split("\n")
        line = lines[at.y] if 0 <= at.y < len(lines) else ""
        if line.startswith(f"  {GLYPHS[Verdict.REJECTED]}") and refused_at(line, at.x):
            self.post_message(RefusedChosen())

    def _movement(self, followed: Journey | None) -> Journey | None:
        if followed is not None:
            return followed
        ring, now = self._journal.strapi, time.monotonic()
        latest = ring.get(ring.next - 1) if ring.next else None
        if latest is not None and latest is not self._shown and now - self._since >= _HELD:
            self._shown, self._since = latest, now
        return self._shown

    def _drawn(self, width: int, height: int, journey: Journey | None) -> Content:
        room = (width - 4 - 2 * _GAP) // 3
        boxes = self._boxes(room)
        space: list[Line] = [[]] * max(0, min(4, (height - len(boxes) - _REST) // 4))
        lines = [*space[:2], *boxes, *space]
        if journey is not None:
            found = self._journal.stock.find(journey.product) if journey.movement is not None else None
            name = readable(journey.product_name or (journey.product if found is None else found.name))
            tone = STYLES[Tone.IN if journey.delta > 0 else Tone.OUT]
            moved = signed(journey.delta) if journey.movement is not None else ""
            lines += [[("  ", ""), (f"{name}  ", "bold"), (moved, f"bold {tone}")], *space[:1]]
        places = [2, 2 + room // 2 + _GAP // 2, 2 + room + _GAP, 2 + 2 * (room + _GAP)]
        hint = "" if journey is not None else say("the way of a movement shows here, with the time of each hop")
        lines += [[timeline(marks(journey, time.time()), places, width - 2, hint)], *space]
        lines += self._account(journey, width)
        return Content("\n").join([Content.assemble(*line) for line in lines])

    def _boxes(self, room: int) -> list[Line]:
        journal = self._journal
        shown = (
            (Server.MQTT, journal.received, journal.received.total, say("received")),
            (Server.KAFKA, journal.produced, max(0, journal.lag), say("wait")),
            (Server.STRAPI, journal.answered, journal.verdicts[Verdict.APPLIED], say("applied")),
        )
        boxes = [self._box(*one, room) for one in shown]
        rows: list[Line] = []
        for row, parts in enumerate(zip(*boxes, strict=True)):
            line: Line = [("  ", "")]
            for place, part in enumerate(parts):
                if place:
                    line.append(self._between(shown[place - 1][0], shown[place][0], joins=row == len(boxes[0]) // 2))
                line += part
            rows.append(line)
        return rows

    def _between(self, source: Server, target: Server, *, joins: bool) -> tuple[str, str]:
        if not joins:
            return " " * _GAP, ""
        connections = self._journal.connections
        if any(is_away(connections[server]) for server in (source, target)):
            return f" {'╌' * (_GAP - 2)} ", "$text-error"
        return f" {'━' * (_GAP - 3)}▶ ", f"${source}"

    def _box(self, server: Server, flow: Rate, number: int, what: str, room: int) -> list[Line]:
        connection = self._journal.connections[server]
        colour = "$refused" if is_away(connection) else f"${server}"
        label, pulse = state_label(connection, time.time()), rate(flow.per_second())
        name = Content.assemble((f" {NAMES[server].upper()} ", f"bold ${server}"), label, " ")
        # In a narrow box the seconds give way, which the banner says too, then the name: its lines stay straight.
        if name.cell_length > room - 4:
            label = state_label(connection._replace(since=0.0), time.time())
            name = Content.assemble((f" {NAMES[server].upper()} ", f"bold ${server}"), label)
        name, inside = name.truncate(max(0, room - 4)), max(2, room - 2)
        left = room - 4 - name.cell_length
        pulse = f" {pulse} " if cell_len(pulse) + 2 <= left else ""
        line = "━" * (left - cell_len(pulse))
        top: Line = [("┏━", colour), name, (line, colour), (pulse, "bold"), ("━┓", colour)]
        what = what if cell_len(what) <= inside - 2 else set_cell_size(what, inside - 2)
        drawn = sparkline(flow.history(), inside - cell_len(what) - 4)
        gap = " " * (inside - cell_len(what) - len(drawn) - 2)
        foot: Line = [(f" {what}{gap}", STYLES[Tone.MUTED]), (f"{drawn} ", f"${server}")]
        ink = "$waits" if server is Server.KAFKA and number else "$foreground"
        rows: list[Line] = [[(" " * inside, "")], *large(number, inside, ink), [(" " * inside, "")], foot]
        bottom: Line = [(f"┗{'━' * inside}┛", colour)]
        return [top, *([("┃", colour), *row, ("┃", colour)] for row in rows), bottom]

    def _account(self, journey: Journey | None, width: int) -> list[Line]:
        """The counts at the left, the stock before and after at the right."""
        journal = self._journal
        applied, refused = journal.verdicts[Verdict.APPLIED], journal.verdicts[Verdict.REJECTED]
        counts: Sequence[tuple[str, str] | None] = (
            ("✓ " + say_count("{count} applied", "{count} applied", applied), "bold $text-success"),
            None,
            ("✗ " + say_count("{count} refused", "{count} refused", refused), "bold $text-error"),
            None,
            ("◌ " + say_count("{count} waits", "{count} wait", max(0, journal.lag)), "bold $text-warning"),
        )
        left = max(24, width // 3)
        lines: list[Line] = []
        stock = self._stock(journey, width - left - 4)
        for row, said in enumerate(counts):
            text, style = said or ("", "")
            lines.append([("  ", ""), (text + " " * max(0, left - cell_len(text)), style), *stock[row]])
        return lines

    def _stock(self, journey: Journey | None, room: int) -> list[Line]:
        nothing: list[Line] = [[] for _ in range(_ROWS)]
        if journey is None:
            return nothing
        each = min((room - 24) // 2, 30)
        if journey.stock_before is None or journey.stock_after is None or each < _LEAST:
            found = outcome(journey)
            nothing[_ROWS // 2] = [(f"{found.glyph} {found.words}", f"bold {STYLES[found.tone]}")]
            return nothing
        before = large(journey.stock_before, each, "$foreground-muted")
        after = large(journey.stock_after, each, "$strapi")
        middle = _ROWS // 2
        return [
            [
                *before[row],
                ("  ━━━▶  " if row == middle else " " * 8, "$strapi"),
                *after[row],
                ("  " + say("in stock") if row == middle else "", STYLES[Tone.MUTED]),
            ]
            for row in range(_ROWS)
        ]
