"""Large messages on real servers: a broker without limits, a Kafka that does not answer, and little memory."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from bridge.mqtt.frames import LARGEST_PACKET
from stack.install import install
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.servers.health import ask_mqtt_tcp
from tests.bench.publisher import publish
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.chain.lane import Lane

_SIZE: Final = 900_000
_COUNT: Final = 150
_GROWTH: Final = 80_000_000
"""The bytes by which the engine may grow; the messages are 135 MB, and the engine once had each of them twice."""


@pytest.fixture
def unbounded(tmp_path: Path) -> Iterator[int]:
    """A Mosquitto that sends and queues without limits; yields the port of its listener."""
    port = random_ports().mqtt_tcp
    config = tmp_path / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", "max_inflight_messages 0", "max_queued_messages 0"]
    config.write_text("\n".join(lines) + "\n")
    programs = install(Paths.of(), Report(sys.__stderr__), ("mosquitto",))
    environment = {**os.environ, **programs.library_path}
    with subprocess.Popen([programs.mosquitto, "-c", config], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            return ask_mqtt_tcp(port)
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


def memory(pid: int, what: str) -> int:
    """`VmRSS`, the memory of a process, or `VmHWM`, its peak, in bytes."""
    found = re.search(rf"{what}:\s+([0-9]+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture
async def engine(lane: Lane, unbounded: int, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A subscribed engine on that broker."""
    settings = lane.settings(mqtt={"url": f"mqtt://127.0.0.1:{unbounded}"}, watch={"enabled": False})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "run", "--config", str(write_settings(settings, tmp_path))),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        seen = b""
        while not all(b"%b: connected" % server in seen for server in (b"mqtt", b"kafka", b"strapi")):
            seen += await asyncio.wait_for(process.stderr.readline(), 60)
        reading = asyncio.create_task(process.stderr.read())
        yield process
        process.terminate()
        said = await asyncio.wait_for(reading, 60)
        assert b"never retrieved" not in said, said.decode()
        assert b"Traceback" not in said, said.decode()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_large_messages_do_not_fill_the_engine_while_kafka_does_not_answer(
    lane: Lane, unbounded: int, engine: asyncio.subprocess.Process
) -> None:
    payloads = (b"%06d" % number + b"x" * (_SIZE - 6) for number in range(_COUNT))
    before = memory(engine.pid, "VmRSS")
    lane.stack.pause_server("kafka")
    try:
        # The broker bounds nothing: it sends on what the engine takes.
        await asyncio.to_thread(publish, unbounded, f"{lane.name}/event/large", payloads)
        await asyncio.sleep(1)
        waiting = memory(engine.pid, "VmHWM") - before
    finally:
        lane.stack.resume_server("kafka")
    records = await lane.records(lane.event, _COUNT)
    assert sorted({record.value[:6] for record in records}) == [b"%06d" % number for number in range(_COUNT)]
    # They are no events, so each comes back as a dead letter.
    letters = await lane.records(lane.errors, _COUNT)
    assert len({dict(letter.headers)["payload"][:6] for letter in letters}) == _COUNT
    assert waiting < _GROWTH, f"{waiting / 1e6:.0f} MB more while Kafka did not answer"
    grown = memory(engine.pid, "VmHWM") - before
    assert grown < _GROWTH, f"{grown / 1e6:.0f} MB more in the end"


async def test_a_message_larger_than_any_record_becomes_a_letter_that_says_what_is_kept(
    lane: Lane, unbounded: int, engine: asyncio.subprocess.Process
) -> None:
    before = memory(engine.pid, "VmRSS")
    size = 60_000_000
    payloads = [b"y" * size, b'{"id":1,"amount":0,"type":"IN"}']
    await asyncio.to_thread(publish, unbounded, lane.mqtt_topic, payloads)
    # The parts of what was taken in of it, its letter, and that of the other.
    parts = -(-LARGEST_PACKET // 800_000) - 1
    records = await lane.records(lane.errors, parts + 2)
    letters = [record for record in records if "part-of" not in dict(record.headers)]
    assert len(letters) == 2, "what comes behind it gets through"
    (headers,) = [dict(letter.headers) for letter in letters if b"60000000 bytes" in letter.value]
    assert headers["reason"] == b"too-long"
    assert headers["payload-size"] == b"%d" % size
    assert headers["payload"][:4_096] == b"y" * 4_096
    assert memory(engine.pid, "VmHWM") - before < _GROWTH
