"""Times and offsets as users write them for `opsci-bridge replay`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.command.arguments import parse, read_moment, read_offsets

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1.5h", 5_400),
        ("2 d", 172_800),
        ("1w", 604_800),
        ("2026-11-27T11:00:00Z", 3_600),
        ("2026-11-27T12:00:00+01:00", 3_600),
        ("2026-11-27 11:59:59.5+00:00", 0.5),
    ],
)
def test_a_time_or_an_age_is_read(text: str, before: float) -> None:
    assert read_moment(text, NOW) == NOW - before


def test_a_time_without_a_zone_is_this_machines() -> None:
    assert read_moment("2026-11-26T08:30", NOW) == datetime(2026, 11, 26, 8, 30).astimezone().timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "h", "-2h", "2y", "2026-13-01", "99999-01-01"])
def test_what_is_no_time_is_said_with_what_is_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time: .*2h"):
        read_moment(text, NOW)


def test_the_future_holds_no_records() -> None:
    with pytest.raises(ValueError, match="later than now"):
        read_moment("2026-11-27T12:00:01Z", NOW)


def test_offsets_are_read() -> None:
    assert read_offsets("stock:3:128") == ("stock", 3, 128, None)
    assert read_offsets("my.stock_1-a:0:7-7") == ("my.stock_1-a", 0, 7, 7)


@pytest.mark.parametrize(
    "text", ["stock", "stock:1", "stock:x:1", "stock:1:2:3", "stock:1:2-", "a b:1:2", "stock:1:-2"]
)
def test_what_are_no_offsets_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="stock:3:128-200"):
        read_offsets(text)


def test_offsets_do_not_end_before_they_begin() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        read_offsets("stock:3:128-127")


@pytest.mark.parametrize(
    "words", [[], ["--all", "--missing"], ["--since", "soon"], ["--offsets"], ["--offsets", "stock"], ["--dry-run"]]
)
def test_a_wrong_command_line_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["replay", *words])
    assert ended.value.code == 2
    assert "opsci-bridge replay: error:" in capsys.readouterr().err


def test_several_offsets_are_taken_at_once() -> None:
    said = parse(["replay", "--offsets", "stock:0:1-2", "stock:1:5", "--dry-run"])
    assert said.offsets == [("stock", 0, 1, 2), ("stock", 1, 5, None)]
    assert said.dry_run
