"""What Kafka and Strapi hold at the end, read from its start and past all proxies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.account import Account, Copy, Entry, Held, Letter, reckon
from tests.faults.register import NUMBER, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.faults.register import Sent
    from tests.faults.world import World

__all__ = ["draw_up", "unread"]

_STOCK: Final = "stock"
_ERRORS: Final = "errors"
_GROUP: Final = "stock-creator"
_LOOK: Final = 0.05
_TELLING: Final = ("movement-id", "mqtt-delivery", "mqtt-received-at", "reason")


async def draw_up(world: World) -> Account:
    """Read everything and draw up the account."""
    stock, errors = await _records(world, _STOCK), await _records(world, _ERRORS)
    copies = [Copy(_number(record), _header(record, "movement-id")) for record in stock]
    letters = [Letter(_buried(record), _header(record, "reason")) for record in errors]
    sent = world.register.sent
    entries = _entries(world) if world.mode == "ledger" else _owed(sent, copies, letters)
    held = Held(copies, letters, entries, world.shown())
    account = reckon(sent.values(), held, world.witness.excuses(sent.values()))
    odd = {*account.lost, *account.doubled, *account.forgotten, *account.repeated}
    account.evidence = {number: [*_heard(world, number)] for number in sorted(odd)}
    for record, number in [*zip(stock, map(_number, stock), strict=True), *((one, _buried(one)) for one in errors)]:
        if number in odd:
            account.evidence[number].append(_stands(record))
    return account


async def unread(world: World) -> int:
    """How many records of the topic of movements the group has not committed yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.stack.addresses.kafka)
    await admin.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=world.stack.addresses.kafka)
    await consumer.start()
    try:
        committed = await admin.list_consumer_group_offsets(_GROUP)
        places = await _places(consumer, _STOCK)
        ends = await consumer.end_offsets(places)
        return sum(end - (committed[place].offset if place in committed else 0) for place, end in ends.items())
    finally:
        await consumer.stop()
        await admin.close()


def _entries(world: World) -> list[Entry]:
    rows = world.rows("SELECT movement_id, product_id, amount, type, verdict FROM stock_movements")
    return [
        Entry(identity, product or 0, amount if kind == "IN" else -amount, verdict)
        for identity, product, amount, kind, verdict in rows
    ]


def _owed(sent: Mapping[int, Sent], copies: Sequence[Copy], letters: Sequence[Letter]) -> list[Entry]:
    """Plain REST keeps no ledger: the stock has to show every record of Kafka once, but for the dead letters."""
    refused = {letter.number for letter in letters}
    return [
        Entry(copy.movement_id, sent[copy.number].product, sent[copy.number].delta, "applied")
        for copy in copies
        if copy.number not in refused and copy.number in sent
    ]


async def _records(world: World, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.stack.addresses.kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4_000_000,
    )
    await consumer.start()
    try:
        places = await _places(consumer, topic)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=300)).values():
                found += records
    finally:
        await consumer.stop()
    # A reading that starts in the middle would count what it left out as lost.
    assert len(found) == sum(ends.values()), f"{topic} has {sum(ends.values())} records, and {len(found)} were read"
    return found


async def _places(consumer: Any, topic: str) -> list[TopicPartition]:
    # Without a group the consumer assigns itself every partition, once it has the topic's metadata.
    consumer.subscribe([topic])
    while not (places := sorted(consumer.assignment())):  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(_LOOK)
    return places


def _heard(world: World, number: int) -> Iterator[str]:
    sent = world.register.sent[number]
    yield f"sent {sent.sends} times, PUBACK for the publisher at {world.since(sent.acknowledged_at)}"
    for one in world.witness.passed(number):
        yield f"{one.what} at {world.since(one.at)}, packet id {one.packet_id}"


def _stands(record: Any) -> str:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    told = ", ".join(f"{name} {headers[name]}" for name in _TELLING if name in headers)
    return f"{record.topic}/{record.partition} at {record.offset}, timestamp {record.timestamp}, {told}"


def _buried(record: Any) -> int:
    return number_in(dict(record.headers).get("payload") or b"")


def _number(record: Any) -> int:
    aside = _header(record, NUMBER)
    return int(aside) if aside.isdigit() else number_in(record.value or b"")


def _header(record: Any, name: str) -> str:
    return next((value or b"" for key, value in record.headers if key == name), b"").decode("utf-8", "replace")
