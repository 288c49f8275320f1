"""What `record --check` finds in a cast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui.recording.cast import Cast, Event, Header, Promise, Tour
from tui.recording.check import check
from tui.recording.cli import main

if TYPE_CHECKING:
    from pathlib import Path

PROMISES = (Promise("One", ("hello",)), Promise("Two", ("world",)))
GOOD = [
    Event(0, "o", "\x1b[2J\x1b[1;1Hhello"),
    Event(1, "m", "One"),
    Event(2, "o", "\x1b[2;1Hworld"),
    Event(2, "m", "Two"),
]


def faults(events: list[Event], width: int = 20) -> list[str]:
    return list(check(Cast(Header(width, 5, opsci=Tour("t.py", "en", PROMISES)), events)))


def test_a_cast_that_keeps_its_promises_has_no_fault() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([GOOD[0], GOOD[1], GOOD[3]], "chapter 'Two' promises 'world', and the screen is\nhello"),
        (GOOD[:2], "chapter 'Two' is promised and does not come"),
        ([GOOD[0], *GOOD[2:]], "chapter 'Two' is not promised; 'One' comes next"),
        ([*GOOD, Event(3, "m", "Three")], "chapter 'Three' is not promised; no more are promised"),
        ([*GOOD, Event(1, "o", "x")], "line 6, 1.0 s: it comes before the event above it, at 2.0 s"),
        ([*GOOD, Event(3, "o", "\x1b[6;1Hx")], "written at row 6, column 1 of 20 by 5"),
        ([*GOOD, Event(3, "o", "\x1b[1;21Hx")], "written at row 1, column 21 of 20 by 5"),
        ([*GOOD, Event(3, "q", "x")], "no such event: 'q'"),
        ([*GOOD, Event(3, "r", "0x5")], "'0x5' is no size"),
    ],
)
def test_what_is_wrong_is_said(events: list[Event], said: str) -> None:
    assert any(said in fault for fault in faults(events)), faults(events)


def test_the_screen_may_grow() -> None:
    assert faults([*GOOD, Event(3, "r", "40x10"), Event(3, "o", "\x1b[9;30Hx")]) == []


def test_a_cast_that_shows_nothing_is_one_fault() -> None:
    assert list(check(Cast(Header(20, 5), []))) == ["nothing is shown: there is no output in it"]


def test_the_command_says_it_and_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, none = tmp_path / "good.cast", tmp_path / "bad.cast", tmp_path / "none.cast"
    header = Header(20, 5, opsci=Tour("t.py", "en", PROMISES))
    good.write_text("".join(Cast(header, GOOD).lines()))
    bad.write_text("".join(Cast(header, GOOD[:2]).lines()))
    assert main(["--check", str(good)]) == 0
    assert "2 chapters show what they promise" in capsys.readouterr().out
    assert main(["--check", str(bad)]) == 1
    assert "chapter 'Two' is promised and does not come" in capsys.readouterr().out
    assert main(["--check", str(none)]) == 1
    assert "none.cast: No such file" in capsys.readouterr().err
