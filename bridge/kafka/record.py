"""A consumed record, and the names of the headers in our records.

MQTT 5 user properties are further headers, under their own names. The headers of dead letters are in
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
    "received_at",
]


MQTT_TOPIC: Final = "mqtt-topic"
"""The MQTT topic of the message."""

MQTT_RECEIVED_AT: Final = "mqtt-received-at"
"""When it was received, in milliseconds since the epoch, as decimal text."""

MQTT_DELIVERY: Final = "mqtt-delivery"
"""`client-id/packet-id/run/sequence` of a message at QoS 1; see `bridge.ingest.dedup`."""

OURS: Final = frozenset({MOVEMENT_ID, MQTT_TOPIC, MQTT_RECEIVED_AT, MQTT_DELIVERY})
"""The headers of a record that are not user properties of its publisher."""

PAYLOAD: Final = "payload"
PAYLOAD_SIZE: Final = "payload-size"
PAYLOAD_REST: Final = "payload-rest"
PART_OF: Final = "part-of"
PAYLOAD_PART: Final = "payload-part"
ORIGINAL_KEY: Final = "original-key"
ORIGINAL_HEADER: Final = "original-header."
ORIGINALS_LEFT_OUT: Final = "original-headers-left-out"

_DIGITS: Final = 15
"""The most digits of a time in milliseconds; longer numbers are not times."""


class ConsumedRecord(Protocol):
    """A record as aiokafka delivers it."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None:
        """None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Fetched(NamedTuple):
    """Records with the generation of the assignment under which they were fetched.

    Attributes:
        records: those of one partition are in order.
        generation: for `Consumer.holds`.
        taken_at: seconds on the monotonic clock.
        passed: set where there are no records: by partition, the next offset to read where it is beyond the group's.
            Between the two are transaction markers and records of aborted transactions.
    """

    records: list[ConsumedRecord]
    generation: int
    taken_at: float
    passed: Mapping[tuple[str, int], int] = MappingProxyType({})


def received_at(record: ConsumedRecord) -> float | None:
    """When the record's message was received from MQTT, in seconds since the epoch; None if it does not say."""
    told = next((content or b"" for name, content in record.headers if name == MQTT_RECEIVED_AT), b"")
    return int(told) / 1000 if told.isdigit() and len(told) <= _DIGITS else None
