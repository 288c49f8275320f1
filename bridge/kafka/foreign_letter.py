"""Recovery of the original record from another program's dead letter. Pure.

The course's consumers write `{"error": ..., "message": ...}` with the whole record as kafkajs delivers it. JSON has no
bytes, so Node writes a `Buffer` as `{"type": "Buffer", "data": [123, 34]}` (Buffer.toJSON) and a `Uint8Array` as `{"0":
123, "1": 34}`; value, key and headers have these forms. A program that resends a dead letter unchanged nests one in
another, so they are unwrapped until none is left.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, NamedTuple, TypeGuard

import msgspec

from bridge.payload import trimmed

__all__ = ["Original", "error_of", "original_of"]

_DEEPEST: Final = 8
"""The deepest nesting of dead letters."""

_WRITTEN_BY_KAFKAJS: Final = frozenset({"magicByte", "attributes", "timestamp", "offset", "headers", "isControlRecord"})
"""A record of kafkajs has most of these beside key and value (`KafkaMessage` in its types)."""

_decode: Final = msgspec.json.Decoder().decode


class Original(NamedTuple):
    """The original record.

    Attributes:
        payload: its value; empty if it had none.
        key: its key, None if it had none or none is known.
        headers: its headers in order.
        origin: its topic, partition and offset, as `kafka stock/3@128`; empty if the dead letter does not say.
    """

    payload: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    origin: str = ""


def original_of(message: object, depth: int = 0) -> Original:
    """Extract the record from the message of a dead letter.

    Args:
        message: a JSON value, or bytes that may be JSON.
        depth: in how many dead letters it is nested.

    Returns:
        The record. If the message is not from kafkajs, its text or its JSON is the payload.
    """
    if isinstance(message, bytes):
        return _within(message, depth) or Original(message)
    found = _record(message, "", depth)
    if found is not None:
        return found
    if isinstance(message, str):
        return Original(message.encode("utf-8", "surrogatepass"))
    return Original(b"" if message is None else msgspec.json.encode(_with_texts(message)))


def error_of(error: object) -> str:
    """The error of a dead letter as a sentence; empty if it says nothing, as Node writes an `Error` as `{}`."""
    if isinstance(error, str):
        return error
    if not error:
        return ""
    if isinstance(error, dict):
        said = next((error[name] for name in ("message", "error", "code", "name") if error.get(name)), None)
        if isinstance(said, str | int | dict):
            return error_of(said) if not isinstance(said, int) else f"{said}"
    return msgspec.json.encode(_with_texts(error)).decode()


def _record(message: object, origin: str, depth: int) -> Original | None:
    if depth > _DEEPEST:
        return None
    content = _bytes_of(message)
    if content is not None:
        return _within(content, depth) or Original(content, origin=origin)
    if isinstance(message, str):
        return _within(message.encode("utf-8", "surrogatepass"), depth)
    if not isinstance(message, dict):
        return None
    if _is_record(message):
        return _kafkajs_record(message, origin, depth)
    inner = message.get("message")
    if inner is None:
        return None
    if isinstance(message.get("topic"), str) and type(message.get("partition")) is int:
        # The argument that kafkajs passes to `eachMessage`.
        offset = inner.get("offset") if isinstance(inner, dict) else None
        origin = f"kafka {message['topic']}/{message['partition']}" + (f"@{offset}" if offset is not None else "")
    return _record(inner, origin, depth + 1)


def _is_record(message: dict[str, Any]) -> bool:
    if "value" not in message:
        return False
    return _bytes_of(message["value"]) is not None or len(_WRITTEN_BY_KAFKAJS & message.keys()) > 1


def _kafkajs_record(message: dict[str, Any], origin: str, depth: int) -> Original:
    value = _content(message["value"])
    inner = _within(value, depth)
    if inner is not None:
        return inner
    headers = message.get("headers")
    return Original(
        value,
        None if message.get("key") is None else _content(message["key"]),
        tuple(
            (name, _content(each))
            for name, content in (headers.items() if isinstance(headers, dict) else ())
            for each in (content if isinstance(content, list) and not _is_bytes(content) else [content])
        ),
        origin,
    )


def _within(content: bytes, depth: int) -> Original | None:
    """The record in bytes that are a dead letter, a Buffer or a record; None if they are the original payload."""
    text = trimmed(content)
    if not text.startswith(b"{") or not (b'"Buffer"' in text or b'"0"' in text or b'"magicByte"' in text):
        return None
    try:
        found = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return _record(found, "", depth + 1)


def _content(found: object) -> bytes:
    content = _bytes_of(found)
    if content is not None:
        return content
    if found is None:
        return b""
    return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else msgspec.json.encode(found)


def _bytes_of(found: object) -> bytes | None:
    """The bytes that a JSON value represents, None for an ordinary value."""
    for _ in range(_DEEPEST):
        if not isinstance(found, dict) or found.get("type") != "Buffer" or "data" not in found:
            break
        found = found["data"]
        if isinstance(found, str):
            try:
                return base64.b64decode(found.removeprefix("base64:"), validate=True)
            except binascii.Error:
                return None
        if _is_bytes(found):
            return bytes(found)
    if isinstance(found, dict) and found and _is_bytes([*found.values()]):
        # A `Uint8Array`: its names are the indices.
        return bytes(found.values()) if all(name == str(place) for place, name in enumerate(found)) else None
    return None


def _is_bytes(found: object) -> TypeGuard[list[int]]:
    return isinstance(found, list) and all(type(each) is int and 0 <= each <= 255 for each in found)


def _with_texts(found: object) -> object:
    """Replace the Buffers in a JSON value by texts."""
    content = _bytes_of(found)
    if content is not None:
        return content.decode("utf-8", "replace")
    if isinstance(found, dict):
        return {name: _with_texts(value) for name, value in found.items()}
    return [_with_texts(each) for each in found] if isinstance(found, list) else found
