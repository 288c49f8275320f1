"""A record as the consumer has it, and the names of the headers that our records carry.

Beside these headers stand the MQTT 5 user properties under their own names. Those of dead letters are in
`bridge/dead_letter.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from bridge.identity import MOVEMENT_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MQTT_DELIVERY",
    "MQTT_RECEIVED_AT",
    "MQTT_TOPIC",
    "ORIGINALS_LEFT_OUT",
    "ORIGINAL_HEADER",
    "ORIGINAL_KEY",
    "OURS",
    "PART_OF",
    "PAYLOAD",
    "PAYLOAD_PART",
    "PAYLOAD_REST",
    "PAYLOAD_SIZE",
    "ConsumedRecord",
    "Fetched",
]


MQTT_TOPIC: Final = "mqtt-topic"
"""The topic that the message came on."""

MQTT_RECEIVED_AT: Final = "mqtt-received-at"
"""When it came, in milliseconds since the epoch, as decimal text."""

MQTT_DELIVERY: Final = "mqtt-delivery"
"""`client-id/packet-id/run/sequence` of a message at QoS 1; see `bridge.ingest.dedup`."""

OURS: Final = frozenset({MOVEMENT_ID, MQTT_TOPIC, MQTT_RECEIVED_AT, MQTT_DELIVERY})
"""The headers of a record that are none of its publisher's user properties."""

PAYLOAD: Final = "payload"
PAYLOAD_SIZE: Final = "payload-size"
PAYLOAD_REST: Final = "payload-rest"
PART_OF: Final = "part-of"
PAYLOAD_PART: Final = "payload-part"
ORIGINAL_KEY: Final = "original-key"
ORIGINAL_HEADER: Final = "original-header."
ORIGINALS_LEFT_OUT: Final = "original-headers-left-out"


class ConsumedRecord(Protocol):
    """A record as aiokafka gives it."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""

    @property
    def offset(self) -> int:
        """The offset."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """The key."""

    @property
    def value(self) -> bytes | None:
        """The value; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """The headers."""


class Fetched(NamedTuple):
    """Records with the generation of the assignment that they came under.

    Attributes:
        records: those of one partition in order.
        generation: for `Consumer.holds`.
        taken_at: seconds on the monotonic clock.
        passed: where there are no records: of the partitions that are read beyond the group's position, the offset of
            what is read next. Between the two are markers of transactions, and records that were taken back.
    """

    records: list[ConsumedRecord]
    generation: int
    taken_at: float
    passed: Mapping[tuple[str, int], int] = MappingProxyType({})
