"""Apply: from Kafka to Strapi. A record's offset is committed once its verdict, and its dead letter, are safe."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.apply.batch import Settler
from bridge.apply.in_hand import InHand
from bridge.apply.lane import Floor, Lane
from bridge.apply.patience import Patience
from bridge.apply.spread import Spread
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
    from collections.abc import Callable

    from bridge.dead_letter import DeadLetters
    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["Apply"]

_log = logging.getLogger(__name__)

_MEASURE: Final = 1.0
"""Seconds between two measures of the lag."""

_TOPICS: Final = 2
"""How many measures of the lag go by between two looks for topics that are missing."""

_OTHERS: Final = 50
"""How many products and events are taken at once: they are written one by one, and committed together."""


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
        self._patience = Patience(settings.apply, journal, self._token_is_new)
        self._stopping = asyncio.Event()
        self._in_hand = InHand()
        self._commits: Commits | None = None
        self._exhausted_at = float("-inf")

    @property
    def idle(self) -> bool:
        """Whether nothing is in hand and, when it was looked at last, Kafka had nothing more for us."""
        return self._in_hand.quiet_since <= self._exhausted_at

    def pause(self) -> None:
        """Apply nothing more for now; a request that is under way ends."""
        self._patience.pause()

    def resume(self) -> None:
        """Apply again, at once where it waits for Strapi."""
        self._patience.resume()

    def request_stop(self) -> None:
        """Ask `run` to finish what is in hand, to commit and to leave the group."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until cancelled or asked to stop, through every absence of a server."""
        backoff = Backoff()
        async with StrapiClient(self._settings.strapi) as client:
            self._client = client
            stock = Stock(client, self._settings.apply.batch)
            settler = Settler(self._journal, self._letters, stock, Carrier(client), self._patience)
            while not self._stopping.is_set():
                try:
                    await self._consume(settler, stock, backoff)
                except ServerError as error:
                    if "consume" not in self._journal.notes:
                        _log.warning("apply: %s", error)
                    self._journal.notes["consume"] = error.what
                    self._journal.lag = -1
                    self._exhausted_at = float("-inf")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stopping.wait(), backoff.pause())
        for note in ("consume", "apply", "topics"):
            self._journal.notes.pop(note, None)

    async def _consume(self, settler: Settler, stock: Stock, backoff: Backoff) -> None:
        consumer = Consumer(self._settings.kafka, self._does.keys(), self._release)
        self._commits = commits = Commits(consumer)
        ending = asyncio.Event()
        lanes = self._lanes(consumer, settler, stock, commits, ending)
        tasks: list[asyncio.Task[object]] = []
        try:
            await consumer.start()
            backoff.reset()
            self._journal.notes.pop("consume", None)
            working = (lane.run() for lane in lanes)
            tasks = [asyncio.create_task(each) for each in (self._stopping.wait(), self._measure(consumer), *working)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            self._patience.wake()
            # What is in hand is finished: by plain REST no one could tell whether a request cut short was carried out.
            await self._in_hand.all_settled()
            if self._stopping.is_set():
                await commits.flush()
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            await commits.stop()
            await consumer.stop(2.0)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _lanes(
        self, consumer: Consumer, settler: Settler, stock: Stock, commits: Commits, ending: asyncio.Event
    ) -> list[Lane]:
        movements = frozenset(topic for topic, does in self._does.items() if does is Does.MOVEMENT)
        others = frozenset(self._does) - movements
        work: list[tuple[Spread, int, Callable[[], int]]] = []
        if movements:
            requests = self._settings.apply.requests
            spread = Spread(movements, requests, lambda: consumer.backlog)
            work += [(spread, number, lambda: stock.size) for number in range(requests)]
        if others:
            work.append((Spread(others, 1, lambda: False), 0, lambda: _OTHERS))
        self._in_hand = InHand()
        floor = Floor(self._does, consumer, settler, commits, self._in_hand, self._patience, self._journal, ending)
        return [
            Lane(number, partial(spread.share, place), most, floor) for number, (spread, place, most) in enumerate(work)
        ]

    async def _release(self) -> None:
        self._patience.wake()
        # Longer, and the group would go on without us.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.kafka.session_timeout * 0.6):
                await self._in_hand.all_settled()
                if self._commits is not None:
                    await self._commits.flush()

    def _token_is_new(self) -> bool:
        return self._client is not None and self._client.renew_token()

    async def _measure(self, consumer: Consumer) -> None:
        rounds = 0
        while True:
            asked_at = time.monotonic()
            lag = await consumer.lag()
            self._journal.lag = lag + self._in_hand.records if lag >= 0 else lag
            self._exhausted_at = asked_at if lag == 0 else float("-inf")
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
