"""The asciicast file, version 2: a header and timed events, one JSON text per line.

https://docs.asciinema.org/manual/asciicast/v2/ specifies the format. A tour's promises are in the header under the
private key `opsci`, which players ignore.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.errors import OpsciError
from bridge.text import escaped_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "BEGIN",
    "Cast",
    "CastError",
    "CastWriter",
    "Event",
    "Header",
    "Promise",
    "Theme",
    "Tour",
    "encode_event",
    "encode_header",
    "ending",
    "read",
]


OUTPUT: Final = "o"
MARKER: Final = "m"
RESIZE: Final = "r"

BEGIN: Final = "\x1b[0m\x1b[2J\x1b[H\x1b[?25l"
"""Clears the player's screen and hides its cursor."""

_UNWANTED: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: a player's clipboard, title and pointer are its own
    r"|\x1b\[\?2026[hl]"  # synchronised output, which the timing of a film does without
    r"|\x1b\[\?(?:1000|1002|1003|1004|1006|1015|1016|1049|2004|2048)[hl]"  # mouse, focus, paste and screen of the app
    r"|\x1b\[[<>=][0-9;]*u"  # the keyboard protocol
    r"|\x1b\[\?\d+\$p"  # questions to the terminal
    r"|\x07"
)


class CastError(OpsciError):
    """The file is not an asciicast of version 2; the message says where."""


class Event(NamedTuple):
    """One event.

    Attributes:
        at: seconds since the beginning, at least 0.
        code: `o` output to the terminal, `m` start of a chapter, `r` resize of the terminal.
        data: the output, the chapter's title, or the size as `80x24`.
    """

    at: float
    code: str
    data: str


class Theme(msgspec.Struct, frozen=True):
    """The terminal's colours, each `#rrggbb`.

    Attributes:
        fg: the text.
        bg: the background.
        palette: the 16 numbered colours, separated by colons.
    """

    fg: str
    bg: str
    palette: str


class Promise(msgspec.Struct, frozen=True):
    """What the screen shows when a chapter begins.

    Attributes:
        chapter: the title, as in the chapter's marker.
        shows: texts, each on one line of the screen.
    """

    chapter: str
    shows: tuple[str, ...]


class Tour(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tour records about its cast.

    Attributes:
        tour: the file's name.
        language: `en` or `fr`.
        promises: one for each chapter, in order.
    """

    tour: str
    language: str
    promises: tuple[Promise, ...] = ()


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line.

    Attributes:
        width: columns, at least 1.
        height: rows, at least 1.
        timestamp: when the recording began, in seconds since the epoch.
        duration: seconds, 0 if unknown when the header was written.
        title: what the cast shows.
        idle_time_limit: seconds after which players cut a pause, 0 for never.
        env: environment variables of the terminal.
        theme: the terminal's colours.
        opsci: the tour's own data.
    """

    width: int
    height: int
    version: int = msgspec.field(default=0)
    timestamp: int = 0
    duration: float = 0
    title: str = ""
    idle_time_limit: float = 0
    env: dict[str, str] = {}
    theme: Theme | None = None
    opsci: Tour | None = None


class Cast(NamedTuple):
    """A whole recording."""

    header: Header
    events: list[Event]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the file, each with its line end."""
        yield encode_header(self.header)
        yield from map(encode_event, self.events)

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the last event."""
        return self.events[-1].at if self.events else 0.0


def encode_header(header: Header) -> str:
    """Write the header's line, with its line end."""
    return escaped_json(msgspec.json.encode(msgspec.structs.replace(header, version=2)).decode()) + "\n"


def encode_event(event: Event) -> str:
    """Write an event's line, with its line end, the time in microseconds and unsafe characters escaped."""
    return escaped_json(msgspec.json.encode([round(event.at, 6), event.code, event.data]).decode()) + "\n"


def read(lines: Iterable[str]) -> Cast:
    """Read a recording.

    Args:
        lines: the lines of the file.

    Raises:
        CastError: a line is invalid.
    """
    numbered = enumerate(lines, 1)
    try:
        _, first = next(numbered)
        header = msgspec.json.decode(first, type=Header)
    except StopIteration:
        raise CastError("line 1: the file is empty") from None
    except msgspec.DecodeError as error:
        raise CastError(f"line 1: this is no header of an asciicast: {error}") from None
    if header.version != 2:
        raise CastError(f"line 1: the version is {header.version or 'missing'}; 2 is the one that is read here")
    events = []
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            at, code, data = msgspec.json.decode(line, type=tuple[float, str, str])
        except msgspec.DecodeError as error:
            raise CastError(f"line {number}: this is no event: {error}") from None
        events.append(Event(at, code, data))
    return Cast(header, events)


def ending(rows: int) -> str:
    """Return the output that leaves the last picture on the player's screen, with the cursor hidden in its last row."""
    return f"\x1b[0m\x1b[{rows};1H\x1b[?25h"


class CastWriter:
    """Records events from now on.

    Args:
        clock: returns seconds; monotonic.
        keep: called with each event.
    """

    def __init__(self, clock: Callable[[], float], keep: Callable[[Event], None]) -> None:
        self._clock = clock
        self._keep = keep
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the recording began."""
        return self._clock() - self._began

    def output(self, text: str) -> None:
        """Record output to the terminal."""
        shown = _UNWANTED.sub("", text)
        if shown:
            self._keep(Event(self.seconds, OUTPUT, shown))

    def mark(self, title: str) -> None:
        """Begin a chapter."""
        self._keep(Event(self.seconds, MARKER, title))

    def resize(self, width: int, height: int) -> None:
        """Record a resize of the terminal."""
        self._keep(Event(self.seconds, RESIZE, f"{width}x{height}"))
