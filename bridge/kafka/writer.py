"""The producer kept alive: it connects, says how it stands, and makes another one when it can't go on."""

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
"""Seconds between two looks whether the cluster answers."""

_OTHERS: Final = 30.0
"""Seconds between two looks whether each of several brokers is reached: what one leads waits for it alone."""

_SLOW: Final = 3.0
"""Seconds that an acknowledgement may take before that is told."""

_REFUSED: Final = 30.0
"""Seconds to which the pause between two tries of what Kafka refuses grows."""

_ALONE: Final = 3
"""How often a record that Kafka refuses for no reason that we know is tried by itself, before it is given up."""


class Writer:
    """Writes records for as long as it takes; who calls it never sees an outage, only a longer wait.

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
        """The calls that wait for an acknowledgement for long, and for which topics."""
        self._refused: dict[object, RefusedError | RejectedError] = {}
        """Who waits with what Kafka refused, and why: that a cluster lets us in does not mean that it takes this."""
        self._said = ""
        self._others_due = 0.0

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        backoff = Backoff()
        self._journal.connection(Server.KAFKA, State.CONNECTING)
        while True:
            # A producer may have been stopped at the very moment of a cancellation.
            await pause(0)
            try:
                await self._producer.start()
            except ServerError as error:
                self.note(error)
                await pause(backoff.pause())
                continue
            backoff.reset()
            if self._journal.connections[Server.KAFKA].state is State.REFUSED and not self._refused:
                # It lets us in by now.
                self._journal.connection(Server.KAFKA, State.CONNECTING)
            self._renew.clear()
            self._connected.set()
            await self._watch()
            self._connected.clear()
            # A producer that failed for good has nothing under way that it could still deliver.
            await self._producer.stop(1.0)

    async def stop(self, deadline: float) -> None:
        """Disconnect within `deadline` seconds."""
        self._connected.clear()
        await self._producer.stop(deadline)
        self._journal.connection(Server.KAFKA, State.OFF)

    async def produce(self, records: Sequence[Record], placed: list[Placed | None] | None = None) -> list[Placed]:
        """Write records and wait until Kafka has them all, through outages and a producer that has to be made again.

        Args:
            records: in order.
            placed: filled in as places become known, for whoever wants to know them where it raises.

        Returns:
            Where each record stands, in the same order.

        Raises:
            RejectedError: Kafka refuses a record among them for good; those that have a place in `placed` are written.
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
        """Note that somebody waits with what Kafka refuses, which is how it stands until `taken`.

        Args:
            call: who waits.
            error: what Kafka says.
        """
        self._refused[call] = error
        self.note(error)

    def taken(self, call: object) -> None:
        """Note that Kafka took what was refused, or that nobody waits with it any more."""
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
        """Note that Kafka does not take what it is given, in the log where that is news."""
        state = State.REFUSED if isinstance(error, RefusedError | RejectedError) else State.DOWN
        # Not the text itself: a time, say, may stand in it.
        said = error.what.sentence if isinstance(error.what, Phrase) else error.what
        if self._journal.connections[Server.KAFKA].state is not state or said != self._said:
            _log.warning("kafka: %s", error)
        self._said = said
        self._journal.connection(Server.KAFKA, state, error.what, error.advice)

    def _begin_anew(self) -> None:
        """Have another producer made: this one has counted what Kafka refused, and Kafka has not (KIP-98)."""
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
                    # Whether it still is only the next try of that call tells.
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
        """Note what may be the reason where a cluster answers and does not acknowledge."""
        reason = await why_waiting(self._settings, {topic for topics in self._slow.values() for topic in topics})
        if reason is not None and self._slow:
            self.note(reason)
