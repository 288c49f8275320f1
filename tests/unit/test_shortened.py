"""A payload of which the journal kept only the beginning is never presented as complete."""

from __future__ import annotations

import json

from bridge.journal import Journey
from bridge.journal.journey import KEPT
from bridge.text import readable_bytes
from tui.export import json_line
from tui.language import speak
from tui.screens.record import payload_lines
from tui.screens.record_actions import not_whole


def payload_texts(payload: bytes, more: int = 0) -> list[str]:
    """A payload's lines without their colours."""
    return [line.plain for line in payload_lines(payload, more)]


def shortened(size: int) -> Journey:
    journey = Journey("m", b"x" * size, mqtt_topic="topic")
    journey.shorten()
    return journey


def test_an_export_says_how_many_bytes_are_missing() -> None:
    line = json.loads(json_line(shortened(900_000)))
    assert (len(line["payload"]), line["payload_cut"]) == (KEPT, 900_000 - KEPT)
    assert "payload_cut" not in json.loads(json_line(shortened(KEPT)))


def test_the_window_and_the_pane_count_them() -> None:
    journey = shortened(900_000)
    assert payload_texts(journey.payload, journey.cut)[-1] == f"… +{900_000 - KEPT:,} bytes"
    assert readable_bytes(journey.payload, 512, journey.cut) == "x" * 512 + f"… +{900_000 - 512} bytes"
    whole = shortened(12)
    assert payload_texts(whole.payload, whole.cut) == ["x" * 12]
    assert readable_bytes(whole.payload, 512, whole.cut) == "x" * 12


def test_why_it_is_not_copied_says_where_the_whole_is() -> None:
    speak("en")
    assert not_whole(shortened(900_000)) == (
        "the screen keeps 4,096 bytes of this payload's 900,000; read the record in Kafka"
    )
