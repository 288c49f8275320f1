"""Another program writes movements in transactions among the traffic, and aborts every second one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer

from bridge.identity import MOVEMENT_ID
from stack.servers.server import BROKERS
from tests.faults.fault import Fault
from tests.faults.register import movement_payload

if TYPE_CHECKING:
    from tests.faults.register import Sent
    from tests.faults.world import World

__all__ = ["AbortedTransactions"]

_TOPIC: Final = "stock"
_AT_ONCE: Final = 4
"""Movements of a transaction, each of another product and so of many partitions."""

_TIMEOUT: Final = 30_000
"""Milliseconds after which Kafka ends a transaction by itself."""


@dataclass(frozen=True)
class AbortedTransactions(Fault):
    """Transactions for `seconds`, one after the other; the last one stays open for as long again and is aborted.

    Meanwhile it holds up everything behind it in its partitions, which has to arrive after it.
    """

    @property
    def text(self) -> str:
        return (
            f"a transactional producer commits and aborts by turns for {self.seconds:.0f} s, and leaves a transaction "
            f"open for {self.seconds:.0f} s more that it aborts then"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset(BROKERS)

    async def strike(self, world: World) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=world.stack.addresses.kafka,
            transactional_id=f"{world.register.run}-{len(world.register.sent)}",
            transaction_timeout_ms=_TIMEOUT,
            **world.kafka_options,
        )
        await producer.start()
        try:
            ends_at, aborts = time.monotonic() + self.seconds, False
            while time.monotonic() < ends_at:
                sent = await self._write(producer, world)
                if aborts:
                    await self._take_back(producer, world, sent)
                else:
                    await producer.commit_transaction()
                    for one in sent:
                        one.acknowledged_at = time.time()
                aborts = not aborts
            sent = await self._write(producer, world)
            await asyncio.sleep(self.seconds)
            await self._take_back(producer, world, sent)
        finally:
            await producer.stop()

    async def _write(self, producer: Any, world: World) -> list[Sent]:
        """Begin a transaction and produce movements in it."""
        await producer.begin_transaction()
        sent, partitions = [], set()
        for _ in range(_AT_ONCE):
            product = world.products[len(world.register.sent) % len(world.products)]
            one = world.register.enter(product, 5, named=True)
            one.sends = 1
            placed = await producer.send_and_wait(
                _TOPIC,
                movement_payload(one),
                key=b"%d" % product,
                headers=[(MOVEMENT_ID, (one.movement_id or "").encode())],
            )
            sent.append(one)
            partitions.add(placed.partition)
        # Its end is a marker in each of them.
        world.passed_over += len(partitions)
        return sent

    async def _take_back(self, producer: Any, world: World, sent: list[Sent]) -> None:
        for one in sent:
            one.taken_back = True
        world.passed_over += len(sent)
        await producer.abort_transaction()
