"""What the consumer gives: records as aiokafka has them, with the assignment that they came under."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ConsumedRecord", "Fetched"]


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
    """

    records: list[ConsumedRecord]
    generation: int
    taken_at: float
