"""Publications of the form and the simulator are in the stock once, though broker and program are killed."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.embedded import EmbeddedChain
from bridge.journal import Journey, Server, State, Verdict
from bridge.strapi.client import StrapiClient
from bridge.strapi.ledger import Outcome, recorded
from tests.chain.forgetting import forgetting
from tests.chain.lane import until
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import Settings
    from tests.chain.lane import Lane

COUNT = 12


@contextlib.asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[EmbeddedChain]:
    chain = EmbeddedChain(settings)
    chain.start()
    try:
        await until(lambda: all(chain.journal.connections[server].state is State.UP for server in Server))
        yield chain
    finally:
        await asyncio.to_thread(chain.stop)


@contextlib.asynccontextmanager
async def form(settings: Settings) -> AsyncIterator[EmbeddedChain]:
    """A program that publishes and carries nothing."""
    chain = EmbeddedChain(settings)
    chain.start()
    try:
        yield chain
    finally:
        await asyncio.to_thread(chain.stop)


async def publish(chain: EmbeddedChain, product: int, count: int = COUNT) -> list[Journey]:
    payload = b'{"id":%d,"amount":1,"type":"IN"}' % product
    return await asyncio.gather(*(asyncio.wrap_future(chain.publish(payload)) for _ in range(count)))


def applied(chain: EmbeddedChain) -> int:
    return chain.journal.verdicts[Verdict.APPLIED]


def modes(lane: Lane) -> list[int]:
    """The modes of the outbox's files."""
    return [stat.S_IMODE(file.stat().st_mode) for file in Path(lane.settings().mqtt.outbox).iterdir()]


def waiting(chain: EmbeddedChain) -> list[str]:
    assert chain.chain is not None
    assert chain.chain.outbox is not None
    return chain.chain.outbox.waiting


