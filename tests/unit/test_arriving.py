"""What is reported about messages that arrive slowly."""

from __future__ import annotations

import pytest

from bridge.ingest.arriving import Arriving, Progress
from bridge.journal import Journal
from bridge.mqtt.frames import Frames


def said(url: str, *looks: Progress | None) -> str:
    journal = Journal()
    arriving = Arriving(url, journal)
    for look in looks:
        arriving.look(look)
    return str(journal.notes.get("arriving", ""))


def slow(rate: int = 41_000, needed: int = 1_000_000) -> list[Progress]:
    return [Progress(rate * second, rate * second, needed) for second in range(1, 6)]


def test_a_large_message_over_websockets_is_said_with_its_rate_and_what_to_do() -> None:
    text = said("ws://h:1883", *slow())
    assert "at 41 kB/s, 205 of 1,000 kB so far" in text
    assert "mqtt://" in text
    assert "mqtt://" not in said("mqtts://h:8883", *slow()).replace("mqtts://", "")


@pytest.mark.parametrize(
    "looks",
    [
        slow()[:3],
        [Progress(5_000 * second, 0, 0) for second in range(9)],
        slow(rate=2_000_000, needed=60_000_000),
        [*slow(), Progress(300_000, 0, 0), Progress(300_000, 0, 0)],
        [*slow(), None],
        [Progress(400, 10, 0)] * 6,
    ],
    ids=["too early", "whole packets", "quick", "over", "connection lost", "nothing comes"],
)
def test_nothing_is_said_where_nothing_is_slow(looks: list[Progress | None]) -> None:
    assert said("ws://h:1883", *looks) == ""


def test_messages_one_after_the_other_are_as_slow_as_a_single_one() -> None:
    """Thirty of 60 KB: at most looks one of them is half here."""
    looks = [Progress(41_000 * second, 41_000 * second % 60_000, 0) for second in range(1, 9)]
    assert "at 41 kB/s" in said("ws://h:1883", *looks)


def test_frames_tell_what_has_come_of_a_packet() -> None:
    frames = Frames(version_5=False)
    payload = bytes(100_000)
    head = b"\x30\xa5\x8d\x06\x00\x03abc"
    frames.feed(head + payload[:50_000])
    assert frames.unfinished == (50_009, 100_009)
    assert frames.taken == 50_009
    published, _ = frames.feed(payload[50_000:])
    assert (len(published), frames.unfinished) == (1, (0, 0))
    frames.feed(b"\x30\x10\x00")
    assert frames.unfinished == (3, 0)
