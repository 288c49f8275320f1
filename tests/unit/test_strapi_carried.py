"""The course's product and event records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.movement import Reason, Rejection
from bridge.strapi.carried import read_event, read_product


def test_a_product_of_the_course() -> None:
    product = {"name": "Gloves", "description": "d", "stock_available": 11, "barcode": "1839282045", "status": "safe"}
    assert read_product(json.dumps(product).encode()) == product


def test_a_product_as_a_csv_reader_sends_it() -> None:
    assert read_product(b'{"barcode":417620608,"stock_available":"5","status":""}') == {
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
    read = read_product(value)
    assert isinstance(read, Rejection)
    assert read.reason is reason


def test_an_event_has_its_metadata_decoded() -> None:
    event = {"value": "we back up", "metadata": '{"firewall":"COM"}'}
    assert read_event(json.dumps(event).encode()) == {"value": "we back up", "metadata": {"firewall": "COM"}}


def test_metadata_that_is_no_json_stays_a_text() -> None:
    assert read_event(b'{"value":7,"metadata":"{oh"}') == {"value": "7", "metadata": "{oh"}


keys = st.sampled_from(["barcode", "status", "value", "metadata", "stock_available"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(st.binary() | anything.map(lambda found: json.dumps(found).encode()))
def test_nothing_raises(value: bytes) -> None:
    read_product(value)
    read_event(value)
