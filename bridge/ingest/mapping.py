"""Mapping of an MQTT message to a Kafka record: route, identity, key and headers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.bounded import Computed
from bridge.identity import MOVEMENT_ID, is_identity, new_movement_ids
from bridge.ingest.dedup import Deliverer
from bridge.journal import Journey
from bridge.kafka.producer import LARGEST_RECORD, Record
from bridge.kafka.record import MQTT_DELIVERY, MQTT_RECEIVED_AT, MQTT_TOPIC, OURS
from bridge.movement import Reason, Rejection, read_movement
from bridge.mqtt.frames import MalformedFrameError, user_properties
from bridge.phrase import Phrase
from bridge.route import RouteKind, filter_matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.mqtt.frames import Inbound
    from bridge.route import Route

__all__ = ["Mapper", "record_of"]

_SURELY_FITS: Final = LARGEST_RECORD // 4
_LIGHT: Final = 4_096
"""Payloads of up to this many bytes count with their length alone."""


class Mapper:
    """Maps messages to journeys by the routes.

    Args:
        routes: the first one whose filter matches a topic takes the message.
        client_id: of the session on which the messages are received.
    """

    def __init__(self, routes: Sequence[Route], client_id: str) -> None:
        self._deliverer = Deliverer(client_id)
        self._routes = [route for route in routes if route.mqtt]
        self._chosen: Computed[str, Route | None] = Computed(self._choose, 10_000, 1_000_000)

    @property
    def run(self) -> str:
        """The current run, see `bridge.ingest.dedup`."""
        return self._deliverer.run

    def begin(self, first: int) -> None:
        """Begin a new run: the broker's packet ids continue from `first`."""
        self._deliverer.begin(first)

    def journeys(self, messages: Sequence[Inbound], received_at: float) -> list[Journey]:
        """Map messages that were received together.

        Args:
            messages: in the order of receipt.
            received_at: seconds since the epoch.

        Returns:
            Their journeys: with a rejection for a dead letter, else with the Kafka topic and key of the record.
        """
        return [
            self._journey(message, received_at, identity)
            for message, identity in zip(messages, new_movement_ids(len(messages)), strict=True)
        ]

    def _journey(self, message: Inbound, received_at: float, identity: str) -> Journey:
        properties = _properties(message.properties) if message.properties else ()
        named = _identity(properties) if properties else None
        journey = Journey(
            named or identity,
            message.payload,
            message.topic,
            qos=message.qos,
            retained=message.retained,
            redelivered=message.redelivered,
            properties=properties,
            received_at=received_at,
            cut=message.cut,
        )
        if properties or len(message.payload) > _LIGHT:
            journey.weigh()
        else:
            journey.weight = len(message.payload) + len(message.topic)
        if message.qos == 1:
            journey.delivery = self._deliverer.name(message.packet_id)
        route = self._chosen[message.topic]
        if message.cut:
            journey.rejection = Rejection(
                Reason.TOO_LONG,
                Phrase(
                    "the message has {size} bytes; the first {most} were taken in",
                    size=journey.size,
                    most=len(message.payload),
                ),
            )
        elif route is None:
            journey.rejection = Rejection(
                Reason.NO_ROUTE, Phrase("no route takes the MQTT topic {topic!r}", topic=message.topic)
            )
        elif route.does is RouteKind.MOVEMENT:
            journey.kafka_topic = route.kafka
            _judge_movement(journey, named=named is not None)
        else:
            journey.kafka_topic = route.kafka
            journey.key = message.topic
        if (
            len(message.payload) + len(message.properties) > _SURELY_FITS
            and journey.rejection is None
            and (size := record_of(journey).size) > LARGEST_RECORD
        ):
            journey.rejection = Rejection(
                Reason.TOO_LONG,
                Phrase(
                    "the message makes a record of {size} bytes; Kafka takes {most}", size=size, most=LARGEST_RECORD
                ),
            )
        return journey

    def _choose(self, topic: str) -> Route | None:
        return next((route for route in self._routes if filter_matches(route.mqtt, topic)), None)


def record_of(journey: Journey) -> Record:
    """The Kafka record of a journey that came over MQTT: the unchanged payload, and the rest in headers."""
    headers = [
        (MOVEMENT_ID, journey.movement_id.encode()),
        (MQTT_TOPIC, _encoded[journey.mqtt_topic or ""]),
        (MQTT_RECEIVED_AT, b"%d" % int((journey.received_at or 0) * 1000)),
    ]
    if journey.delivery:
        headers.append((MQTT_DELIVERY, journey.delivery.encode()))
    if journey.properties:
        headers += [
            (name, value.encode("utf-8", "replace")) for name, value in journey.properties if name and name not in OURS
        ]
    key = journey.key
    return Record(journey.kafka_topic, None if key is None else _encoded[key], journey.payload, headers)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")


_encoded: Final[Computed[str, bytes]] = Computed(_encode, 65_536, 8_000_000)
"""Kafka keys and topics as bytes; they repeat from message to message."""


def _judge_movement(journey: Journey, *, named: bool) -> None:
    judged = read_movement(journey.payload)
    if isinstance(judged, Rejection):
        journey.rejection = judged
        return
    journey.movement = judged
    journey.key = judged.product
    if journey.retained and not named:
        # The broker sends its retained copy to every new session, so it is probably counted already, and without an
        # identity that can't be checked.
        journey.rejection = Rejection(
            Reason.RETAINED_COPY,
            Phrase("the broker's kept copy of a movement without an id; send it again if it never counted"),
        )


def _properties(raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        return user_properties(raw)
    except MalformedFrameError:
        return ()


def _identity(properties: tuple[tuple[str, str], ...]) -> str | None:
    found = next((value for name, value in properties if name == MOVEMENT_ID), None)
    return found if found is not None and is_identity(found) else None
