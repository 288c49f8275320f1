"""Kinds of input from outside, each with its promise: it is applied, rejected or retried, and nothing else.

A target takes bytes and raises where the promise is broken: by an exception that no caller handles, by more work than
the input justifies, or by an invalid result.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

from bridge.apply.settle import journey_of
from bridge.errors import RefusedError, SettingsError, UnreachableError
from bridge.identity import is_identity
from bridge.ingest.mapping import Mapper, record_of
from bridge.journal import Journey
from bridge.kafka.dead_letter_reader import letter_of
from bridge.kafka.producer import LARGEST_RECORD
from bridge.movement import Movement, Rejection, read_movement
from bridge.mqtt.frames import Frames, Inbound, MalformedFrameError
from bridge.mqtt.websocket import WebsocketFrames
from bridge.route import Route, RouteKind, filter_matches
from bridge.settings import Settings, StrapiSettings
from bridge.settings.load import load_settings
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.content import Events, Products
from bridge.strapi.documents import Documents
from bridge.strapi.gateway import StockGateway
from bridge.strapi.products import product_of, read_pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


__all__ = ["TARGETS", "HeldRecord", "answers"]

_ROUTES: Final = [
    Route("topic", "stock", RouteKind.MOVEMENT),
    Route("product/+", "product", RouteKind.PRODUCT),
    Route("event/#", "event", RouteKind.EVENT),
]
_MOST_REQUESTS: Final = 300
"""What one call may ask of a Strapi, whatever it answers."""


class HeldRecord(msgspec.Struct):
    """A Kafka record, as delivered by aiokafka."""

    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    topic: str = "stock"
    partition: int = 0
    offset: int = 7
    timestamp: int = 1_700_000_000_000
    key: bytes | None = None


def payload(data: bytes) -> None:
    """A payload: a movement within limits, or a reason."""
    found = read_movement(data)
    if isinstance(found, Movement):
        assert 0 < found.amount < 2**31
        assert found.product
    else:
        assert isinstance(found, Rejection)
        assert found.text


def message(data: bytes) -> None:
    """A message with a topic and properties: a valid Kafka record, or a dead letter."""
    size = data[0] if data else 0
    topic = data[1 : 1 + size].decode("utf-8", "replace")
    properties, rest = data[1 + size : 1 + 2 * size], data[1 + 2 * size :]
    _judge(Inbound(topic, rest, 1, 5, False, False, properties))


def _judge(inbound: Inbound) -> None:
    (journey,) = Mapper(_ROUTES, "fuzz").journeys([inbound], 1.0)
    assert is_identity(journey.movement_id)
    if journey.rejection is None:
        assert record_of(journey).size <= LARGEST_RECORD + 1000
    else:
        assert journey.rejection.text


def frames(data: bytes) -> None:
    """A stream of MQTT, split anywhere: packets, or a connection that is closed."""
    for version_5 in (True, False):
        reader = Frames(version_5=version_5)
        with contextlib.suppress(MalformedFrameError):
            for start in range(0, len(data), 7):
                for inbound in reader.feed(data[start : start + 7])[0]:
                    _judge(inbound)


def websocket(data: bytes) -> None:
    """A stream of websocket frames, split anywhere: a stream of MQTT and control frames, or one that is closed."""
    whole, pieces = WebsocketFrames(), WebsocketFrames()
    with contextlib.suppress(MalformedFrameError):
        stream, controls = whole.feed(data)
        found, said = b"", []
        for start in range(0, len(data), 7):
            part, more = pieces.feed(data[start : start + 7])
            found += part
            said += more
        assert (found, said) == (stream, controls)


def topic(data: bytes) -> None:
    """A filter and a topic: a match or none."""
    text = data.decode("utf-8", "surrogateescape")
    topic_filter, _, name = text.partition("\n")
    assert filter_matches(topic_filter, name) in {True, False}


def record(data: bytes) -> None:
    """A Kafka record with headers: a journey, and a dead letter."""
    value, *parts = data.split(b"\xff")
    names = ["movement-id", "mqtt-topic", "mqtt-received-at", "reason", "origin", "payload"]
    headers: list[tuple[str, bytes | None]] = [
        (names[place % len(names)], part or None) for place, part in enumerate(parts)
    ]
    held = HeldRecord(value or None, headers)
    for does in RouteKind:
        found: Journey = journey_of(held, does, lambda _: ())
        assert is_identity(found.movement_id)
    assert is_identity(letter_of(held).journey.movement_id)


def settings(data: bytes) -> None:
    """A settings file: settings, or its mistakes with their place."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "opsci.toml"
        file.write_bytes(data)
        try:
            assert isinstance(load_settings(file, {}), Settings)
        except SettingsError as error:
            assert "opsci.toml" in str(error)


def strapi(data: bytes) -> None:
    """Strapi's answers: decisions, a refusal, or a retry, with a limited number of requests."""
    status = 200 + (data[0] * 2 if data else 0) % 400
    asyncio.run(answers(lambda _: (status if status >= 300 else 200, data[1:])))


async def answers(answer: Callable[[int], tuple[int, bytes]]) -> None:
    """Use a Strapi in every way.

    Args:
        answer: returns the status and the body of the n-th answer, from 0.
    """
    for mode in ("auto", "ledger", "rest5", "rest4"):
        for use in _USES.values():
            asked = 0

            def respond(_request: httpx.Request) -> httpx.Response:
                nonlocal asked
                asked += 1
                assert asked < _MOST_REQUESTS, "it asks on and on"
                status, body = answer(asked - 1)
                return httpx.Response(status, content=body)

            settings = StrapiSettings(url="http://strapi.example", mode=mode, token="t")
            async with StrapiClient(settings, httpx.MockTransport(respond)) as client:
                with contextlib.suppress(UnreachableError, RefusedError, StrapiRejectedError):
                    await use(client)


_JOURNEYS: Final = [
    Journey(f"m{place}", b"", movement=Movement("12", 5, "IN"), kafka_topic="stock", partition=0, offset=place)
    for place in range(3)
]


async def _apply(client: StrapiClient) -> None:
    assert len(await StockGateway(client, 500).apply(_JOURNEYS)) == len(_JOURNEYS)


async def _read(client: StrapiClient) -> None:
    async for rows in read_pages(client):
        for row in rows:
            product_of(row, "stock_available")


async def _product(client: StrapiClient) -> None:
    product = {"barcode": "1", "name": "a", "status": "s", "stock_available": 3}
    await Products(client, Documents(client)).write(product, Journey("m", b""))


async def _event(client: StrapiClient) -> None:
    await Events(client, Documents(client)).write({"name": "a"}, Journey("m", b""))


_USES: Final[Mapping[str, Callable[[StrapiClient], Awaitable[None]]]] = {
    "apply": _apply,
    "read": _read,
    "product": _product,
    "event": _event,
}

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "payload": payload,
    "message": message,
    "frames": frames,
    "websocket": websocket,
    "topic": topic,
    "record": record,
    "settings": settings,
    "strapi": strapi,
}
"""The targets by the name that the command takes."""
