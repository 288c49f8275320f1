"""Verdicts and the way of a movement in words."""

from __future__ import annotations

import pytest

from bridge.journal import Elsewhere, Journey, Verdict
from bridge.movement import Movement, Reason, Rejection
from tui.json_colours import json_in_colour
from tui.outcome import outcome
from tui.screens.record import journey_details, payload_lines
from tui.timeline import dots, hop_times, marks, result, timeline, timeline_row


def payload_texts(payload: bytes, more: int = 0) -> list[str]:
    """A payload's lines without their colours."""
    return [line.plain for line in payload_lines(payload, more)]


def journey(**fields: object) -> Journey:
    made = Journey("id-1", b'{"id":12,"amount":5,"type":"IN"}', mqtt_topic="topic", movement=Movement("12", 5, "IN"))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


SENT = {"published_at": 1.0}
RECEIVED = {**SENT, "received_at": 1.002}
IN_KAFKA = {**RECEIVED, "acknowledged_at": 1.014, "partition": 3, "offset": 128}
CONSUMED = {**IN_KAFKA, "consumed_at": 1.018}
APPLIED = {**CONSUMED, "decided_at": 1.03, "verdict": Verdict.APPLIED, "stock_before": 41, "stock_after": 46}


WHY = Rejection(Reason.UNKNOWN_PRODUCT, "no product has the id 999")
REFUSED = {**CONSUMED, "decided_at": 1.03, "verdict": Verdict.REJECTED, "rejection": WHY}
NOT_JSON = {
    "received_at": 1.0,
    "decided_at": 1.001,
    "verdict": Verdict.REJECTED,
    "rejection": Rejection(Reason.NOT_JSON, "the payload is not JSON"),
}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (SENT, "● sent +5 12 ╌╌ ◌ to MQTT ╌╌ ○ Kafka ╌╌ ○ Strapi"),
        (RECEIVED, "● sent +5 12 ━━ ● MQTT after 2.0 ms ╌╌ ◌ waits for Kafka ╌╌ ○ Strapi"),
        (
            IN_KAFKA,
            "● sent +5 12 ━━ ● MQTT after 2.0 ms ━━ ● Kafka p3@128 + 12 ms ╌╌ "
            "◌ waits for Strapi 18 s by now; kept in Kafka",
        ),
        (
            APPLIED,
            "● sent +5 12 ━━ ● MQTT after 2.0 ms ━━ ● Kafka p3@128 + 12 ms ━━ "
            "● 41 → 46 in Strapi + 16 ms = 30 ms in all",
        ),
        (
            REFUSED,
            "● sent +5 12 ━━ ● MQTT after 2.0 ms ━━ ● Kafka p3@128 + 12 ms ━━ ✗ refused: unknown product "
            "no product has the id 999",
        ),
    ],
)
def test_a_timeline_grows_hop_by_hop(fields: dict[str, object], line: str) -> None:
    assert timeline_row(marks(journey(**fields), 19.5), 200).plain == line


def test_a_movement_rejected_at_ingest_never_was_in_kafka() -> None:
    _, _, kafka, strapi = marks(journey(**NOT_JSON), 2.0)
    assert (kafka.sign, kafka.broken) == ("○", True)
    assert (strapi.sign, strapi.words, strapi.under) == ("✗", "refused: not JSON", "the payload is not JSON")


def test_each_place_of_a_timeline_stands_where_it_is_told() -> None:
    above, below = timeline(marks(journey(**APPLIED), 2.0), [2, 22, 46, 84], 120).plain.split("\n")
    assert [above.index(words) - 2 for words in ("sent", "MQTT", "Kafka", "41 → 46 in Strapi")] == [2, 22, 46, 84]
    assert [below.index(words) for words in ("+5 12", "after 2.0 ms", "+ 12 ms", "+ 16 ms")] == [2, 22, 46, 84]
    assert "╌" not in above
    assert len(above) <= 120


@pytest.mark.parametrize(
    ("fields", "drawn", "said"),
    [
        (SENT, "◌╌○╌○", "sending"),
        (RECEIVED, "●╌◌╌○", "waits for Kafka"),
        (IN_KAFKA, "●━●╌◌", "waits for Strapi, in Kafka p3@128"),
        (APPLIED, "●━●━●", "41 → 46"),
        (REFUSED, "●━●━✗", "refused: unknown product"),
        (NOT_JSON, "●╌○╌✗", "refused: not JSON"),
    ],
)
def test_a_sent_movement_has_a_dot_for_each_system_and_its_result_in_words(
    fields: dict[str, object], drawn: str, said: str
) -> None:
    assert dots(journey(**fields)).plain == drawn
    assert result(journey(**fields))[0] == said


def test_a_record_that_was_consumed_before_its_acknowledgement_has_no_time_between() -> None:
    found = journey(**{**CONSUMED, "consumed_at": 1.013})
    assert hop_times(found)[-2].took is None


