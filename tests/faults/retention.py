"""Kafka deletes records before they are applied, as its retention does if the engine is away for too long."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.world import World

__all__ = ["RetentionBeyond"]

_STOCK: Final = "stock"
_GROUP: Final = "stock-creator"
_TOLD: Final = re.compile(rb"Kafka deleted (\d+) records before they were applied")
_WITHIN: Final = 60.0


@dataclass(frozen=True)
class RetentionBeyond(Fault):
    """Strapi is paused for `seconds`, so that Kafka fills; half of what waits is deleted while the engine is away.

    The deleted records are read before, and count as reported in the account only once the engine has reported their
    number.
    """

    @property
    def text(self) -> str:
        return (
            f"Strapi stands still for {self.seconds:.0f} s, the engine is killed, and Kafka deletes half of what was "
            "not applied: retention beyond the position"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"strapi", "kafka", "engine", "second", "rival"})

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(world.stack.pause_server, "strapi")
        try:
            await asyncio.sleep(self.seconds)
            await world.engine.kill()
        finally:
            world.stack.resume_server("strapi")
        told = len(world.engine.log.read_bytes())
        try:
            count = await _delete_half(world)
        finally:
            await world.engine.start()
        if not count:
            return
        async with asyncio.timeout(_WITHIN):
            while not (found := _TOLD.search(world.engine.log.read_bytes()[told:])):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.2)
        if int(found[1]) != count:
            msg = f"Kafka deleted {count} records, and the engine said {int(found[1])}, see {world.engine.log}"
            raise RuntimeError(msg)
        world.deletion_told()


async def _delete_half(world: World) -> int:
    """Delete half of what waits in each partition; return the number of records."""
    options = {"bootstrap_servers": world.stack.addresses.kafka, **world.kafka_options}
    admin, consumer = AIOKafkaAdminClient(**options), AIOKafkaConsumer(**options, isolation_level="read_committed")
    await admin.start()
    await consumer.start()
    try:
        committed = await admin.list_consumer_group_offsets(_GROUP)
        (topic,) = [found for found in await admin.describe_topics() if found["topic"] == _STOCK]
        places = [TopicPartition(_STOCK, part["partition"]) for part in topic["partitions"]]
        consumer.assign(places)
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        at = {place: max(first[place], committed[place].offset if place in committed else 0) for place in places}
        until = {place: at[place] + (end[place] - at[place] + 1) // 2 for place in places if at[place] < end[place]}
        gone = await _read(consumer, first, until)
        await admin.delete_records({place: RecordsToDelete(before_offset=offset) for place, offset in until.items()})
    finally:
        await consumer.stop()
        await admin.close()
    unapplied = [record for record in gone if record.offset >= at[TopicPartition(record.topic, record.partition)]]
    world.deleted(gone, unapplied, {place.partition: offset for place, offset in until.items()})
    return sum(offset - at[place] for place, offset in until.items())


async def _read(consumer: Any, first: Mapping[Any, int], until: Mapping[Any, int]) -> list[Any]:
    """Read what is going to be deleted, as the account can't read it from the topic later."""
    for place in until:
        consumer.seek(place, first[place])
    found: list[Any] = []
    while unread := [place for place, end in until.items() if await consumer.position(place) < end]:
        for place, records in (await consumer.getmany(*unread, timeout_ms=300)).items():
            found += [record for record in records if record.offset < until[place]]
    return found
