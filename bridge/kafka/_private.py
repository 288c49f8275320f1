"""What rests on private names of aiokafka 0.14; a test notices when they change.

`stop()` of its producer and its consumer waits for a Kafka that does not answer, and cut short it leaves its
connections open. Its consumer has one request under way to each broker, so where a request waits at the broker for
records of quiet partitions, those that a busy one has meanwhile are not asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from bridge.errors import LibraryChangedError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

__all__ = ["check_aiokafka", "fetch_by", "stop_consumer", "stop_producer"]

_CLOSING: Final = 1.0


async def stop_producer(producer: AIOKafkaProducer, deadline: float) -> None:
    """Stop a producer; after `deadline` seconds what Kafka has not acknowledged is left behind."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(producer.stop(), deadline)
        except TimeoutError:
            await _close(producer.client)


async def stop_consumer(consumer: AIOKafkaConsumer, deadline: float) -> None:
    """Stop a consumer; after `deadline` seconds Kafka is left to find out that it is gone."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(consumer.stop(), deadline)
        except TimeoutError:
            if consumer._fetcher is not None:
                await _close(consumer._fetcher)
            await _close(consumer._client)


def fetch_by(consumer: AIOKafkaConsumer, wait: int, least: int) -> None:
    """Let a started consumer's next requests wait at the broker.

    Args:
        consumer: whose.
        wait: milliseconds at most.
        least: bytes of records that end the wait.
    """
    fetcher = consumer._fetcher
    if hasattr(fetcher, "_fetch_max_wait_ms") and hasattr(fetcher, "_fetch_min_bytes"):
        fetcher._fetch_max_wait_ms = wait
        fetcher._fetch_min_bytes = least


def check_aiokafka(consumer: AIOKafkaConsumer) -> None:
    """Make sure that a consumer has the private names.

    Raises:
        LibraryChangedError: it has not.
    """
    for name in ("_client", "_fetcher"):
        if not hasattr(consumer, name):
            raise LibraryChangedError(f"aiokafka.AIOKafkaConsumer has no {name}; aiokafka 0.14 has it")


async def _close(part: object) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(part.close(), _CLOSING)  # type: ignore[attr-defined]