@pytest.mark.parametrize(
    ("fields", "words", "last"),
    [
        ({"elsewhere": Elsewhere.SETTLED}, "by another engine", "↗ applied or refused by another engine"),
        ({"elsewhere": Elsewhere.UNKNOWN}, "not in the ledger", "? passed over by another engine: the ledger does not"),
        (
            {"elsewhere": Elsewhere.SETTLED, "verdict": Verdict.APPLIED, "stock_before": 41, "stock_after": 46},
            "applied",
            "✓ in Strapi 41 → 46",
        ),
    ],
)
def test_what_another_engine_settled_is_open_no_longer_and_has_no_time_of_ours(
    fields: dict[str, object], words: str, last: str
) -> None:
    found = journey(**IN_KAFKA, decided_at=9.0, **fields)
    assert outcome(found).words == words
    assert hop_times(found)[-1].words.startswith(last)
    assert hop_times(found)[-1].took is None


def test_the_last_place_begins_earlier_where_it_would_be_cut() -> None:
    found = marks(journey(**APPLIED), 2.0)
    above, below = timeline(found, [2, 16, 28, 60], 79).plain.split("\n")
    assert above.endswith("● 41 → 46 in Strapi")
    assert below.rstrip().endswith("= 30 ms in all")
    assert above.index("● 41") == below.index("+ 16 ms")
    assert above.index("● 41") < 60
    # Where there is room it keeps its place.
    above, _ = timeline(found, [2, 16, 28, 60], 120).plain.split("\n")
    assert above.index("● 41") == 60


def test_a_foreign_record_has_no_mqtt() -> None:
    found = journey(mqtt_topic=None, consumed_at=1.0, partition=1, offset=7)
    assert [station.words for station in hop_times(found)] == ["consumed p1@7", "in Strapi …"]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80])
def test_where_room_is_short_the_latest_place_stays(width: int) -> None:
    line = timeline_row(marks(journey(**APPLIED), 2.0), width)
    assert line.plain.endswith("41 → 46 in Strapi")
    assert line.cell_length <= width


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (SENT, ("…", "sent")),
        (RECEIVED, ("…", "to Kafka")),
        (IN_KAFKA, ("…", "in Kafka")),
        (CONSUMED, ("…", "to Strapi")),
        (APPLIED, ("✓", "applied")),
        ({**CONSUMED, "decided_at": 2.0, "verdict": Verdict.DUPLICATE}, ("≡", "duplicate")),
        ({**CONSUMED, "decided_at": 2.0, "verdict": Verdict.CARRIED}, ("→", "carried")),
        (
            {**RECEIVED, "decided_at": 2.0, "verdict": Verdict.REJECTED, "rejection": Rejection(Reason.NO_AMOUNT, "")},
            ("✗", "no amount"),
        ),
    ],
)
def test_every_verdict_has_a_sign_and_words(fields: dict[str, object], said: tuple[str, str]) -> None:
    assert outcome(journey(**fields))[:2] == said


def test_details_name_everything() -> None:
    made = journey(**APPLIED, properties=(("source", "scanner"),), product_name="Gloves", kafka_topic="stock", key="12")
    text = journey_details(made).plain
    for wanted in ("id-1", "scanner", "Gloves", "+5 (IN)", "41 → 46", "128", '"amount": 5', "after 12 ms", "QoS"):
        assert wanted in text


def test_payloads_for_reading() -> None:
    assert payload_texts(b'{"a":[1]}') == ["{", '  "a": [', "    1", "  ]", "}"]
    assert payload_texts(b"Hello\nmqtt0\x1b[2J") == ["Hello", "mqtt0\\x1b[2J"]
    assert payload_texts(b"\xff\x00A") == [f"000000  {'ff 00 41':23}  {'':23}  ..A"]
    assert payload_texts(b"") == ["(empty)"]
    assert payload_texts(b"x" * 5_000)[-1] == "… +904 bytes"


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('  "id": 12,', [('"id"', "$text-primary"), ("12", "$text-warning")]),
        (
            '{"a":"b: 1","c":[true,null,-1.5e3]}',
            [
                ('"a"', "$text-primary"),
                ('"b: 1"', "$text-success"),
                ('"c"', "$text-primary"),
                ("true", "$text-secondary"),
                ("null", "$text-secondary"),
                ("-1.5e3", "$text-warning"),
            ],
        ),
        (r'"a\"b",', [(r'"a\"b"', "$text-success")]),
        ("{}", []),
    ],
)
def test_json_is_in_colour(line: str, parts: list[tuple[str, str]]) -> None:
    found = json_in_colour(line)
    assert found.plain == line
    coloured = [(line[span.start : span.end], str(span.style)) for span in found.spans if span.style != "$text-muted"]
    assert coloured == parts


def test_only_json_is_in_colour() -> None:
    assert any(line.spans for line in payload_lines(b'{"a":1}'))
    assert not any(line.spans for line in payload_lines(b'{"a":'))
    assert not any(line.spans for line in payload_lines(b"\xff"))
