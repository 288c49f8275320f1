"""The uses of private names of aiokafka 0.14; where one is missing the consumer logs it at its start and does without.

- `stop()` of the producer and the consumer waits for a Kafka that does not answer; cancelled, it leaves connections
  open.
- The consumer keeps one request in flight to each broker: while that waits at the broker for records of quiet
  partitions, the records of a busy one are not fetched.
- No client reports a new connection, and queued requests are sent over it at once, so the cluster's id must be
  requested where the connection is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
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
"""Seconds before reconnecting after a connection that was not admitted; aiokafka itself waits a tenth of that."""


async def start_client(client: Any) -> None:
    """Start one of aiokafka's clients; when cancelled, close a connection in progress, whose socket would stay open.

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
    """Stop a producer; after `deadline` seconds give up what Kafka has not acknowledged."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(producer.stop(), deadline)
        except (TimeoutError, asyncio.CancelledError) as error:
            _raise_if_ours(error)
            await _close(producer.client)


async def stop_consumer(consumer: AIOKafkaConsumer, deadline: float) -> None:
    """Stop a consumer; after `deadline` seconds leave it to Kafka to notice."""
    with contextlib.suppress(KafkaError, OSError):
        try:
            await asyncio.wait_for(consumer.stop(), deadline)
        except (TimeoutError, asyncio.CancelledError) as error:
            _raise_if_ours(error)
            for part in (getattr(consumer, "_fetcher", None), getattr(consumer, "_client", None)):
                if part is not None:
                    await _close(part)


async def ask_again(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Make a started client look up the brokers at its configured addresses, as at its start.

    Otherwise aiokafka only asks the brokers it knows, by their advertised names. If all of those have changed, it never
    finds out, and records wait for ever.

    Raises:
        KafkaError: no address answers; also OSError and TimeoutError.
    """
    inner: Any = getattr(client, "client", None) or getattr(client, "_client", None)
    if inner is not None:
        await inner.bootstrap()
        await inner.force_metadata_update()


def fetch_by(consumer: AIOKafkaConsumer, wait: int, least: int) -> None:
    """Set how long a started consumer's next requests wait at the broker.

    Args:
        consumer: the consumer.
        wait: at most this many milliseconds.
        least: bytes of records that end the wait.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    if hasattr(fetcher, "_fetch_max_wait_ms") and hasattr(fetcher, "_fetch_min_bytes"):
        fetcher._fetch_max_wait_ms = wait
        fetcher._fetch_min_bytes = least


def guard_connections(client: Any, admits: Callable[[str | None], bool]) -> bool:
    """Check the cluster's id on each connection of a client before anything else is sent over it.

    Args:
        client: a producer, consumer or admin client that is not started. Its `start` raises KafkaConnectionError if the
            cluster is not admitted; later, brokers of such a cluster count as unreachable.
        admits: called with the id, None from a broker that has none; returns whether the cluster is admitted.

    Returns:
        Whether the check is in place; False if this aiokafka lacks the names it needs.
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
                # Another connection may have replaced it meanwhile.
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
        # The open connections lead to another cluster now: check each of them again.
        for connection in list(inner._conns.values()):
            connection.close()
        inner.cluster.failed_update(None)

    async def bootstrap_proven() -> None:
        begins = getattr(inner, "_sync_task", None) is None
        try:
            await bootstrap()
        except asyncio.CancelledError as error:
            _close_bootstrap(error)
            raise
        if foreign:
            if begins:
                await inner.close()
            raise KafkaConnectionError("the cluster is another one")

    inner._get_conn, inner.bootstrap, inner.cluster.update_metadata = get_proven, bootstrap_proven, update_proven
    _wait_for_brokers(inner)
    return True


def _close_bootstrap(error: asyncio.CancelledError) -> None:
    """Close the connection over which a client asked for the brokers when it was cancelled; aiokafka leaves it open.

    Only aiokafka's own variable refers to it. Without that name it is closed with a warning in the log, once the
    garbage collector finds it.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        connection = frame.f_locals.get("bootstrap_conn")
        if connection is not None:
            connection.close()


def _wait_for_brokers(inner: Any) -> None:
    """Make the search for a coordinator fail with a retriable error where Kafka names no broker.

    A Kafka that was suspended does so for a moment, until its controller registers its brokers again. aiokafka asserts
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
    """The private names used here that a started consumer lacks; each is done without.

    Without them, a stopped consumer leaves its connections to an unresponsive Kafka open, requests wait as long as
    configured at the start, and the cluster's id is checked at each start instead of each connection.
    """
    fetcher, inner = getattr(consumer, "_fetcher", None), getattr(consumer, "_client", None)
    wanted = (
        (consumer, ("_client", "_fetcher")),
        (fetcher, ("_fetch_max_wait_ms", "_fetch_min_bytes") if fetcher is not None else ()),
        (inner, ("_get_conn", "_conns", "_sync_task", "coordinator_lookup") if inner is not None else ()),
    )
    return [name for owner, names in wanted for name in names if not hasattr(owner, name)]


def _raise_if_ours(error: BaseException) -> None:
    """Raise a cancellation of this task, but not those of aiokafka's own tasks, which its `stop` lets escape."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


async def _close(part: object) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        try:
            await asyncio.wait_for(part.close(), _CLOSING)  # type: ignore[attr-defined]
        except asyncio.CancelledError as error:
            _raise_if_ours(error)
