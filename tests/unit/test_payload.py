"""Payloads that are almost JSON: accepted if the meaning is clear, else rejected with the exact mistake."""

from __future__ import annotations

import codecs
import json

import msgspec
import pytest

from bridge.movement import Movement, Reason, Rejection, read_leniently, read_movement
from bridge.strapi.content import Events, Products

PAYLOAD = b'{"id":12,"amount":5,"type":"IN"}'
TEXT = PAYLOAD.decode()


def rejected(payload: bytes) -> Rejection:
    judged = read_movement(payload)
    assert isinstance(judged, Rejection), judged
    assert judged.text.isprintable()
    assert len(judged.text) < 200
    assert read_leniently(payload) == judged
    return judged


@pytest.mark.parametrize(
    "payload",
    [
        codecs.BOM_UTF8 + PAYLOAD,
        PAYLOAD + b"\0",
        PAYLOAD + b"\0" * 200,
        codecs.BOM_UTF8 + PAYLOAD + b"\r\n\0",
        b"\r\n " + PAYLOAD + b"\r\n",
        b'{"id":12,\r\n"amount":5,\t"type":"IN"}',
        b'{"id":12,"amount":5,"type":"IN","id":12}',
        b'{"id":12,"amount":5,"type":"IN","name":"caf\xe9"}',
        b'{"id":12,"amount":5,"type":"IN","name":"\\ud83d"}',
        b'{"id":12,"amount":5,"type":"IN","value":1e999}',
        b'{"id":12,"amount":5,"type":"IN","more":{"id":1,"id":2}}',
        b'{"id":12,"amount":5,"type":"IN","more":' + b"7" * 9000 + b"}",
        b'{"id":" 12\\t","amount":" 5 ","type":"IN"}',
        b'{"id":12,"amount":"0005","type":"IN"}',
        b'{"id":12,"amount":50e-1,"type":"IN"}',
        b'{"id":12,"amount":5.' + b"0" * 9000 + b',"type":"IN"}',
    ],
)
def test_what_can_mean_one_thing_alone_is_taken(payload: bytes) -> None:
    assert read_movement(payload) == read_leniently(payload) == Movement("12", 5, "IN")


