"""The identity of a movement, by which a second delivery of it is recognised.

A publisher can set it as the MQTT 5 user property `movement-id`; ingest creates one where it is missing; the identity
of a record that another program wrote to Kafka is its topic, partition, offset and timestamp.
"""

from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import Final

from bridge.text import LONGEST_TEXT, is_storable

__all__ = ["MAX_IDENTITY", "MOVEMENT_ID", "is_identity", "new_movement_id", "new_movement_ids", "record_identity"]

MOVEMENT_ID: Final = "movement-id"
"""The name of the MQTT 5 user property and of the Kafka header with a movement's identity."""

MAX_IDENTITY: Final = LONGEST_TEXT
"""The longest identity in characters: the size of the ledger's unique column."""


_COUNTED: Final = 47
"""How many of the last 48 bits are random at the start of a chunk, so that counting up never overflows."""


def new_movement_id() -> str:
    """Create a UUIDv7 (RFC 9562 section 5.7): unique, and sorted by millisecond of creation."""
    return new_movement_ids(1)[0]


def new_movement_ids(count: int) -> list[str]:
    """Create UUIDv7s for messages that arrived together.

    The first has 73 random bits, each further one counts up from the one before (RFC 9562 section 6.2, monotonic
    random): unique, in order, and with one call for randomness per chunk.

    Args:
        count: how many, 0 or more.
    """
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    random = int.from_bytes(os.urandom(10), "big")
    first, upper = random & (1 << _COUNTED) - 1, random >> _COUNTED
    # Version 7 precedes 12 random bits, the variant 10 precedes 14 more.
    head = f"{stamp[:8]}-{stamp[8:]}-7{upper & 0xFFF:03x}-{0x8000 | upper >> 12 & 0x3FFF:04x}-"
    return [f"{head}{number:012x}" for number in range(first, first + count)]


def record_identity(topic: str, partition: int, offset: int, timestamp: int) -> str:
    """Create the identity of a Kafka record that has none.

    Args:
        topic: the Kafka topic.
        partition: the partition.
        offset: the offset in it.
        timestamp: the record's timestamp in milliseconds: a recreated topic starts again at offset 0.

    Returns:
        A text of at most MAX_IDENTITY characters, the same at each delivery of that record and unique to it. A topic
        whose name is nearly as long as Kafka allows (249) is replaced by its digest.
    """
    place = f"/{partition}@{offset}/{timestamp}"
    if len(topic) + len(place) > MAX_IDENTITY:
        topic = sha256(topic.encode("utf-8", "backslashreplace")).hexdigest()
    return topic + place


def is_identity(found: str) -> bool:
    """Whether a publisher's `movement-id` is valid: 1 to MAX_IDENTITY printable characters."""
    return is_storable(found, MAX_IDENTITY) and found.isprintable()
