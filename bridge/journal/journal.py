"""The journal of one engine: rings, counters, latencies, connections and the stock table."""

from __future__ import annotations

import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.bounded import Recent
from bridge.journal.connection import Connection, Gap, Held, Server, State
from bridge.journal.journey import Hop, Journey, Verdict
from bridge.journal.metrics import Gauge, LatencyHistogram, Rate
from bridge.journal.ring import ChangeSignal, Ring
from bridge.journal.stock_table import StockTable

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["DEFAULT_CAPACITY", "EARLIER", "WATCHES", "DeadLetter", "Journal"]

DEFAULT_CAPACITY: Final = 10_000
"""The default number of journeys that a ring keeps."""

EARLIER: Final = 500
"""For a journal with a screen, how many records from before the start it can hold."""

WATCHES: Final = "watching"
"""The key of the note that this program only watches, and can take over."""

_RING: Final = 1_024
"""The average bytes per journey that a ring may keep of data chosen by others; a movement has about 50."""

_REMEMBERED: Final = 256
"""The same for the journeys that can be found by identity, of which there are up to four times as many."""

_TWINS: Final = 100
"""How many journeys of one identity are kept apart."""


_weight: Final = attrgetter("weight")

_STANDING: Final = frozenset({"apply", "consume", "qos-0", "session-expiry", "turn"})
"""Notes about the state of one engine, which the next engine sets itself. The other notes report what happened, or are
removed once they no longer hold.
"""


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """One record of the errors topic.

    Attributes:
        journey: of the rejected message; its `rejection` has the reason.
        origin: where the message came from, `mqtt topic` or `kafka stock/3@128`.
        at: when it was rejected, in seconds since the epoch.
        partition: in the errors topic.
        offset: in the errors topic.
    """

    journey: Journey
    origin: str
    at: float
    partition: int
    offset: int


