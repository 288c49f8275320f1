"""`record --check`: checks that players can play a cast and that its chapters show what they promise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tui.recording.cast import MARKER, OUTPUT, RESIZE
from tui.recording.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.recording.cast import Cast, Event

__all__ = ["CastProblem", "check"]

_PLACE: Final = re.compile(r"\x1b\[(\d+);(\d+)H")
_SIZE: Final = re.compile(r"[1-9]\d{0,3}x[1-9]\d{0,3}")


class CastProblem(str):
    """What is wrong with a cast, with the time, and the screen if a promise is not kept."""

    __slots__ = ()


def check(cast: Cast) -> Iterator[CastProblem]:
    """Play a cast and report what is wrong with it.

    Args:
        cast: the recording.

    Yields:
        Each fault; none if the cast is valid.

    Raises:
        MissingLibraryError: pyte is not installed.
    """
    header = cast.header
    if header.width < 1 or header.height < 1:
        yield CastProblem(f"the header's size is {header.width} by {header.height}")
        return
    if not any(event.code == OUTPUT for event in cast.events):
        yield CastProblem("nothing is shown: there is no output in it")
    terminal = Terminal(header.width, header.height)
    promises = list(header.opsci.promises) if header.opsci is not None else []
    began = 0.0
    for number, event in enumerate(cast.events, 2):
        where = f"line {number}, {event.at:.1f} s"
        if event.at < began:
            yield CastProblem(f"{where}: it comes before the event above it, at {began:.1f} s")
        began = max(began, event.at)
        if event.code not in {OUTPUT, MARKER, RESIZE, "i"}:
            yield CastProblem(f"{where}: no such event: {event.code!r}")
        elif event.code == RESIZE and not _SIZE.fullmatch(event.data):
            yield CastProblem(f"{where}: {event.data!r} is no size")
            return
        if event.code == OUTPUT:
            yield from _outside(event, terminal, where)
        terminal.play(event)
        if event.code == MARKER and header.opsci is not None:
            if not promises or promises[0].chapter != event.data:
                expected = f"{promises[0].chapter!r} comes next" if promises else "no more are promised"
                yield CastProblem(f"{where}: chapter {event.data!r} is not promised; {expected}")
                continue
            for text in promises.pop(0).shows:
                if text not in terminal.text:
                    yield CastProblem(
                        f"{where}: chapter {event.data!r} promises {text!r}, and the screen is\n{terminal.text}"
                    )
    for promise in promises:
        yield CastProblem(f"chapter {promise.chapter!r} is promised and does not come")


def _outside(event: Event, terminal: Terminal, where: str) -> Iterator[CastProblem]:
    width, height = terminal.size
    for row, column in _PLACE.findall(event.data):
        if int(row) > height or int(column) > width:
            yield CastProblem(f"{where}: something is written at row {row}, column {column} of {width} by {height}")
            return
