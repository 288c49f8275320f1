"""A trial's movements, and their observation in Kafka and Strapi from outside of any engine.

The follower is no engine, is in no group and changes no offset, so it works whichever engine carries the movements. The
verdict on a movement comes from the ledger. With plain REST it follows from the group's offset: a refused movement gets
its dead letter before its offset is committed, so one that was committed and has no dead letter was applied.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from bridge.apply.settle import journey_of
from bridge.apply.verdicts import judge
from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID, new_movement_id
from bridge.journal import Server, Stage, Verdict
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import connection_error, new_consumer
from bridge.kafka.dead_letter_reader import letter_of
from bridge.kafka.record import PART_OF, PAYLOAD, received_at
from bridge.kafka.reread import assigned, group_positions
from bridge.movement import MAX_AMOUNT
from bridge.phrase import Phrase
from bridge.route import RouteKind
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import ApiKind, detect
from bridge.strapi.ledger import recorded
from bridge.text import readable, readable_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from bridge.journal import Journal, Journey, Product, StockTable
    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import Settings

__all__ = ["Attempt", "Follower", "plan"]


_IN: Final = 5
_OUT: Final = 3
_ONE: Final = 1

_POLL: Final = 200
"""The longest poll, in milliseconds."""


class Attempt:
    """One movement of a trial.

    Args:
        what: a description for the user.
        payload: what is published.
        product: its product, None for what is no movement.
        expected: the expected verdict, or reason of a rejection.

    Attributes:
        sent: seconds until the broker had it.
        journey: its record, as far as it is known.
    """

    def __init__(self, what: str, payload: bytes, product: Product | None, expected: str) -> None:
        self.what = what
        self.payload = payload
        self.product = product
        self.expected = expected
        self.sent = 0.0
        self.journey: Journey | None = None

    @property
    def as_expected(self) -> bool:
        """Whether the result is the expected one."""
        return self.journey is not None and self.expected == _end(self.journey)

    def follow(self, journal: Journal) -> None:
        """Take the result from an engine's journal, which knows more than is visible from outside."""
        known = self.journey
        if known is None:
            return
        found = journal.journey(known.movement_id)
        if found is None or found.received_at is None:
            # MQTT 3.1.1 has no identities, but each payload of a trial is unique.
            came = journal.mqtt.slice(journal.mqtt.first, journal.mqtt.next)
            found = next((journey for journey in came if journey.payload == self.payload), found)
        if found is not None and found.stage is Stage.DECIDED:
            found.published_at = known.published_at
            found.received_at = found.received_at or known.received_at
            self.journey = found

    def way(self) -> str:
        """Describe its way on one line: each hop with its duration in milliseconds."""
        journey = self.journey
        if journey is None:
            return self.what
        hops = [f"sent {_milliseconds(self.sent)}"]
        if journey.received_at is not None:
            hops.append(f"MQTT {_between(journey.published_at, journey.received_at)}")
        if journey.acknowledged_at is not None and journey.partition >= 0:
            took = _between(journey.received_at, journey.acknowledged_at)
            hops.append(f"Kafka {journey.kafka_topic} {journey.position} {took}")
        if journey.decided_at is not None:
            before = journey.acknowledged_at or journey.received_at
            hops.append(f"{_outcome(journey)} {_between(before, journey.decided_at)}")
        return f"{self.what}: {' > '.join(hops)}"

    def waits_for(self, journal: Journal) -> str:
        """Name the hop at which it stopped, with the engine's explanation."""
        stage = self.journey.stage if self.journey is not None else Stage.PUBLISHED
        hop, server = {
            Stage.PUBLISHED: ("MQTT: no engine took it from the broker and brought it into Kafka", Server.MQTT),
            Stage.RECEIVED: ("Kafka: it was not acknowledged", Server.KAFKA),
            Stage.ACKNOWLEDGED: ("Kafka: it was not consumed", Server.KAFKA),
            Stage.CONSUMED: ("Strapi: it was not decided", Server.STRAPI),
        }.get(stage, ("Strapi", Server.STRAPI))
        connection = journal.connections[server]
        said = [connection.detail, connection.advice, *journal.notes.values()]
        return ", ".join([hop, *(text for text in said if text)])


