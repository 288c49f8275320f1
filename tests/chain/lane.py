"""A lane: one test's own topics, client id and group on the servers that all tests share."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any, Literal

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bridge.route import Route, RouteKind
from bridge.settings import (
    ApplySettings,
    IngestSettings,
    KafkaSettings,
    MqttSettings,
    ScreenSettings,
    Settings,
    StrapiSettings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stack.local import LocalStack


_EXISTS = 36
"""Kafka's code for a topic that is there."""


class Lane:
    """One test's own names on the shared servers."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.mqtt_topic = f"{self.name}/topic"
        self.stock = f"{self.name}.stock"
        self.errors = f"{self.name}.errors"
        self.product = f"{self.name}.product"
        self.event = f"{self.name}.event"

    def settings(self, *, loop: Literal["asyncio", "uvloop"] = "asyncio", **sections: dict[str, Any]) -> Settings:
        """Settings for this lane; arguments such as `mqtt={"version": "3.1.1"}` change single ones."""
        base = Settings(
            mqtt=MqttSettings(
                url=self.stack.addresses.mqtt_tcp,
                client_id=self.name,
                publish_topic=self.mqtt_topic,
                keepalive=10,
                outbox=str(self.stack.paths.state / "outbox" / self.name),
            ),
            kafka=KafkaSettings(
                brokers=[self.stack.addresses.kafka],
                group=self.name,
                errors_topic=self.errors,
                session_timeout=6,
                known_file=str(self.stack.paths.state / "known" / self.name),
            ),
            strapi=StrapiSettings(url=self.stack.addresses.strapi, token=self.stack.bridge_token, refresh=0.5),
            ingest=IngestSettings(),
            apply=ApplySettings(first_pause=0.1, longest_pause=1),
            screen=ScreenSettings(keep=20_000),
            drain=5,
            loop=loop,
            routes=[
                Route(self.mqtt_topic, self.stock, RouteKind.MOVEMENT),
                Route(f"{self.name}/product", self.product, RouteKind.PRODUCT),
                Route(f"{self.name}/event/#", self.event, RouteKind.EVENT),
            ],
        )
        for section, changes in sections.items():
            base = msgspec.structs.replace(
                base, **{section: msgspec.structs.replace(getattr(base, section), **changes)}
            )
        return base

    async def make_topics(self) -> None:
        """Create the lane's missing topics; a Kafka that was just resumed takes a moment for it."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
        await admin.start()
        wanted = {
            NewTopic(self.stock, 6, 1),
            *(NewTopic(name, 1, 1) for name in (self.errors, self.product, self.event)),
        }
        deadline = asyncio.get_running_loop().time() + 30
        try:
            while wanted:
                try:
                    answer = await admin.create_topics(list(wanted))
                except AttributeError:
                    # So aiokafka says that no broker leads yet.
                    assert asyncio.get_running_loop().time() < deadline
                    await asyncio.sleep(0.1)
                    continue
                made = {name for name, code, *_ in answer.topic_errors if code in {0, _EXISTS}}
                wanted = {topic for topic in wanted if topic.name not in made}
                assert not wanted or asyncio.get_running_loop().time() < deadline, answer
        finally:
            await admin.close()

    async def make_product(self, stock: int, name: str = "", barcode: str = "") -> dict[str, Any]:
        """Create a product for this test; return Strapi's answer."""
        data = {"name": name or f"{self.name} product", "stock_available": stock, "barcode": barcode}
        async with self.strapi() as client:
            answer = await client.post("/api/products", json={"data": data})
        assert answer.status_code == 201, answer.text
        product: dict[str, Any] = answer.json()["data"]
        return product

    def delete_product(self, product_id: int) -> None:
        """Delete a product as the admin panel does, as the engine's own token may not."""
        data = self.stack.paths.state / "strapi" / "data.db"
        with contextlib.closing(sqlite3.connect(data, timeout=30)) as database, database:
            database.execute("DELETE FROM products WHERE id = ?", [product_id])

    async def stock_of(self, product: dict[str, Any]) -> int:
        """A product's stock in Strapi."""
        async with self.strapi() as client:
            answer = await client.get(f"/api/products/{product['documentId']}")
        stock: int = answer.json()["data"]["stock_available"]
        return stock

    def strapi(self) -> httpx.AsyncClient:
        """A client of Strapi with the bridge's token."""
        return httpx.AsyncClient(
            base_url=self.stack.addresses.strapi, headers={"Authorization": f"Bearer {self.stack.bridge_token}"}
        )

    async def records(self, topic: str, count: int) -> list[Any]:
        """The first `count` records of a topic, waiting for up to two minutes; fewer if there are fewer then."""
        async with self._reading(topic) as consumer:
            found: list[Any] = []
            deadline = asyncio.get_running_loop().time() + 120
            while len(found) < count and asyncio.get_running_loop().time() < deadline:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found += batch
            return found

    async def all_records(self, topic: str) -> list[Any]:
        """Every record that a topic has now."""
        async with self._reading(topic) as consumer:
            found: list[Any] = []
            ends = await consumer.end_offsets(consumer.assignment())
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    for batch in (await consumer.getmany(place, timeout_ms=200)).values():
                        found += batch
            return found

    async def reaches(self, topic: str, part: bytes) -> None:
        """Wait until a topic has a record whose value contains these bytes."""
        async with self._reading(topic) as consumer, asyncio.timeout(120):
            while True:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    if any(part in record.value for record in batch):
                        return

    @contextlib.asynccontextmanager
    async def _reading(self, topic: str) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.stack.addresses.kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()


async def until(condition: Callable[[], object], seconds: float = 120, what: str = "") -> None:
    """Wait until a condition holds, and fail with `what` if it does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.02)
