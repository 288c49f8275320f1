"""Ingest: from MQTT to Kafka by the chunk, acknowledged to the broker once Kafka has acknowledged."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from bridge.backoff import Backoff
from bridge.errors import RefusedError, RejectedError, ServerError, TakenError
from bridge.ingest.contention import Contention
from bridge.ingest.in_flight import Arrival, InFlight
from bridge.ingest.judge import Judge, record_of
from bridge.ingest.read_back import read_back, unacknowledged
from bridge.journal import Server, State, Verdict
from bridge.movement import Reason, Rejection
from bridge.mqtt.connect import session_taken
from bridge.mqtt.session import Session
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.dead_letter import DeadLetters
    from bridge.ingest.deliveries import Deliveries
    from bridge.journal import Journal, Journey
    from bridge.kafka.producer import Placed
    from bridge.kafka.writer import Writer
    from bridge.mqtt.frames import Inbound
    from bridge.settings import Settings

__all__ = ["Ingest"]

_log = logging.getLogger(__name__)


class Ingest:
    """Takes messages from the broker and writes them to Kafka in rounds.

    A round is all that came while the one before was written: one batch a partition, one wait for Kafka, then one
    acknowledgement for all in the order of receipt. So batches are as large as the load asks for, and an idle engine
    adds no wait.

    Args:
        settings: the engine's.
        journal: where each message is noted.
        writer: what writes to Kafka.
        letters: where rejected messages go.
    """

    def __init__(self, settings: Settings, journal: Journal, writer: Writer, letters: DeadLetters) -> None:
        self._settings = settings
        self._journal = journal
        self._writer = writer
        self._letters = letters
        self._judge = Judge(settings.routes, settings.mqtt.client_id)
        self._filters = list(dict.fromkeys(route.mqtt for route in settings.routes if route.mqtt))
        self._in_flight = InFlight()
        self._deliveries: Deliveries | None = None
        self._read_back = False
        self._waiting: list[Arrival] = []
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._session: Session | None = None
        self._running = asyncio.Event()
        self._running.set()

    @property
    def pending(self) -> int:
        """How many messages came and are not in Kafka yet."""
        return 0 if self._settled.is_set() else max(1, len(self._waiting))

    async def run(self) -> None:
        """Work until cancelled. What is not acknowledged then, the broker sends again to the next session."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive())
            tasks.create_task(self._write())

    async def drain(self) -> None:
        """Take nothing more from the broker and wait until Kafka has what came and the broker knows."""
        await self.pause()
        await self._settled.wait()

    async def pause(self) -> None:
        """Stop reading; the broker keeps what comes."""
        self._running.clear()
        if self._session is not None:
            self._session.pause()
        self._journal.connection(
            Server.MQTT, State.PAUSED, Phrase("paused here"), Phrase("the broker keeps what comes")
        )

    async def resume(self) -> None:
        """Read again."""
        self._running.set()
        if self._session is not None:
            self._session.resume()
            self._journal.connection(Server.MQTT, State.UP)

    async def _receive(self) -> None:
        backoff, contention = Backoff(), Contention()
        self._journal.connection(Server.MQTT, State.CONNECTING)
        while True:
            await self._running.wait()
            opened = 0.0
            try:
                async with Session(self._settings.mqtt, self._filters, self._take) as session:
                    opened = time.monotonic()
                    self._adopt(session)
                    self._journal.connection(Server.MQTT, State.UP)
                    if not self._running.is_set():
                        await self.pause()
                    await session.lost()
            except RefusedError as error:
                self._note(State.REFUSED, error)
                # A password or a certificate may be mended any moment; another engine is left in peace for longer.
                taken = isinstance(error, TakenError)
                await asyncio.sleep(contention.pause() if taken else backoff.pause())
            except ServerError as error:
                dropped = opened > 0 and self._session is not None and self._session.dropped
                if dropped and contention.closed(time.monotonic() - opened):
                    self._note(State.REFUSED, session_taken(self._settings.mqtt))
                    await asyncio.sleep(contention.pause())
                    continue
                if not dropped:
                    contention.away()
                if opened:
                    backoff.reset()
                self._note(State.DOWN, error)
                await asyncio.sleep(backoff.pause())
            finally:
                self._session = None

    def _adopt(self, session: Session) -> None:
        if session is not self._session:
            self._session = session
            if not session.kept:
                self._in_flight.forget()

    def _take(self, session: Session, chunk: list[Inbound]) -> None:
        self._adopt(session)
        now = time.time()
        owed: list[Arrival] = []
        fresh: list[Inbound] = []
        for message in chunk:
            known = message.redelivered and self._in_flight.redelivered(session, message)
            if isinstance(known, Arrival):
                owed.append(known)
            elif known is False:
                fresh.append(message)
        journeys = self._judge.journeys(fresh, now)
        admitted = [
            Arrival(session, message.packet_id if message.qos == 1 else 0, journey)
            for message, journey in zip(fresh, journeys, strict=True)
        ]
        self._in_flight.admit(admitted)
        self._journal.arrived(journeys)
        if owed or admitted:
            # The broker sends again what it sent before first, so the order is that of receipt.
            self._waiting += owed + admitted
            self._settled.clear()
            self._arrived.set()
            if len(self._waiting) > self._settings.ingest.pending:
                session.pause()

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            arrivals, self._waiting = self._waiting, []
            journeys = [arrival.journey for arrival in arrivals if arrival.journey is not None]
            await self._produce(await self._unknown_to_kafka(journeys))
            self._in_flight.settle(arrivals)
            # Not until the next round has come: it may be a large one.
            del arrivals, journeys
            if not self._waiting:
                self._settled.set()
            if self._session is not None and self._running.is_set():
                self._session.resume()

    async def _unknown_to_kafka(self, journeys: list[Journey]) -> list[Journey]:
        """Leave out what the engine before this one had brought into Kafka; a broker sends such messages first."""
        if self._read_back:
            return journeys
        if not any(journey.redelivered for journey in journeys):
            # The redeliveries are over, and a packet id may be another message's from now on.
            self._read_back = bool(journeys)
            return journeys
        if self._deliveries is None:
            self._deliveries = await self._read_back_deliveries()
        fresh, recognised = [], 0
        for journey in journeys:
            there = self._deliveries.find(journey)
            if there is None:
                fresh.append(journey)
            else:
                recognised += 1
                journey.movement_id = there.movement_id
                journey.partition, journey.offset = there.partition, there.offset
                journey.acknowledged_at = time.time()
        _log.info("of %d messages sent again or beside them, Kafka has %d", len(journeys), recognised)
        return fresh

    async def _read_back_deliveries(self) -> Deliveries:
        topics = [route.kafka for route in self._settings.routes if route.mqtt]
        topics.append(self._settings.kafka.errors_topic)
        backoff = Backoff()
        while True:
            try:
                found = await read_back(self._settings.kafka, topics, unacknowledged(self._settings.mqtt))
                _log.info("read back %d keys of what Kafka has", len(found))
                return found
            except ServerError as error:
                _log.warning("%s", error)
                await asyncio.sleep(backoff.pause())

    async def _produce(self, journeys: Sequence[Journey]) -> None:
        """Write a round: movements where their routes say, and what is rejected to the dead letters."""
        carried = [journey for journey in journeys if journey.rejection is None]
        rejected = [journey for journey in journeys if journey.rejection is not None]
        if carried:
            placed: list[Placed | None] = [None] * len(carried)
            try:
                self._note_placed(carried, await self._writer.produce([record_of(one) for one in carried], placed))
            except RejectedError as error:
                there = [(journey, place) for journey, place in zip(carried, placed, strict=True) if place is not None]
                self._note_placed([journey for journey, _ in there], [place for _, place in there])
                await self._produce_apart(
                    [one for one, place in zip(carried, placed, strict=True) if place is None], error
                )
        await self._reject(rejected)

    async def _produce_apart(self, journeys: Sequence[Journey], error: RejectedError) -> None:
        """Halve what Kafka refuses until what it refuses stands alone, and make that a dead letter."""
        if len(journeys) > 1:
            middle = len(journeys) // 2
            await self._produce(journeys[:middle])
            await self._produce(journeys[middle:])
        else:
            journeys[0].rejection = Rejection(Reason.REFUSED_BY_KAFKA, error.what)
            await self._reject(journeys)

    async def _reject(self, journeys: Sequence[Journey]) -> None:
        if not journeys:
            return
        now = time.time()
        for journey in journeys:
            journey.decided_at = now
            journey.verdict = Verdict.REJECTED
        await self._letters.bury(journeys)
        for journey in journeys:
            journey.delivery = ""
        self._journal.settled(journeys)

    def _note_placed(self, journeys: Sequence[Journey], placed: Sequence[Placed]) -> None:
        now = time.time()
        for journey, place in zip(journeys, placed, strict=True):
            journey.partition, journey.offset = place
            journey.delivery = ""
            # Apply may have had it from Kafka before the word of it came here: then Kafka had it by that time.
            journey.acknowledged_at = now if journey.consumed_at is None else min(now, journey.consumed_at)
        self._journal.acknowledged(journeys)

    def _note(self, state: State, error: ServerError) -> None:
        if self._journal.connections[Server.MQTT].state is not state:
            _log.warning("mqtt: %s", error)
        self._journal.connection(Server.MQTT, state, error.what, error.advice)
