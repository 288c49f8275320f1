"""The proxy's effects on a connection; it loses no byte."""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def echo(*, relabel: bool = False) -> AsyncIterator[Proxy]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        proxy = Proxy(server.sockets[0].getsockname()[1], relabel={} if relabel else None)
        await proxy.start()
        try:
            yield proxy
        finally:
            await proxy.stop()


async def exchange(proxy: Proxy, data: bytes, seconds: float = 5) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readexactly(len(data)), seconds)
    finally:
        writer.close()


async def test_it_carries_every_byte_both_ways() -> None:
    data = bytes(range(256)) * 2000
    async with echo() as proxy:
        assert await exchange(proxy, data) == data


async def test_a_cut_resets_what_is_open_and_lets_new_ones_through() -> None:
    async with echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        assert await exchange(proxy, b"two") == b"two"


async def test_it_refuses_and_is_there_again_on_the_same_port() -> None:
    async with echo() as proxy:
        port = proxy.port
        await proxy.set(refused=True)
        with pytest.raises(ConnectionRefusedError):
            await exchange(proxy, b"one")
        await proxy.mend()
        assert proxy.port == port
        assert await exchange(proxy, b"two") == b"two"


async def test_a_silent_network_delivers_later_what_waited() -> None:
    async with echo() as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.set(silent_up=True, silent_down=True)
        writer.write(b"kept")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.2)
        await proxy.mend()
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"kept"
        writer.close()


async def test_only_the_answers_can_be_silent() -> None:
    got = asyncio.Event()

    class Hearing:
        def up(self, data: bytes) -> None:
            got.set()

        def down(self, data: bytes) -> None: ...

    async with echo() as proxy:
        proxy._tap = Hearing
        await proxy.set(silent_down=True)
        with pytest.raises(TimeoutError):
            await exchange(proxy, b"one", 0.2)
        assert got.is_set()


async def test_a_slow_network_takes_its_time_and_a_narrow_one_its_share() -> None:
    async with echo() as proxy:
        await proxy.set(delay=0.1)
        begun = time.monotonic()
        await exchange(proxy, b"one")
        assert time.monotonic() - begun >= 0.2
        await proxy.mend()
        await proxy.set(rate=100_000)
        begun = time.monotonic()
        await exchange(proxy, bytes(40_000))
        assert time.monotonic() - begun >= 0.2


async def test_kafkas_own_port_is_relabelled_in_whole_answers() -> None:
    async with echo(relabel=True) as proxy:
        told = b"\x00\x09127.0.0.1" + proxy._targets[0].to_bytes(4, "big")
        frame = len(told).to_bytes(4, "big") + told
        answer = await exchange(proxy, frame)
        assert answer == frame.replace(proxy._targets[0].to_bytes(4, "big"), proxy.port.to_bytes(4, "big"))
        assert answer != frame


async def test_brokers_of_a_cluster_are_each_led_to_their_own_proxy() -> None:
    labels: dict[int, int] = {}
    async with echo() as echoed:
        brokers = [Proxy(echoed.port, relabel=labels), Proxy(9, relabel=labels)]
        for proxy in brokers:
            await proxy.start()
        told, changed = (
            b"".join(b"127.0.0.1" + port.to_bytes(4, "big") for port in ports)
            for ports in ((echoed.port, 9), (brokers[0].port, brokers[1].port))
        )
        head = len(told).to_bytes(4, "big")
        assert await exchange(brokers[0], head + told) == head + changed
        for proxy in brokers:
            await proxy.stop()


async def test_servers_behind_one_address_take_the_connections_in_turn_and_one_that_is_away_none() -> None:
    async def serve(name: bytes, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        writer.close()

    async with (
        await asyncio.start_server(partial(serve, b"a"), "127.0.0.1", 0) as first,
        await asyncio.start_server(partial(serve, b"b"), "127.0.0.1", 0) as second,
    ):
        proxy = Proxy([server.sockets[0].getsockname()[1] for server in (first, second)])
        await proxy.start()
        assert sorted([await exchange(proxy, b"?") for _ in range(4)]) == [b"a", b"a", b"b", b"b"]
        second.close()
        assert [await exchange(proxy, b"?") for _ in range(2)] == [b"a", b"a"]
        await proxy.stop()


async def test_who_is_not_there_feels_absent() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        free = server.sockets[0].getsockname()[1]
    proxy = Proxy(free)
    await proxy.start()
    try:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await exchange(proxy, b"one")
    finally:
        await proxy.stop()