class Journal:
    """The recent activity of the engine. The engine's thread calls the methods, any thread reads the attributes.

    Args:
        capacity: how many journeys each ring keeps, at least 1; fewer where they have more than 1,024 bytes on average
            of data chosen by others: payload (as `Journey.shorten` leaves it), topic and user properties.
        earlier: for how many journeys from before this engine there is room, see `precede`.

    Attributes:
        mqtt: journeys in the order in which they arrived over MQTT.
        kafka: journeys in the order in which Kafka acknowledged them, or in which foreign ones were consumed.
        strapi: journeys in the order in which they were decided.
        errors: dead letters in the order in which Kafka acknowledged them.
        received: messages received over MQTT.
        produced: records that Kafka acknowledged.
        decided: messages that have a verdict, including those that ingest rejected.
        answered: records that Strapi answered, whatever the answer.
        rejected: dead letters.
        verdicts: how many journeys ended with each verdict.
        reasons: how many were rejected for each reason.
        latency: the histogram of each hop, for movements only.
        to_kafka: how many messages of the kept session Kafka has not acknowledged, by the second; see `sample`.
        to_strapi: `lag`, by the second.
        connections: the state of each connection.
        stock: the latest stock of each product.
        notes: what the status line says for as long as it holds, by a key.
        skipped: how many offsets Kafka deleted before they were applied, by topic and partition.
        passed_over: how many offsets were skipped because the group's offset was set, by topic and partition.
        resets: how often reading a partition did not continue where it had ended, by reason.
        missing: how many offsets count as applied in Kafka but are not in the ledger, by topic and partition.
        foreign_members: how many members of the consumer group are not engines.
        lag: movements that wait for Strapi: records of movement topics in our partitions without a verdict, including
            those in flight; -1 while unknown.
        lag_of_others: the same for records of other routes, -1 while unknown.
        held: what can't be read while another program's transaction is open, by topic and partition.
        granted: by topic filter, the QoS that the broker grants; empty before it has answered.
        gaps: how often MQTT messages may have been lost unseen, by the evidence; nobody knows how many each time.
        clock_ahead: seconds by which this machine's clock is ahead of Strapi's, None while that is not known.
        stands_by: whether another engine receives the MQTT messages, so that this one only applies.
        news: rings when any of this changes, except for notes and lag.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY, earlier: int = 0) -> None:
        self.mqtt: Ring[Journey] = Ring(capacity, _weight_of, _RING * capacity, earlier)
        self.kafka: Ring[Journey] = Ring(capacity, _weight_of, _RING * capacity, earlier)
        self.strapi: Ring[Journey] = Ring(capacity, _weight_of, _RING * capacity)
        self.errors: Ring[DeadLetter] = Ring(capacity, _weight_of_letters, _RING * capacity)
        self.received = Rate()
        self.produced = Rate()
        self.decided = Rate()
        self.answered = Rate()
        self.rejected = Rate()
        self.verdicts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self.reasons: dict[str, int] = {}
        self.latency = {hop: LatencyHistogram() for hop in Hop}
        self.to_kafka = Gauge()
        self.to_strapi = Gauge()
        self.connections = {server: Connection() for server in Server}
        self.news = ChangeSignal()
        self.stock = StockTable(self.news)
        self.notes: dict[str, str] = {}
        self.skipped: dict[tuple[str, int], int] = {}
        self.passed_over: dict[tuple[str, int], int] = {}
        self.resets: dict[str, int] = {}
        self.missing: dict[tuple[str, int], int] = {}
        self.foreign_members = 0
        self.granted: dict[str, int] = {}
        self.gaps: dict[Gap, int] = dict.fromkeys(Gap, 0)
        self.counter_resets = 0
        """How often the counters were reset, so that watchers follow."""
        self.lag = -1
        self.lag_of_others = -1
        self.held: dict[tuple[str, int], Held] = {}
        self.clock_ahead: float | None = None
        self.stands_by = False
        self._journeys: Recent[str, Journey] = Recent(2 * capacity, _REMEMBERED * 2 * capacity)
        self._published: Recent[str, Journey] = Recent(capacity, _REMEMBERED * capacity)
        self._twins: Recent[str, list[Journey]] = Recent(2 * capacity, _REMEMBERED * 2 * capacity)
        self._earlier: dict[str, list[Journey]] = {}
        self._began = time.time()

    def journey(self, movement_id: str) -> Journey | None:
        """The latest journey of that movement, while it is kept."""
        return self._journeys.get(movement_id) or self._published.get(movement_id)

    def journeys(self, movement_id: str) -> Sequence[Journey]:
        """All kept journeys of that movement, in order: a publisher may send it more than once."""
        if (twins := self._twins.get(movement_id)) is not None:
            return twins
        only = self._journeys.get(movement_id)
        return () if only is None else (only,)

    def known(self, movement_id: str) -> Sequence[Journey]:
        """The same, preceded by those from before the start."""
        arrived, before = self.journeys(movement_id), self._earlier.get(movement_id)
        return arrived if before is None else [*before, *arrived]

    def published(self, journey: Journey) -> None:
        """Note a movement that our own form sent, so that its arrival is recognised."""
        journey.weigh()
        self._published.update({journey.movement_id: journey}, journey.weight)

    def arrived(self, journeys: Sequence[Journey]) -> None:
        """Note a chunk that arrived over MQTT."""
        self.received.add(len(journeys))
        named = {journey.movement_id: journey for journey in journeys}
        if len(named) < len(journeys) or self._journeys.knows_any(named) or self._published.knows_any(named):
            self._recognise(journeys)
        else:
            self._journeys.update(named, _weight_of(journeys))
        self.mqtt.extend(journeys)
        self.news.ring()

    def acknowledged(self, journeys: Sequence[Journey]) -> None:
        """Note journeys that Kafka acknowledged; their partition, offset and `acknowledged_at` are set."""
        self.produced.add(len(journeys))
        self.kafka.extend(journeys)
        _measure(self.latency[Hop.INGEST], journeys, "received_at", "acknowledged_at")
        self.news.ring()

    def consumed(self, journeys: Sequence[Journey]) -> None:
        """Note consumed journeys; those that ingest did not see are foreign, and are added to the Kafka pane."""
        foreign = [journey for journey in journeys if journey.received_at is None and not journey.earlier]
        self._journeys.update({journey.movement_id: journey for journey in foreign}, _weight_of(foreign))
        self.kafka.extend(foreign)
        _measure(self.latency[Hop.KAFKA], journeys, "acknowledged_at", "consumed_at")
        self.news.ring()

    def named(self, journeys: Sequence[Journey]) -> None:
        """Note journeys that arrived without an identity and got one from another engine."""
        self._recognise(journeys)

    def settled(self, journeys: Sequence[Journey], *, seen: bool = False) -> None:
        """Note journeys that have a verdict, and update the stock table.

        Args:
            journeys: which.
            seen: whether another engine settled them and this program observed it: when that engine consumed them is
                not known.
        """
        self.decided.add(len(journeys))
        self.answered.add(sum([_went_through(one) if seen else one.answered for one in journeys]))
        self.strapi.extend(journeys)
        _measure(self.latency[Hop.APPLY], journeys, "consumed_at", "decided_at")
        through = [one for one in journeys if (one.offset >= 0 if seen else one.consumed_at is not None)]
        through = [journey for journey in through if not journey.earlier]
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

    def dead_lettered(self, letters: Sequence[DeadLetter]) -> None:
        """Note dead letters that Kafka has."""
        self.rejected.add(len(letters))
        self.errors.extend(letters)
        self.news.ring()

    def precede(self, journeys: Sequence[Journey]) -> Sequence[Journey]:
        """Note, once, journeys from before this engine, which count in no figure; leave out those that it has itself.

        Those that arrived over MQTT precede all others in `mqtt`, those that Kafka has in `kafka`.

        Args:
            journeys: in the order of their time; each `earlier`.

        Returns:
            Those that were not left out.
        """
        fresh = [journey for journey in journeys if not self._has(journey)]
        for journey in fresh:
            journey.weigh()
            self._earlier.setdefault(journey.movement_id, []).append(journey)
        self.mqtt.precede([journey for journey in fresh if journey.received_at is not None])
        self.kafka.precede([journey for journey in fresh if journey.offset >= 0])
        self.news.ring()
        return fresh

    def _has(self, journey: Journey) -> bool:
        ours = self._published.get(journey.movement_id)
        if ours is not None and (ours.published_at or 0.0) >= self._began:
            # It was published after the start, and another engine carries it.
            return True
        return any(
            (one.kafka_topic, one.partition, one.offset) == (journey.kafka_topic, journey.partition, journey.offset)
            # Kafka has it, but has not acknowledged it to its producer yet.
            or (one.offset < 0 and one.holds(journey.payload))
            for one in self.journeys(journey.movement_id)
        )

    def go_on(self, capacity: int, *, same_kafka: bool = True, same_strapi: bool = True) -> None:
        """Prepare for the next engine, which has other settings; counts and rings are kept.

        Call this only while no engine runs.

        Args:
            capacity: as in the class.
            same_kafka: whether its Kafka is the same; another one has other dead letters and offsets.
            same_strapi: whether its Strapi is the same; another one has other products.
        """
        for ring in (self.mqtt, self.kafka, self.strapi):
            ring.resize(capacity, _RING * capacity)
        self.errors.resize(capacity, _RING * capacity)
        self._journeys.resize(2 * capacity, _REMEMBERED * 2 * capacity)
        self._published.resize(capacity, _REMEMBERED * capacity)
        self._twins.resize(2 * capacity, _REMEMBERED * 2 * capacity)
        if not (same_kafka and same_strapi):
            self.skipped.clear()
            self.missing.clear()
            self.notes.clear()
        for note in _STANDING:
            self.notes.pop(note, None)
        if not same_strapi:
            self.stock.keep(frozenset())
        self.connections.update({server: Connection() for server in Server})
        self.granted.clear()
        self.lag, self.stands_by = -1, False

    def sample(self, to_kafka: int | None) -> None:
        """Note what waits, for charts; to be called every second.

        Args:
            to_kafka: how many messages Kafka has not acknowledged; None if this program does not take them.
        """
        if to_kafka is not None:
            self.to_kafka.note(to_kafka)
        if self.lag >= 0:
            self.to_strapi.note(self.lag)

    def reset_counters(self) -> None:
        """Set the counters to zero; records and the backlog stay."""
        self.counter_resets += 1
        for rate in (self.received, self.produced, self.decided, self.answered, self.rejected):
            rate.total = 0
        self.verdicts.update(dict.fromkeys(Verdict, 0))
        self.reasons.clear()
        self.news.ring()

    def gap(self, cause: Gap) -> None:
        """Note that MQTT messages may have been lost, unknown how many."""
        self.gaps[cause] += 1
        self.news.ring()

    def connection(self, server: Server, state: State, detail: str = "", advice: str = "") -> None:
        """Note the state of a connection."""
        self.connections[server] = self.connections[server].moved(state, detail, advice)
        self.news.ring()

    def _recognise(self, journeys: Sequence[Journey]) -> None:
        for journey in journeys:
            if (ours := self._published.get(journey.movement_id)) is not None:
                journey.published_at = ours.published_at
                journey.resent = ours.resent
            if self._journeys.get(journey.movement_id) is not None:
                twins = [*self.journeys(journey.movement_id), journey][-_TWINS:]
                self._twins.update({journey.movement_id: twins}, journey.weight)
            self._journeys.update({journey.movement_id: journey}, journey.weight)


def _went_through(journey: Journey) -> bool:
    """Whether Strapi answered for a journey that another engine processed."""
    return journey.offset >= 0 and (journey.movement is not None or journey.verdict is Verdict.CARRIED)


def _weight_of(journeys: Sequence[Journey]) -> int:
    return sum(map(_weight, journeys))


def _weight_of_letters(letters: Sequence[DeadLetter]) -> int:
    return sum([letter.journey.weight for letter in letters])


def _measure(histogram: LatencyHistogram, journeys: Sequence[Journey], start: str, stop: str) -> None:
    """Record how long movements took between two of their times; those that lack one of them are left out.

    Journeys that arrived together share their times, so runs of equal times are recorded at once.
    """
    now = time.monotonic()
    times = map(attrgetter(start, stop), [journey for journey in journeys if journey.movement is not None])
    for (began, ended), run in groupby(times):
        if began is not None and ended is not None:
            histogram.record(ended - began, sum(1 for _ in run), now)
