"""The producer's futures: stopping an engine in the middle of a round leaves none with an unretrieved exception."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from bridge.kafka.producer import Placed, Producer, Record
from bridge.settings import KafkaSettings


class OneRecord:
    """A batch that is full with one record."""

    def __init__(self) -> None:
        self._full = False

    def append(self, **_: object) -> object | None:
        if self._full:
            return None
        self._full = True
        return self


class Stuck:
    """A producer that accepts one batch and keeps the next one waiting, as when Kafka does not answer."""

    def __init__(self) -> None:
        self.taken: list[asyncio.Future[Any]] = []
        self.waits = asyncio.Event()

    async def partitions_for(self, _: str) -> set[int]:
        return {0}

    def create_batch(self) -> OneRecord:
        return OneRecord()

    async def send_batch(self, *_: object, **__: object) -> asyncio.Future[Any]:
        if self.taken:
            self.waits.set()
            await asyncio.Event().wait()
        self.taken.append(asyncio.get_running_loop().create_future())
        return self.taken[0]


@pytest.mark.parametrize("failed", [True, False])
async def test_a_round_that_is_given_up_leaves_no_failure_unlooked_at(*, failed: bool) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    producer, stuck = Producer(KafkaSettings()), Stuck()
    producer._producer = stuck
    placed: list[Placed | None] = [None, None]
    records = [Record("stock", b"1", b"x", []), Record("stock", b"1", b"y", [])]
    task = asyncio.create_task(producer.produce(records, placed))
    await asyncio.wait_for(stuck.waits.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if failed:
        stuck.taken[0].set_exception(KafkaError())
    else:
        stuck.taken[0].cancel()
    await asyncio.sleep(0)
    del producer, task
    stuck.taken.clear()
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
    assert placed == [None, None]
