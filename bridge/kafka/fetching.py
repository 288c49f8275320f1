"""How the consumer fetches: from which partitions, and how long its requests wait at the broker."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["QUIET_WAIT", "Fetching", "PartitionShare"]

QUIET_WAIT: Final = 500
"""Milliseconds that a request waits for a first record while none is in flight; each request costs both sides CPU."""

_WORKING_WAIT: Final = 100
"""The same while some are in flight: the request excludes partitions whose records were just found, which must wait for
it.
"""

_BACKLOG_WAIT: Final = 20
"""The same during a backlog; then it also bounds a poll."""

_LOOK: Final = 500
"""The longest poll in milliseconds without a backlog."""

_BACKLOG: Final = 1.0
"""Seconds that a backlog lasts after more records were there than were taken."""

_GATHER: Final = 1_048_576
"""Bytes that end the gathering early; a thousand movements take a tenth of it."""

_LONGEST: Final = 0.05
"""Seconds; a batch that took longer is no measure for the next one."""

_MOST_OF_IT: Final = 0.8
"""The part of the expected time to spend gathering: 10 % too late costs as much as 30 % too early."""

_WEIGHT: Final = 0.3
"""The weight of the last batch in the expected time of the next one."""


class Partition(Protocol):
    """A partition of a topic, as aiokafka represents it."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...


AnyPartition = TypeVar("AnyPartition", bound=Partition)


class PartitionShare(NamedTuple):
    """Every n-th partition of some topics: a product's movements have one key, so all are in one share.

    Attributes:
        topics: the topics.
        number: the share, 0 to `of` - 1.
        of: the number of shares.
    """

    topics: frozenset[str]
    number: int = 0
    of: int = 1

    def among(self, assigned: Iterable[AnyPartition]) -> list[AnyPartition]:
        """Select the assigned partitions that are in this share; each is in exactly one."""
        partitions = (partition for partition in assigned if partition.topic in self.topics)
        return sorted(partitions, key=lambda partition: (partition.topic, partition.partition))[self.number :: self.of]


class Fetching:
    """Decides how long the next request waits at the broker, and for how many bytes.

    aiokafka requests the next records as soon as some are taken. Kafka answers at the first record by default, so only
    that one is ready when the batch is settled, and those behind it are requested only then: each waits for a batch of
    one. So where batches are small, the request gathers records for about as long as the batch in flight takes.

    Args:
        ask: sets how long the next requests wait: at most so many milliseconds, or until so many bytes; every record is
            larger than 1 byte.
    """

    def __init__(self, ask: Callable[[int, int], None]) -> None:
        self._ask = ask
        self._full_at = float("-inf")
        self._batches = 0
        self._expected = 0.0
        self._gathers: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> bool:
        """Whether there were more records than were taken, within the last second."""
        return time.monotonic() - self._full_at < _BACKLOG

    @property
    def look(self) -> int:
        """The longest poll, in milliseconds."""
        return _BACKLOG_WAIT if self.backlog else _LOOK

    def look_begins(self) -> None:
        """Note that a poll begins."""
        self._wait()

    def taken(self, *, full: bool) -> None:
        """Note that a batch was taken.

        Args:
            full: whether it has as many records as requested, so that there may be more.
        """
        self._batches += 1
        if full:
            self._full_at = time.monotonic()
        self.end_gathering()
        wait = int(self._expected * _MOST_OF_IT * 1_000)
        if self.backlog or not wait:
            self._wait()
            return
        self._ask(wait, _GATHER)
        self._gathers = asyncio.get_running_loop().call_later(wait / 1_000, self._gathered)

    def put_down(self, took: float) -> None:
        """Note that a batch was settled or dropped.

        Args:
            took: seconds since it was taken.
        """
        self._batches -= 1
        self._expected += (min(took, _LONGEST) - self._expected) * _WEIGHT
        self._wait()

    def end_gathering(self) -> None:
        """End the gathering, and cancel what would be requested after it."""
        if self._gathers is not None:
            self._gathers.cancel()
            self._gathers = None

    def _gathered(self) -> None:
        self._gathers = None
        self._wait()

    def _wait(self) -> None:
        if self._gathers is not None:
            return
        quiet = _WORKING_WAIT if self._batches else QUIET_WAIT
        self._ask(_BACKLOG_WAIT if self.backlog else quiet, 1)
