"""Replay: apply records that are in Kafka again, under their original identities.

The ledger counts each movement once, whoever applied it and when. So a replay restores what a Strapi lacks after it was
restored from a backup, and changes nothing else. It reads outside of the group, so it can run beside an engine.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from bridge.apply.comparison import missing_of
from bridge.apply.retry import DroppedError, Retry
from bridge.apply.settle import Settler, journey_of
from bridge.dead_letter import DeadLetters
from bridge.errors import RefusedError, UnreachableError
from bridge.identity import MOVEMENT_ID
from bridge.journal import Journal, Server, State, Verdict
from bridge.kafka.reread import Rereader, group_positions
from bridge.kafka.writer import Writer
from bridge.phrase import Phrase
from bridge.route import RouteKind
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import ApiKind, StockGateway, detect
from bridge.strapi.ledger import Ledger, OffsetRange, recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from types import TracebackType

    from bridge.journal import Journey
    from bridge.settings import Settings
    from bridge.strapi.ledger import Seen

__all__ = ["Outcome", "Replay", "Span"]

_KEPT: Final = 1_000
_AWAY: Final = 60.0
"""Seconds for which a server may be away before the replay ends; it can be repeated at any time."""

_AT_ONCE: Final = 1_000


class Span(NamedTuple):
    """A range of records of one partition to apply again.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the first offset that was requested.
        next: the offset after the last one; not beyond Kafka's end.
        there: the first of these offsets that Kafka still has; `next` where it has none.
        before_account: how many of them precede everything that the ledger accounts for.
    """

    topic: str
    partition: int
    first: int
    next: int
    there: int
    before_account: int = 0

    @property
    def records(self) -> int:
        """How many of these offsets Kafka still has."""
        return self.next - self.there

    @property
    def gone(self) -> int:
        """How many of these offsets Kafka no longer has."""
        return self.there - self.first


class Outcome(NamedTuple):
    """The result of a replay, or of its preview.

    Attributes:
        read: how many records were read.
        applied: movements that changed the stock; in a preview, those that the ledger does not have.
        known: movements that the ledger already had.
        refused: records that can't be applied; in a preview, those that are not movements.
        letters: how many of the refused ones got a dead letter now, as they had none.
    """

    read: int
    applied: int
    known: int
    refused: int
    letters: int = 0


class _NewLetters(DeadLetters):
    """Writes a dead letter for each record that has none yet."""

    def __init__(self, settings: Settings, writer: Writer, journal: Journal, reader: Rereader) -> None:
        super().__init__(settings.kafka.errors_topic, writer, journal)
        self._reader = reader
        self._known: set[int] | None = None

    async def write(self, journeys: Sequence[Journey]) -> None:
        if not journeys:
            return
        if self._known is None:
            self._known = await self._read()
        fresh = [journey for journey in journeys if hash(journey.movement_id) not in self._known]
        await super().write(fresh)
        self._known.update(hash(journey.movement_id) for journey in fresh)

    async def _read(self) -> set[int]:
        found: set[int] = set()
        for (topic, partition), (first, end) in (await self._reader.bounds([self.topic])).items():
            async for records, _ in self._reader.read(topic, partition, first, end, _AT_ONCE):
                for record in records:
                    names = dict(record.headers)
                    found.add(hash((names.get(MOVEMENT_ID) or b"").decode("utf-8", "replace")))
        return found


class Replay:
    """A replay; use it as an asynchronous context manager.

    Args:
        settings: the engine's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.topics = [route.kafka for route in settings.routes if route.does is RouteKind.MOVEMENT]
        """The topics whose records can be applied again."""
        self._reader = Rereader(settings.kafka)
        self._letter_reader = Rereader(settings.kafka)
        self._client = StrapiClient(settings.strapi)
        self._ledger = Ledger(self._client)
        self._seen: dict[tuple[str, int], list[Seen]] = {}

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnreachableError: a server does not answer.
            RefusedError: a server refuses us, or Strapi has no ledger.
        """
        try:
            if await detect(self._client) is not ApiKind.LEDGER:
                raise RefusedError(
                    "strapi",
                    Phrase(
                        "this Strapi has no ledger: by plain REST a replay would count again what was applied before"
                    ),
                    Phrase("only the application of stack/strapi knows what it has"),
                )
            for one in await self._ledger.seen() or ():
                self._seen.setdefault((one.topic, one.partition), []).append(one)
            await self._reader.__aenter__()
            try:
                await self._letter_reader.__aenter__()
            except BaseException:
                await self._reader.__aexit__(None, None, None)
                raise
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.__aexit__(None, None, None)
        await self._letter_reader.__aexit__(None, None, None)
        await self._client.close()

    async def bounds(self) -> dict[tuple[str, int], tuple[int, int]]:
        """By partition with movements, the offset of the first record, and the offset after the last.

        Raises:
            ServerError: Kafka does not answer.
        """
        return await self._reader.bounds(self.topics)

    async def of_offsets(self, wanted: Collection[tuple[str, int, int, int | None]]) -> list[Span]:
        """Select ranges of offsets.

        Args:
            wanted: topic, partition, first offset, and last offset; None for all from the first one on.

        Raises:
            ServerError: Kafka does not answer.
            KeyError: there is no such partition; its argument is the topic and partition.
        """
        bounds = await self.bounds()
        spans = []
        for topic, partition, first, last in wanted:
            begin, end = bounds[topic, partition]
            until = end if last is None else min(last + 1, end)
            spans.append(self._span((topic, partition), first, until, begin))
        return [span for span in spans if span.first < span.next]

    async def of_all(self) -> list[Span]:
        """Select everything that Kafka has.

        Raises:
            ServerError: Kafka does not answer.
        """
        return await self.of_offsets(
            [(*partition, first, None) for partition, (first, _) in (await self.bounds()).items()]
        )

    async def since(self, moment: float) -> list[Span]:
        """Select the records from a time on, in seconds since the epoch.

        Raises:
            ServerError: Kafka does not answer.
        """
        found = await self._reader.at(moment, (await self.bounds()).keys())
        return await self.of_offsets(
            [(*partition, first, None) for partition, first in found.items() if first is not None]
        )

    async def missing(self) -> list[Span]:
        """Select the records that count as applied in Kafka but are not in the ledger.

        Raises:
            ServerError: Kafka does not answer.
        """
        bounds, positions = await self.bounds(), await group_positions(self._settings.kafka)
        gaps = [
            gap
            for partition, seen in self._seen.items()
            if partition in bounds
            for gap in missing_of(partition, max(positions.get(partition, 0), seen[-1].next), seen)
        ]
        return [
            self._span((gap.topic, gap.partition), gap.first, min(gap.next, end), begin)
            for gap in gaps
            for begin, end in [bounds[gap.topic, gap.partition]]
            if gap.first < end
        ]

    async def preview(self, spans: Iterable[Span], told: Callable[[int], None]) -> Outcome:
        """Count what a replay would do, without doing it.

        Args:
            spans: what to replay.
            told: called with the number of further offsets that were read.

        Raises:
            ServerError: a server does not answer.
        """
        read = applied = known = refused = 0
        for span in spans:
            at = span.there
            async for records, until in self._reader.read(span.topic, span.partition, span.there, span.next, _AT_ONCE):
                journeys = [journey_of(record, RouteKind.MOVEMENT, lambda _: ()) for record in records]
                ids = [journey.movement_id for journey in journeys if journey.movement is not None]
                found = await recorded(self._client, ids) if ids else {}
                read += len(journeys)
                known += sum(movement_id in found for movement_id in ids)
                applied += len(set(ids) - found.keys())
                refused += len(journeys) - len(ids)
                told(until - at)
                at = until
        return Outcome(read, applied, known, refused)

    async def run(self, spans: Iterable[Span], told: Callable[[int], None]) -> Outcome:
        """Apply records again.

        Args:
            spans: what to replay.
            told: called with the number of further offsets that are settled.

        Raises:
            ServerError: a server does not answer, or refuses; what was applied stays applied, and counts once when the
                replay is repeated.
        """
        journal = Journal(_KEPT)
        writer = Writer(self._settings.kafka, journal)
        letters = _NewLetters(self._settings, writer, journal, self._letter_reader)
        stock = StockGateway(self._client, self._settings.apply.batch)
        retry = Retry(self._settings.apply, journal, self._client.renew_token)
        settler = Settler(journal, letters, stock, {}, retry)
        writing = asyncio.create_task(writer.run())
        try:
            for span in spans:
                await self._apply(span, settler, stock, journal, told)
        except DroppedError as error:
            away = journal.connections[Server.STRAPI]
            raise UnreachableError("strapi", away.detail, away.advice) from error
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await writer.stop(2.0)
        verdicts = journal.verdicts
        return Outcome(
            journal.decided.total,
            verdicts[Verdict.APPLIED],
            verdicts[Verdict.DUPLICATE],
            verdicts[Verdict.REJECTED],
            journal.rejected.total,
        )

    async def _apply(
        self, span: Span, settler: Settler, stock: StockGateway, journal: Journal, told: Callable[[int], None]
    ) -> None:
        def gone() -> bool:
            strapi = journal.connections[Server.STRAPI]
            return strapi.state is State.REFUSED or (strapi.state is State.DOWN and time.time() - strapi.since > _AWAY)

        # The range includes what Kafka has deleted: that is lost, and no replay can restore it.
        at = span.first
        if span.there == span.next:
            await stock.settle([OffsetRange(span.topic, span.partition, span.first, span.next)])
        async for records, until in self._reader.read(span.topic, span.partition, span.there, span.next, stock.size):
            ranges = [OffsetRange(span.topic, span.partition, at, until)]
            batch = [journey_of(record, RouteKind.MOVEMENT, lambda _: ()) for record in records]
            await settler.settle(batch, gone, ranges)
            for journey in batch:
                journey.shorten()
            told(until - max(at, span.there))
            at = until

    def _span(self, partition: tuple[str, int], first: int, until: int, begin: int) -> Span:
        account = self._seen[partition][0].first if partition in self._seen else until
        there = min(max(first, begin), max(until, first))
        before = max(0, min(account, until) - there)
        return Span(*partition, first, until, there, before)
