"""The journal itself: the rings, counters, latencies, connections and the stock board of one engine."""

from __future__ import annotations

import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.journal.connection import Connection, Server, State
from bridge.journal.journey import Hop, Journey, Verdict
from bridge.journal.latency import LatencyHistogram
from bridge.journal.news import News
from bridge.journal.rate import Rate
from bridge.journal.ring import Ring
from bridge.journal.stock import StockBoard
from bridge.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEFAULT_CAPACITY", "DeadLetter", "Journal"]

DEFAULT_CAPACITY: Final = 10_000
"""How many journeys a ring keeps where nothing else is said."""


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """One record of the errors topic.

    Attributes:
        journey: what it was; its `rejection` says why it is here.
        origin: where it came from, `mqtt topic` or `kafka stock/3@128`.
        at: seconds since the epoch when it was rejected.
        partition: where it stands in the errors topic.
        offset: where it stands in the errors topic.
    """

    journey: Journey
    origin: str
    at: float
    partition: int
    offset: int


class Journal:
    """What the engine did lately. The engine's thread calls the methods, any thread reads the attributes.

    Args:
        capacity: how many journeys each ring keeps, at least 1.

    Attributes:
        mqtt: journeys in the order in which they came over MQTT.
        kafka: journeys in the order in which Kafka acknowledged them, or in which foreign ones were consumed.
        strapi: journeys in the order in which they were decided.
        errors: dead letters in the order in which Kafka acknowledged them.
        received: messages that came over MQTT.
        produced: records that Kafka acknowledged.
        decided: movements that Strapi answered for, applied or not.
        rejected: dead letters.
        verdicts: how many journeys ended with each verdict.
        reasons: how many were rejected for each reason.
        latency: the histogram of each hop.
        connections: the state of each connection.
        stock: the latest stock of each product.
        notes: what the status line should say for as long as it holds, by a name of its own.
        lag: records of the stock topics that the consumer has not read yet, -1 while unknown.
        news: rings when any of this changed, but for notes and lag.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self.mqtt: Ring[Journey] = Ring(capacity)
        self.kafka: Ring[Journey] = Ring(capacity)
        self.strapi: Ring[Journey] = Ring(capacity)
        self.errors: Ring[DeadLetter] = Ring(capacity)
        self.received = Rate()
        self.produced = Rate()
        self.decided = Rate()
        self.rejected = Rate()
        self.verdicts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self.reasons: dict[str, int] = {}
        self.latency = {hop: LatencyHistogram() for hop in Hop}
        self.connections = {server: Connection() for server in Server}
        self.news = News()
        self.stock = StockBoard(self.news)
        self.notes: dict[str, str] = {}
        self.lag = -1
        self._journeys: Recent[str, Journey] = Recent(2 * capacity)
        self._published: Recent[str, Journey] = Recent(capacity)
        self._twins: Recent[str, list[Journey]] = Recent(2 * capacity)

    def journey(self, movement_id: str) -> Journey | None:
        """The journey of that movement, as long as it is remembered."""
        return self._journeys.get(movement_id) or self._published.get(movement_id)

    def journeys(self, movement_id: str) -> Sequence[Journey]:
        """All that arrived of that movement and are remembered, in order: a publisher may send it twice."""
        if (twins := self._twins.get(movement_id)) is not None:
            return twins
        only = self._journeys.get(movement_id)
        return () if only is None else (only,)

    def published(self, journey: Journey) -> None:
        """Note a movement that our own form sent, so that its arrival is recognised."""
        self._published[journey.movement_id] = journey

    def arrived(self, journeys: Sequence[Journey]) -> None:
        """Note a chunk that came over MQTT."""
        self.received.add(len(journeys))
        named = {journey.movement_id: journey for journey in journeys}
        if len(named) < len(journeys) or self._journeys.knows_any(named) or self._published.knows_any(named):
            self._recognise(journeys)
        else:
            self._journeys.update(named)
        self.mqtt.extend(journeys)
        self.news.ring()

    def acknowledged(self, journeys: Sequence[Journey]) -> None:
        """Note journeys that Kafka has; their partition, offset and `acknowledged_at` are set."""
        self.produced.add(len(journeys))
        self.kafka.extend(journeys)
        _measure(self.latency[Hop.INGEST], journeys, "received_at", "acknowledged_at")
        self.news.ring()

    def consumed(self, journeys: Sequence[Journey]) -> None:
        """Note journeys that the consumer has; those that ingest did not see are foreign and enter the Kafka pane."""
        foreign = [journey for journey in journeys if journey.received_at is None]
        self._journeys.update({journey.movement_id: journey for journey in foreign})
        self.kafka.extend(foreign)
        _measure(self.latency[Hop.KAFKA], journeys, "acknowledged_at", "consumed_at")
        self.news.ring()

    def settled(self, journeys: Sequence[Journey]) -> None:
        """Note journeys that have a verdict; also moves the stock board."""
        self.decided.add(len(journeys))
        self.strapi.extend(journeys)
        _measure(self.latency[Hop.APPLY], journeys, "consumed_at", "decided_at")
        through = [journey for journey in journeys if journey.consumed_at is not None]
        _measure(self.latency[Hop.TOTAL], through, "received_at", "decided_at")
        for journey in journeys:
            if journey.verdict is not None:
                self.verdicts[journey.verdict] += 1
            if journey.rejection is not None:
                reason = journey.rejection.reason
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if (
                journey.verdict is Verdict.APPLIED
                and journey.movement is not None
                and journey.decided_at is not None
                and journey.product_id is not None
                and journey.stock_after is not None
            ):
                self.stock.moved(journey.product_id, journey.stock_after, journey.movement.delta, journey.decided_at)
        self.news.ring()

    def buried(self, letters: Sequence[DeadLetter]) -> None:
        """Note dead letters that Kafka has."""
        self.rejected.add(len(letters))
        self.errors.extend(letters)
        self.news.ring()

    def connection(self, server: Server, state: State, detail: str = "", advice: str = "") -> None:
        """Note the state of a connection."""
        self.connections[server] = self.connections[server].moved(state, detail, advice)
        self.news.ring()

    def _recognise(self, journeys: Sequence[Journey]) -> None:
        for journey in journeys:
            if (ours := self._published.get(journey.movement_id)) is not None:
                journey.published_at = ours.published_at
            if self._journeys.get(journey.movement_id) is not None:
                self._twins[journey.movement_id] = [*self.journeys(journey.movement_id), journey]
            self._journeys[journey.movement_id] = journey


def _measure(histogram: LatencyHistogram, journeys: Sequence[Journey], start: str, stop: str) -> None:
    """Record how long journeys took between two of their times; those that lack one of them are left out.

    Journeys that came together share their times, so they are counted by the run.
    """
    now = time.monotonic()
    times = map(attrgetter(start, stop), journeys)
    for (began, ended), run in groupby(times):
        if began is not None and ended is not None:
            histogram.record(ended - began, sum(1 for _ in run), now)
