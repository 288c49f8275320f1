"""The course's product and event records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.movement import Reason, Rejection
from bridge.route import RouteKind
from bridge.strapi.content import CONTENT, Events, Products, Readings

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_is_neither_a_movement_nor_left_in_kafka_has_a_class_of_its_own() -> None:
    assert CONTENT.keys() == set(RouteKind) - {RouteKind.MOVEMENT, RouteKind.CARRY}
    assert len({kind.columns for kind in CONTENT.values()}) == len(CONTENT)


def test_a_product_of_the_course() -> None:
    product = {"name": "Gloves", "description": "d", "stock_available": 11, "barcode": "1839282045", "status": "safe"}
    assert Products.read(json.dumps(product).encode()) == product


def test_a_product_as_a_csv_reader_sends_it() -> None:
    assert Products.read(b'{"barcode":417620608,"stock_available":"5","status":""}') == {
        "barcode": "417620608",
        "stock_available": 5,
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"x", Reason.NOT_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b'{"name":"Gloves"}', Reason.NO_PRODUCT),
        (b'{"barcode":"1","stock_available":-1}', Reason.NOT_WHOLE),
        (b'{"barcode":"1","stock_available":"many"}', Reason.NOT_WHOLE),
        (b'{"barcode":"1","status":"lost"}', Reason.BAD_TYPE),
        (b'{"barcode":"1","status":["safe"]}', Reason.BAD_TYPE),
    ],
)
def test_a_product_that_is_none(value: bytes, reason: Reason) -> None:
    read = Products.read(value)
    assert isinstance(read, Rejection)
    assert read.reason is reason


def test_an_event_has_its_metadata_decoded() -> None:
    event = {"value": "we back up", "metadata": '{"firewall":"COM"}'}
    assert Events.read(json.dumps(event).encode()) == {"value": "we back up", "metadata": {"firewall": "COM"}}


def test_metadata_that_is_no_json_stays_a_text() -> None:
    assert Events.read(b'{"value":7,"metadata":"{oh"}') == {"value": "7", "metadata": "{oh"}


@pytest.mark.parametrize("value", [-18.4, "-18.4", "-1.84e1"])
def test_a_reading_has_its_value_as_a_number(value: float | str) -> None:
    reading = {"sensor": " cold-room-2 ", "value": value, "unit": "°C", "more": 1}
    assert Readings.read(json.dumps(reading).encode()) == {"sensor": "cold-room-2", "value": -18.4, "unit": "°C"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"value":1}', "the sensor is missing"),
        (b'{"sensor":" ","value":1}', "the sensor is missing"),
        (b'{"sensor":"a"}', "the value is None; it must be a number"),
        (b'{"sensor":"a","value":true}', "the value is True"),
        (b'{"sensor":"a","value":"warm"}', "the value is 'warm'"),
        (b'{"sensor":"a","value":"1e999"}', "the value is '1e999'"),
        (b'{"sensor":"a","value":1%s}' % (b"0" * 400), "must be a number"),
    ],
)
def test_a_reading_that_is_none(value: bytes, said: str) -> None:
    read = Readings.read(value)
    assert isinstance(read, Rejection)
    assert read.reason is Reason.BAD_TYPE
    assert said in read.text


keys = st.sampled_from(["barcode", "status", "value", "metadata", "stock_available", "sensor", "unit"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(st.binary() | anything.map(lambda found: json.dumps(found).encode()))
def test_nothing_raises(value: bytes) -> None:
    Products.read(value)
    Events.read(value)
    Readings.read(value)


@pytest.mark.parametrize(
    ("read", "record", "reason"),
    [
        (Products.read, {"barcode": "b" * 256}, Reason.TOO_LONG),
        (Products.read, {"barcode": "1", "name": "\U0001f4a1" * 128}, Reason.TOO_LONG),
        (Products.read, {"barcode": "1", "name": "a\0b"}, Reason.REFUSED_BY_STRAPI),
        (Products.read, {"barcode": "1", "description": "\0"}, Reason.REFUSED_BY_STRAPI),
        (Events.read, {"value": "v" * 256}, Reason.TOO_LONG),
        (Events.read, {"value": "\0"}, Reason.REFUSED_BY_STRAPI),
        (Readings.read, {"sensor": "s" * 256, "value": 1}, Reason.TOO_LONG),
        (Readings.read, {"sensor": "s", "value": 1, "unit": "\0"}, Reason.REFUSED_BY_STRAPI),
        (Events.read, {"value": "v", "metadata": {"a": [{"b\0": 1}]}}, Reason.REFUSED_BY_STRAPI),
        (Events.read, {"value": "v", "metadata": '{"a":"\\u0000"}'}, Reason.REFUSED_BY_STRAPI),
    ],
)
def test_what_no_database_stores_is_a_dead_letter_and_not_asked_again_and_again(
    read: Callable[[bytes], dict[str, Any] | Rejection], record: dict[str, Any], reason: Reason
) -> None:
    found = read(json.dumps(record).encode())
    assert isinstance(found, Rejection)
    assert found.reason is reason


def test_texts_of_127_emoji_are_taken() -> None:
    lamp = "\U0001f4a1" * 127
    product = {"barcode": lamp, "name": lamp, "description": lamp * 9}
    assert Products.read(json.dumps(product).encode()) == product
    event = {"value": lamp, "metadata": {lamp: [lamp * 9, "\\u0000"]}}
    assert Events.read(json.dumps(event).encode()) == event
