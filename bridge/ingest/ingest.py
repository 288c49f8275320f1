"""Ingest: write MQTT messages to Kafka in batches, and acknowledge them once Kafka has them."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff, pause
from bridge.errors import RefusedError, RejectedError, ServerError, TakenError
from bridge.ingest.arriving import Arriving
from bridge.ingest.claim import ClaimState
from bridge.ingest.delivery_reader import DeliveryReader, recognised
from bridge.ingest.in_flight import Arrival, InFlight
from bridge.ingest.mapping import Mapper, record_of
from bridge.ingest.sessions import Sessions, SessionTakeover
from bridge.journal import Server, State, Verdict
from bridge.movement import Reason, Rejection
from bridge.mqtt.client_id import shown
from bridge.mqtt.connect import session_taken
from bridge.mqtt.handover import filters_of_the_move
from bridge.mqtt.session import Session
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.dead_letter import DeadLetters
    from bridge.ingest.claim import Claim
    from bridge.ingest.dedup import Deliveries
    from bridge.ingest.sessions import Due
    from bridge.journal import Journal, Journey
    from bridge.kafka.producer import Placed
    from bridge.kafka.writer import Writer
    from bridge.mqtt.frames import Inbound
    from bridge.settings import Settings

__all__ = ["Ingest"]

_log = logging.getLogger(__name__)

_PENDING: Final = 16_000_000
"""How many bytes of messages may wait for Kafka before reading stops; as many more may be in flight to it."""

_SAID_WITHIN: Final = 3.0
"""Seconds to wait for Kafka to say which engine ingests, before the session is opened regardless."""


class Ingest:
    """Takes messages from the broker and writes them to Kafka in rounds.

    A round is everything received while the round before was written: one batch a partition, one wait for Kafka, then
    one acknowledgement for all in the order of receipt. So batches grow with the load, and an idle engine adds no
    delay.

    Args:
        settings: the engine's.
        journal: where each message is noted.
        writer: writes to Kafka.
        letters: where rejected messages go.
        claim: decides whether this engine may ingest; without one it may.
    """

    def __init__(
        self, settings: Settings, journal: Journal, writer: Writer, letters: DeadLetters, claim: Claim | None = None
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._writer = writer
        self._letters = letters
        self._claim = claim
        self._name = shown(settings.mqtt.client_id)
        self._judge = Mapper(settings.routes, self._name)
        self._filters = list(dict.fromkeys(route.mqtt for route in settings.routes if route.mqtt))
        self._sessions = Sessions(settings.mqtt, self._filters, journal)
        self._taken = 0
        self._in_flight = InFlight(recognised(settings.mqtt))
        self._read_back = DeliveryReader(settings, self._name)
        self._deliveries: Deliveries | None = None
        self._read_for: Session | None = None
        """The session for which the end of the topics was read."""
        self._cut_short = False
        """Whether a round was interrupted, so that some of the waiting messages may be in Kafka already."""
        self._not_noted: list[Journey] = []
        """The messages of an interrupted round that are not noted as written, whether Kafka has them or not."""
        self._written: dict[tuple[str, int], int] = {}
        """By topic and partition, the offset of the last record written."""
        self._waiting: list[Arrival] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._session: Session | None = None
        self._passes_over = False
        """Whether messages at QoS 0 are ignored."""
        self._mqtt = settings.mqtt
        self._opened = 0.0
        """When the session was opened, on the monotonic clock; 0 while it is closed."""
        self._running = asyncio.Event()
        self._running.set()

    @property
    def pending(self) -> int:
        """How many received messages are not in Kafka yet."""
        return 0 if self._settled.is_set() else max(1, len(self._waiting))

    def wrote_behind(self, offsets: Mapping[tuple[str, int], int]) -> bool:
        """Whether this engine wrote a record at or after one of these offsets, by topic and partition."""
        return any(self._written.get(place, -1) >= offset for place, offset in offsets.items())

    async def run(self) -> None:
        """Ingest until cancelled. The broker redelivers what is then unacknowledged to the next session."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive())
            tasks.create_task(self._write())
            tasks.create_task(Arriving(self._settings.mqtt.url, self._journal).watch(lambda: self._session))
            if self._claim is not None:
                tasks.create_task(self._claim.run())

    @property
    def unacknowledged(self) -> int:
        """How many messages of the kept session Kafka has not acknowledged."""
        return len(self._in_flight)

    async def drain(self) -> None:
        """Stop reading, and wait until all received messages are in Kafka and acknowledged to the broker."""
        await self.pause()
        await self._settled.wait()
        if self._claim is not None:
            await self._claim.leave()

    async def pause(self) -> None:
        """Stop reading; the broker queues new messages."""
        self._running.clear()
        if self._session is not None:
            self._session.pause()
        self._journal.connection(
            Server.MQTT, State.PAUSED, Phrase("paused here"), Phrase("the broker keeps what comes")
        )

    async def resume(self) -> None:
        self._running.set()
        if self._session is not None:
            self._session.resume()
            self._journal.connection(Server.MQTT, State.UP)

    async def _receive(self) -> None:
        backoff, contention = Backoff(), SessionTakeover()
        if self._running.is_set():
            self._journal.connection(Server.MQTT, State.CONNECTING)
        while True:
            await self._running.wait()
            if await self._stands_by():
                continue
            self._opened, self._mqtt = 0.0, self._settings.mqtt
            try:
                await self._hold_session()
            except RefusedError as error:
                self._note(State.REFUSED, error)
                # A wrong password or certificate may be corrected any moment; another engine is left alone for longer.
                taken = isinstance(error, TakenError)
                await pause(contention.pause() if taken else backoff.pause())
            except ServerError as error:
                dropped = self._opened > 0 and self._session is not None and self._session.dropped
                if dropped and contention.closed(time.monotonic() - self._opened):
                    self._note(State.REFUSED, session_taken(self._mqtt))
                    await pause(contention.pause())
                    continue
                if not dropped:
                    contention.away()
                if self._opened:
                    backoff.reset()
                self._note(State.DOWN, error)
                await pause(backoff.pause())
            finally:
                self._session = None

    async def _hold_session(self) -> None:
        """Receive on one session until it ends, or until another engine takes over.

        Raises:
            UnreachableError: the connection broke, or there is none.
            RefusedError: the broker refuses something, or another client took the session.
        """
        due = await self._sessions.due()
        self._mqtt = due.mqtt
        if self._claim is not None and self._claim.taken_over:
            # What waits in our session was also delivered to the previous holder.
            await self._sessions.give_up(due)
            self._claim.taken_over = False
        unsaid = self._claim is not None and self._claim.state is ClaimState.UNKNOWN
        self._judge_as(due.name)
        self._passes_over = due.copies
        session = self._session_of(due)
        try:
            async with session:
                self._opened = time.monotonic()
                self._adopt(session)
                self._journal.connection(Server.MQTT, State.UP)
                if not self._running.is_set():
                    await self.pause()
                if due.former or due.copies:
                    await self._empty(session)
                if not due.former:
                    self._passes_over = False
                    self._sessions.emptied()
                    await self._lost(session)
        finally:
            if not due.former:
                self._sessions.closed(session)
        if due.former:
            await self._sessions.end(due)
            _log.info("mqtt: what waited under the earlier client id %r is taken in", due.name)
        elif unsaid and not session.kept:
            # The session is new, and would only collect copies of what the other engine takes.
            await self._sessions.give_up(due)

    def _session_of(self, due: Due) -> Session:
        if due.former:
            return Session(due.mqtt, due.filters, self._take, on_connected=self._sessions.former_connected)
        return Session(
            due.mqtt,
            due.filters,
            self._take,
            subscribed=due.subscribed,
            on_connected=self._sessions.connected,
            on_granted=self._sessions.granted,
        )

    async def _stands_by(self) -> bool:
        """Wait while another engine takes the same messages; return whether one did.

        Where Kafka does not answer, this engine receives, so that the broker keeps a session for it.
        """
        claim = self._claim
        if claim is None:
            return False
        await claim.is_not(ClaimState.UNKNOWN, _SAID_WITHIN)
        if claim.state is not ClaimState.OTHERS:
            return False
        self._journal.connection(Server.MQTT, State.REFUSED, claim.what, claim.advice)
        await claim.is_not(ClaimState.OTHERS)
        self._journal.connection(Server.MQTT, State.CONNECTING)
        return True

    async def _lost(self, session: Session) -> None:
        """Wait until the connection breaks or another engine takes over.

        Raises:
            UnreachableError: the connection broke.
            RefusedError: another client took the session.
        """
        if self._claim is None:
            await session.lost()
            return
        lost = asyncio.create_task(session.lost())
        theirs = asyncio.create_task(self._claim.becomes(ClaimState.OTHERS))
        try:
            await asyncio.wait({lost, theirs}, return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                await lost
        finally:
            for task in (lost, theirs):
                task.cancel()
            await asyncio.gather(lost, theirs, return_exceptions=True)

    async def _may_write(self) -> bool:
        """Wait until Kafka says whether this engine may write what it received."""
        if self._claim is None:
            return True
        await self._claim.is_not(ClaimState.UNKNOWN)
        return self._claim.state is ClaimState.OURS

    def _judge_as(self, name: str) -> None:
        """Receive under another session's name from now on; all messages received before must be settled."""
        if name != self._name:
            self._name = name
            self._judge = Mapper(self._settings.routes, name)
            self._read_back = DeliveryReader(self._settings, name)
            self._deliveries = self._read_for = None
            self._in_flight.forget()

    async def _empty(self, session: Session) -> None:
        """Take in what waits in a session, until nothing more comes.

        Raises:
            UnreachableError: the connection broke.
            RefusedError: another client took the session.
        """
        lost = asyncio.create_task(session.lost())
        try:
            while True:
                await self._settled.wait()
                taken = self._taken
                # The broker sends whatever fits its in-flight window before it answers what follows an acknowledgement.
                empty = asyncio.create_task(session.answered(filters_of_the_move(self._mqtt, self._filters)))
                await asyncio.wait({lost, empty}, return_when=asyncio.FIRST_COMPLETED)
                if lost.done():
                    empty.cancel()
                    await lost
                if empty.result() and self._settled.is_set() and taken == self._taken:
                    return
        finally:
            lost.cancel()
            await asyncio.gather(lost, return_exceptions=True)

    def _adopt(self, session: Session) -> None:
        if session is not self._session:
            self._session = session
            if not session.kept:
                self._in_flight.forget()

    def _take(self, session: Session, chunk: list[Inbound]) -> None:
        self._adopt(session)
        if self._passes_over and not (chunk := [message for message in chunk if message.qos]):
            return
        self._taken += len(chunk)
        now = time.time()
        owed: list[Arrival] = []
        fresh: list[Inbound] = []
        for message in chunk:
            known = message.redelivered and self._in_flight.redelivered(session, message)
            if isinstance(known, Arrival):
                owed.append(known)
            elif known is False:
                fresh.append(message)
        if first := self._in_flight.begins(session, fresh):
            self._judge.begin(first)
        journeys = self._judge.journeys(fresh, now)
        admitted = [
            Arrival(session, message.packet_id if message.qos == 1 else 0, journey)
            for message, journey in zip(fresh, journeys, strict=True)
        ]
        self._in_flight.admit(admitted)
        self._journal.arrived(journeys)
        if owed or admitted:
            # The broker sends redeliveries first, so this is the order of receipt.
            self._waiting += owed + admitted
            self._settled.clear()
            self._arrived.set()
            self._waiting_bytes += sum([len(one.topic) + len(one.payload) + len(one.properties) for one in fresh])
            if len(self._waiting) > self._settings.ingest.pending or self._waiting_bytes > _PENDING:
                session.pause()

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            arrivals, self._waiting, self._waiting_bytes = self._waiting, [], 0
            try:
                await self._carry(arrivals)
            except BaseException:
                self._put_back(arrivals)
                raise
            # A round may be large: release it before waiting for the next one.
            del arrivals
            if not self._waiting:
                self._settled.set()
            if self._session is not None and self._running.is_set():
                self._session.resume()

    async def _carry(self, arrivals: Sequence[Arrival]) -> None:
        """Write a round to Kafka and acknowledge it."""
        if not await self._may_write():
            # Another engine has these messages; our session, in which they are unacknowledged, is given up.
            self._in_flight.forget()
            return
        journeys = [arrival.journey for arrival in arrivals if arrival.journey is not None]
        await self._produce(await self._unknown_to_kafka(journeys, arrivals[-1].session))
        self._in_flight.settle(arrivals)
        for journey in journeys:
            if not journey.in_hand:
                journey.shorten()

    def _put_back(self, arrivals: list[Arrival]) -> None:
        """Keep the messages of an interrupted round for when `run` is called again.

        When the broker redelivers them they are recognised as in flight, so they would never be written otherwise.
        """
        journeys = [arrival.journey for arrival in arrivals if arrival.journey is not None]
        for journey in journeys:
            journey.redelivered |= bool(journey.delivery) and _is_open(journey)
        # This round includes what an earlier interrupted round left, as nothing of that got through.
        self._not_noted = [one for one in journeys if one.delivery or one.acknowledged_at is None]
        self._waiting = arrivals + self._waiting
        self._cut_short = True
        self._settled.clear()
        self._arrived.set()

    async def _unknown_to_kafka(self, journeys: list[Journey], session: Session) -> list[Journey]:
        """Leave out what another engine wrote to Kafka, before this one or while it had the session.

        What this engine itself acknowledged is recognised earlier. So the end of the topics is read at most once a
        session, and only if the session begins with unknown redeliveries; each reading covers what was written since
        the last.
        """
        ours, self._cut_short = self._cut_short, False
        if ours:
            self._note_consumed()
            journeys = [journey for journey in journeys if _is_open(journey)]
        if not any(journey.redelivered for journey in journeys):
            if journeys:
                self._deliveries = None
            return journeys
        if self._read_for is not session or ours:
            self._deliveries = await self._read_back_deliveries()
            self._in_flight.recall(self._deliveries)
            self._read_for = session
        if self._deliveries is None:
            return journeys
        fresh: list[Journey] = []
        known: list[Journey] = []
        for journey in journeys:
            there = self._deliveries.find(journey)
            if there is None:
                fresh.append(journey)
            else:
                known.append(journey)
                journey.movement_id = there.movement_id
                journey.partition, journey.offset = there.partition, there.offset
                journey.delivery = ""
                journey.acknowledged_at = time.time()
        if ours:
            self._journal.acknowledged(known)
        _log.info("of %d messages sent again or beside them, Kafka has %d", len(journeys), len(known))
        return fresh

    def _note_consumed(self) -> None:
        """Note as written what Kafka acknowledged of an interrupted round, where apply has consumed it since."""
        came = [journey for journey in self._not_noted if journey.consumed_at is not None]
        self._not_noted.clear()
        for journey in came:
            journey.delivery = ""
        self._journal.acknowledged(came)

    async def _read_back_deliveries(self) -> Deliveries:
        backoff = Backoff()
        while True:
            try:
                found = await self._read_back.read(self._judge.run)
            except ServerError as error:
                _log.warning("%s", error)
                await pause(backoff.pause())
            else:
                _log.info("read back %d deliveries that Kafka has", len(found))
                return found

    async def _produce(self, journeys: Sequence[Journey]) -> None:
        """Write a round: movements to the topics of their routes, rejected messages to the dead letters."""
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
        """Split what Kafka refuses until single messages remain, and make those dead letters."""
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
        try:
            await self._letters.write(journeys)
        except BaseException:
            for journey in journeys:
                journey.decided_at = journey.verdict = None
            raise
        for journey in journeys:
            journey.delivery = ""
        self._journal.settled(journeys)

    def _note_placed(self, journeys: Sequence[Journey], placed: Sequence[Placed]) -> None:
        now = time.time()
        for journey, place in zip(journeys, placed, strict=True):
            journey.partition, journey.offset = place
            self._written[journey.kafka_topic, place.partition] = place.offset
            journey.delivery = ""
            # Apply may have consumed the record before Kafka's acknowledgement arrived here.
            journey.acknowledged_at = now if journey.consumed_at is None else min(now, journey.consumed_at)
        self._journal.acknowledged(journeys)

    def _note(self, state: State, error: ServerError) -> None:
        if self._journal.connections[Server.MQTT].state is not state:
            _log.warning("mqtt: %s", error)
        self._journal.connection(Server.MQTT, state, error.what, error.advice)


def _is_open(journey: Journey) -> bool:
    """Whether Kafka is not known to have a message."""
    return journey.offset < 0 and journey.decided_at is None
