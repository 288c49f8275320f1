"""What tells one delivery of a message by the broker from another: its packet id, and the order of receipt. Pure."""

from __future__ import annotations

import os
from itertools import count
from typing import NamedTuple, Self

__all__ = ["Deliverer", "Delivery"]


class Delivery(NamedTuple):
    """One delivery, as the header `mqtt-delivery` has it: `client-id/packet-id/run/sequence`.

    Attributes:
        key: `client-id/packet-id`, under which the broker sends the message again.
        run: which engine received it, so long as that ran.
        sequence: the how-manieth of that run it was; no clock is asked, as clocks are set.
    """

    key: str
    run: str
    sequence: int

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Read a header, None where it is not one of ours."""
        key, _, rest = text.rpartition("/")
        key, _, run = key.rpartition("/")
        # A client id may have any characters, but what stands behind it has not.
        return cls(key, run, int(rest)) if "/" in key and rest.isascii() and rest.isdigit() else None


class Deliverer:
    """Names the deliveries of one run.

    Args:
        client_id: whose session they come on.
    """

    __slots__ = ("_before", "_behind", "_sequence")

    def __init__(self, client_id: str) -> None:
        self._before = f"{client_id}/"
        self._behind = f"/{os.urandom(6).hex()}/"
        self._sequence = count(1)

    def name(self, packet_id: int) -> str:
        """Name the next delivery."""
        return f"{self._before}{packet_id}{self._behind}{next(self._sequence)}"
