"""The asciicast file, version 2: a header and timed events, one JSON text a line.

https://docs.asciinema.org/manual/asciicast/v2/ has the format. What a tour promises stands in the header under a key
of our own, `opsci`, which players pass over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.errors import OpsciError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Cast", "CastError", "Event", "Header", "Promise", "Theme", "Tour", "encode_event", "encode_header", "read"]

OUTPUT: Final = "o"
MARKER: Final = "m"
RESIZE: Final = "r"


class CastError(OpsciError):
    """A file is no asciicast of version 2; the text says where."""


class Event(NamedTuple):
    """One event.

    Attributes:
        at: seconds since the beginning, at least 0.
        code: `o` what the terminal was sent, `m` a chapter begins, `r` the terminal has another size.
        data: the text, the chapter's title, the size as `80x24`.
    """

    at: float
    code: str
    data: str


class Theme(msgspec.Struct, frozen=True):
    """The terminal's colours, each `#rrggbb`.

    Attributes:
        fg: of text.
        bg: behind it.
        palette: the 16 numbered ones, with colons between.
    """

    fg: str
    bg: str
    palette: str


class Promise(msgspec.Struct, frozen=True):
    """What the screen shows when a chapter begins.

    Attributes:
        chapter: its title, that of its marker.
        shows: texts, each on one line of the screen.
    """

    chapter: str
    shows: tuple[str, ...]


class Tour(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tour says of its cast.

    Attributes:
        tour: the file's name.
        language: `en` or `fr`.
        promises: one for each chapter, in their order.
    """

    tour: str
    language: str
    promises: tuple[Promise, ...] = ()


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line.

    Attributes:
        width: columns, at least 1.
        height: rows, at least 1.
        timestamp: when it began, in seconds since the epoch.
        duration: seconds, 0 where it was not known when the header was written.
        title: what it shows.
        idle_time_limit: seconds after which players cut a pause, 0 for never.
        env: variables of the terminal.
        theme: its colours.
        opsci: what a tour says of it.
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
        """The file, line by line, each with its end."""
        yield encode_header(self.header)
        yield from map(encode_event, self.events)

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the last event."""
        return self.events[-1].at if self.events else 0.0


def encode_header(header: Header) -> str:
    """Write the header's line, with its end."""
    return msgspec.json.encode(msgspec.structs.replace(header, version=2)).decode() + "\n"


def encode_event(event: Event) -> str:
    """Write an event's line, with its end; its time to the microsecond."""
    return msgspec.json.encode([round(event.at, 6), event.code, event.data]).decode() + "\n"


def read(lines: Iterable[str]) -> Cast:
    """Read a recording.

    Args:
        lines: the file's.

    Raises:
        CastError: a line is not what it should be.
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
