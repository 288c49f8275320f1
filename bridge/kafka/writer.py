"""Writing to Kafka through outages: connects, reports the connection's state, and replaces a failed producer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff, pause
from bridge.errors import (
    RefusedError,
    RejectedError,
    ServerError,
    SettingsError,
    TooLargeError,
    UnreachableError,
)
from bridge.journal import Server, State
from bridge.kafka.connect import reach_of
from bridge.kafka.producer import Producer
from bridge.kafka.refusal import why_waiting
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.journal import Journal
    from bridge.kafka.producer import Placed, Record
    from bridge.settings import KafkaSettings

__all__ = ["Writer"]

_log = logging.getLogger(__name__)

_LOOK: Final = 5.0
"""Seconds between two checks that the cluster answers."""

_OTHERS: Final = 30.0
"""Seconds between two checks of each single broker: records of the partitions it leads wait for it alone."""

_SLOW: Final = 3.0
"""Seconds that an acknowledgement may take before the delay is reported."""

_REFUSED: Final = 30.0
"""The longest pause in seconds between two attempts to write what Kafka refuses."""

_ALONE: Final = 3
"""How often a record that Kafka refuses for an unknown reason is tried by itself before it is given up."""


class Writer:
    """Writes records for as long as it takes; callers never see an outage, only a longer wait.

    Args:
        settings: the cluster's.
        journal: where the state of the connection is noted.
    """

    def __init__(self, settings: KafkaSettings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._producer = Producer(settings)
        self._connected = asyncio.Event()
        self._renew = asyncio.Event()
        self._slow: dict[object, Collection[str]] = {}
        """The calls that have been waiting long for an acknowledgement, with their topics."""
        self._refused: dict[object, RefusedError | RejectedError] = {}
        """The calls that wait because Kafka refuses their records, with the error: being admitted does not mean that
        these are accepted.
        """
        self._said = ""
        self._others_due = 0.0

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        backoff = Backoff()
        self._journal.connection(Server.KAFKA, State.CONNECTING)
        while True:
            # Let a pending cancellation take effect: stopping the producer may have swallowed it.
            await pause(0)
            try:
                await self._producer.start()
            except ServerError as error:
                self.note(error)
                await pause(backoff.pause())
                continue
            backoff.reset()
            if self._journal.connections[Server.KAFKA].state is State.REFUSED and not self._refused:
                # It admits us now.
                self._journal.connection(Server.KAFKA, State.CONNECTING)
            self._renew.clear()
            self._connected.set()
            await self._watch()
            self._connected.clear()
            # A producer that failed permanently has nothing in flight that it could still deliver.
            await self._producer.stop(1.0)

    async def stop(self, deadline: float) -> None:
        """Disconnect within `deadline` seconds."""
        self._connected.clear()
        await self._producer.stop(deadline)
        self._journal.connection(Server.KAFKA, State.OFF)

    async def produce(self, records: Sequence[Record], placed: list[Placed | None] | None = None) -> list[Placed]:
        """Write records and wait until Kafka has them all, through outages and replacements of the producer.

        Args:
            records: in order.
            placed: filled in as records are written, for callers that need to know where this raises.

        Returns:
            Where each record is, in the same order.

        Raises:
            RejectedError: Kafka refuses one of the records permanently; those with an entry in `placed` are written.
        """
        call = object()
        places: list[Placed | None] = [None] * len(records) if placed is None else placed
        try:
            await self._produce_until_written(call, records, places)
        finally:
            self._refused.pop(call, None)
        if not self._refused:
            self._journal.connection(Server.KAFKA, State.UP)
        return [place for place in places if place is not None]

    def refused(self, call: object, error: RefusedError | RejectedError) -> None:
        """Note that a caller waits because Kafka refuses its records; this remains the state until `taken`.

        Args:
            call: the caller.
            error: Kafka's refusal.
        """
        self._refused[call] = error
        self.note(error)

    def taken(self, call: object) -> None:
        """Note that Kafka accepted what it refused before, or that the caller no longer waits."""
        if self._refused.pop(call, None) is not None and not self._refused:
            self._journal.connection(Server.KAFKA, State.UP)

    async def _produce_until_written(
        self, call: object, records: Sequence[Record], places: list[Placed | None]
    ) -> None:
        backoff, refused = Backoff(), Backoff(first=1.0, longest=_REFUSED)
        alone = 0
        while True:
            await self._connected.wait()
            try:
                await self._produce(call, records, places)
            except RejectedError as error:
                self._begin_anew()
                alone += 1
                if isinstance(error, TooLargeError) or places.count(None) > 1 or alone >= _ALONE:
                    raise
                await pause(backoff.pause())
            except RefusedError as error:
                self.refused(call, error)
                self._begin_anew()
                await pause(refused.pause())
            except UnreachableError as error:
                self._refused.pop(call, None)
                self.note(error)
                await pause(backoff.pause())
            except ServerError as error:
                self._refused.pop(call, None)
                self.note(error)
                self._begin_anew()
                await pause(backoff.pause())
            else:
                return

    async def _produce(self, call: object, records: Sequence[Record], places: list[Placed | None]) -> None:
        topics = {record.topic for record in records}
        slow = asyncio.get_running_loop().call_later(_SLOW, self._note_waiting, call, topics)
        try:
            await self._producer.produce(records, places)
        finally:
            slow.cancel()
            self._slow.pop(call, None)

    def note(self, error: ServerError) -> None:
        """Note that Kafka does not accept records; log it if the reason is new."""
        state = State.REFUSED if isinstance(error, RefusedError | RejectedError) else State.DOWN
        # The untranslated sentence and not the text, which may contain the time.
        said = error.what.sentence if isinstance(error.what, Phrase) else error.what
        if self._journal.connections[Server.KAFKA].state is not state or said != self._said:
            _log.warning("kafka: %s", error)
        self._said = said
        self._journal.connection(Server.KAFKA, state, error.what, error.advice)

    def _begin_anew(self) -> None:
        """Replace the producer: it has counted the records that Kafka refused, and Kafka has not (KIP-98)."""
        self._connected.clear()
        self._renew.set()

    async def _watch(self) -> None:
        while not self._renew.is_set():
            try:
                await self._producer.alive()
            except ServerError as error:
                self.note(error)
            else:
                if self._slow:
                    await self._explain()
                elif self._refused:
                    # Only that call's next attempt shows whether it still is refused.
                    self.note(next(reversed(self._refused.values())))
                else:
                    self._journal.connection(Server.KAFKA, State.UP)
                await self._look_at_others()
            try:
                await asyncio.wait_for(self._renew.wait(), _LOOK)
            except TimeoutError:
                continue

    async def _look_at_others(self) -> None:
        now = asyncio.get_running_loop().time()
        several = self._producer.brokers > 1 or "brokers" in self._journal.notes
        if not several or now < self._others_due:
            return
        try:
            faults = (await reach_of(self._settings)).faults
        except SettingsError:
            return
        self._others_due = now + (_LOOK if faults else _OTHERS)
        if faults:
            self._journal.notes["brokers"] = faults[0].text
        else:
            self._journal.notes.pop("brokers", None)

    def _note_waiting(self, call: object, topics: Collection[str]) -> None:
        self._slow[call] = topics
        if self._producer.refusal is not None:
            self.note(self._producer.refusal)
        elif self._journal.connections[Server.KAFKA].state is State.UP:
            what, advice = Phrase("Kafka does not acknowledge"), Phrase("the messages wait, and none is lost")
            self._journal.connection(Server.KAFKA, State.DOWN, what, advice)

    async def _explain(self) -> None:
        """Note the likely reason why a cluster answers but does not acknowledge."""
        reason = await why_waiting(self._settings, {topic for topics in self._slow.values() for topic in topics})
        if reason is not None and self._slow:
            self.note(reason)