def plan(stock: StockTable) -> list[Attempt]:
    """Choose the movements of a trial by the current stock.

    Args:
        stock: the products.

    Returns:
        An IN, an OUT, one by barcode, one of more than the stock, and one that is no movement; empty if no product
        has a few pieces.
    """
    products = [product for product in stock.products() if 0 <= product.stock < MAX_AMOUNT // 2]
    stocked = [product for product in products if product.stock >= _OUT]
    if not stocked:
        return []
    into, out = products[0], next((product for product in stocked if product.id != products[0].id), stocked[0])
    coded = next((product for product in reversed(products) if _names(stock, product)), None)
    attempts = [
        _movement("IN", _IN, into, into.id),
        _movement("OUT", _OUT, out, out.id),
        _movement("IN", _ONE, coded, coded.barcode) if coded else _movement("IN", _ONE, out, out.document_id),
        _movement("OUT", out.stock + 1_000, out, out.id, expected="insufficient-stock"),
    ]
    hello = f"Hello opsci {new_movement_id()}".encode()
    return [*attempts, Attempt(f"no movement, {readable_bytes(hello[:11])!r}", hello, None, "not-json")]


def _names(stock: StockTable, product: Product) -> bool:
    found = stock.find(product.barcode) if product.barcode else None
    return found is not None and found.id == product.id


def _movement(kind: str, amount: int, product: Product, reference: int | str, expected: str = "applied") -> Attempt:
    by = "" if reference == product.id else f" by {reference!r}"
    what = f'{kind} {amount:,} of {product.id} "{readable(product.name)}"{by}'
    wire = {"id": reference, "amount": amount, "type": kind, "trial": new_movement_id()}
    return Attempt(what, msgspec.json.encode(wire), product, expected)


def _end(journey: Journey) -> str:
    if journey.verdict is Verdict.REJECTED and journey.rejection is not None:
        return journey.rejection.reason.value
    return journey.verdict.value if journey.verdict is not None else ""


def _outcome(journey: Journey) -> str:
    if journey.verdict is Verdict.REJECTED and journey.rejection is not None:
        where = "Strapi" if journey.consumed_at is not None else "errors"
        return f"{where}: {readable(journey.rejection.text)}"
    if journey.stock_before is not None and journey.stock_after is not None:
        return f"Strapi {journey.stock_before} -> {journey.stock_after}"
    return f"Strapi {journey.verdict}"


def _between(start: float | None, end: float) -> str:
    return _milliseconds(max(0.0, end - start)) if start is not None else ""


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


class Follower:
    """Reads new records; use it as an asynchronous context manager.

    Args:
        settings: the engine's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors = settings.kafka.errors_topic
        self._topics = [route.kafka for route in settings.routes if route.does is RouteKind.MOVEMENT]
        self._strapi = StrapiClient(settings.strapi)
        self._consumer: Any = None
        self._ledger: bool | None = None

    async def __aenter__(self) -> Self:
        """Connect, and start at the end of the topics.

        Raises:
            UnreachableError: no broker answers.
            RefusedError: Kafka refuses us, or another cluster answers.
        """
        kafka = self._settings.kafka
        try:
            self._consumer = new_consumer(kafka, auto_offset_reset="latest")
            await Cluster(kafka).start(self._consumer)
            places = await assigned(self._consumer, [*self._topics, self._errors])
            for place, end in (await self._consumer.end_offsets(places) if places else {}).items():
                self._consumer.seek(place, end)
        except (KafkaError, OSError, TimeoutError, SettingsError) as error:
            await self._close()
            raise await connection_error(kafka, error) from error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def look(self, attempts: Sequence[Attempt]) -> None:
        """Update the journeys of some attempts.

        Raises:
            ServerError: Kafka or Strapi does not answer.
        """
        if self._ledger is None:
            self._ledger = await detect(self._strapi) is ApiKind.LEDGER
        waiting = [one for one in attempts if one.journey is not None and one.journey.stage is not Stage.DECIDED]
        # Before the dead letters are read: a refused movement gets its own before its offset is committed.
        positions = {} if self._ledger or not waiting else await group_positions(self._settings.kafka)
        await self._read(waiting)
        placed = [one.journey for one in waiting if one.journey is not None and one.journey.offset >= 0]
        if self._ledger:
            await self._ask_ledger(placed)
        for journey in placed:
            at = TopicPartition(journey.kafka_topic, journey.partition)
            if journey.stage is not Stage.DECIDED and positions.get((at.topic, at.partition), 0) > journey.offset:
                journey.verdict, journey.decided_at = Verdict.APPLIED, time.time()

    async def _read(self, waiting: Sequence[Attempt]) -> None:
        try:
            while found := await self._consumer.getmany(timeout_ms=_POLL):
                for place, records in found.items():
                    for record in records:
                        (self._letter if place.topic == self._errors else self._record)(record, waiting)
        except (KafkaError, OSError) as error:
            raise UnreachableError("kafka", Phrase("Kafka does not answer: {error}", error=repr(error))) from error

    def _record(self, record: ConsumedRecord, waiting: Sequence[Attempt]) -> None:
        headers = dict(record.headers)
        attempt = _of(waiting, (headers.get(MOVEMENT_ID) or b"").decode("utf-8", "replace"), record.value or b"")
        if attempt is None or attempt.journey is None:
            return
        came = journey_of(record, RouteKind.MOVEMENT, lambda _: ())
        came.published_at = attempt.journey.published_at
        came.received_at = received_at(record)
        attempt.journey = came

    def _letter(self, record: ConsumedRecord, waiting: Sequence[Attempt]) -> None:
        headers = dict(record.headers)
        if PART_OF in headers:
            return
        letter = letter_of(record)
        attempt = _of(waiting, letter.journey.movement_id, headers.get(PAYLOAD) or letter.journey.payload)
        if attempt is None or attempt.journey is None:
            return
        journey = attempt.journey
        journey.rejection, journey.verdict = letter.journey.rejection, Verdict.REJECTED
        journey.decided_at = letter.at
        if letter.origin.startswith("kafka "):
            journey.consumed_at = letter.at

    async def _ask_ledger(self, journeys: Sequence[Journey]) -> None:
        open_ones = {one.movement_id: one for one in journeys if one.stage is not Stage.DECIDED and one.movement}
        if not open_ones:
            return
        for movement_id, decision in (await recorded(self._strapi, list(open_ones))).items():
            journey = open_ones[movement_id]
            if journey.movement is not None:
                journey.verdict = judge(journey, decision)
                journey.consumed_at = journey.decided_at = time.time()

    async def _close(self) -> None:
        await self._strapi.close()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, 1.0)


def _of(waiting: Sequence[Attempt], movement_id: str, payload: bytes) -> Attempt | None:
    """Find the attempt of a record by identity, or by payload, as MQTT 3.1.1 has no identities."""
    return next(
        (one for one in waiting if one.journey is not None and one.journey.movement_id == movement_id),
        next((one for one in waiting if one.payload == payload), None),
    )
