"""What rests on private names of aiokafka 0.14; where one is gone the consumer says so at its start, and goes on.

`stop()` of its producer and its consumer waits for a Kafka that does not answer, and cut short it leaves its
connections open. Its consumer has one request under way to each broker, so where a request waits at the broker for
records of quiet partitions, those that a busy one has meanwhile are not asked for. None of its clients says when it
makes a connection, and what waited goes over a new one at once: whose it is can only be asked where it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from aiokafka.protocol.metadata import MetadataRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

__all__ = [
    "ask_again",
    "fetch_by",
    "guard_connections",
    "missing_names",
    "start_client",
    "stop_consumer",
    "stop_producer",
]

_CLOSING: Final = 1.0

_NOT_ADMITTED: Final = 1.0
"""Seconds before another connection is tried after one that was not admitted: aiokafka itself waits a tenth of that."""


async def start_client(client: Any) -> None:
    """Start one of aiokafka's clients; cut short, it ends a connection that is being made, whose socket it would leave.

    Raises:
        KafkaError: what the client raises; also OSError and TimeoutError.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_CLOSING)
        if not starting.done():
            starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise


async def stop_producer(producer: AIOKafkaProducer, deadline: float) -> None:
    """Stop a producer; after `deadline` seconds what Kafka has not acknowledged is left behind."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(producer.stop(), deadline)
        except (TimeoutError, asyncio.CancelledError) as error:
            _raise_if_ours(error)
            await _close(producer.client)


async def stop_consumer(consumer: AIOKafkaConsumer, deadline: float) -> None:
    """Stop a consumer; after `deadline` seconds Kafka is left to find out that it is gone."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(consumer.stop(), deadline)
        except (TimeoutError, asyncio.CancelledError) as error:
            _raise_if_ours(error)
            for part in (getattr(consumer, "_fetcher", None), getattr(consumer, "_client", None)):
                if part is not None:
                    await _close(part)


async def ask_again(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Have a started client ask the addresses that it was given for the cluster's brokers, as at its start.

    From then on aiokafka asks the brokers that it knows by the names that they gave out. Where all of them have other
    names by now, it never learns of that, and what waits to be written waits for ever.

    Raises:
        KafkaError: none of them answers; also OSError and TimeoutError.
    """
    inner: Any = getattr(client, "client", None) or getattr(client, "_client", None)
    if inner is not None:
        await inner.bootstrap()
        await inner.force_metadata_update()


def fetch_by(consumer: AIOKafkaConsumer, wait: int, least: int) -> None:
    """Let a started consumer's next requests wait at the broker.

    Args:
        consumer: whose.
        wait: milliseconds at most.
        least: bytes of records that end the wait.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if hasattr(fetcher, "_fetch_max_wait_ms") and hasattr(fetcher, "_fetch_min_bytes"):
        fetcher._fetch_max_wait_ms = wait
        fetcher._fetch_min_bytes = least


def guard_connections(client: Any, admits: Callable[[str | None], bool]) -> bool:
    """Have each connection of a client asked for the cluster's id before anything else goes over it.

    Args:
        client: a producer, consumer or admin client that is not started; its `start` raises KafkaConnectionError where
            the cluster is not admitted, and later on no broker of such a cluster counts as reachable.
        admits: called with the id, or None from a broker that has none.

    Returns:
        Whether it is done; False where this aiokafka has no place for it.
    """
    inner: Any = getattr(client, "client", None) or getattr(client, "_client", None)
    if not all(hasattr(inner, name) for name in ("_get_conn", "_conns", "bootstrap", "cluster")):
        return False
    proven: weakref.WeakSet[Any] = weakref.WeakSet()
    get, bootstrap, update = inner._get_conn, inner.bootstrap, inner.cluster.update_metadata
    foreign = False

    async def prove(connection: Any) -> bool:
        try:
            told = await connection.send(MetadataRequest([]))
        except (KafkaError, OSError, TimeoutError):
            return False
        return admits(getattr(told, "cluster_id", None))

    async def get_proven(node_id: Any, **group: Any) -> Any:
        while (connection := await get(node_id, **group)) is not None and connection not in proven:
            if await prove(connection):
                proven.add(connection)
                # Another may be in its place by now.
                continue
            connection.close()
            await asyncio.sleep(_NOT_ADMITTED)
            return None
        return connection

    def update_proven(metadata: Any) -> None:
        nonlocal foreign
        foreign = not admits(getattr(metadata, "cluster_id", None))
        if not foreign:
            update(metadata)
            return
        # What stands behind the open connections is another cluster by now: each one has to prove itself again.
        for connection in list(inner._conns.values()):
            connection.close()
        inner.cluster.failed_update(None)

    async def bootstrap_proven() -> None:
        begins = getattr(inner, "_sync_task", None) is None
        await bootstrap()
        if foreign:
            if begins:
                await inner.close()
            raise KafkaConnectionError("the cluster is another one")

    inner._get_conn, inner.bootstrap, inner.cluster.update_metadata = get_proven, bootstrap_proven, update_proven
    _wait_for_brokers(inner)
    return True


def _wait_for_brokers(inner: Any) -> None:
    """Have the search for a coordinator fail as one that may be tried again where Kafka names no broker at all.

    A Kafka that stood still does so for a moment, until its controller takes its brokers up again. aiokafka asserts
    there, and the assertion would end whatever asked: a commit, a rebalance.
    """
    look_up = getattr(inner, "coordinator_lookup", None)
    if look_up is None:
        return

    async def look_up_or_wait(*coordinator: Any) -> Any:
        try:
            return await look_up(*coordinator)
        except AssertionError as error:
            raise NodeNotReadyError("Kafka names no broker") from error

    inner.coordinator_lookup = look_up_or_wait


def missing_names(consumer: AIOKafkaConsumer) -> list[str]:
    """The private names that are used here and that a started consumer has not; each is done without.

    Without them a consumer that is stopped leaves its connections to a Kafka that does not answer, requests wait as
    long as they were told at the start, and the cluster is asked for its id at each start instead of each connection.
    """
    fetcher, inner = getattr(consumer, "_fetcher", None), getattr(consumer, "_client", None)
    wanted = (
        (consumer, ("_client", "_fetcher")),
        (fetcher, ("_fetch_max_wait_ms", "_fetch_min_bytes") if fetcher is not None else ()),
        (inner, ("_get_conn", "_conns", "_sync_task", "coordinator_lookup") if inner is not None else ()),
    )
    return [name for owner, names in wanted for name in names if not hasattr(owner, name)]


def _raise_if_ours(error: BaseException) -> None:
    """Raise a cancellation of this task; aiokafka lets those of its own tasks out, which it cancels to stop them."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


async def _close(part: object) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        try:
            await asyncio.wait_for(part.close(), _CLOSING)  # type: ignore[attr-defined]
        except asyncio.CancelledError as error:
            _raise_if_ours(error)
