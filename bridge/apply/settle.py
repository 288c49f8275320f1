"""From Kafka records to verdicts: the journey of each record, Strapi's decision on it, and the settled offsets."""

from __future__ import annotations

import time
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from bridge.apply.verdicts import judge
from bridge.identity import MOVEMENT_ID, is_identity, record_identity
from bridge.journal import Journey, Verdict
from bridge.kafka.record import MQTT_TOPIC, OURS
from bridge.movement import Reason, Rejection, read_movement
from bridge.phrase import Phrase
from bridge.route import RouteKind
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.gateway import CAVEATS
from bridge.strapi.ledger import OffsetRange

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from bridge.apply.retry import Retry
    from bridge.dead_letter import DeadLetters
    from bridge.journal import Journal
    from bridge.kafka.record import ConsumedRecord
    from bridge.kafka.start_offset import Start
    from bridge.strapi.content import Content
    from bridge.strapi.gateway import StockGateway

__all__ = ["Settled", "Settler", "journey_of"]

_AT_ONCE: Final = 1_000
"""The most partitions in one request to the ledger."""


def journey_of(record: ConsumedRecord, does: RouteKind, known: Callable[[str], Sequence[Journey]]) -> Journey:
    """Find or create the journey of a record.

    Args:
        record: as Kafka delivered it.
        does: what its route does with it.
        known: returns the journeys kept under a movement id, in the order of receipt.

    Returns:
        Its journey, with a rejection if the route requires a movement and the value is none. It is the journal's own
        journey only if that is for this very record, as a publisher may use an id twice.
    """
    identity = _header(record, MOVEMENT_ID)
    if not is_identity(identity):
        identity = record_identity(record.topic, record.partition, record.offset, record.timestamp)
    payload = record.value if record.value is not None else b""
    # Of two with the same id, the first that has no offset yet: same key, same partition, same order.
    journey = next((one for one in known(identity) if _is_of(one, record, payload)), None)
    if journey is None:
        journey = Journey(
            identity, payload, mqtt_topic=_header(record, MQTT_TOPIC) or None, properties=_properties(record)
        )
        # Decoded so that its bytes can be restored, as a dead letter keeps them.
        journey.key = record.key.decode("utf-8", "surrogateescape") if record.key is not None else None
        journey.weigh()
    else:
        journey.payload, journey.cut = payload, 0
    journey.kafka_topic, journey.partition, journey.offset = record.topic, record.partition, record.offset
    journey.timestamp = record.timestamp
    if journey.acknowledged_at is None:
        journey.acknowledged_at = record.timestamp / 1000
    if record.value is None:
        journey.rejection = Rejection(Reason.EMPTY_PAYLOAD, Phrase("the record has no value: it is a tombstone"))
    elif does is RouteKind.MOVEMENT and journey.movement is None:
        judged = read_movement(payload)
        if isinstance(judged, Rejection):
            journey.rejection = judged
        else:
            journey.movement = judged
    return journey


def _is_of(journey: Journey, record: ConsumedRecord, payload: bytes) -> bool:
    if not journey.holds(payload):
        return False
    # Kafka may deliver a record before ingest has received the acknowledgement with its offset.
    return journey.offset < 0 or (journey.kafka_topic, journey.partition, journey.offset) == (
        record.topic,
        record.partition,
        record.offset,
    )


def _header(record: ConsumedRecord, name: str) -> str:
    return next((value or b"" for found, value in record.headers if found == name), b"").decode("utf-8", "replace")


def _properties(record: ConsumedRecord) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, (value or b"").decode("utf-8", "surrogateescape")) for name, value in record.headers if name not in OURS
    )


