"""What was acknowledged of late, by packet id, in two fixed arrays: dictionaries of it took nine megabytes."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PACKET_IDS", "Acknowledged"]

PACKET_IDS: Final = 65_535
"""How many packet ids there are (MQTT 5 section 2.2.1)."""


class Acknowledged:
    """Remembers of the latest acknowledged messages what they said, as a hash.

    Args:
        keep: how many acknowledgements are remembered; fewer than there are packet ids, which a broker gives out in
            turn, so that a remembered one has not been given to another message meanwhile.
    """

    __slots__ = ("_hashes", "_keep", "_number", "_numbers")

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._number = 0
        self._numbers = _zeros()
        """By packet id the number of its acknowledgement, counted from 1; 0 where there is none."""
        self._hashes = _zeros()

    def note(self, messages: Mapping[int, int]) -> None:
        """Remember messages that were acknowledged, in that order: by packet id, 1 to 65,535, the hash of each."""
        number, numbers, hashes = self._number, self._numbers, self._hashes
        for packet_id, message in messages.items():
            number += 1
            numbers[packet_id] = number
            hashes[packet_id] = message
        self._number = number

    def get(self, packet_id: int) -> int | None:
        """The hash of what was acknowledged last under a packet id, or None where that is not known (any more)."""
        number = self._numbers[packet_id]
        return self._hashes[packet_id] if number and self._number - number < self._keep else None

    def discard(self, packet_ids: Iterable[int]) -> None:
        """Forget some packet ids, remembered or not."""
        for packet_id in packet_ids:
            self._numbers[packet_id] = 0

    def clear(self) -> None:
        """Forget everything."""
        self._numbers = _zeros()


def _zeros() -> array[int]:
    return array("q", bytes(8 * (PACKET_IDS + 1)))
