"""The movement: parsed leniently, checked strictly, and never a reason to fail."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.movement import (
    MAX_AMOUNT,
    MAX_PAYLOAD,
    MAX_REFERENCE,
    Movement,
    Reason,
    Rejection,
    encode_movement,
    is_numeric_id,
    read_leniently,
    read_movement,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def reason(payload: bytes) -> Reason:
    judged = read_movement(payload)
    assert isinstance(judged, Rejection), judged
    assert judged.text
    return judged.reason


@pytest.mark.parametrize(
    ("payload", "movement"),
    [
        (b'{"id":12,"amount":5,"type":"IN"}', Movement("12", 5, "IN")),
        (b'{"id":12,"amount":5,"type":"OUT"}', Movement("12", 5, "OUT")),
        (b'{"id":"38","amount":"40","type":"OUT"}', Movement("38", 40, "OUT")),
        (b'{"id":"0417620608","amount":1,"type":"IN"}', Movement("0417620608", 1, "IN")),
        (b'{"id":" h7x2k ","amount":" 5 ","type":"IN"}', Movement("h7x2k", 5, "IN")),
        (b'{"id":12.0,"amount":5.0,"type":"IN"}', Movement("12", 5, "IN")),
        (b'{"id":12,"amount":"+5.00","type":"IN"}', Movement("12", 5, "IN")),
        (b' {"more":[1],"type":"IN","amount":2147483647,"id":1}\n', Movement("1", MAX_AMOUNT, "IN")),
    ],
)
def test_what_is_a_movement(payload: bytes, movement: Movement) -> None:
    assert read_movement(payload) == movement


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"Hello mqtt0", Reason.NOT_JSON),
        (b"", Reason.EMPTY_PAYLOAD),
        (b" \0\0", Reason.EMPTY_PAYLOAD),
        (b"\xff\x00", Reason.NOT_UTF8),
        (b'{"id":1', Reason.CUT_OFF),
        (b"[1]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b'{"id":null,"amount":null,"type":"OUT"}', Reason.NO_PRODUCT),
        (b'{"amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":0,"amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":-1,"amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":1.5,"amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":true,"amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":"  ","amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":"a\\u0000","amount":5,"type":"IN"}', Reason.NO_PRODUCT),
        (b'{"id":1,"type":"IN"}', Reason.NO_AMOUNT),
        (b'{"id":1,"amount":"","type":"IN"}', Reason.NO_AMOUNT),
        (b'{"id":12,"amount":0,"type":"OUT"}', Reason.ZERO_AMOUNT),
        (b'{"id":12,"amount":"-0","type":"OUT"}', Reason.ZERO_AMOUNT),
        (b'{"id":12,"amount":-5,"type":"OUT"}', Reason.NEGATIVE_AMOUNT),
        (b'{"id":12,"amount":"-5","type":"OUT"}', Reason.NEGATIVE_AMOUNT),
        (b'{"id":1,"amount":1.5,"type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":"five","type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":true,"type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":[5],"type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":2147483648,"type":"IN"}', Reason.TOO_LARGE),
        (b'{"id":1,"amount":1e300,"type":"IN"}', Reason.TOO_LARGE),
        (b'{"id":1,"amount":5.00000000000000000001,"type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":1e-99999999999999999999,"type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":"1 000","type":"IN"}', Reason.NOT_WHOLE),
        (b'{"id":1,"amount":"' + b"9" * 9000 + b'","type":"IN"}', Reason.TOO_LARGE),
        (b'{"id":1,"amount":-' + b"9" * 9000 + b',"type":"IN"}', Reason.NEGATIVE_AMOUNT),
        (b'{"id":1,"amount":5}', Reason.BAD_TYPE),
        (b'{"id":1,"amount":5,"type":"in"}', Reason.BAD_TYPE),
        (b'{"id":1,"amount":5,"type":["IN"]}', Reason.BAD_TYPE),
        (b'{"id":1,"amount":5,"type":"IN","x":"' + b"x" * MAX_PAYLOAD + b'"}', Reason.TOO_LONG),
    ],
)
def test_what_is_none_says_why(payload: bytes, expected: Reason) -> None:
    assert reason(payload) is expected


@pytest.mark.parametrize("name", [b"9" * 400, b"9" * 9000, b"1e300", b'"' + b"x" * 256 + b'"'])
def test_a_name_that_strapi_can_not_hold_names_no_product(name: bytes) -> None:
    assert reason(b'{"id":' + name + b',"amount":1,"type":"IN"}') is Reason.NO_PRODUCT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"id":', b',"amount":1,"type":"IN"}'),
        (b'{"id":1,"amount":', b',"type":"IN"}'),
        (b'{"id":1,"amount":1,"type":', b"}"),
        (b"", b""),
    ],
)
def test_no_depth_of_nesting_raises(before: bytes, after: bytes) -> None:
    for depth in range(900, 1100):
        assert isinstance(read_movement(before + b"[" * depth + b"]" * depth + after), Rejection)


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(payload: bytes) -> None:
    assert isinstance(read_movement(payload), Movement | Rejection)


@given(JSON, JSON, JSON)
def test_any_json_is_judged_and_what_passes_is_within_bounds(identity: object, amount: object, kind: object) -> None:
    for type_ in (kind, "IN"):
        judged = read_movement(json.dumps({"id": identity, "amount": amount, "type": type_}).encode())
        if isinstance(judged, Movement):
            assert 0 < len(judged.product) <= MAX_REFERENCE
            assert 0 < judged.amount <= MAX_AMOUNT
            judged.product.encode()
        else:
            assert judged.text.isprintable()


@given(JSON, JSON, JSON)
def test_the_short_way_judges_as_the_long_one(identity: object, amount: object, kind: object) -> None:
    payload = json.dumps({"id": identity, "amount": amount, "type": kind}).encode()
    assert read_movement(payload) == read_leniently(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id":12,"amount":5,"type":"IN"}',
        b'{"id":12.0,"amount":5e0,"type":"OUT"}',
        b'{"id":1e2,"amount":5.5,"type":"OUT"}',
        b'{"id":true,"amount":1,"type":"IN"}',
        b'{"id":12,"amount":5,"type":"IN","id":13}',
        b'{"id":12,"amount":2147483648,"type":"IN"}',
        b'{"id":99999999999999999999999,"amount":1,"type":"IN"}',
        b'{"id":12,"amount":5,"type":"in"}',
    ],
)
def test_the_short_way_judges_such_as_the_long_one(payload: bytes) -> None:
    assert read_movement(payload) == read_leniently(payload)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_REFERENCE)
    .map(str.strip)
    .filter(lambda text: text and "\x00" not in text),
    st.integers(1, MAX_AMOUNT),
    st.sampled_from(["IN", "OUT"]),
)
def test_what_is_written_is_read_back(product: str, amount: int, kind: str) -> None:
    movement = Movement(product, amount, "IN" if kind == "IN" else "OUT")
    assert read_movement(encode_movement(movement)) == movement


def test_a_numeric_id_is_written_as_a_number() -> None:
    assert encode_movement(Movement("12", 5, "IN")) == b'{"id":12,"amount":5,"type":"IN"}'
    assert encode_movement(Movement("012", 5, "IN")) == b'{"id":"012","amount":5,"type":"IN"}'


@pytest.mark.parametrize(
    ("reference", "numeric"),
    [
        ("1", True),
        ("2147483647", True),
        ("2147483648", False),
        ("9" * 5000, False),
        ("0", False),
        ("0417620608", False),
        ("", False),
        ("-1", False),
        ("\u0663", False),
        ("1.0", False),
    ],
)
def test_numeric_ids(reference: str, numeric: bool) -> None:
    assert is_numeric_id(reference) is numeric


def test_the_sign_of_a_change() -> None:
    assert (Movement("1", 5, "IN").delta, Movement("1", 5, "OUT").delta) == (5, -5)