class Settled:
    """The offsets up to which partitions are settled.

    Args:
        topics: those with movements; the ledger accounts for no others.
        beginning: whether a group without a committed offset starts at the first record.
    """

    def __init__(self, topics: Collection[str], *, beginning: bool) -> None:
        self._topics = frozenset(topics)
        self._beginning = beginning
        self._next: dict[tuple[str, int], int] = {}
        self._new: dict[tuple[str, int], OffsetRange] = {}
        self._anew: set[tuple[str, int]] = set()

    def begin(self, starts: Iterable[Start]) -> list[Start]:
        """Note where reading starts.

        Returns:
            The starts in topics with movements.
        """
        ours = [start for start in starts if start.topic in self._topics]
        for start in ours:
            partition = start.topic, start.partition
            if start.recreated:
                self._anew.add(partition)
            # Records that Kafka deleted unread are lost and reported: no replay can restore them, so they are no gap in
            # the ledger.
            self._next[partition] = start.offset - start.skipped
            begin = start.first if self._beginning and start.position is not None and not start.recreated else None
            self._new[partition] = OffsetRange(
                *partition, self._next[partition], self._next[partition], start.recreated, begin
            )
        return ours

    def start_anew(self, partition: tuple[str, int], first: int) -> None:
        """Note that the ledger knows an earlier topic of this name.

        Args:
            partition: the topic and the partition.
            first: Kafka's first offset in it.
        """
        self._anew.add(partition)
        self._new[partition] = OffsetRange(
            *partition, min(first, self._next[partition]), self._next[partition], anew=True
        )

    @property
    def new(self) -> list[OffsetRange]:
        """The starts that the ledger does not have yet, as many as fit into one request."""
        return list(self._new.values())[:_AT_ONCE]

    def among(self, partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Of these partitions, those that have a start, with the offset of the first record that is not settled."""
        return {partition: self._next[partition] for partition in partitions if partition in self._next}

    def of(self, records: Sequence[ConsumedRecord]) -> list[OffsetRange]:
        """The ranges that are settled once these records are; records of a partition must be adjacent and in order.

        The starts of other partitions are added until the ledger has them: only the first batch finds an empty ledger.
        """
        ranges = []
        new = dict(self._new)
        for partition, group in groupby(records, lambda record: (record.topic, record.partition)):
            if partition[0] in self._topics:
                offsets = [record.offset for record in group]
                first = min(self._next.get(partition, offsets[0]), offsets[0])
                begin = new[partition].begin if partition in new else None
                ranges.append(OffsetRange(*partition, first, offsets[-1] + 1, partition in self._anew, begin))
                new.pop(partition, None)
        return [*ranges, *new.values()][: max(_AT_ONCE, len(ranges))] if ranges else []

    def passed(self, positions: Mapping[tuple[str, int], int]) -> list[OffsetRange]:
        """The ranges that are settled once reading is at some positions and all records before them are settled.

        Args:
            positions: by topic and partition, the offset that is read next.
        """
        return [
            OffsetRange(*partition, self._next[partition], position, partition in self._anew)
            for partition, position in positions.items()
            if position > self._next.get(partition, position)
        ]

    def note(self, ranges: Iterable[OffsetRange]) -> None:
        """Note that the ledger has these ranges."""
        for settled in ranges:
            partition = settled.topic, settled.partition
            if settled.first < settled.next:
                self._next[partition] = settled.next
            if partition in self._new and settled.anew == self._new[partition].anew:
                del self._new[partition]
            if settled.anew:
                self._anew.discard(partition)


class Settler:
    """Settles journeys.

    Args:
        journal: where verdicts are noted.
        letters: where dead letters go.
        stock: applies movements.
        content: by Kafka topic, what writes its records; records of other topics are movements.
        retry: repeats requests while Strapi is away.
    """

    def __init__(
        self, journal: Journal, letters: DeadLetters, stock: StockGateway, content: Mapping[str, Content], retry: Retry
    ) -> None:
        self._journal = journal
        self._letters = letters
        self._stock = stock
        self._content = content
        self._retry = retry

    async def settle(
        self, batch: Sequence[Journey], gone: Callable[[], bool], ranges: Sequence[OffsetRange] = ()
    ) -> None:
        """Settle a batch: afterwards each journey has its verdict, and Kafka has its dead letter where it needs one.

        A journey that has a verdict already was redelivered after a rebalance, and is skipped.

        Args:
            batch: what to settle, in order.
            gone: returns whether the batch must be dropped; checked while waiting.
            ranges: the offsets settled with it, for the ledger.

        Raises:
            DroppedError: the batch must be dropped; some of its journeys may be settled.
        """
        # The ledger decides on a record that is here although another engine is known to have settled it.
        opened = [journey for journey in batch if journey.verdict is None or journey.elsewhere is not None]
        movements = [journey for journey in opened if journey.kafka_topic not in self._content]
        rejected = [journey for journey in movements if journey.movement is None]
        await self._finish(rejected, [Verdict.REJECTED] * len(rejected))
        await self._apply([journey for journey in movements if journey.movement is not None], gone, ranges)
        for journey in opened:
            if (content := self._content.get(journey.kafka_topic)) is not None:
                await self._write(content, journey, gone)

    async def _apply(
        self, journeys: Sequence[Journey], gone: Callable[[], bool], ranges: Sequence[OffsetRange]
    ) -> None:
        if not journeys and ranges:
            # Stored before the commit: a committed offset that is not in the ledger counts as missing.
            await self._retry.ask(partial(self._stock.settle, ranges), gone)
        done = 0
        while done < len(journeys):
            left = journeys[done:]
            decisions = await self._retry.ask(partial(self._stock.apply, left, ranges), gone)
            self._note(self._stock.caveats)
            answered = left[: len(decisions)]
            verdicts = [judge(journey, decision) for journey, decision in zip(answered, decisions, strict=True)]
            await self._finish(answered, verdicts)
            done += len(decisions)

    def _note(self, caveats: Mapping[str, Phrase]) -> None:
        for key in CAVEATS:
            if key in caveats:
                self._journal.notes[key] = caveats[key]
            else:
                self._journal.notes.pop(key, None)

    async def _write(self, content: Content, journey: Journey, gone: Callable[[], bool]) -> None:
        read: dict[str, Any] | Rejection
        read = journey.rejection if journey.rejection is not None else content.read(journey.payload)
        verdict = Verdict.CARRIED
        if isinstance(read, Rejection):
            journey.rejection, verdict = read, Verdict.REJECTED
        else:
            try:
                await self._retry.ask(partial(content.write, read, journey), gone)
            except StrapiRejectedError as error:
                journey.rejection = Rejection(
                    Reason.REFUSED_BY_STRAPI, Phrase("Strapi refuses it: {why}", why=error.message)
                )
                verdict = Verdict.REJECTED
        await self._finish([journey], [verdict])

    async def _finish(self, journeys: Sequence[Journey], verdicts: Sequence[Verdict]) -> None:
        if not journeys:
            return
        decided_at = time.time()
        await self._letters.write([journey for journey in journeys if journey.rejection is not None])
        for journey, verdict in zip(journeys, verdicts, strict=True):
            journey.decided_at = decided_at
            journey.verdict = verdict
            journey.elsewhere = None
        self._journal.settled(journeys)
