"""The cast file, its writer, and the rows and the caption bar that are drawn."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style

from tui.actions import key_cap
from tui.recording.cast import Cast, CastError, CastWriter, Event, Header, Promise, Theme, Tour, read
from tui.recording.pictures import changed_part
from tui.recording.tour import ROWS, caption_band

HEADER = Header(
    80,
    24,
    timestamp=1_700_000_000,
    title="opsci-tui, short",
    idle_time_limit=8,
    env={"TERM": "xterm-256color"},
    theme=Theme("#ffffff", "#000000", ":".join(["#000000"] * 16)),
    opsci=Tour("short.py", "en", (Promise("One", ("✓",)),)),
)


def test_a_cast_is_written_as_players_read_it() -> None:
    lines = list(Cast(HEADER, [Event(0, "o", "\x1b[2Jé"), Event(1.2345678, "m", "One")]).lines())
    header = json.loads(lines[0])
    assert {name: header[name] for name in ("version", "width", "height", "timestamp")} == {
        "version": 2,
        "width": 80,
        "height": 24,
        "timestamp": 1_700_000_000,
    }
    assert header["theme"] == {"fg": "#ffffff", "bg": "#000000", "palette": ":".join(["#000000"] * 16)}
    assert header["idle_time_limit"] == 8
    assert [json.loads(line) for line in lines[1:]] == [[0, "o", "\x1b[2Jé"], [1.234568, "m", "One"]]
    assert all(line.endswith("\n") for line in lines)


def test_what_was_written_is_read() -> None:
    cast = Cast(HEADER, [Event(0.5, "o", "a"), Event(2.0, "r", "100x30")])
    found = read(cast.lines())
    assert found.events == cast.events
    assert found.duration == 2.0
    assert found.header.opsci == HEADER.opsci


def test_a_cast_of_another_program_is_read() -> None:
    found = read(['{"version": 2, "width": 80, "height": 24, "command": "sh"}\n', '[0, "o", "hi"]\n', "\n"])
    assert found.header.opsci is None
    assert found.events == [Event(0, "o", "hi")]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: the file is empty"),
        (["nonsense"], "line 1: this is no header"),
        (['{"version": 3, "width": 80, "height": 24}'], "line 1: the version is 3; 2 is"),
        (['{"width": 80, "height": 24}'], "line 1: the version is missing"),
        (['{"version": 2, "width": 80, "height": 24}', '[0, "o"]'], "line 2: this is no event"),
    ],
)
def test_what_is_no_cast_is_said_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(CastError, match=said):
        read(lines)


def test_a_tape_has_what_the_screen_shows_and_nothing_beyond_it() -> None:
    now = 10.0
    kept: list[Event] = []
    tape = CastWriter(lambda: now, kept.append)
    tape.output("\x1b]52;c;c2VjcmV0\x07\x1b]22;default\x1b\\\x1b[?2026h")
    assert kept == []
    now = 11.5
    tape.output("\x1b[?1049h\x1b[1;1H\x1b[1mok\x07\x1b[>25u")
    tape.mark("One")
    tape.resize(100, 30)
    assert kept == [Event(1.5, "o", "\x1b[1;1H\x1b[1mok"), Event(1.5, "m", "One"), Event(1.5, "r", "100x30")]


def row(*texts: str) -> list[Segment]:
    return [Segment(text, Style()) for text in texts]


def test_only_what_changed_of_a_row_is_written() -> None:
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor")
    old = row("left ", "middle ", "right")
    assert changed_part(3, old, old, console) == ""
    assert changed_part(3, old, row("left ", "MIDDLE ", "right"), console) == "\x1b[3;6HMIDDLE \x1b[0m"
    assert changed_part(3, old, row("left ", "middle ", "RIGHT"), console) == "\x1b[3;13HRIGHT\x1b[0m"
    assert changed_part(3, [], old, console) == "\x1b[3;1Hleft middle right\x1b[0m"
    # Of another length all that follows moves.
    assert changed_part(1, row("a", "bb", "c"), row("a", "b", "c"), console) == "\x1b[1;2Hbc\x1b[0m"


def test_the_band_fills_its_rows_and_no_more() -> None:
    from tui.recording.terminal import Terminal

    terminal = Terminal(60, 10 + ROWS)
    terminal.play(Event(0, "o", caption_band(60, 11, "A caption " * 30, "A chapter", ["+", "5", "Enter"])))
    lines = terminal.text.split("\n")
    assert [line.strip() for line in lines[:10]] == [""] * 10
    assert "A chapter" in lines[10]
    assert lines[10].rstrip().endswith("+   5   Enter")
    assert lines[12].rstrip().endswith("…")
    assert len(lines) == 10 + ROWS


@pytest.mark.parametrize(
    ("key", "shown"),
    [("3", "3"), ("plus", "+"), ("enter", "Enter"), ("ctrl+f", "Ctrl+F"), ("f9", "F9"), ("+", "+"), ("u", "u")],
)
def test_keys_are_named_as_on_a_keyboard(key: str, shown: str) -> None:
    assert key_cap(key) == shown
