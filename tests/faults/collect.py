"""Collects what Kafka and Strapi hold at the end, read from the start and without proxies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.account import Account, Copy, Entry, Held, Letter, reckon
from tests.faults.alike import alike_product
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
    """Read everything and compute the account."""
    stock = await _records(world, _STOCK)
    errors = await _records(world, _ERRORS)
    # A large letter stands in several records, and is the last of them.
    errors = [record for record in errors if not _header(record, "part-of")]
    copies = [_copy(record) for record in stock]
    letters = [Letter(_buried(record), _header(record, "reason")) for record in errors]
    sent = world.register.sent
    entries = _entries(world) if world.mode == "ledger" else _owed(sent, copies, letters)
    held = Held(copies, letters, entries, world.shown())
    told = frozenset(_header(record, "movement-id") for record in world.told_deleted)
    excuses = world.witness.excuses(sent.values())._replace(handed=world.witness.alike, deleted=told)
    if world.mode != "ledger":
        # Plain REST knows no movement-ids: what a publisher sent again, as it had no PUBACK, is another movement.
        excuses = excuses._replace(resent=frozenset(one.number for one in sent.values() if one.sends > 1))
    account = reckon(sent.values(), held, excuses)
    account.apart = world.apart()
    odd = {
        *account.lost,
        *account.doubled,
        *account.forgotten,
        *account.told,
        *account.repeated,
        *account.resent,
        *account.deleted,
        *account.uncommitted,
    }
    account.evidence = {number: [*_heard(world, number)] for number in sorted(odd)}
    for record, number in [*zip(stock, map(_number, stock), strict=True), *((one, _buried(one)) for one in errors)]:
        if number in odd:
            account.evidence[number].append(_stands(record))
    return account


async def unread(world: World) -> int:
    """Return how many records of the topic of movements the group has not committed yet."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.stack.addresses.kafka, **world.kafka_options)
    await admin.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=world.stack.addresses.kafka, **world.kafka_options)
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
    rows = world.rows("SELECT movement_id, product_document_id, amount, type, verdict FROM stock_movements")
    return [
        Entry(identity, world.documents.get(document or "", 0), amount if kind == "IN" else -amount, verdict)
        for identity, document, amount, kind, verdict in rows
    ]


def _owed(sent: Mapping[int, Sent], copies: Sequence[Copy], letters: Sequence[Letter]) -> list[Entry]:
    """Return the expected entries of plain REST, which has no ledger: each Kafka record once, but for dead letters."""
    refused = {letter.number for letter in letters}
    owed = [
        Entry(copy.movement_id, sent[copy.number].product, sent[copy.number].delta, "applied")
        for copy in copies
        if copy.number not in refused and copy.number in sent
    ]
    return owed + [Entry(copy.movement_id, copy.alike, 1, "applied") for copy in copies if copy.alike]


async def _records(world: World, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=world.stack.addresses.kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4_000_000,
        **world.kafka_options,
    )
    await consumer.start()
    try:
        places = await _places(consumer, topic)
        first, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        found: list[Any] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=300)).values():
                found += records
    finally:
        await consumer.stop()
    ours, passed_over = (world.removed_until, world.passed_over) if topic == _STOCK else ({}, 0)
    # A reading that starts in the middle would count what it left out as lost.
    for place, offset in first.items():
        assert offset in {0, *ours.get(place.partition, ())}, f"{topic}/{place.partition} begins at {offset}"
    # Those that are still gone: Kafka writes down once a minute what it deleted, and a kill brings back the latest.
    begins = {place.partition: offset for place, offset in first.items()}
    removed = {(record.partition, record.offset): record for record in (world.removed if ours else ())}
    gone = [record for (partition, offset), record in removed.items() if offset < begins[partition]]
    # Markers of transactions have offsets, and so has what they took back.
    there = sum(ends.values()) - len(gone) - passed_over
    assert len(found) == there, f"{topic} has {there} records, and {len(found)} were read"
    return [*gone, *found]


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


def _copy(record: Any) -> Copy:
    number = _number(record)
    return Copy(number, _header(record, "movement-id"), 0 if number else alike_product(record.value or b""))


def _buried(record: Any) -> int:
    return number_in(dict(record.headers).get("payload") or b"")


def _number(record: Any) -> int:
    aside = _header(record, NUMBER)
    return int(aside) if aside.isdigit() else number_in(record.value or b"")


def _header(record: Any, name: str) -> str:
    return next((value or b"" for key, value in record.headers if key == name), b"").decode("utf-8", "replace")
