"""Apply: from Kafka to Strapi. A record's offset is committed once its verdict, and its dead letter, are safe."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.apply.batch import Settler
from bridge.apply.patience import DroppedError, Patience
from bridge.apply.records import journey_of
from bridge.backoff import Backoff
from bridge.errors import ServerError
from bridge.kafka.commits import Commits
from bridge.kafka.consumer import Consumer
from bridge.phrase import Phrase
from bridge.route import Does
from bridge.strapi.carrier import Carrier
from bridge.strapi.client import StrapiClient
from bridge.strapi.stock import Stock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.apply.batch import Batch
    from bridge.dead_letter import DeadLetters
    from bridge.journal import Journal
    from bridge.kafka.consumer import ConsumedRecord
    from bridge.settings import Settings

__all__ = ["Apply"]

_log = logging.getLogger(__name__)

_MEASURE: Final = 1.0
"""Seconds between two measures of the lag."""

_TOPICS: Final = 2
"""How many measures of the lag go by between two looks for topics that are missing."""


class Apply:
    """Applies what the routes say to Strapi, as a member of the consumer group.

    Args:
        settings: the engine's.
        journal: where everything is noted.
        letters: where dead letters go.
    """

    def __init__(self, settings: Settings, journal: Journal, letters: DeadLetters) -> None:
        self._settings = settings
        self._journal = journal
        self._letters = letters
        self._does = {route.kafka: route.does for route in settings.routes if route.does is not Does.CARRY}
        self._client: StrapiClient | None = None
        self._patience = Patience(settings.apply, journal, self._gone, self._token_is_new)
        self._stopping = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self._released = False
        self._commits: Commits | None = None
        self._in_hand = 0
        self._quiet_since = float("inf")
        self._exhausted = False

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand and, when it was looked at last, Kafka had nothing more for us."""
        return self._exhausted and self._free.is_set()

    def pause(self) -> None:
        """Apply nothing more for now; a request that is under way ends."""
        self._patience.pause()

    def resume(self) -> None:
        """Apply again, at once where it waits for Strapi."""
        self._patience.resume()

    def request_stop(self) -> None:
        """Ask `run` to finish the batch in hand, to commit and to leave the group."""
        self._stopping.set()
        self._patience.wake()

    async def run(self) -> None:
        """Work until cancelled or asked to stop, through every absence of a server."""
        backoff = Backoff()
        async with StrapiClient(self._settings.strapi) as client:
            self._client = client
            settler = Settler(self._journal, self._letters, Stock(client), Carrier(client), self._patience)
            while not self._stopping.is_set():
                try:
                    await self._consume(settler, backoff)
                except ServerError as error:
                    if "consume" not in self._journal.notes:
                        _log.warning("apply: %s", error)
                    self._journal.notes["consume"] = error.what
                    self._journal.lag = -1
                    self._exhausted = False
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), backoff.pause())
        for note in ("consume", "apply", "topics"):
            self._journal.notes.pop(note, None)

    async def _consume(self, settler: Settler, backoff: Backoff) -> None:
        urgent = [topic for topic, does in self._does.items() if does is Does.MOVEMENT]
        consumer = Consumer(self._settings.kafka, urgent, self._does.keys() - set(urgent), self._release)
        self._commits = commits = Commits(consumer)
        try:
            await consumer.start()
            backoff.reset()
            self._journal.notes.pop("consume", None)
            async with asyncio.TaskGroup() as tasks:
                measuring = tasks.create_task(self._measure(consumer))
                working = tasks.create_task(self._work(consumer, settler, commits))
                stop = tasks.create_task(self._stopping.wait())
                await asyncio.wait([working, stop], return_when=asyncio.FIRST_COMPLETED)
                # What is in hand is finished; a look for records that may wait for a rebalance is not.
                await self._all_settled()
                for task in (measuring, working, stop):
                    task.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            await commits.stop()
            await consumer.stop(2.0)

    async def _work(self, consumer: Consumer, settler: Settler, commits: Commits) -> None:
        while not self._stopping.is_set():
            self._released = False
            try:
                await self._patience.running()
            except DroppedError:
                continue
            fetched = await consumer.poll(self._settings.apply.fetch)
            if not fetched.records:
                await commits.look()
                self._quiet_since = min(self._quiet_since, time.monotonic())
                continue
            self._quiet_since = float("inf")
            self._exhausted = False
            self._released = False
            self._free.clear()
            self._in_hand = len(fetched.records)
            try:
                for records in _chunks(fetched.records, self._settings.apply.batch):
                    if self._gone() or not consumer.holds(fetched.generation):
                        break
                    await settler.settle(self._batch(records))
                    positions = {(record.topic, record.partition): record.offset + 1 for record in records}
                    self._in_hand -= len(records)
                    if not await commits.note(positions, fetched.generation):
                        break
            except DroppedError:
                continue
            finally:
                self._in_hand = 0
                self._free.set()

    def _batch(self, records: Sequence[ConsumedRecord]) -> Batch:
        batch = [
            (journey_of(record, self._does[record.topic], self._journal.journeys), self._does[record.topic], record)
            for record in records
        ]
        fresh = [journey for journey, _, _ in batch if journey.consumed_at is None]
        now = time.time()
        for journey in fresh:
            journey.consumed_at = now
        self._journal.consumed(fresh)
        return [(journey, does, record.timestamp) for journey, does, record in batch]

    async def _release(self) -> None:
        self._released = True
        self._patience.wake()
        # Longer, and the group would go on without us.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_settled(), self._settings.kafka.session_timeout * 0.6)

    async def _all_settled(self) -> None:
        """Wait until nothing is in hand and what was settled is committed."""
        await self._free.wait()
        if self._commits is not None:
            await self._commits.flush()

    def _gone(self) -> bool:
        return self._released or self._stopping.is_set()

    def _token_is_new(self) -> bool:
        return self._client is not None and self._client.renew_token()

    async def _measure(self, consumer: Consumer) -> None:
        rounds = 0
        while True:
            asked_at = time.monotonic()
            lag = await consumer.lag()
            self._journal.lag = lag + self._in_hand if lag >= 0 else lag
            self._exhausted = lag == 0 and self._quiet_since <= asked_at
            rounds += 1
            self._note_missing(consumer.missing)
            if consumer.missing and rounds % _TOPICS == 0:
                with contextlib.suppress(ServerError):
                    await consumer.look_for_topics()
            await asyncio.sleep(_MEASURE)

    def _note_missing(self, topics: set[str]) -> None:
        # A cluster that somebody else set up may well have no topics for products and events.
        missing = sorted(topic for topic in topics if self._does[topic] is Does.MOVEMENT)
        if missing:
            self._journal.notes["topics"] = Phrase(
                "Kafka has no topic {topics} yet; it is read once it is there", topics=", ".join(missing)
            )
        else:
            self._journal.notes.pop("topics", None)


def _chunks(records: list[ConsumedRecord], size: int) -> Iterator[list[ConsumedRecord]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
