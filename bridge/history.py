"""Records in Kafka from before the start, so that the screen of a restarted engine is not empty.

They are read outside the group, without changing offsets. What the group has not settled yet is left out: the engine
carries it and shows it then. For the others the ledger has the verdict, as for what another engine applied
(`bridge.apply.verdicts`); for refused ones the dead letter has it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from bridge.apply.settle import journey_of
from bridge.backoff import Backoff, pause
from bridge.errors import ServerError, SettingsError
from bridge.journal import EARLIER, Elsewhere
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import new_consumer
from bridge.kafka.dead_letter_reader import letter_of
from bridge.kafka.record import MQTT_DELIVERY, PART_OF, received_at
from bridge.kafka.reread import assigned, group_positions, read_ranges
from bridge.route import RouteKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bridge.journal import DeadLetter, Journal, Journey
    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import Settings

__all__ = ["History"]

_FIRST_LOOK: Final = 10
_FURTHER: Final = 8
"""How many records of each partition are read first; each further step reads this many times more."""

_BYTES: Final = 8_000_000
"""How many bytes are read before it stops going further back."""

_log = logging.getLogger(__name__)


class History:
    """Reads once, as soon as Kafka answers, and passes on what it found.

    Args:
        settings: the engine's.
        journal: gets the journeys, before those that it has.
        settled: called with those of which only is known that they are settled.
        waiting: where another engine carries, called with those that the group has not settled; without it they are
            left out if this engine applies.
        before: by topic and partition, where the reading of new records began: only older ones are read.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        settled: Callable[[Sequence[Journey]], None],
        *,
        waiting: Callable[[Sequence[Journey]], None] | None = None,
        before: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._kafka = settings.kafka
        self._carries = settings.apply.enabled or waiting is not None
        self._waiting = waiting
        self._before = before or {}
        self._does = {route.kafka: route.does for route in settings.routes}
        self._journal = journal
        self._settled = settled

    async def run(self) -> None:
        """Read; retry while Kafka is away or another cluster answers."""
        backoff = Backoff(first=1.0, longest=15.0)
        while True:
            try:
                async with asyncio.timeout(self._kafka.timeout * 2):
                    records = await self._latest()
                    positions = await group_positions(self._kafka)
            except (KafkaError, OSError, TimeoutError, SettingsError, ServerError) as error:
                _log.debug("what Kafka holds of before the start can't be read yet: %s", error)
                await pause(backoff.pause())
            else:
                self._hand_over(records, positions)
                return

    def _is_over(self, topic: str, partition: int, offset: int, positions: Mapping[tuple[str, int], int]) -> bool:
        """Whether the group has settled a record, or never gets it."""
        if not self._carries or self._does.get(topic, RouteKind.CARRY) is RouteKind.CARRY:
            return True
        position = positions.get((topic, partition))
        return not self._kafka.beginning if position is None else offset < position

    def _hand_over(self, records: Sequence[ConsumedRecord], positions: Mapping[tuple[str, int], int]) -> None:
        def is_over(one: ConsumedRecord) -> bool:
            return self._is_over(one.topic, one.partition, one.offset, positions)

        old = [one for one in records if one.offset < self._before.get((one.topic, one.partition), one.offset + 1)]
        shown = old if self._waiting is not None else [record for record in old if is_over(record)]
        journeys = self._journal.precede(journeys_of(shown, self._does, self._kafka.errors_topic))
        if not self._carries:
            return
        undecided = [journey for journey in journeys if journey.verdict is None]
        over = [one for one in undecided if self._is_over(one.kafka_topic, one.partition, one.offset, positions)]
        for journey in over:
            journey.elsewhere, journey.decided_at = Elsewhere.SETTLED, time.time()
        # The latest first, as the others may be many.
        self._settled(over[::-1])
        if self._waiting is not None:
            self._waiting([journey for journey in undecided if journey.elsewhere is None])

    async def _latest(self) -> list[ConsumedRecord]:
        settings = self._kafka
        consumer = new_consumer(settings, auto_offset_reset="earliest", fetch_max_bytes=_BYTES)
        try:
            await Cluster(settings).start(consumer)
            return await read_latest(consumer, [*self._does, settings.errors_topic], EARLIER)
        finally:
            await stop_consumer(consumer, 1.0)


async def read_latest(consumer: Any, topics: Iterable[str], count: int) -> list[ConsumedRecord]:
    """Read the latest records of several topics together.

    Args:
        consumer: a started one without a group.
        topics: which ones; those that the cluster does not have are skipped.
        count: how many to read at least, if there are so many and they are not too large.

    Returns:
        The records in the order of their time, without gaps: they begin where the first partition was read no further
        back.

    Raises:
        KafkaError: the cluster does not answer.
    """
    places = await assigned(consumer, topics)
    first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    begun, oldest = dict(end), dict[Any, int]()
    found: list[ConsumedRecord] = []
    step, size = _FIRST_LOOK, 0
    while ranges := {
        place: (max(first[place], begun[place] - step), begun[place]) for place in places if begun[place] > first[place]
    }:
        async for place, records in read_ranges(consumer, ranges):
            found += records
            size += sum(map(_size, records))
            if records:
                oldest[place] = min(oldest.get(place, records[0].timestamp), records[0].timestamp)
        begun |= {place: begin for place, (begin, _) in ranges.items()}
        horizon = max((oldest.get(place, 0) for place in places if begun[place] > first[place]), default=0)
        enough = [record for record in found if record.timestamp >= horizon]
        step = min(step * _FURTHER, (_BYTES - size) * max(1, len(found)) // (max(1, size) * len(places)))
        if len(enough) >= count or step <= 0:
            found = enough
            break
    return sorted(found, key=lambda record: (record.timestamp, record.topic, record.partition, record.offset))


def journeys_of(records: Sequence[ConsumedRecord], does: dict[str, RouteKind], errors_topic: str) -> list[Journey]:
    """Convert records from before the start into journeys to show.

    Args:
        records: in the order of their time.
        does: what the routes do with the records of each topic.
        errors_topic: the topic of the dead letters.

    Returns:
        The latest journeys in that order, each `earlier`. A record with a dead letter among the records is rejected; a
        dead letter of a message without a record represents the MQTT message.
    """
    letters = [
        letter_of(record)
        for record in records
        if record.topic == errors_topic and not any(name == PART_OF for name, _ in record.headers)
    ]
    refused = {letter.origin: letter for letter in letters}
    found = [(letter.at, _never_in_kafka(letter)) for letter in letters if letter.origin.startswith("mqtt ")]
    for record in records:
        if record.topic in does:
            journey = journey_of(record, does[record.topic], lambda _: ())
            journey.received_at = received_at(record)
            journey.qos = int(any(name == MQTT_DELIVERY for name, _ in record.headers))
            if letter := refused.get(f"kafka {record.topic}/{record.partition}@{record.offset}"):
                journey.rejection, journey.verdict = letter.journey.rejection, letter.journey.verdict
                journey.decided_at = letter.at
            journey.timestamp = 0
            journey.shorten()
            found.append((record.timestamp / 1000, journey))
    found.sort(key=lambda one: one[0])
    journeys = [journey for _, journey in found[-EARLIER:]]
    for journey in journeys:
        journey.earlier = True
    return journeys


def _size(record: ConsumedRecord) -> int:
    return len(record.value or b"") + sum(len(content or b"") for _, content in record.headers)


def _never_in_kafka(letter: DeadLetter) -> Journey:
    journey = letter.journey
    journey.received_at = letter.at
    journey.shorten()
    return journey