async def test_what_the_broker_forgot_is_sent_again_and_counts_once(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    async with embedded(lane.settings(mqtt={"in_flight": 1})) as chain:
        # So that they stand in the broker when it is killed, but for the one that it has sent ahead.
        await asyncio.wrap_future(chain.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            sent = await publish(chain, product["id"])
            assert modes(lane) == [0o600]
            assert len(waiting(chain)) == COUNT
        await asyncio.wrap_future(chain.resume_ingest())
        await until(lambda: applied(chain) == COUNT)
        again = [journey for journey in sent if "sent again by itself, 2 times in all" in journey.resent]
        assert len(again) >= COUNT - 2
        await until(lambda: not waiting(chain))
        assert "outbox" not in chain.journal.notes
    assert await lane.stock_of(product) == 10 + COUNT
    assert modes(lane) == []


async def test_what_is_on_its_way_is_not_sent_again(lane: Lane) -> None:
    product = await lane.make_product(10)
    async with embedded(lane.settings()) as chain:
        await asyncio.wrap_future(chain.pause_apply())
        await publish(chain, product["id"])
        await until(lambda: chain.journal.produced.total == COUNT)
        since = chain.journal.connections[Server.MQTT].since
        lane.stack.kill_server("mosquitto")
        lane.stack.start_server("mosquitto")
        await until(lambda: chain.journal.connections[Server.MQTT].since > since)
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
        # Longer than it waits for what a session that came back brings.
        await asyncio.sleep(5)
        assert len(waiting(chain)) == COUNT
        await asyncio.wrap_future(chain.resume_apply())
        await until(lambda: not waiting(chain))
        assert applied(chain) == COUNT
        assert chain.journal.verdicts[Verdict.DUPLICATE] == 0


PUBLISHER = """
import sys, time
from pathlib import Path
from bridge.embedded import EmbeddedChain
from bridge.journal import Server, State
from bridge.settings.load import load_settings

chain = EmbeddedChain(load_settings(Path(sys.argv[1]), {}))
chain.start()
while not all(chain.journal.connections[server].state is State.UP for server in Server):
    time.sleep(0.05)
chain.pause_ingest().result(10)
payload = b'{"id":%d,"amount":1,"type":"IN"}' % int(sys.argv[2])
for answer in [chain.publish(payload) for _ in range(int(sys.argv[3]))]:
    answer.result(10)
print("published", flush=True)
time.sleep(60)
"""


async def test_the_next_program_sends_what_a_killed_one_left(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    file = write_settings(lane.settings(), tmp_path)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PUBLISHER, str(file), str(product["id"]), str(COUNT)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        with forgetting(lane.stack, tmp_path):
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"published\n"
            process.kill()
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    async with embedded(lane.settings()) as chain:
        await until(lambda: applied(chain) == COUNT)
        await until(lambda: not waiting(chain))
    assert await lane.stock_of(product) == 10 + COUNT


async def test_the_next_program_asks_the_ledger_before_it_sends(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    async with embedded(lane.settings()) as chain:
        await asyncio.wrap_future(chain.pause_apply())
        await publish(chain, product["id"])
        left = waiting(chain)
    assert len(left) == COUNT
    # An engine without an outbox applies them meanwhile.
    other = lane.settings(mqtt={"outbox": str(tmp_path / "other")})
    async with embedded(other) as chain:
        await until(lambda: applied(chain) == COUNT)
    async with embedded(lane.settings()) as chain:
        assert {*left} >= {*waiting(chain)}
        await until(lambda: not waiting(chain))
        assert chain.journal.received.total == 0
    assert await lane.stock_of(product) == 10 + COUNT


async def test_simulated_objects_keep_what_they_sent(lane: Lane, tmp_path: Path) -> None:
    await lane.make_product(1000)
    async with embedded(lane.settings(mqtt={"in_flight": 1})) as chain:
        await until(lambda: len(chain.journal.stock) > 0)
        await asyncio.wrap_future(chain.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            await asyncio.wrap_future(chain.start_simulator(5, 50))
            await until(lambda: len(waiting(chain)) >= COUNT)
            await asyncio.wrap_future(chain.stop_simulator())
            sent = waiting(chain)
        await asyncio.wrap_future(chain.resume_ingest())
        await until(lambda: not waiting(chain))
        assert chain.journal.verdicts[Verdict.DUPLICATE] == 0
    async with StrapiClient(lane.settings().strapi) as client:
        known = await recorded(client, sent)
    assert {*known} == {*sent}
    assert Outcome.APPLIED in {decision.outcome for decision in known.values()}


@contextlib.asynccontextmanager
async def sending(settings: Settings, folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`opsci-bridge send` of COUNT rows, from the broker's acknowledgement of all of them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "send", "--config", str(write_settings(settings, folder)), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 60)
        assert b"12 of 12 rows confirmed by the broker" in said
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def rows(product: int, folder: Path) -> str:
    file = folder / "moves.csv"
    file.write_text("id,amount,type\n" + f"{product},1,IN\n" * COUNT)
    return str(file)


async def test_send_sends_again_what_the_broker_forgot_and_waits_for_the_stock(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    settings = lane.settings(mqtt={"in_flight": 1})
    async with embedded(settings) as chain:
        await asyncio.wrap_future(chain.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            sender = sending(settings, tmp_path, rows(product["id"], tmp_path))
            process = await sender.__aenter__()
        try:
            await asyncio.wrap_future(chain.resume_ingest())
            assert process.stdout is not None
            said = (await asyncio.wait_for(process.stdout.read(), 60)).decode()
            assert await process.wait() == 0
        finally:
            await sender.__aexit__(None, None, None)
        assert "the stock says: applied 12; " in said
        assert "times one was sent again" in said
        assert applied(chain) == COUNT
    assert await lane.stock_of(product) == 10 + COUNT


async def test_a_send_that_was_killed_is_repeated_under_the_same_identities(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    settings = lane.settings(mqtt={"in_flight": 1})
    async with embedded(settings) as chain:
        await asyncio.wrap_future(chain.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            async with sending(settings, tmp_path, rows(product["id"], tmp_path)) as process:
                assert process.stderr is not None
                told = (await process.stderr.readline()).decode()
                process.kill()
        await asyncio.wrap_future(chain.resume_ingest())
        run = told.partition("--run ")[2].split()[0]
        for _ in range(2):
            async with sending(settings, tmp_path, "--run", run, rows(product["id"], tmp_path)) as process:
                assert process.stdout is not None
                assert "the stock says: applied 12" in (await process.stdout.read()).decode()
                assert await process.wait() == 0
        assert applied(chain) == COUNT
    assert await lane.stock_of(product) == 10 + COUNT


async def test_a_form_beside_another_engine_asks_the_ledger(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    beside = lane.settings(
        mqtt={"outbox": str(tmp_path / "beside")}, ingest={"enabled": False}, apply={"enabled": False}
    )
    async with embedded(lane.settings(mqtt={"in_flight": 1})) as engine, form(beside) as chain:
        await asyncio.wrap_future(engine.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            sent = await publish(chain, product["id"])
        await asyncio.wrap_future(engine.resume_ingest())
        await until(lambda: not waiting(chain))
        assert {journey.verdict for journey in sent} == {Verdict.APPLIED}
        assert applied(engine) == COUNT
    assert await lane.stock_of(product) == 10 + COUNT


async def test_without_a_ledger_nothing_is_sent_again(lane: Lane, tmp_path: Path) -> None:
    product = await lane.make_product(10)
    async with embedded(lane.settings(strapi={"mode": "rest5"}, mqtt={"in_flight": 1})) as chain:
        await asyncio.wrap_future(chain.pause_ingest())
        with forgetting(lane.stack, tmp_path):
            await publish(chain, product["id"])
            assert waiting(chain) == []
        await asyncio.wrap_future(chain.resume_ingest())
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
        await asyncio.sleep(4)
        assert chain.journal.received.total <= 2
        assert await lane.stock_of(product) <= 12
