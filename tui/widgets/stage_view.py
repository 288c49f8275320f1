"""The stage view: three large boxes, digits five rows high and one timeline, readable from across a room."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from bridge.journal import Server, State, Verdict
from bridge.text import readable
from tui.format import count, rate, signed
from tui.language import say, say_count
from tui.outcome import STYLES, WAITS, Tone, outcome
from tui.timeline import marks, result, timeline, timeline_row
from tui.widgets.cached_static import CachedStatic
from tui.widgets.large_digits import Line, large
from tui.widgets.pane import sparkline
from tui.widgets.status import NAMES, RefusedChosen, is_away, refused_at, state_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from bridge.journal import Journal, Journey, Product, Rate

__all__ = ["StageView"]

_ROWS: Final = 5
"""Lines of the account, as of a large digit."""

_LEAST: Final = 4
"""Cells below which a stock is said in words only."""

_HELD: Final = 2.0
"""Seconds for which a movement is shown, so that it is readable while many arrive."""

_COUNTS: Final = 24
"""The least cells of the counts beside the stock."""


class Sizes(NamedTuple):
    """How much of everything a terminal has room for.

    Attributes:
        margin: cells at the left and the right.
        gap: cells between two boxes.
        scale: how many rows each of the five rows of a digit takes; 0 for no large digits.
        airy: whether a blank line is above and below them.
        times: whether the timeline has a second line, with the time of each hop.
        account: whether the counts stand below each other, with the stock before and after beside them.
    """

    margin: int
    gap: int
    scale: int
    airy: bool
    times: bool
    account: bool

    @classmethod
    def of(cls, width: int, height: int) -> Sizes:
        """Choose them for a number of columns and rows."""
        margin, gap = (2, 8) if width >= _WIDE else (2, 4) if width >= _MIDDLE else (1, 3)
        # The boxes are 8 rows high with digits, the name and the two lines around it take one each.
        airy, times = height >= _TALL, width >= _MIDDLE and height > _TALL
        # What three equal boxes leave is between them.
        gap += (width - 2 * margin - 2 * gap) % 3 // 2
        scale = 0 if height < _DIGITS_FROM else 1 if height < _HUGE or width < _HUGE_WIDE else 2
        return cls(margin, gap, scale, airy, times, height > _TALL + _ROWS - 1)

    def room(self, width: int) -> int:
        """The cells of a box."""
        return (width - 2 * self.margin - 2 * self.gap) // 3

    @property
    def used(self) -> int:
        """The number of lines without blank ones between the parts."""
        boxes = 3 + (self.scale > 0) * (_ROWS * self.scale + 2 * self.airy)
        return boxes + 1 + (2 if self.times else 1) + (_ROWS * max(1, self.scale) if self.account else 1)


_WIDE: Final = 100
_MIDDLE: Final = 72
_HUGE_WIDE: Final = 180
"""The columns from which boxes stand wide apart, from which hops have times, and from which digits may be huge."""

_DIGITS_FROM: Final = 11
_TALL: Final = 13
_HUGE: Final = 40
"""The rows from which there are large digits, from which there is more around them, and from which they are huge."""


class _Counted(NamedTuple):
    """What the box of a server counts."""

    server: Server
    flow: Rate
    number: int | str
    what: str


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
        self._refused_line = -1
        self.hints: Sequence[tuple[str, str]] = ()
        """The keys shown while nothing has moved, each with its description."""

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
        if at.y == self._refused_line < len(lines) and refused_at(lines[at.y], at.x):
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
        sizes = Sizes.of(width, height)
        spare = max(0, height - sizes.used)
        # A blank line goes below the boxes first, then above the account, at the top, and below the name.
        below, above, top, under = (min(most, (spare + 3 - place) // 4) for place, most in enumerate((4, 4, 2, 1)))
        blank: Line = []
        lines = [*[blank] * top, *self._boxes(width, sizes), *[blank] * below]
        lines += [self._called(journey, sizes), *[blank] * under, *self._way(journey, width, sizes), *[blank] * above]
        self._refused_line = len(lines) + (2 * max(1, sizes.scale) if sizes.account else 0)
        lines += self._account(journey, width, sizes)
        return Content("\n").join([Content.assemble(*line) for line in lines])

    def _called(self, journey: Journey | None, sizes: Sizes) -> Line:
        margin = " " * sizes.margin
        if journey is None:
            nothing = "" if self._journal.received.total else say("Nothing has moved yet.")
            return [(margin, ""), (nothing, "bold")]
        found = self._product_of(journey)
        name = readable(journey.product_name or (journey.product if found is None else found.name))
        tone = STYLES[Tone.IN if journey.delta > 0 else Tone.OUT]
        return [(margin, ""), (f"{name}  ", "bold"), (_moved(journey), f"bold {tone}")]

    def _product_of(self, journey: Journey) -> Product | None:
        return self._journal.stock.find(journey.product) if journey.movement is not None else None

    def _way(self, journey: Journey | None, width: int, sizes: Sizes) -> list[Line]:
        """The timeline, without the product's name, which stands above it."""
        found = marks(journey, time.time())
        found[0] = found[0]._replace(under="")
        if not sizes.times:
            return [[(" " * sizes.margin, ""), timeline_row(found, width - 2 * sizes.margin)]]
        room = sizes.room(width)
        step = room + sizes.gap
        places = [sizes.margin, sizes.margin + step // 2, sizes.margin + step, sizes.margin + 2 * step]
        hint = "" if journey is not None else say("the way of a movement shows here, with the time of each hop")
        above, below = timeline(found, places, width - sizes.margin, hint).split("\n")
        return [[above], [below]]

    def _boxes(self, width: int, sizes: Sizes) -> list[Line]:
        journal = self._journal
        waits: int | str = "-" if journal.lag < 0 else journal.lag
        received, applied = journal.received.total, journal.verdicts[Verdict.APPLIED]
        shown = (
            _Counted(Server.MQTT, journal.received, received, _what("{count} received", "{count} received", received)),
            _Counted(Server.KAFKA, journal.produced, waits, _what("{count} waits", "{count} wait", journal.lag)),
            _Counted(Server.STRAPI, journal.answered, applied, _what("{count} applied", "{count} applied", applied)),
        )
        room = sizes.room(width)
        # Either all rates are at the top of their boxes, or none.
        above = all(
            self._head(one.server, room).cell_length + len(self._pulse(one)) + 3 <= room - 3 or not self._pulse(one)
            for one in shown
        )
        boxes = [self._box(one, room, sizes, above=above) for one in shown]
        rows: list[Line] = []
        for row, parts in enumerate(zip(*boxes, strict=True)):
            line: Line = [(" " * sizes.margin, "")]
            for place, part in enumerate(parts):
                if place:
                    joins = row == len(boxes[0]) // 2
                    line.append(self._between(shown[place - 1].server, shown[place].server, sizes.gap, joins=joins))
                line += part
            rows.append(line)
        return rows

    def _between(self, source: Server, target: Server, gap: int, *, joins: bool) -> tuple[str, str]:
        if not joins:
            return " " * gap, ""
        connections, edge = self._journal.connections, " " * (gap > _NARROW_GAP)
        room = gap - 2 * len(edge)
        if any(is_away(connections[server]) for server in (source, target)):
            return f"{edge}{'╌' * room}{edge}", "$text-error"
        return f"{edge}{'━' * (room - 1)}▶{edge}", f"${source}"

    def _box(self, counted: _Counted, room: int, sizes: Sizes, *, above: bool) -> list[Line]:
        server, flow, number, what = counted
        colour = "$refused" if is_away(self._journal.connections[server]) else f"${server}"
        inside, pulse = max(2, room - 2), self._pulse(counted)
        top, bottom = self._edge(counted, room, colour, pulse if above else ""), [(f"┗{'━' * inside}┛", colour)]
        ink = "$waits" if server is Server.KAFKA and number not in {0, "-"} else "$foreground"
        if not sizes.scale:
            plain = number if isinstance(number, str) else count(number)
            words = f" {plain} {what}" if cell_len(plain + what) + 2 <= inside else f" {plain}"
            return [top, [("┃", colour), (set_cell_size(words, inside), f"bold {ink}"), ("┃", colour)], [*bottom]]
        what = what if cell_len(what) <= inside - 2 else set_cell_size(what, inside - 2)
        left = inside - cell_len(what) - 2
        drawn = sparkline(flow.history(), left - 2) if above else pulse if cell_len(pulse) < left else ""
        gap = " " * (left - cell_len(drawn))
        foot: Line = [(f" {what}{gap}", STYLES[Tone.MUTED]), (f"{drawn} ", f"${server}" if above else "bold")]
        blank: list[Line] = [[(" " * inside, "")]] * sizes.airy
        rows: list[Line] = [*blank, *large(number, inside, ink, sizes.scale), *blank, foot]
        return [top, *([("┃", colour), *row, ("┃", colour)] for row in rows), [*bottom]]

    def _pulse(self, counted: _Counted) -> str:
        """The rate, of a server that is up."""
        is_up = self._journal.connections[counted.server].state is State.UP
        return rate(counted.flow.per_second()) if is_up else ""

    def _head(self, server: Server, room: int) -> Content:
        """The name and the state of a server. In a narrow box the seconds give way, then the blanks, then the name."""
        connection = self._journal.connections[server]
        name = (f" {NAMES[server].upper()} ", f"bold ${server}")
        full, short = (state_label(known, time.time()) for known in (connection, connection._replace(since=0.0)))
        forms = [Content.assemble(name, label, end) for label in (full, short) for end in (" ", "")]
        if is_away(connection):
            forms.append(Content.assemble(name, short[1:-1]))
        return next((form for form in (*forms, short) if form.cell_length <= room - 3), short.truncate(room - 3))

    def _edge(self, counted: _Counted, room: int, colour: str, pulse: str) -> Line:
        """The upper edge of a box, with the rate at its right end."""
        head = self._head(counted.server, room)
        shown = f" {pulse} " if pulse else ""
        line = "━" * max(0, room - 3 - head.cell_length - cell_len(shown))
        return [(f"┏{line[:1]}", colour), head, (line[1:], colour), (shown, "bold"), ("━┓", colour)]

    def _account(self, journey: Journey | None, width: int, sizes: Sizes) -> list[Line]:
        """The counts at the left, the stock before and after at the right; or the counts alone."""
        journal = self._journal
        applied, refused = journal.verdicts[Verdict.APPLIED], journal.verdicts[Verdict.REJECTED]
        muted = STYLES[Tone.MUTED]
        counts = [
            (
                "✓ " + say_count("{count} applied", "{count} applied", applied),
                "bold $text-success" if applied else muted,
            ),
            ("✗ " + say_count("{count} refused", "{count} refused", refused), "bold $text-error" if refused else muted),
        ]
        if journal.lag >= 0:
            waits = say_count("{count} waits", "{count} wait", journal.lag)
            counts.append((f"{WAITS} {waits}", "bold $text-warning" if journal.lag else muted))
        margin = " " * sizes.margin
        if not sizes.account:
            line: Line = [(margin, "")]
            for text, style in counts:
                line += [(text, style), ("  ", "")]
            return [line]
        left = max(_COUNTS, width // 3)
        scale = max(1, sizes.scale)
        beside = self._stock(journey, width - left - 2 * sizes.margin, scale)
        lines: list[Line] = []
        for row in range(_ROWS * scale):
            place, between = divmod(row, 2 * scale)
            text, style = counts[place] if not between and place < len(counts) else ("", "")
            why = self._last_refusal(left - cell_len(text) - 4) if text and place == 1 and refused else ""
            gap = " " * max(0, left - cell_len(text) - cell_len(why))
            lines.append([(margin, ""), (text, style), (why, muted), (gap, ""), *beside[row]])
        return lines

    def _last_refusal(self, room: int) -> str:
        """Why the latest movement was refused; empty where there is no room for it."""
        errors = self._journal.errors
        letter = errors.get(errors.next - 1) if errors.next else None
        if letter is None:
            return ""
        words = "  " + say("last: {why}").format(why=outcome(letter.journey).words)
        return words if cell_len(words) <= room else ""

    def _stock(self, journey: Journey | None, room: int, scale: int) -> list[Line]:
        rows = _ROWS * scale
        nothing: list[Line] = [[] for _ in range(rows)]
        if journey is None:
            hints = [] if self._journal.received.total else self.hints[:rows]
            for row, (key, does) in enumerate(hints):
                nothing[row] = [(f" {key} ", "bold $background on $waits"), (f" {does}", "$foreground")]
            return nothing
        each, middle = min((room - 24) // 2, 30 * scale), rows // 2
        if journey.stock_before is None or journey.stock_after is None or each < _LEAST:
            # Where it is as long as nothing is decided stands in the timeline.
            if journey.verdict is not None or journey.elsewhere is not None:
                said, style = result(journey)
                nothing[middle] = [(f"{outcome(journey).glyph} {said}", style)]
            return nothing
        before = large(journey.stock_before, each, "$foreground-muted", scale)
        after = large(journey.stock_after, each, "$strapi", scale)
        return [
            [
                *before[row],
                ("  ━━━▶  " if row == middle else " " * 8, "$strapi"),
                *after[row],
                ("  " + say("in stock") if row == middle else "", STYLES[Tone.MUTED]),
            ]
            for row in range(rows)
        ]


_NARROW_GAP: Final = 3
"""The cells between two boxes that have none to spare beside the arrow."""


def _what(one: str, many: str, number: int) -> str:
    """What a number counts, without the number, in the grammatical number that the language wants."""
    return say_count(one, many, number).replace(count(number), "").strip()


def _moved(journey: Journey) -> str:
    return signed(journey.delta) if journey.movement is not None else ""
