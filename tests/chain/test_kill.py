"""The engine is killed under load: each message is in Kafka once, and counts once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Literal

import pytest

from bridge.mqtt.publisher import Publisher
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chain.lane import Lane


async def start_engine(file: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "run", "--config", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("named", "loop"), [(False, "asyncio"), (True, "asyncio"), (False, "uvloop")])
async def test_a_killed_engine_brings_each_message_into_kafka_once(
    lane: Lane, tmp_path: Path, *, named: bool, loop: Literal["asyncio", "uvloop"]
) -> None:
    product = await lane.make_product(0)
    settings = lane.settings(watch={"enabled": False}, mqtt={"in_flight": 500}, loop=loop)
    file = write_settings(settings, tmp_path)
    engine = await start_engine(file)
    count = 3000
    kills = 0

    async def publish(publisher: Publisher, number: int) -> None:
        payload = b'{"id":%d,"amount":1,"type":"IN","number":%d}' % (product["id"], number)
        await publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{number}" if named else None)

    try:
        # The session must be there before the first message, or the broker keeps none.
        while not await lane.all_records(lane.stock):
            async with Publisher(settings.mqtt) as publisher:
                await publish(publisher, -1)
            await asyncio.sleep(0.2)
        async with Publisher(settings.mqtt, in_flight=300) as publisher:
            for start in range(0, count, 300):
                sending = asyncio.gather(*(publish(publisher, number) for number in range(start, start + 300)))
                if start % 900 == 0:
                    await asyncio.sleep(0.15)
                    engine.send_signal(signal.SIGKILL)
                    await engine.wait()
                    kills += 1
                    engine = await start_engine(file)
                await sending
            # What comes again comes before it.
            await publish(publisher, count)
        await lane.reaches(lane.stock, b'"number":%d}' % count)
        records = await lane.all_records(lane.stock)
        numbers = Counter(record.value.rsplit(b":", 1)[1] for record in records)
        assert kills == 4
        assert set(numbers) >= {b"%d}" % number for number in range(count)}
        assert {number: times for number, times in numbers.items() if times > 1 and number != b"-1}"} == {}
        deadline = asyncio.get_running_loop().time() + 120
        while await lane.stock_of(product) != len(records):
            assert asyncio.get_running_loop().time() < deadline, await lane.stock_of(product)
            await asyncio.sleep(0.2)
    finally:
        if engine.returncode is None:
            engine.send_signal(signal.SIGTERM)
            await engine.wait()
