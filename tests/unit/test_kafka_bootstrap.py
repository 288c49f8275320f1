"""A Kafka client whose start is cut short leaves no connection open."""

from __future__ import annotations

import asyncio
from typing import Any

import aiokafka.client
import pytest
from aiokafka import AIOKafkaConsumer

from bridge.kafka._private import guard_connections


class Connection:
    """A connection to a broker that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.is_closed = False

    async def send(self, request: Any) -> None:
        self.asked.set()
        await asyncio.Event().wait()

    def close(self) -> None:
        self.is_closed = True


async def test_the_connection_that_asks_for_the_brokers_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection()

    async def create_conn(*_: Any, **__: Any) -> Connection:
        return connection

    # aiokafka's own bootstrap runs here: the name of its variable is what this rests on.
    monkeypatch.setattr(aiokafka.client, "create_conn", create_conn)
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:9")
    guard_connections(consumer, lambda _: True)
    starting = asyncio.ensure_future(consumer.start())
    await connection.asked.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert connection.is_closed
    await consumer.stop()
