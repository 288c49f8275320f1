"""The chain: ingest, apply and their clients, supervised together; or a watcher instead of the two."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from bridge.apply.apply import Apply
from bridge.apply.product_history import movements_of
from bridge.apply.replay import Replay
from bridge.apply.verdicts import SettledElsewhere
from bridge.backoff import Backoff, pause
from bridge.dead_letter import DeadLetters
from bridge.errors import ChainStoppedError, PublishError, UnconfirmedError, UnreachableError
from bridge.history import History
from bridge.identity import new_movement_id
from bridge.ingest.claim import Claim
from bridge.ingest.ingest import Ingest
from bridge.journal import Journey, Server, State
from bridge.kafka.dead_letter_reader import DeadLetterReader
from bridge.kafka.record_time import RecordTime
from bridge.kafka.writer import Writer
from bridge.movement import Movement, read_movement
from bridge.mqtt.presence import Presence
from bridge.mqtt.publisher import Publisher
from bridge.outbox import Outbox
from bridge.phrase import Phrase
from bridge.secret import warning_of_open_secrets
from bridge.simulator import Simulation
from bridge.strapi.client import StrapiClient
from bridge.strapi.product_poller import ProductPoller
from bridge.watch.engine_counts import counts_of
from bridge.watch.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bridge.apply.product_history import ProductHistory
    from bridge.journal import DeadLetter, Journal, Product
    from bridge.settings import Settings

__all__ = ["Chain"]

_log = logging.getLogger(__name__)

_LOOK_AT_SECRETS: Final = 5.0

_SAMPLE: Final = 1.0

_HEARD: Final = 2.0
"""Seconds to wait for the broker to report other engines; while it is away there is no session to compete for."""

_LOOK_AT_OTHERS: Final = 0.2

_WAITS: Final = "presence"
"""The note that this engine waits for another one."""


class Chain:
    """One engine. Each part survives the outage of any server; the chain ends only when told.

    Args:
        settings: which servers, which routes, which parts.
        journal: where everything is noted.
        board: whether to keep all products in the journal's stock table, for a screen. Without it, an engine that does
            not apply makes no requests to Strapi.
        keep: whether to keep what is published here until it is in the stock, for a program with a form.
        earlier: whether to add records from before the start to the journal; with `board` only.
        program: the name under which other engines and watchers see this engine at the broker; empty publishes nothing,
            and waits for no other engine.
        took_over: when the user told it to take over from another engine, 0 where nobody did.
        watch: whether to only watch other engines: it ingests and applies nothing, whatever the settings say, and
            changes no session, offset or partition. It can publish.

    Attributes:
        outbox: keeps what is published, None without `keep`.
        superseded: for the user, which engine with the same MQTT client id took over, so that this one ended; else
            empty.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        *,
        board: bool = True,
        keep: bool = False,
        earlier: bool = False,
        watch: bool = False,
        program: str = "",
        took_over: float = 0.0,
    ) -> None:
        if watch:
            settings = replace(
                settings,
                ingest=replace(settings.ingest, enabled=False),
                apply=replace(settings.apply, enabled=False),
            )
        self.settings = settings
        self.journal = journal
        for server, address in (
            (Server.MQTT, settings.mqtt.url),
            (Server.KAFKA, ", ".join(dict.fromkeys(settings.kafka.brokers))),
            (Server.STRAPI, settings.strapi.url),
        ):
            journal.connections[server] = journal.connections[server]._replace(address=address)
        self._watch = Watch(settings, journal, earlier=earlier and board) if watch else None
        self._writer = Writer(settings.kafka, journal)
        written = [route.kafka for route in settings.routes if route.mqtt and settings.ingest.enabled]
        self._record_time = RecordTime(settings.kafka, [*written, settings.kafka.errors_topic], journal)
        letters = DeadLetters(settings.kafka.errors_topic, self._writer, journal)
        self.ingest = Ingest(settings, journal, self._writer, letters, Claim(settings, journal))
        self.apply = Apply(settings, journal, letters)
        self._board = board
        self._earlier = earlier
        self._reader = ProductPoller(settings, journal, whole=board)
        self._publisher = Publisher(settings.mqtt)
        self.outbox = Outbox(settings, journal, self._publisher) if keep else None
        self._letters = DeadLetterReader(settings.kafka, journal.errors.capacity)
        self.simulation = Simulation(journal.stock, self._publish_simulated)
        self._presence: Presence | None = None
        if program and not watch and (settings.ingest.enabled or settings.apply.enabled):
            self._presence = Presence(settings, program, took_over=took_over, account=lambda: counts_of(self.journal))
        self._took_over = took_over
        self.superseded = ""
        self._stopping = asyncio.Event()
        self._stopped = False

    async def run(self) -> None:
        """Run until `stop` is called, then finish what is in flight within `settings.drain` seconds."""
        parts = [self._watch_secrets, self._sample]
        parts.append(self._watch.run if self._watch is not None else self._writer.run)
        if self.settings.ingest.enabled or self.settings.apply.enabled:
            parts.append(self._record_time.run)
        if self._board or self.settings.apply.enabled:
            parts.append(self._reader.run)
        if self._board and self._watch is None:
            elsewhere = SettledElsewhere(self.settings, self.journal)
            parts.append(elsewhere.run)
            if self._earlier:
                parts.append(History(self.settings, self.journal, elsewhere.ask_for).run)
        if self.outbox is not None:
            parts.append(self.outbox.run)
        if self._presence is not None:
            parts += [self._presence.run, self._look_for_others]
        tasks = [asyncio.create_task(self._kept(part)) for part in parts]
        ingest = apply = None
        try:
            carries = await self._wait_for_other_engine()
            if carries and self.settings.ingest.enabled:
                ingest = asyncio.create_task(self._kept(self.ingest.run))
                tasks.append(ingest)
            if carries and self.settings.apply.enabled:
                apply = asyncio.create_task(self._kept(self.apply.run))
                tasks.append(apply)
            await self._stopping.wait()
            await self.simulation.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.settings.drain):
                    await self._drain(ingest, apply)
        finally:
            self._stopped = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._publisher.close()
            if self.outbox is not None:
                self.outbox.close()
            await self._letters.close()
            await self._writer.stop(deadline=1.0)
            for server in Server:
                self.journal.connection(server, State.OFF)

    def stop(self) -> None:
        """Make `run` finish and return."""
        self._stopping.set()

    async def publish(self, payload: bytes, topic: str | None = None, movement_id: str | None = None) -> Journey:
        """Publish over MQTT as any object would.

        Args:
            payload: any bytes.
            topic: the MQTT topic; None uses the setting `mqtt.publish_topic`.
            movement_id: the movement's identity; None creates one.

        Returns:
            The journey, once the broker has the message, or once it was sent and is kept by the outbox; the journal has
            it from the start.

        Raises:
            PublishError: the broker did not acknowledge it.
            ChainStoppedError: the chain is stopped.
        """
        if self._stopped:
            msg = Phrase("the chain is stopped")
            raise ChainStoppedError(msg)
        topic = topic or self.settings.mqtt.publish_topic
        movement = read_movement(payload)
        journey = Journey(
            movement_id or new_movement_id(),
            payload,
            mqtt_topic=topic,
            movement=movement if isinstance(movement, Movement) else None,
            qos=1,
            published_at=time.time(),
        )
        self.journal.published(journey)
        try:
            published = await self._publish_kept(topic, payload, journey.movement_id, movement)
        finally:
            journey.shorten()
        if not published:
            journey.resent = Phrase("the broker gave no word; it is sent again by itself until the stock shows it")
        return journey

    async def apply_missing(self) -> tuple[int, int, int]:
        """Apply what counts as applied in Kafka but is not in Strapi's ledger, for example after a restored backup.

        Returns:
            How many movements changed the stock, how many the ledger had, and how many can't be applied.

        Raises:
            ServerError: a server does not answer, or refuses; what was applied stays applied.
            ChainStoppedError: the chain is stopped.
        """
        if self._stopped:
            msg = Phrase("the chain is stopped")
            raise ChainStoppedError(msg)
        async with Replay(self.settings) as work:
            outcome = await work.run(await work.missing(), lambda _: None)
        return outcome.applied, outcome.known, outcome.refused

    async def movements_of(self, product: Product, after: int = 0) -> ProductHistory:
        """Read the latest movements of a product from the ledger; see `bridge.apply.product_history`."""
        async with StrapiClient(self.settings.strapi) as client:
            return await movements_of(client, product, after=after)

    async def replay(self, letter: DeadLetter, payload: bytes | None = None) -> Journey:
        """Send a dead letter again, as a new movement.

        Args:
            letter: from the journal.
            payload: what to send instead; None sends the original bytes.

        Raises:
            PublishError: the broker did not acknowledge it.
            UnreachableError: the full payload is only in Kafka, and can't be read there.
            ChainStoppedError: the chain is stopped.
        """
        journey = letter.journey
        if payload is None:
            payload = await self._letters.payload_of(letter) if journey.cut else journey.payload
            if len(payload) < journey.size:
                raise PublishError(
                    Phrase(
                        "the message had {size} bytes, and {kept} of them were taken in; it can't be sent again",
                        size=journey.size,
                        kept=len(payload),
                    )
                )
        return await self.publish(payload, journey.mqtt_topic)

    async def letters(self) -> list[DeadLetter]:
        """Read the dead letters in Kafka, in later calls those added since, however long Kafka is away.

        Only one call at a time.

        Returns:
            The latest in the order of their time, as many as the journal keeps; in later calls, those that any engine,
            this one included, wrote since.
        """
        backoff = Backoff(first=1.0, longest=15.0)
        while True:
            try:
                return await self._letters.read()
            except UnreachableError as error:
                _log.info("kafka: %s", error)
                await pause(backoff.pause())

    async def _publish_simulated(
        self, payload: bytes, movement_id: str, properties: tuple[tuple[str, str], ...]
    ) -> None:
        # Not noted as published: only what the user sent is recognised as such.
        topic = self.settings.mqtt.publish_topic
        if not await self._publish_kept(topic, payload, movement_id, read_movement(payload), properties):
            raise UnconfirmedError(
                Phrase("the broker gave no word; it is sent again by itself until the stock shows it")
            )

    async def _publish_kept(
        self,
        topic: str,
        payload: bytes,
        movement_id: str,
        movement: object,
        properties: tuple[tuple[str, str], ...] = (),
    ) -> bool:
        """Publish, and keep the movement in the outbox if that accepts it.

        Returns:
            Whether the broker acknowledged it; otherwise the outbox resends it.
        """
        outbox = self.outbox
        if outbox is None or not outbox.takes(topic, movement):
            if not await self._publisher.publish(topic, payload, movement_id, properties):
                raise PublishError(
                    Phrase("no one subscribes to {topic!r}, so the broker threw the message away", topic=topic)
                )
            return True
        outbox.add(movement_id, topic, payload, properties)
        try:
            if not await self._publisher.publish(topic, payload, movement_id, properties):
                outbox.unheard(movement_id)
        except UnconfirmedError:
            return False
        except PublishError:
            outbox.drop(movement_id)
            raise
        return True

    async def _drain(self, ingest: asyncio.Task[None] | None, apply: asyncio.Task[None] | None) -> None:
        # Concurrently: where Kafka does not answer, neither may wait for the other's deadline.
        parts: list[Awaitable[object]] = []
        if ingest is not None:
            parts.append(self.ingest.drain())
        if apply is not None:
            self.apply.request_stop()
            parts.append(asyncio.wait([apply]))
        await asyncio.gather(*parts)

    async def _wait_for_other_engine(self) -> bool:
        """Wait while another engine with this one's MQTT client id carries the chain.

        Returns:
            Whether this one carries it; False if it is stopped before.
        """
        presence = self._presence
        if presence is None:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD):
                await presence.heard.wait()
        # An engine that is superseded finishes what is in flight.
        deadline = time.monotonic() + (self.settings.drain + _HEARD if self._took_over else 0.0)
        while not self._stopping.is_set():
            other = presence.before
            if other is None and not (presence.withdrawing and time.monotonic() < deadline):
                self.journal.notes.pop(_WAITS, None)
                presence.carries = True
                return True
            if other is not None and _WAITS not in self.journal.notes:
                self.journal.notes[_WAITS] = Phrase(
                    "another engine with this one's MQTT client id carries the chain ({who}): this one waits until it "
                    "ends; stop it, or give each an mqtt.client_id of its own",
                    who=other.name,
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AT_OTHERS):
                    await self._stopping.wait()
        self.journal.notes.pop(_WAITS, None)
        return False

    async def _look_for_others(self) -> None:
        """End when another engine takes over from this one."""
        presence = self._presence
        while presence is not None and not self._stopping.is_set():
            await asyncio.sleep(_LOOK_AT_OTHERS)
            if presence.carries and (other := presence.before) is not None:
                _log.warning("%s takes over from this engine", other.name)
                self.superseded = other.name
                self.stop()

    async def _sample(self) -> None:
        while True:
            self.journal.sample(self.ingest.unacknowledged if self.settings.ingest.enabled else None)
            await asyncio.sleep(_SAMPLE)

    async def _watch_secrets(self) -> None:
        while True:
            warning = warning_of_open_secrets(self.settings)
            if warning is None:
                self.journal.notes.pop("secrets", None)
            else:
                self.journal.notes["secrets"] = warning
            await asyncio.sleep(_LOOK_AT_SECRETS)

    async def _kept(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        backoff = Backoff(first=1.0, longest=30.0)
        while not self._stopping.is_set():
            try:
                # In a separate task, as Python 3.11 leaves a task whose TaskGroup failed marked as cancelled.
                await asyncio.create_task(run())
            except Exception:
                # A part must not take the others down: what it had in flight is not acknowledged and is redelivered.
                _log.exception("%s failed and starts again", run.__qualname__)
                await pause(backoff.pause())
            else:
                return
