"""One movement's way through the chain, hop by hop: the record that the panes show and that latencies come from."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from bridge.movement import Movement, Rejection

__all__ = ["Hop", "Journey", "Stage", "Verdict"]


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


class Journey(msgspec.Struct, eq=False, gc=False):
    """What is known of one message, filled in hop by hop by the engine; the screen only reads.

    Text from outside (topic, key, product, payload) is kept as it came; whoever shows it makes it readable first.

    Attributes:
        movement_id: ties the journey to its Kafka record and its row in the ledger.
        mqtt_topic: the MQTT topic it came on, None for a record that another program wrote into Kafka.
        payload: the bytes as they came.
        movement: what the payload says, None where its route carries no movements or it is rejected.
        rejection: why it is not, or could not be, applied.
        qos: of the MQTT message, 0 to 2.
        retained: whether the broker sent it because it had kept it.
        redelivered: whether the broker says that it sent it before (MQTT's DUP).
        properties: the MQTT 5 user properties.
        delivery: the `mqtt-delivery` of an MQTT message whose publisher gave no identity, by which the broker's
            sending it again is recognised; empty for others, and once Kafka has it.
        published_at: seconds since the epoch when our own form published it.
        received_at: seconds since the epoch when it came over MQTT.
        kafka_topic: the Kafka topic that it goes to, or came from.
        key: the Kafka key.
        partition: where Kafka put it, -1 while unknown.
        offset: where Kafka put it, -1 while unknown.
        acknowledged_at: seconds since the epoch when Kafka acknowledged it.
        consumed_at: seconds since the epoch when the consumer had it.
        decided_at: seconds since the epoch when Strapi answered, or ingest rejected it.
        verdict: what became of it.
        product_id: Strapi's numeric id of the product, None while unknown.
        product_name: the product's name in Strapi, empty while unknown.
        stock_before: the product's stock before, None where unknown.
        stock_after: the product's stock after, None where unknown.
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
