"""How the consumer fetches: from which partitions, how long its requests wait, and where each partition ends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from aiokafka import AIOKafkaConsumer

from bridge.kafka._private import ask_again, stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import kafka_options

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from bridge.settings import KafkaSettings

__all__ = ["QUIET_WAIT", "Fetching", "Partitions", "Watermarks"]

QUIET_WAIT: Final = 500
"""Milliseconds that a request waits for a first record where none is worked on: each one costs both sides something."""

_WORKING_WAIT: Final = 100
"""The same while some are worked on: it leaves out the partitions of records found before, and those wait for it."""

_BACKLOG_WAIT: Final = 20
"""While there is a backlog; a look for records lasts no longer then either."""

_LOOK: Final = 500
"""Milliseconds that a look for records lasts at most where there is no backlog."""

_BACKLOG: Final = 1.0
"""Seconds for which there is a backlog after more records were there than were taken."""

_GATHER: Final = 1_048_576
"""Bytes that end the gathering early; a thousand movements have a tenth of it."""

_LONGEST: Final = 0.05
"""Seconds: longer work on one batch is no measure for the next one."""

_MOST_OF_IT: Final = 0.8
"""The share of that work for which is gathered: late by a tenth costs as much as early by a third."""

_WEIGHT: Final = 0.3
"""The weight of the last batch in how long the next one is expected to take."""


class Place(Protocol):
    """A partition of a topic, as aiokafka names it."""

    @property
    def topic(self) -> str:
        """The topic."""

    @property
    def partition(self) -> int:
        """The partition."""


AnyPlace = TypeVar("AnyPlace", bound=Place)


class Partitions(NamedTuple):
    """Every n-th of the partitions of some topics: a product's movements have one key, so all are in one share.

    Attributes:
        topics: the topics.
        number: which of the shares, 0 to `of` - 1.
        of: into how many shares the partitions go.
    """

    topics: frozenset[str]
    number: int = 0
    of: int = 1

    def among(self, assigned: Iterable[AnyPlace]) -> list[AnyPlace]:
        """Which of the partitions that a consumer has are in this share; each is in one."""
        places = (place for place in assigned if place.topic in self.topics)
        return sorted(places, key=lambda place: (place.topic, place.partition))[self.number :: self.of]


class Watermarks:
    """Asks for high watermarks, on a connection of its own that reads nothing.

    Args:
        settings: the cluster's.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: Any = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers, or the user is refused; also OSError.
            SettingsError: a file of ours can't be read.
            ForeignServerError: another cluster answers.
        """
        self._consumer = AIOKafkaConsumer(
            **kafka_options(self._settings),
            client_id=self._settings.client_id,
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
            request_timeout_ms=int(self._settings.timeout * 1000),
            retry_backoff_ms=250,
        )
        await Cluster(self._settings).start(self._consumer)

    async def look_for_brokers(self) -> None:
        """Ask the addresses of the settings for the brokers: those that are known may have other names by now.

        Raises:
            KafkaError: none of them answers; also OSError and TimeoutError.
        """
        await ask_again(self._consumer)

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, 1.0)

    async def of(self, places: Collection[Any]) -> dict[Any, int]:
        """Of each partition the offset behind its last record.

        Raises:
            KafkaError: the cluster does not say; also OSError.
        """
        found: dict[Any, int] = await self._consumer.end_offsets(list(places))
        return found


class Fetching:
    """Decides how long the next request waits at the broker, and for how many bytes.

    aiokafka asks for the next records as soon as it has given some away. Answered at the first record, as Kafka does
    unless told otherwise, it has that one when they are settled, and asks for those behind it only then: each of them
    waits for a batch of one. So where batches are small, the request under work gathers for about as long as it lasts.

    Args:
        ask: has the next requests wait for so many milliseconds at most, or for so many bytes; a record is more than 1.
    """

    def __init__(self, ask: Callable[[int, int], None]) -> None:
        self._ask = ask
        self._full_at = float("-inf")
        self._batches = 0
        self._expected = 0.0
        self._gathers: asyncio.TimerHandle | None = None

    @property
    def backlog(self) -> bool:
        """Whether more records were there than were taken, just now."""
        return time.monotonic() - self._full_at < _BACKLOG

    @property
    def look(self) -> int:
        """Milliseconds that a look for records lasts at most."""
        return _BACKLOG_WAIT if self.backlog else _LOOK

    def look_begins(self) -> None:
        """Somebody waits for records."""
        self._wait()

    def taken(self, *, full: bool) -> None:
        """A batch was given to be worked on.

        Args:
            full: whether it has as many records as were wanted, so that there may be more.
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
        """A batch is worked on no longer.

        Args:
            took: seconds since it was taken.
        """
        self._batches -= 1
        self._expected += (min(took, _LONGEST) - self._expected) * _WEIGHT
        self._wait()

    def end_gathering(self) -> None:
        """End the gathering, and what would be asked for after it."""
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
