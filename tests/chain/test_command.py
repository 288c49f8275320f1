"""`opsci-bridge` as a process on the real servers: run, check, send, trial."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import httpx
import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from bridge.command import send as send_command
from bridge.command.rows import Row, read_rows, recognise
from bridge.embedded import EmbeddedChain
from bridge.errors import PublishError
from bridge.mqtt.publisher import Publisher
from tests.chain.lane import until
from tests.chain.programs import run_bridge, write_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.settings import Settings
    from stack.local import LocalStack
    from tests.chain.lane import Lane


class Bridge:
    """A running `opsci-bridge` whose log is JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    def said(self, part: str) -> str:
        """The first message that contains a text, or an empty one."""
        return next((entry["message"] for entry in self.log if part in entry["message"]), "")

    async def url(self) -> str:
        await until(lambda: self.said("health and metrics on "), what="it says where it answers")
        return self.said("health and metrics on ").removeprefix("health and metrics on ")

    async def ended(self, seconds: float = 60) -> int:
        code = await asyncio.wait_for(self.process.wait(), seconds)
        await self._reading
        return code

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith(b"{") else {"message": line.decode()})


@contextlib.asynccontextmanager
async def running(settings: Settings, folder: Path, *arguments: str) -> AsyncIterator[Bridge]:
    file = write_settings(settings, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bridge", "--config", str(file), "--log-format", "json", "--set", "watch.port=0", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    bridge = Bridge(process)
    try:
        yield bridge
    finally:
        if process.returncode is None:
            process.kill()
        await bridge.ended()


async def ready(client: httpx.AsyncClient, status: int = 200, seconds: float = 60) -> dict[str, Any]:
    """Wait until /readyz answers with a status, and return its body."""
    deadline = time.monotonic() + seconds
    while (answer := await client.get("/readyz")).status_code != status:
        if time.monotonic() > deadline:
            pytest.fail(f"not {status} within {seconds} s: {answer.text}")
        await asyncio.sleep(0.05)
    found: dict[str, Any] = answer.json()
    return found


async def resume_kafka(stack: LocalStack) -> None:
    """Resume Kafka, and wait until it is stable, for the tests that follow.

    A controller that was suspended with its broker misses the broker's heartbeats, and fences it for a moment some time
    after both resumed. So it counts as stable after two seconds without that.
    """
    stack.resume_server("kafka")
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    try:
        deadline, well_since = time.monotonic() + 30, time.monotonic()
        while time.monotonic() - well_since < 2:
            if not (await admin.describe_cluster())["brokers"]:
                well_since = time.monotonic()
            assert time.monotonic() < deadline, "Kafka is not itself again"
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def test_it_becomes_ready_counts_and_ends_on_sigterm(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    settings = lane.settings()
    async with running(settings, tmp_path) as bridge:
        async with httpx.AsyncClient(base_url=await bridge.url(), trust_env=False) as client:
            await ready(client)
            async with Publisher(settings.mqtt) as publisher:
                await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":5,"type":"IN"}' % product["id"])
                await publisher.publish(lane.mqtt_topic, b"Hello mqtt0")
            deadline = time.monotonic() + 20
            while 'opsci_verdicts_total{verdict="applied"} 1.0' not in (metrics := await client.get("/metrics")).text:
                assert time.monotonic() < deadline, metrics.text
                await asyncio.sleep(0.05)
            assert 'opsci_connection_state{server="mqtt",state="up"} 1.0' in metrics.text
            assert (await client.get("/healthz")).status_code == 200
        bridge.process.send_signal(signal.SIGTERM)
        assert await bridge.ended() == 0
        assert bridge.said("SIGTERM: finishing what is under way")
        assert "decided 2 (applied 1, rejected 1); dead letters 1 (not-json 1)" in bridge.said("stopped: received 2")
    assert await lane.stock_of(product) == 15
    assert not [entry for entry in bridge.log if lane.stack.bridge_token in json.dumps(entry)]


async def test_it_is_not_ready_without_its_servers_and_says_which(lane: Lane, tmp_path: Path) -> None:
    settings = lane.settings(kafka={"brokers": ["127.0.0.1:9"]})
    async with (
        running(settings, tmp_path) as bridge,
        httpx.AsyncClient(base_url=await bridge.url(), trust_env=False) as client,
    ):
        await until(lambda: bridge.said("no Kafka broker answers at 127.0.0.1:9"))
        found = await ready(client, 503)
        assert found["connections"]["kafka"]["state"] == "down"
        bridge.process.send_signal(signal.SIGINT)
        assert await bridge.ended() == 0


async def test_a_second_signal_stops_at_once(lane: Lane, stack: LocalStack, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(lane.settings(), drain=60)
    async with running(settings, tmp_path) as bridge:
        async with httpx.AsyncClient(base_url=await bridge.url(), trust_env=False) as client:
            await ready(client)
        stack.pause_server("kafka")
        try:
            async with Publisher(settings.mqtt) as publisher:
                await publisher.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}')
            bridge.process.send_signal(signal.SIGTERM)
            await until(lambda: bridge.said("SIGTERM: finishing what is under way, within 60 s"))
            bridge.process.send_signal(signal.SIGTERM)
            assert await bridge.ended(5) == 128 + signal.SIGTERM
        finally:
            await resume_kafka(stack)


async def test_a_drain_that_kafka_holds_up_ends_in_time(lane: Lane, stack: LocalStack, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(lane.settings(), drain=2)
    async with running(settings, tmp_path) as bridge:
        async with httpx.AsyncClient(base_url=await bridge.url(), trust_env=False) as client:
            await ready(client)
        stack.pause_server("kafka")
        try:
            async with Publisher(settings.mqtt) as publisher:
                await publisher.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}')
            bridge.process.send_signal(signal.SIGTERM)
            assert await bridge.ended(12) == 0
        finally:
            await resume_kafka(stack)


@pytest.mark.parametrize(("version", "loop"), [("5", "asyncio"), ("3.1.1", "asyncio"), ("5", "uvloop")])
async def test_send_and_once_account_for_every_row(
    lane: Lane, tmp_path: Path, version: str, loop: Literal["asyncio", "uvloop"]
) -> None:
    product = await lane.make_product(10)
    settings = lane.settings(mqtt={"version": version}, loop=loop)
    # The session exists from the first connection on, and from then on the broker keeps what comes.
    assert "received 0;" in await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    file = tmp_path / "moves.csv"
    rows = ["5,IN", "3,OUT", "0,IN", "1000,OUT"]
    file.write_text("id,amount,type\n" + "".join(f"{product['id']},{row}\n" for row in rows) + "half\n")
    told = await run_bridge(settings, "send", "--wait", "0", str(file), code=1)
    assert "line 6: it has 1 cells; the header has 3" in told
    assert "4 of 5 rows confirmed by the broker" in told
    told = await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    assert "received 4; produced 3; decided 4 (applied 2, rejected 2)" in told
    assert "dead letters 2 (insufficient-stock 1, zero-amount 1); lag 0" in told
    assert await lane.stock_of(product) == 12


async def test_a_resumable_file_counts_once_however_often_it_is_sent(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    settings = lane.settings()
    await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    file = tmp_path / "moves.csv"
    file.write_text("id,amount,type\n" + f"{product['id']},2,IN\n" * 3)
    for _ in range(2):
        await run_bridge(settings, "send", "--resumable", "--wait", "0", str(file))
    told = await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    assert "decided 6 (applied 3, duplicate 3)" in told
    assert await lane.stock_of(product) == 16
    # The ledger has them: nothing is waited for, and nothing is left to tell.
    assert "the stock says: applied 3\n" in await run_bridge(settings, "send", "--resumable", str(file))


async def test_send_says_what_the_stock_does_not_show(lane: Lane, tmp_path: Path) -> None:
    settings = lane.settings()
    await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    file = tmp_path / "moves.csv"
    file.write_text("id,amount,type\n1,2,IN\n1,0,IN\n1,3,IN\n")
    told = await run_bridge(settings, "send", "--wait", "1", str(file), code=1)
    assert "the stock says: nothing\n" in told
    # What is no movement ends as a dead letter, and no stock ever shows it.
    assert "unknown: 2 movements, on the lines 2, 4 (does an engine run? The broker may have them still)" in told


async def test_send_keeps_to_its_rate(lane: Lane, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("value;metadata\n" + 'hello;{"a":1}\n' * 11)
    settings = lane.settings()
    await run_bridge(settings, "run", "--once", "--set", "watch.enabled=false")
    started = time.monotonic()
    told = await run_bridge(settings, "send", "--rate", "10", str(file))
    assert "11 of 11 rows" in told
    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("does", ["movement", "product"])
async def test_send_waits_for_the_first_engine_and_keeps_the_order(lane: Lane, tmp_path: Path, does: str) -> None:
    settings = lane.settings()
    file = tmp_path / "rows.csv"
    if does == "product":
        rows = [f"{lane.name}-{number},,5,{lane.name}-{number},safe" for number in range(250)]
        file.write_text("\n".join(["name,description,stock_available,barcode,status", *rows]))
    else:
        product = await lane.make_product(0)
        # In another order some take from an empty stock.
        rows = [f"{product['id']},{1 + number // 2},{('IN', 'OUT')[number % 2]}" for number in range(250)]
        file.write_text("\n".join(["id,amount,type", *rows]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "send", "--config", str(write_settings(settings, tmp_path)), str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        while b"yet: waiting" not in (line := await asyncio.wait_for(process.stderr.readline(), 60)):
            assert line, "it waits for an engine"
        (folder := tmp_path / "engine").mkdir()
        async with running(settings, folder):
            told, _ = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0, told
            assert b"250 of 250 rows confirmed" in told
            assert does == "product" or b"the stock says: applied 250\n" in told
            by_partition: dict[int, list[bytes]] = defaultdict(list)
            for record in await lane.records(lane.product if does == "product" else lane.stock, 250):
                by_partition[record.partition].append(record.value)
            header, *lines = file.read_text().splitlines(keepends=True)
            sent = [row.payload for row in read_rows(recognise(header), lines) if isinstance(row, Row)]
            assert sum(map(len, by_partition.values())) == 250
            for values in by_partition.values():
                assert values == [payload for payload in sent if payload in values], "in the order of the file"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_send_confirms_nothing_that_the_broker_threw_away(
    lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(send_command, "PATIENCE", 1.0)
    file = tmp_path / "events.csv"
    file.write_text("value;metadata\n" + 'hello;{"a":1}\n' * 3)
    assert await asyncio.to_thread(send_command.send, lane.settings(), send_command.Sending(file)) == 1
    told = capfd.readouterr()
    assert "0 of 3 rows confirmed by the broker" in told.out
    assert f"no one subscribes to '{lane.name}/event', so the broker threw it away; start an engine first" in told.err


async def test_what_is_published_for_no_one_is_not_said_to_be_sent(lane: Lane) -> None:
    chain = EmbeddedChain(lane.settings())
    chain.start()
    try:
        with pytest.raises(PublishError, match="no one subscribes to"):
            await asyncio.wrap_future(chain.publish(b"{}", f"{lane.name}/event-of-no-route"))
    finally:
        await asyncio.to_thread(chain.stop)


async def test_send_tells_that_the_broker_is_away(lane: Lane, tmp_path: Path) -> None:
    file = tmp_path / "moves.csv"
    file.write_text("id,amount,type\n1,1,IN\n")
    settings = lane.settings(mqtt={"url": "mqtt://127.0.0.1:9", "version": "3.1.1"})
    told = await run_bridge(settings, "send", str(file), code=1)
    assert "line 2: no MQTT connection to mqtt://127.0.0.1:9" in told
    assert "Traceback" not in told


async def test_check_finds_all_well(lane: Lane) -> None:
    told = await run_bridge(lane.settings(), "check")
    lines = told.splitlines()
    assert lines[-1] == "all is well"
    # A lane's client id is no secret.
    assert all(line.startswith(("ok ", "warning settings mqtt.client_id: ")) for line in lines[:-1]), told
    for part in (
        f"the subscription to '{lane.mqtt_topic}' is granted at QoS 1",
        f"the topic '{lane.stock}' has 6 partitions",
        f"the topic '{lane.errors}' has 1 partitions",
        f"the consumer group '{lane.name}'",
        "knows the token",
        "it has the ledger",
        "the token may make events",
    ):
        assert part in told


async def test_check_names_everything_that_is_wrong(lane: Lane) -> None:
    settings = lane.settings(kafka={"errors_topic": "absent"}, strapi={"token": lane.stack.read_token})
    told = await run_bridge(settings, "check", code=1)
    wrong = [line for line in told.splitlines() if line.startswith("FAILED")]
    assert len(wrong) == 2, told
    assert "there is no topic 'absent'" in wrong[0]
    assert "the ledger's batch route" in wrong[1]
    assert "403" in wrong[1]
    assert told.endswith("2 to fix\n")


async def test_check_changes_nothing(lane: Lane) -> None:
    async with lane.strapi() as client:

        async def counts() -> list[int]:
            return [
                (await client.get(f"/api/{name}")).json()["meta"]["pagination"]["total"]
                for name in ("products", "events")
            ]

        before = await counts()
        await run_bridge(lane.settings(), "check")
        assert await counts() == before
    assert await lane.all_records(lane.stock) == []


async def test_check_leaves_a_running_engine_its_session(lane: Lane, tmp_path: Path) -> None:
    settings = lane.settings()
    async with (
        running(settings, tmp_path) as bridge,
        httpx.AsyncClient(base_url=await bridge.url(), trust_env=False) as client,
    ):
        since = (await ready(client))["connections"]["mqtt"]["since"]
        await run_bridge(settings, "check")
        assert (await ready(client))["connections"]["mqtt"]["since"] == since


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_trial_tells_the_way_of_five_movements(lane: Lane, version: str) -> None:
    product = await lane.make_product(10, barcode=f"0{lane.name}")
    told = await run_bridge(lane.settings(mqtt={"version": version}), "trial")
    lines = told.splitlines()
    assert [line[:2] for line in lines if " > " in line] == ["01", "02", "03", "04", "05"]
    assert f"> Kafka {lane.stock} p" in told
    assert "the payload is not JSON" in told
    assert lines[-1] == "5 of 5 movements ended as they should"
    assert await lane.stock_of(product) >= 7


async def test_a_trial_names_the_hop_that_failed(lane: Lane) -> None:
    await lane.make_product(10)
    settings = lane.settings(strapi={"token": "wrong"})
    told = await run_bridge(settings, "trial", "--set", "drain=1", code=1)
    assert "FAILED  strapi: refused at" in told
    assert "put a valid API token in the setting strapi.token" in told


async def test_wrong_settings_end_with_2_and_no_traceback(lane: Lane) -> None:
    told = await run_bridge(lane.settings(), "run", "--set", "mqtt.keepalive=never", code=2)
    assert told == (
        'opsci-bridge: command line: mqtt.keepalive: found "never"; allowed: a whole number from 1 to 65,535\n'
    )
