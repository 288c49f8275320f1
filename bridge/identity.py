"""The identity of a movement: what makes the second arrival of the same movement recognisable.

A publisher that can says it in the MQTT 5 user property `movement-id`; ingest gives one where none came; a record that
another program wrote into Kafka has the place where it stands.
"""

from __future__ import annotations

import os
import time
from hashlib import sha256
from typing import Final

from bridge.text import LONGEST_TEXT, is_storable

__all__ = ["MAX_IDENTITY", "MOVEMENT_ID", "is_identity", "new_movement_id", "new_movement_ids", "record_identity"]

MOVEMENT_ID: Final = "movement-id"
"""The name of the MQTT 5 user property and of the Kafka header that carry a movement's identity."""

MAX_IDENTITY: Final = LONGEST_TEXT
"""The longest identity in characters: what the ledger's unique column holds."""


_COUNTED: Final = 47
"""How many of the last 48 bits are random at the start of a chunk: counting up never runs over."""


def new_movement_id() -> str:
    """Make a UUIDv7 (RFC 9562 section 5.7): unique, and sorted by the millisecond it was made in."""
    return new_movement_ids(1)[0]


def new_movement_ids(count: int) -> list[str]:
    """Make UUIDv7s for messages that came together.

    The first is random in 73 bits, each further one counts up from the one before (RFC 9562 section 6.2, monotonic
    random): unique, in order, and one call for randomness a chunk.

    Args:
        count: how many, 0 or more.
    """
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    random = int.from_bytes(os.urandom(10), "big")
    first, upper = random & (1 << _COUNTED) - 1, random >> _COUNTED
    # Version 7 stands before 12 random bits, the variant 10 before 14 more.
    head = f"{stamp[:8]}-{stamp[8:]}-7{upper & 0xFFF:03x}-{0x8000 | upper >> 12 & 0x3FFF:04x}-"
    return [f"{head}{number:012x}" for number in range(first, first + count)]


def record_identity(topic: str, partition: int, offset: int, timestamp: int) -> str:
    """Name a Kafka record that carries no identity by where it stands.

    Args:
        topic: the Kafka topic.
        partition: the partition.
        offset: the offset in it.
        timestamp: the record's timestamp in milliseconds: a topic that was deleted and made again counts from 0 again.

    Returns:
        The same text at each delivery of that record, and no other record's; at most MAX_IDENTITY characters, for
        which a topic with a name of nearly the 249 that Kafka allows is named by its digest.
    """
    place = f"/{partition}@{offset}/{timestamp}"
    if len(topic) + len(place) > MAX_IDENTITY:
        topic = sha256(topic.encode("utf-8", "backslashreplace")).hexdigest()
    return topic + place


def is_identity(found: str) -> bool:
    """Whether a publisher's `movement-id` can be one: 1 to MAX_IDENTITY printable characters."""
    return is_storable(found, MAX_IDENTITY) and found.isprintable()
