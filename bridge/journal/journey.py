"""The journey of one message through the chain, hop by hop: shown in the panes, and the source of latencies."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from bridge.movement import Movement, Reason, Rejection

__all__ = ["Elsewhere", "Hop", "Journey", "Stage", "Verdict"]

KEPT: Final = 4_096
"""How many bytes of a payload are kept once the engine is done with it; a movement has about 40."""

_PROPERTY: Final = 100
"""The memory that a user property takes in addition to its bytes."""


class Stage(IntEnum):
    """How far a journey has come; it never decreases."""

    PUBLISHED = 0
    RECEIVED = 1
    ACKNOWLEDGED = 2
    CONSUMED = 3
    DECIDED = 4


class Hop(StrEnum):
    """A section of the journey whose duration is measured."""

    INGEST = "ingest"
    """From receipt over MQTT to Kafka's acknowledgement."""
    KAFKA = "kafka"
    """From Kafka's acknowledgement to the consumer."""
    APPLY = "apply"
    """From the consumer to Strapi's answer."""
    TOTAL = "total"
    """From receipt over MQTT to Strapi's answer."""


class Verdict(StrEnum):
    """The result of a message."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    CARRIED = "carried"
    """A record of a route without movements was written where its route says."""


class Elsewhere(StrEnum):
    """What is known of a record that another engine of the group settled."""

    SETTLED = "settled"
    """The group's offset is past it; the verdict is the ledger's, where it has one."""
    UNKNOWN = "unknown"
    """The group's offset is past it, and the ledger does not know its movement."""


class Journey(msgspec.Struct, eq=False, gc=False):
    """Everything known of one message, filled in hop by hop by the engine; the screen only reads it.

    Text from outside (topic, key, product, payload) is stored unchanged; make it readable before showing it.

    Attributes:
        movement_id: the identity in its Kafka record and in its row of the ledger.
        mqtt_topic: the MQTT topic on which it arrived, None for a record that another program wrote to Kafka.
        payload: the received bytes, without the last `cut`.
        movement: the parsed payload, None where its route has no movements or it is rejected.
        rejection: why it is not, or could not be, applied.
        qos: of the MQTT message, 0 to 2.
        retained: whether it is the broker's retained copy.
        redelivered: whether the broker marks it as sent before (MQTT's DUP).
        properties: the MQTT 5 user properties.
        delivery: the `mqtt-delivery` of an MQTT message at QoS 1, by which its redelivery is recognised; empty for
            others, and once Kafka has it.
        cut: how many bytes at the payload's end are missing here, 0 if it is complete. Kafka has them, unless the
            message exceeded the limit (`bridge.mqtt.frames.LARGEST_PACKET`).
        weight: how many of its bytes were chosen by others; see `weigh`.
        published_at: when our own form published it, in seconds since the epoch.
        received_at: when it arrived over MQTT, in seconds since the epoch.
        kafka_topic: the Kafka topic of its record.
        key: the Kafka key.
        partition: of its record, -1 while unknown.
        offset: of its record, -1 while unknown.
        acknowledged_at: when Kafka acknowledged it, in seconds since the epoch.
        consumed_at: when the consumer received it, in seconds since the epoch.
        decided_at: when Strapi answered or ingest rejected it, in seconds since the epoch; where another engine settled
            it, when this one learned of it.
        verdict: the result.
        product_id: Strapi's numeric id of the product, None while unknown.
        product_name: the product's name in Strapi, empty while unknown.
        stock_before: the product's stock before, None where unknown.
        stock_after: the product's stock after, None where unknown.
        resent: a sentence where our own program published it again, else empty.
        elsewhere: what is known where another engine settled it; this one may still have to settle it itself.
        given_up: whether our own program no longer waits for it: the result is not known.
        timestamp: its Kafka record's, in milliseconds since the epoch, while it is in flight to Strapi; else 0.
        earlier: whether it is from before this program's start, read back from Kafka.
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
        """The product as named by the publisher, even if rejected; empty if it is not readable."""
        if self.movement is not None:
            return self.movement.product
        return self.rejection.product if self.rejection is not None else ""

    @property
    def delta(self) -> int:
        """The signed change of the stock that it requests; 0 if it is no movement."""
        return self.movement.delta if self.movement is not None else 0

    @property
    def answered(self) -> bool:
        """Whether Strapi answered for it; false where no request to Strapi was needed."""
        if self.consumed_at is None or self.decided_at is None:
            return False
        if self.movement is not None or self.verdict is Verdict.CARRIED:
            return True
        return self.rejection is not None and self.rejection.reason is Reason.REFUSED_BY_STRAPI

    @property
    def in_hand(self) -> bool:
        """Whether it is consumed and has no verdict yet, so that its payload may still be needed."""
        return self.consumed_at is not None and self.decided_at is None

    @property
    def size(self) -> int:
        """The size of the payload in bytes, including what is not kept here."""
        return len(self.payload) + self.cut

    def weigh(self) -> None:
        """Set `weight` to the bytes that payload, topic and user properties take while the journal keeps them."""
        weight = min(len(self.payload), KEPT)
        if self.mqtt_topic is not None:
            weight += len(self.mqtt_topic)
        for name, value in self.properties:
            weight += len(name) + len(value) + _PROPERTY
        self.weight = weight

    def shorten(self) -> None:
        """Truncate a large payload that the engine no longer needs."""
        length = len(self.payload)
        if length > KEPT:
            self.payload = self.payload[:KEPT]
            self.cut += length - KEPT

    def holds(self, payload: bytes) -> bool:
        """Whether a payload equals this one, as far as it is kept."""
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
        """Partition and offset, `p3@128`; empty while it is not in Kafka."""
        return f"p{self.partition}@{self.offset}" if self.offset >= 0 else ""
