"""Dead letters of other programs: recovery of the original record."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bridge.kafka.foreign_letter import Original, error_of, original_of

PAYLOAD = b'{"id":12,"amount":5,"type":"OUT"}'


def buffer(content: bytes) -> dict[str, object]:
    """Bytes in Node's JSON form."""
    return {"type": "Buffer", "data": [*content]}


def of_kafkajs(**more: object) -> dict[str, Any]:
    """A record in kafkajs's JSON form."""
    return {
        "magicByte": 2,
        "attributes": 0,
        "timestamp": "1700000000000",
        "offset": "128",
        "key": buffer(b"1"),
        "value": buffer(PAYLOAD),
        "headers": {"mqtt-topic": buffer(b"topic"), "x": [buffer(b"one"), "two"]},
        "isControlRecord": False,
        **more,
    }


HEADERS = (("mqtt-topic", b"topic"), ("x", b"one"), ("x", b"two"))


def test_value_key_and_headers_are_had_back() -> None:
    assert original_of(of_kafkajs()) == Original(PAYLOAD, b"1", HEADERS)
    assert original_of(of_kafkajs(key=None, headers={})) == Original(PAYLOAD)
    assert original_of(of_kafkajs(value=None)).payload == b""
    assert original_of(of_kafkajs(value="text")).payload == b"text"
    given = {"topic": "stock", "partition": 3, "message": of_kafkajs()}
    assert original_of(given) == Original(PAYLOAD, b"1", HEADERS, "kafka stock/3@128")


@pytest.mark.parametrize(
    "value",
    [
        buffer(PAYLOAD),
        {"type": "Buffer", "data": buffer(PAYLOAD)},
        {"type": "Buffer", "data": base64.b64encode(PAYLOAD).decode()},
        {str(place): byte for place, byte in enumerate(PAYLOAD)},
        PAYLOAD.decode(),
        buffer(json.dumps(buffer(PAYLOAD)).encode()),
        buffer(json.dumps(of_kafkajs()).encode()),
        json.dumps(of_kafkajs()),
        {"value": buffer(PAYLOAD)},
        of_kafkajs(value=buffer(json.dumps({"error": {}, "message": of_kafkajs()}).encode())),
    ],
)
def test_bytes_in_any_dress_are_had_back(value: object) -> None:
    assert original_of(value).payload == PAYLOAD
    assert original_of(json.dumps(value).encode() if not isinstance(value, str) else value.encode()).payload == PAYLOAD


@pytest.mark.parametrize("content", [b"", b"\xff\x00\xfe", "Café ☕".encode(), bytes(range(256))])
def test_any_bytes_are_had_back(content: bytes) -> None:
    assert original_of(of_kafkajs(value=buffer(content), key=buffer(content))) == Original(content, content, HEADERS)


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ({"id": 12}, b'{"id":12}'),
        ({"value": "opened", "metadata": "{}"}, b'{"value":"opened","metadata":"{}"}'),
        ({"type": "Buffer", "data": [256]}, b'{"type":"Buffer","data":[256]}'),
        ({"type": "Buffer", "data": "no base64!"}, b'{"type":"Buffer","data":"no base64!"}'),
        ({}, b"{}"),
        (None, b""),
        ("Hello", b"Hello"),
        ([1, 2], b"[1,2]"),
        ({"note": buffer(b"a")}, b'{"note":"a"}'),
        ('a text with "Buffer" in it', b'a text with "Buffer" in it'),
    ],
)
def test_what_is_no_record_is_the_payload_itself(message: object, payload: bytes) -> None:
    assert original_of(message) == Original(payload)


def test_letters_in_letters_end_somewhere() -> None:
    message: dict[str, object] = buffer(PAYLOAD)
    for _ in range(30):
        message = {"message": message}
    assert original_of(message).payload.startswith(b'{"message"')


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("no", "no"),
        (None, ""),
        ({}, ""),
        ({"code": 4}, "4"),
        ({"name": "AxiosError", "message": "status code 404", "config": {}}, "status code 404"),
        ({"status": 404}, '{"status":404}'),
    ],
)
def test_what_the_error_says(error: object, said: str) -> None:
    assert error_of(error) == said
