"""Apply: from Kafka to Strapi. An offset is committed once the record's verdict and dead letter are stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bridge.apply.comparison import Comparison
from bridge.apply.foreign_members import ForeignMembers
from bridge.apply.retry import Retry
from bridge.apply.settle import Settled, Settler
from bridge.apply.worker import Assignment, InFlightRecords, Workers
from bridge.backoff import Backoff
from bridge.errors import RefusedError, ServerError
from bridge.kafka.commits import Commits
from bridge.kafka.consumer import Consumer
from bridge.kafka.kept_positions import KeptPositions
from bridge.phrase import Phrase, listed
from bridge.route import RouteKind
from bridge.strapi.client import StrapiClient
from bridge.strapi.content import content_of
from bridge.strapi.documents import Documents, FormerIds
from bridge.strapi.gateway import StockGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from bridge.dead_letter import DeadLetters
    from bridge.journal import Held, Journal
    from bridge.settings import Settings

__all__ = ["Apply"]

_log = logging.getLogger(__name__)

_MEASURE: Final = 1.0
"""Seconds between two measurements of the lag."""

_REFUSED: Final = 5.0
"""The shortest pause in seconds between two attempts where Kafka refuses us; it grows."""

_TOPICS: Final = 2
"""Measurements of the lag between two checks for missing topics."""

_SILENT: Final = 5.0
"""Seconds without a measurement after which the brokers are looked up again at the addresses in the settings."""

_MADE_AGAIN: Final = 5
"""Measurements of the lag between two checks for topics that were deleted and recreated."""

_HELD: Final = 3
"""Measurements for which records must wait behind the same open transaction before it is reported."""

_OTHERS: Final = 50
"""How many records that are no movements form a batch: they are written one by one, and committed together."""


class Apply:
    """Applies records to Strapi by their routes, as a member of the consumer group.

    Args:
        settings: the engine's.
        journal: where everything is noted.
        letters: where dead letters go.
    """

    def __init__(self, settings: Settings, journal: Journal, letters: DeadLetters) -> None:
        self._settings = settings
        self._journal = journal
        self._letters = letters
        self._does = {route.kafka: route.does for route in settings.routes if route.does is not RouteKind.CARRY}
        self._client: StrapiClient | None = None
        self._retry = Retry(settings.apply, journal, self._token_is_new, self._strapi_went)
        self._stopping = asyncio.Event()
        self._in_flight = InFlightRecords()
        self._measure_now = asyncio.Event()
        self._commits: Commits | None = None
        self._exhausted_at = float("-inf")
        self._held: dict[tuple[str, int], tuple[int, int]] = {}
        """By partition, the last stable offset, and for how many measurements it has been that."""

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight and Kafka had nothing more for us at the last measurement."""
        return self._in_flight.quiet_since <= self._exhausted_at

    @property
    def held(self) -> dict[tuple[str, int], int]:
        """By topic and partition, where an open transaction begins, behind which records can't be read."""
        return {partition: first for partition, (first, _) in self._held.items()}

    def pause(self) -> None:
        """Stop applying for now; a request in flight is completed."""
        self._retry.pause()

    def resume(self) -> None:
        """Apply again; where it waits for Strapi, retry at once."""
        self._retry.resume()

    def request_stop(self) -> None:
        """Ask `run` to settle what is in flight, commit and leave the group."""
        self._stopping.set()

    async def run(self) -> None:
        """Apply until cancelled or asked to stop, retrying through every outage of a server."""
        with contextlib.closing(FormerIds.of(self._settings)) as former:
            await self._run(former)

    async def _run(self, former: FormerIds) -> None:
        backoff = Backoff()
        async with StrapiClient(self._settings.strapi) as client:
            self._client = client
            documents = Documents(client, former)
            stock = StockGateway(client, self._settings.apply.batch, documents)
            content = content_of(self._does, client, documents)
            settler = Settler(self._journal, self._letters, stock, content, self._retry)
            while not self._stopping.is_set():
                try:
                    await self._consume(settler, stock, backoff)
                except ServerError as error:
                    if self._journal.notes.get("consume") != error.text:
                        _log.warning("apply: %s", error)
                    self._journal.notes["consume"] = error.text
                    self._journal.lag = self._journal.lag_of_others = -1
                    self._exhausted_at = float("-inf")
                    with contextlib.suppress(TimeoutError):
                        wait = max(_REFUSED, backoff.pause()) if isinstance(error, RefusedError) else backoff.pause()
                        await asyncio.wait_for(self._stopping.wait(), wait)
        for note in ("consume", "apply", "topics", "ledger", "position", "group", "held"):
            self._journal.notes.pop(note, None)

    async def _consume(self, settler: Settler, stock: StockGateway, backoff: Backoff) -> None:
        movements = [topic for topic, does in self._does.items() if does is RouteKind.MOVEMENT]
        settled = Settled(movements, beginning=self._settings.kafka.beginning)
        comparison = Comparison(self._journal, stock, settled, self._retry.wake, self._settings.kafka.group)
        kept = KeptPositions.of(self._settings.kafka)
        consumer = Consumer(
            self._settings.kafka,
            self._does.keys(),
            self._release,
            comparison.started,
            recall=comparison.recall,
            kept=kept,
        )
        self._commits = commits = Commits(consumer)
        workers = Workers(
            does=self._does,
            consumer=consumer,
            settler=settler,
            commits=commits,
            settled=settled,
            kept=kept,
            retry=self._retry,
            journal=self._journal,
        )
        self._in_flight = workers.in_flight
        tasks: list[asyncio.Task[object]] = []
        try:
            await consumer.start()
            working = self._work(workers, consumer, stock)
            foreign = ForeignMembers(self._journal, movements)
            watching = (
                self._stopping.wait(),
                self._measure(consumer, backoff),
                comparison.run(consumer),
                foreign.run(consumer),
            )
            tasks = [asyncio.create_task(each) for each in (*watching, *working)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            workers.ending.set()
            self._retry.wake()
            # Requests in flight are completed: over plain REST nobody could tell whether an aborted one was carried
            # out.
            await self._in_flight.all_settled()
            if self._stopping.is_set():
                await commits.flush()
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await commits.stop()
            kept.save(soon=False)
            await consumer.stop(2.0)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _work(self, workers: Workers, consumer: Consumer, stock: StockGateway) -> list[Coroutine[Any, Any, None]]:
        movements = frozenset(topic for topic, does in self._does.items() if does is RouteKind.MOVEMENT)
        others = frozenset(self._does) - movements
        work: list[tuple[Assignment, int, Callable[[], int]]] = []
        if movements:
            requests = self._settings.apply.requests
            spread = Assignment(movements, requests, lambda: consumer.backlog)
            work += [(spread, number, lambda: stock.size) for number in range(requests)]
        if others:
            work.append((Assignment(others, 1, lambda: False), 0, lambda: _OTHERS))
        return [
            workers.run(number, partial(spread.share, place), most) for number, (spread, place, most) in enumerate(work)
        ]

    async def _release(self) -> None:
        self._retry.wake()
        # Beyond the session timeout the group would go on without us.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.kafka.session_timeout * 0.6):
                await self._in_flight.all_settled()
                if self._commits is not None:
                    await self._commits.flush()

    def _token_is_new(self) -> bool:
        return self._client is not None and self._client.renew_token()

    async def _measure(self, consumer: Consumer, backoff: Backoff) -> None:
        rounds, known_at = 0, time.monotonic()
        while True:
            if consumer.is_in:
                backoff.reset()
                self._journal.notes.pop("consume", None)
            asked_at = time.monotonic()
            lag = await consumer.lag()
            self._note_lag(lag)
            known_at = asked_at if lag is not None else known_at
            if time.monotonic() - known_at > _SILENT:
                known_at = time.monotonic()
                await consumer.look_for_brokers()
            self._exhausted_at = asked_at if lag is not None and not any(lag.values()) else float("-inf")
            self._note_held(consumer.held)
            rounds += 1
            self._note_missing(consumer.missing)
            if consumer.missing and rounds % _TOPICS == 0:
                with contextlib.suppress(ServerError):
                    await consumer.look_for_topics()
            if rounds % _MADE_AGAIN == 0:
                await consumer.look_for_recreated_topics()
            self._measure_now.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MEASURE):
                    await self._measure_now.wait()

    def _note_held(self, held: Mapping[tuple[str, int], Held]) -> None:
        """Report what can't be read while a transaction is open; it becomes readable or is discarded when that ends."""
        before = self._held
        self._held = {}
        for place, (first, _) in held.items():
            since, times = before.get(place, (first, 0))
            self._held[place] = first, times + 1 if since == first else 1
        self._journal.held = {place: told for place, told in held.items() if self._held[place][1] >= _HELD}
        if self._journal.held:
            self._journal.notes["held"] = Phrase(
                "{count} records wait in Kafka for the end of a transaction that another program has open ({places}): "
                "they are applied once it is committed, aborted or timed out; kafka-transactions.sh lists it",
                count=sum(one.offsets for one in self._journal.held.values()),
                places=listed(f"{topic}:{partition}" for topic, partition in sorted(self._journal.held)),
            )
        else:
            self._journal.notes.pop("held", None)

    def _strapi_went(self) -> None:
        """Add what is in flight to the lag, which the last measurement may have missed, and measure again."""
        movements, others = self._by_kind(self._in_flight.records)
        journal = self._journal
        journal.lag, journal.lag_of_others = max(journal.lag, movements), max(journal.lag_of_others, others)
        self._measure_now.set()

    def _by_kind(self, records: Mapping[str, int]) -> tuple[int, int]:
        """Split a count of records by topic into movements and others."""
        movements = sum(count for topic, count in records.items() if self._does[topic] is RouteKind.MOVEMENT)
        return movements, sum(records.values()) - movements

    def _note_lag(self, lag: Mapping[str, int] | None) -> None:
        journal = self._journal
        if lag is None:
            journal.lag = journal.lag_of_others = -1
        else:
            left = self._in_flight.records
            left.update(lag)
            journal.lag, journal.lag_of_others = self._by_kind(left)
        self._retry.tell_waiting()

    def _note_missing(self, topics: set[str]) -> None:
        # A cluster that somebody else set up may well have no topics but that of the movements.
        missing = sorted(topic for topic in topics if self._does[topic] is RouteKind.MOVEMENT)
        if missing:
            self._journal.notes["topics"] = Phrase(
                "Kafka has no topic {topics} yet; it is read once it is there", topics=", ".join(missing)
            )
        else:
            self._journal.notes.pop("topics", None)
