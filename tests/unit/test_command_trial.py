"""The movements of a trial: chosen by the current stock, each described on one line."""

from __future__ import annotations

import json

import pytest

from bridge.command.follower import Attempt, plan
from bridge.journal import Journal, Journey, Product, Server, State, StockTable, Verdict
from bridge.movement import Reason, Rejection


def board(*products: Product) -> StockTable:
    made = StockTable()
    made.read(products, complete=True)
    return made


VALVE = Product(1, "doc1", "Valve", 41, barcode="0417620608")
PUMP = Product(2, "doc2", "Pump\x1b", 7)
EMPTY = Product(3, "doc3", "Empty", 0, barcode="2")


def test_five_movements_over_several_products() -> None:
    attempts = plan(board(EMPTY._replace(id=4, barcode=""), PUMP, VALVE))
    assert [attempt.expected for attempt in attempts] == ["applied"] * 3 + ["insufficient-stock", "not-json"]
    wires = [json.loads(attempt.payload) for attempt in attempts[:4]]
    assert [(wire["id"], wire["amount"], wire["type"]) for wire in wires] == [
        (1, 5, "IN"),
        (2, 3, "OUT"),
        ("0417620608", 1, "IN"),
        (2, 1007, "OUT"),
    ]
    assert len({attempt.payload for attempt in attempts}) == 5
    assert "\x1b" not in "".join(attempt.way() for attempt in attempts)


def test_a_barcode_that_is_another_products_id_names_no_product() -> None:
    attempts = plan(board(PUMP, EMPTY))
    assert json.loads(attempts[2].payload)["id"] == "doc2"
    assert attempts[2].product == PUMP


def test_one_product_is_enough_and_none_is_not() -> None:
    assert [attempt.product for attempt in plan(board(VALVE))] == [VALVE] * 4 + [None]
    assert plan(board(EMPTY)) == []
    assert plan(StockTable()) == []


def decided(attempt: Attempt, **fields: object) -> Attempt:
    journey = Journey("m", attempt.payload, published_at=10.0, received_at=10.003)
    for name, value in fields.items():
        setattr(journey, name, value)
    attempt.journey, attempt.sent = journey, 0.002
    return attempt


def test_the_way_of_an_applied_movement() -> None:
    attempt = decided(
        plan(board(VALVE))[0],
        kafka_topic="stock",
        partition=3,
        offset=128,
        acknowledged_at=10.009,
        consumed_at=10.02,
        decided_at=10.04,
        verdict=Verdict.APPLIED,
        stock_before=41,
        stock_after=46,
    )
    assert attempt.way() == 'IN 5 of 1 "Valve": sent 2 ms > MQTT 3 ms > Kafka stock p3@128 6 ms > Strapi 41 -> 46 31 ms'
    assert attempt.as_expected


def test_the_way_of_what_ingest_refused() -> None:
    attempt = decided(
        plan(board(VALVE))[4],
        decided_at=10.01,
        verdict=Verdict.REJECTED,
        rejection=Rejection(Reason.NOT_JSON, "the payload is not JSON"),
    )
    assert attempt.way().endswith("> MQTT 3 ms > errors: the payload is not JSON 7 ms")
    assert attempt.as_expected


def test_another_end_than_the_expected_one_shows() -> None:
    assert not decided(plan(board(VALVE))[0], decided_at=10.01, verdict=Verdict.DUPLICATE).as_expected
    assert not plan(board(VALVE))[0].as_expected


@pytest.mark.parametrize(
    ("reached", "hop"),
    [
        ({"received_at": None}, "MQTT: no engine took it"),
        ({}, "Kafka: it was not acknowledged"),
        ({"acknowledged_at": 10.1}, "Kafka: it was not consumed"),
        ({"acknowledged_at": 10.1, "consumed_at": 10.2}, "Strapi: it was not decided, Strapi does not answer"),
    ],
)
def test_the_hop_that_it_did_not_pass_is_named(reached: dict[str, object], hop: str) -> None:
    journal = Journal(10)
    journal.connection(Server.STRAPI, State.DOWN, "Strapi does not answer")
    assert decided(plan(board(VALVE))[0], **reached).waits_for(journal).startswith(hop)


def test_what_this_engine_decided_is_taken_over_by_identity_and_without_one_by_payload() -> None:
    journal = Journal(10)
    attempt = plan(board(VALVE))[0]
    attempt.journey = Journey("m", attempt.payload, published_at=10.0)
    came = Journey("given at ingest", attempt.payload, received_at=10.1)
    journal.arrived([came])
    attempt.follow(journal)
    assert attempt.journey is not came
    came.decided_at = 10.2
    attempt.follow(journal)
    assert attempt.journey is came
    assert came.published_at == 10.0
