"""The producer kept alive: it connects, says how it stands, and makes another one when it can't go on."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff
from bridge.errors import RefusedError, RejectedError, ServerError, UnreachableError
from bridge.journal import Server, State
from bridge.kafka.producer import Producer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journal
    from bridge.kafka.producer import Placed, Record
    from bridge.settings import KafkaSettings

__all__ = ["Writer"]

_log = logging.getLogger(__name__)

_LOOK: Final = 5.0
"""Seconds between two looks whether the cluster answers."""

_REFUSED: Final = 30.0
"""Seconds between two tries of what Kafka refuses."""


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

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        backoff = Backoff()
        self._journal.connection(Server.KAFKA, State.CONNECTING)
        while True:
            try:
                await self._producer.start()
            except ServerError as error:
                self._note(error)
                await asyncio.sleep(backoff.pause())
                continue
            backoff.reset()
            if self._journal.connections[Server.KAFKA].state is State.REFUSED:
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
        """Write records and wait until Kafka has them all, through outages and a producer that has to be made anew.

        Args:
            records: in order.
            placed: filled in as places become known, for whoever wants to know them where it raises.

        Returns:
            Where each record stands, in the same order.

        Raises:
            RejectedError: Kafka refuses a record among them for good; those that have a place in `placed` are written.
        """
        backoff = Backoff()
        places: list[Placed | None] = [None] * len(records) if placed is None else placed
        while True:
            await self._connected.wait()
            slow = asyncio.get_running_loop().call_later(3.0, self._note_waiting)
            try:
                await self._producer.produce(records, places)
            except RejectedError:
                raise
            except RefusedError as error:
                self._note(error)
                await asyncio.sleep(_REFUSED)
            except UnreachableError as error:
                self._note(error)
                await asyncio.sleep(backoff.pause())
            except ServerError as error:
                self._note(error)
                self._connected.clear()
                self._renew.set()
            else:
                self._journal.connection(Server.KAFKA, State.UP)
                return [place for place in places if place is not None]
            finally:
                slow.cancel()

    async def _watch(self) -> None:
        while not self._renew.is_set():
            try:
                await self._producer.alive()
            except ServerError as error:
                self._note(error)
            else:
                if self._journal.connections[Server.KAFKA].state is not State.REFUSED:
                    self._journal.connection(Server.KAFKA, State.UP)
            try:
                await asyncio.wait_for(self._renew.wait(), _LOOK)
            except TimeoutError:
                continue

    def _note_waiting(self) -> None:
        self._journal.connection(
            Server.KAFKA, State.DOWN, "Kafka does not acknowledge", "the messages wait, and none is lost"
        )

    def _note(self, error: ServerError) -> None:
        state = State.REFUSED if isinstance(error, RefusedError) else State.DOWN
        if self._journal.connections[Server.KAFKA].state is not state:
            _log.warning("kafka: %s", error)
        self._journal.connection(Server.KAFKA, state, error.what, error.advice)
