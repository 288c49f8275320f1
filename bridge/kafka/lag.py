"""Where partitions end, and how many of their records are not taken yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.journal import Held
from bridge.kafka._private import ask_again, stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import new_consumer

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.settings import KafkaSettings

__all__ = ["Lag", "Watermarks", "lag_of"]


class Watermarks:
    """Requests high watermarks, on a connection of its own that reads nothing.

    Args:
        settings: the cluster's.
        remember: whether a cluster at a new address is stored as this engine's.
    """

    def __init__(self, settings: KafkaSettings, *, remember: bool = True) -> None:
        self._settings = settings
        self._remember = remember
        self._consumer: Any = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError: no broker answers, or the user is refused; also OSError.
            SettingsError: a file named in the settings can't be read.
            ForeignServerError: another cluster answers.
        """
        self._consumer = new_consumer(self._settings, isolation_level="read_uncommitted", retry_backoff_ms=250)
        await Cluster(self._settings, remember=self._remember).start(self._consumer)

    async def look_for_brokers(self) -> None:
        """Look up the brokers at the configured addresses, as known brokers may have new names.

        Raises:
            KafkaError: none of them answers; also OSError and TimeoutError.
        """
        await ask_again(self._consumer)

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, 1.0)

    async def of(self, partitions: Collection[Any]) -> dict[Any, int]:
        """By partition, the offset after its last record.

        Raises:
            KafkaError: the cluster does not answer; also OSError.
        """
        found: dict[Any, int] = await self._consumer.end_offsets(list(partitions))
        return found


class Lag(NamedTuple):
    """What is not taken yet.

    Attributes:
        readable: by topic, how many records can be read now.
        held: by topic and partition, what waits behind an open transaction.
    """

    readable: dict[str, int]
    held: dict[tuple[str, int], Held]


async def lag_of(consumer: Any, watermarks: Watermarks, partitions: Collection[Any]) -> Lag:
    """Request the lag of a consumer.

    Args:
        consumer: aiokafka's, which reads committed records.
        watermarks: of the same cluster.
        partitions: assigned to the consumer, each with a position.

    Raises:
        KafkaError: the cluster does not answer; also OSError.
    """
    # In this order, so that records arriving between the two answers do not count as held.
    ends = await watermarks.of(partitions)
    stable = await consumer.end_offsets(partitions)
    positions = {one: await consumer.position(one) for one in partitions}
    firsts = {one: max(stable[one], positions[one]) for one in partitions}
    held = {
        (one.topic, one.partition): Held(first, ends[one] - first) for one, first in firsts.items() if first < ends[one]
    }
    readable = dict.fromkeys((one.topic for one in partitions), 0)
    for one, position in positions.items():
        readable[one.topic] += max(0, stable[one] - position)
    return Lag(readable, held)
