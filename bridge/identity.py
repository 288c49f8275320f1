"""The identity of a movement: what makes the second arrival of the same movement recognisable.

A publisher that can says it in the MQTT 5 user property `movement-id`; ingest gives one where none came; a record that
another program wrote into Kafka has the place where it stands.
"""

from __future__ import annotations

import os
import time
from typing import Final

__all__ = ["MAX_IDENTITY", "MOVEMENT_ID", "is_identity", "new_movement_id", "record_identity"]

MOVEMENT_ID: Final = "movement-id"
"""The name of the MQTT 5 user property and of the Kafka header that carry a movement's identity."""

MAX_IDENTITY: Final = 255
"""The longest identity in characters: what the ledger's unique column holds."""


_VARIANT: Final = 0x8000_0000_0000_0000
_LAST: Final = 0x3FFF_FFFF_FFFF_FFFF


def new_movement_id() -> str:
    """Make a UUIDv7 (RFC 9562 section 5.7): unique, and sorted by the millisecond it was made in."""
    random = int.from_bytes(os.urandom(10), "big")
    text = f"{time.time_ns() // 1_000_000:012x}7{random >> 68:03x}{_VARIANT | random & _LAST:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def record_identity(topic: str, partition: int, offset: int, timestamp: int) -> str:
    """Name a Kafka record that carries no identity by where it stands.

    Args:
        topic: the Kafka topic.
        partition: the partition.
        offset: the offset in it.
        timestamp: the record's timestamp in milliseconds: a topic that was deleted and made again counts from 0 again.

    Returns:
        The same text at each delivery of that record, and no other record's.
    """
    return f"{topic}/{partition}@{offset}/{timestamp}"


def is_identity(found: str) -> bool:
    """Whether a publisher's `movement-id` can be one: 1 to MAX_IDENTITY printable characters."""
    return 0 < len(found) <= MAX_IDENTITY and found.isprintable()
