"""Apply alone on the real servers, with helpers to write to Kafka and read from Strapi."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import TYPE_CHECKING, Any

import httpx
from aiokafka import AIOKafkaProducer

from bridge.apply.apply import Apply
from bridge.dead_letter import DeadLetters
from bridge.journal import Journal
from bridge.kafka.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.settings import Settings
    from tests.chain.lane import Lane


class Shop:
    """One test's own products in the shared Strapi."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def add(self, stock: int, **fields: object) -> int:
        """Create a product; return its numeric id."""
        data = {"name": "Lamp", "barcode": f"b{uuid.uuid4().hex}", "stock_available": stock, **fields}
        answer = await self.http.post("/api/products", json={"data": data})
        return int(answer.raise_for_status().json()["data"]["id"])

    async def row(self, product: int) -> dict[str, Any]:
        answer = await self.http.get("/api/products", params={"filters[id][$eq]": product})
        (row,) = answer.raise_for_status().json()["data"]
        return {**row, **row.get("attributes", {})}

    async def stock(self, product: int) -> int:
        return int((await self.row(product))["stock_available"])


def movement(product: int | str, delta: int, **more: object) -> bytes:
    return json.dumps({"id": product, "amount": abs(delta), "type": "IN" if delta > 0 else "OUT", **more}).encode()


async def produce(
    lane: Lane,
    topic: str,
    values: Sequence[bytes | None],
    *,
    names: Sequence[str] | None = None,
    partitions: Sequence[int] | None = None,
) -> None:
    """Write records as the course's programs do.

    Args:
        lane: the test's.
        topic: the topic.
        values: the records' values.
        names: a movement-id for each; none by default.
        partitions: the partition of each; by its key by default.
    """
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka, linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic,
                value,
                # One key, and so one order, for the movements of one product.
                key=(value or b"none").split(b",")[0],
                partition=partitions[place] if partitions else None,
                headers=[("movement-id", names[place].encode())] if names else None,
            )
            for place, value in enumerate(values)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def applying(settings: Settings, *, drain: bool = True) -> AsyncIterator[tuple[Journal, Apply]]:
    """Run apply; at the end it is stopped properly, or with `drain` False as by a crash."""
    journal = Journal(20_000)
    writer = Writer(settings.kafka, journal)
    apply = Apply(settings, journal, DeadLetters(settings.kafka.errors_topic, writer, journal))
    writing, running = asyncio.create_task(writer.run()), asyncio.create_task(apply.run())
    try:
        yield journal, apply
        if drain:
            apply.request_stop()
            await asyncio.wait_for(running, settings.drain + 5)
    finally:
        writing.cancel()
        running.cancel()
        results = await asyncio.gather(writing, running, return_exceptions=True)
        await writer.stop(2)
    assert not [error for error in results if isinstance(error, Exception)], results
