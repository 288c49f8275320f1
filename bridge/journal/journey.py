"""One movement's way through the chain, hop by hop: the record that the panes show and that latencies come from."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from bridge.movement import Movement, Reason, Rejection

__all__ = ["Elsewhere", "Hop", "Journey", "Stage", "Verdict"]

KEPT: Final = 4_096
"""How many bytes of a payload are kept once the engine is done with it; a movement has about 40."""

_PROPERTY: Final = 100
"""What a user property takes beside its bytes."""


class Stage(IntEnum):
    """How far a journey has come; it only ever grows."""

    PUBLISHED = 0
    RECEIVED = 1
    ACKNOWLEDGED = 2
    CONSUMED = 3
    DECIDED = 4


class Hop(StrEnum):
    """A part of the way whose time is measured."""

    INGEST = "ingest"
    """From MQTT's arrival to Kafka's acknowledgement."""
    KAFKA = "kafka"
    """From Kafka's acknowledgement to the consumer."""
    APPLY = "apply"
    """From the consumer to Strapi's answer."""
    TOTAL = "total"
    """From MQTT's arrival to Strapi's answer."""


class Verdict(StrEnum):
    """What became of a movement."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    CARRIED = "carried"
    """A record of a route that changes no stock was written where its route says."""


class Elsewhere(StrEnum):
    """What is known of a record that another engine of the group settled."""

    SETTLED = "settled"
    """The group's position is behind it; the verdict is the ledger's, where it has one."""
    UNKNOWN = "unknown"
    """The group's position is behind it, and the ledger does not know its movement."""


class Journey(msgspec.Struct, eq=False, gc=False):
    """What is known of one message, filled in hop by hop by the engine; the screen only reads.

    Text from outside (topic, key, product, payload) is kept as it came; whoever shows it makes it readable first.

    Attributes:
        movement_id: ties the journey to its Kafka record and its row in the ledger.
        mqtt_topic: the MQTT topic it came on, None for a record that another program wrote into Kafka.
        payload: the bytes as they came, without the last `cut`.
        movement: what the payload says, None where its route carries no movements or it is rejected.
        rejection: why it is not, or could not be, applied.
        qos: of the MQTT message, 0 to 2.
        retained: whether the broker sent it because it had kept it.
        redelivered: whether the broker says that it sent it before (MQTT's DUP).
        properties: the MQTT 5 user properties.
        delivery: the `mqtt-delivery` of an MQTT message at QoS 1, by which the broker's sending it again is
            recognised; empty for others, and once Kafka has it.
        cut: how many bytes of the payload's end are not kept here, 0 where it is whole. Kafka has them, unless the
            message was larger than what is taken in (`bridge.mqtt.frames.LARGEST_PACKET`).
        weight: how many bytes of it somebody else chose; see `weigh`.
        published_at: seconds since the epoch when our own form published it.
        received_at: seconds since the epoch when it came over MQTT.
        kafka_topic: the Kafka topic that it goes to, or came from.
        key: the Kafka key.
        partition: where Kafka put it, -1 while unknown.
        offset: where Kafka put it, -1 while unknown.
        acknowledged_at: seconds since the epoch when Kafka acknowledged it.
        consumed_at: seconds since the epoch when the consumer had it.
        decided_at: seconds since the epoch when Strapi answered, or ingest rejected it; of one that another engine
            settled, when this one heard of it.
        verdict: what became of it.
        product_id: Strapi's numeric id of the product, None while unknown.
        product_name: the product's name in Strapi, empty while unknown.
        stock_before: the product's stock before, None where unknown.
        stock_after: the product's stock after, None where unknown.
        resent: what to say of one that our own program published again, empty where it did not.
        elsewhere: where another engine settled it, what is known of that; this one may still get it to settle itself.
        given_up: whether our own program waits for it no longer: what became of it is not known.
        timestamp: its Kafka record's, in milliseconds since the epoch, while it is in hand; 0 otherwise.
        earlier: whether it was read back from Kafka as this program started, and came before that.
    """

    movement_id: str
    payload: bytes
    mqtt_topic: str | None = None
    movement: Movement | None = None
    rejection: Rejection | None = None
    qos: int = 0
    retained: bool = False
    redelivered: bool = False
    properties: tuple[tuple[str, str], ...] = ()
    published_at: float | None = None
    received_at: float | None = None
    kafka_topic: str = ""
    key: str | None = None
    partition: int = -1
    offset: int = -1
    acknowledged_at: float | None = None
    consumed_at: float | None = None
    decided_at: float | None = None
    verdict: Verdict | None = None
    product_id: int | None = None
    product_name: str = ""
    stock_before: int | None = None
    stock_after: int | None = None
    delivery: str = ""
    resent: str = ""
    given_up: bool = False
    earlier: bool = False
    elsewhere: Elsewhere | None = None
    cut: int = 0
    weight: int = 0
    timestamp: int = 0

    @property
    def product(self) -> str:
        """How the publisher names the product, also where it is rejected; empty where that is not readable."""
        if self.movement is not None:
            return self.movement.product
        return self.rejection.product if self.rejection is not None else ""

    @property
    def delta(self) -> int:
        """The change of the stock that it asks for, with its sign; 0 where it is no movement."""
        return self.movement.delta if self.movement is not None else 0

    @property
    def answered(self) -> bool:
        """Whether Strapi answered for it: not where there was nothing to ask Strapi for."""
        if self.consumed_at is None or self.decided_at is None:
            return False
        if self.movement is not None or self.verdict is Verdict.CARRIED:
            return True
        return self.rejection is not None and self.rejection.reason is Reason.REFUSED_BY_STRAPI

    @property
    def in_hand(self) -> bool:
        """Whether the consumer has it and it has no verdict yet, so that its payload may still be needed."""
        return self.consumed_at is not None and self.decided_at is None

    @property
    def size(self) -> int:
        """How many bytes the payload has, also where they are not all here."""
        return len(self.payload) + self.cut

    def weigh(self) -> None:
        """Set `weight` to what payload, topic and user properties take while the journal keeps them."""
        weight = min(len(self.payload), KEPT)
        if self.mqtt_topic is not None:
            weight += len(self.mqtt_topic)
        for name, value in self.properties:
            weight += len(name) + len(value) + _PROPERTY
        self.weight = weight

    def shorten(self) -> None:
        """Keep the beginning alone of a large payload, as others have the whole: Kafka, or nobody."""
        length = len(self.payload)
        if length > KEPT:
            self.payload = self.payload[:KEPT]
            self.cut += length - KEPT

    def holds(self, payload: bytes) -> bool:
        """Whether a payload is this one, as far as it is kept."""
        return len(payload) == len(self.payload) + self.cut and payload.startswith(self.payload)

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        if self.decided_at is not None:
            return Stage.DECIDED
        if self.consumed_at is not None:
            return Stage.CONSUMED
        if self.acknowledged_at is not None:
            return Stage.ACKNOWLEDGED
        if self.received_at is not None:
            return Stage.RECEIVED
        return Stage.PUBLISHED

    @property
    def position(self) -> str:
        """Where it stands in Kafka, `p3@128`, or empty while it does not."""
        return f"p{self.partition}@{self.offset}" if self.offset >= 0 else ""