@pytest.mark.parametrize(
    ("payload", "reason", "said"),
    [
        (b"", Reason.EMPTY_PAYLOAD, "is empty"),
        (codecs.BOM_UTF8, Reason.EMPTY_PAYLOAD, "nothing but blanks"),
        (b"\0\0", Reason.EMPTY_PAYLOAD, "NUL bytes"),
        (TEXT.encode("utf-16"), Reason.NOT_UTF8, "UTF-16"),
        (TEXT.encode("utf-16-le"), Reason.NOT_UTF8, "UTF-16"),
        (TEXT.encode("utf-16-be"), Reason.NOT_UTF8, "UTF-16"),
        (TEXT.encode("utf-32"), Reason.NOT_UTF8, "UTF-32"),
        (TEXT.encode("utf-32-le"), Reason.NOT_UTF8, "UTF-32"),
        (TEXT.encode("utf-32-be"), Reason.NOT_UTF8, "UTF-32"),
        (b'{"id":"caf\xe9","amount":5,"type":"IN"}', Reason.NOT_UTF8, "byte 11 of the payload (0xE9)"),
        ("Café".encode("latin-1"), Reason.NOT_UTF8, "'é'"),
        (b'{"id":"\xed\xa0\x80","amount":5,"type":"IN"}', Reason.NOT_UTF8, "surrogate"),
        (b'{"id":"\\ud800","amount":5,"type":"IN"}', Reason.NO_PRODUCT, "surrogate"),
        (PAYLOAD + b"\0\x12\x8f", Reason.NOT_JSON, "byte 33 is NUL, and 2 more follow"),
        (codecs.BOM_UTF8 + PAYLOAD + b"\0\x12", Reason.NOT_JSON, "byte 36 is NUL"),
        (b"\xff\x00\x1b[31m", Reason.NOT_UTF8, "byte 1 of the payload (0xFF)"),
        (PAYLOAD * 2, Reason.SEVERAL_VALUES, "2 JSON values"),
        (PAYLOAD + b"\r\n" + PAYLOAD + b"\n" + PAYLOAD, Reason.SEVERAL_VALUES, "3 JSON values"),
        (PAYLOAD + b"garbage", Reason.NOT_JSON, "'garbage' follows the JSON"),
        (PAYLOAD[:-1], Reason.CUT_OFF, "ends in the middle"),
        (PAYLOAD[:-3], Reason.CUT_OFF, "begins at character 28"),
        (b'{"id":12,"amount":NaN,"type":"IN"}', Reason.NOT_JSON, "NaN is not a number"),
        (b'{"id":12,"amount":nan,"type":"IN"}', Reason.NOT_JSON, "sensor"),
        (b'{"id":12,"amount":-Infinity,"type":"IN"}', Reason.NOT_JSON, "-Infinity is not a number"),
        (b'{"id":12,"amount":inf,"type":"IN"}', Reason.NOT_JSON, "inf is not a number"),
        (b'{"id":12,"amount":,"type":"IN"}', Reason.NOT_JSON, "a value is missing"),
        (b'{"id":12,"amount":5,"type":"IN",}', Reason.NOT_JSON, "comma before the last } is one too many"),
        (b'{"id":12,"id":13,"amount":5,"type":"IN"}', Reason.DUPLICATE_NAME, "twice, as 12 and as 13"),
        (b'{"id":12,"\\u0069d":13,"amount":5,"type":"IN"}', Reason.DUPLICATE_NAME, "twice"),
        (b'{"id":12,"amount":5,"type":"IN","x":' + b"[" * 9000 + b"]" * 9000 + b"}", Reason.NOT_JSON, "too deep"),
        (b'{"id":12,"amount":' + b"9" * 9000 + b',"type":"IN"}', Reason.TOO_LARGE, "9000 digits"),
        (b'{"id":' + b"9" * 9000 + b',"amount":5,"type":"IN"}', Reason.NO_PRODUCT, "9000 characters"),
        (b'{"id":12,"amount":1e400,"type":"IN"}', Reason.TOO_LARGE, "1E+400"),
        (b'{"id":12,"amount":1e99999999999999999999,"type":"IN"}', Reason.TOO_LARGE, "the largest is"),
        (b'{"id":12,"amount":05,"type":"IN"}', Reason.NOT_JSON, "'05'"),
        (b'{"id":12,"amount":+5,"type":"IN"}', Reason.NOT_JSON, "no plus sign"),
        (b'{"id":12,"amount":1,5,"type":"IN"}', Reason.NOT_JSON, "a comma is in a number"),
        (b'{"id":12,"amount":5,"type":IN}', Reason.NOT_JSON, "the text 'IN' stands without"),
        (b'{id:12,"amount":5,"type":"IN"}', Reason.NOT_JSON, "the name 'id' stands without"),
        (b"{'id':12,'amount':5,'type':'IN'}", Reason.NOT_JSON, "character 2 is '"),
        ("{“id”:12}".encode(), Reason.NOT_JSON, "“"),
        (b'{"id":12,"amount":None,"type":"IN"}', Reason.NOT_JSON, "None is unknown to JSON"),
        (b'{"id":12,"amount":5 "type":"IN"}', Reason.NOT_JSON, "a comma is needed at character 21"),
        (b'{"id"=12}', Reason.NOT_JSON, "a colon is needed"),
        (b'{"id":"a\nb"}', Reason.NOT_JSON, "line break"),
        (b'{"id":"C:\\x"}', Reason.NOT_JSON, "backslash"),
        (b'{"id":12 // lamp\n}', Reason.NOT_JSON, "no comments"),
        (b"Hello mqtt0", Reason.NOT_JSON, "it is the text 'Hello mqtt0'"),
        (b"12;5;IN", Reason.NOT_JSON, "it is the text '12;5;IN'"),
    ],
)
def test_what_is_no_movement_is_named_for_what_it_is(payload: bytes, reason: Reason, said: str) -> None:
    judged = rejected(payload)
    assert judged.reason is reason
    assert said in judged.text


@pytest.mark.parametrize("amount", ["0", "-5", '"-5"', "1.5", "null", '""', "1e400", "9" * 9000, '"x"', "true", "[1]"])
def test_a_bad_amount_hides_no_product(amount: str) -> None:
    assert rejected(f'{{"id":"0417620608","amount":{amount},"type":"OUT"}}'.encode()).product == "0417620608"


def test_a_bad_type_and_a_second_amount_hide_no_product() -> None:
    assert rejected(b'{"id":12,"amount":5,"type":"in"}').product == "12"
    assert rejected(b'{"id":12,"amount":5,"amount":6,"type":"IN"}').product == "12"
    assert rejected(b'{"id":12,"id":13,"amount":5,"type":"IN"}').product == ""


def test_products_and_events_are_read_the_same_way() -> None:
    product = json.dumps({"barcode": "b1", "name": "Lamp"}).encode()
    assert (
        Products.read(codecs.BOM_UTF8 + product + b"\0") == Products.read(product) == {"barcode": "b1", "name": "Lamp"}
    )
    event = msgspec.json.encode({"value": "opened", "metadata": '{"door":1}'})
    assert Events.read(event + b"\0") == Events.read(event) == {"value": "opened", "metadata": {"door": 1}}
    for read in (Products.read, Events.read):
        for payload, reason in ((b"", Reason.EMPTY_PAYLOAD), (event.decode().encode("utf-16"), Reason.NOT_UTF8)):
            judged = read(payload)
            assert isinstance(judged, Rejection)
            assert judged.reason is reason
