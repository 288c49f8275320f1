"""MQTT over websockets in front of the real Mosquitto: which pages have access, and that bytes are unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import aiohttp
import aiomqtt
import pytest

from bridge.mqtt.connect import mqtt_options
from bridge.settings import MqttSettings
from stack.local import LocalStack
from stack.ports import random_ports
from stack.run_state import RunState
from stack.status import show_status

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from stack.run_state import Running

_CONNECT = bytes.fromhex("100c 0004 4d515454 04 02 000a 0000")
_CONNACK = bytes.fromhex("20020000")
_SUBACK = bytes.fromhex("90 03 0001 00")
_PINGREQ, _PINGRESP = b"\xc0\x00", b"\xd0\x00"


def options(stack: LocalStack) -> tuple[str, ssl.SSLContext | bool]:
    return stack.addresses.mqtt_ws, stack.credentials.trust() if stack.paths.is_secure else True


@contextlib.asynccontextmanager
async def opened(stack: LocalStack, protocol: str = "mqtt") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url, trust = options(stack)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=(protocol,), ssl=trust, autoping=False) as websocket,
    ):
        yield websocket


async def handshake(stack: LocalStack, *, host: str = "127.0.0.1", **headers: str) -> int:
    """The status of the answer to a handshake."""
    url, trust = options(stack)
    named = {"Host": f"{host}:{stack.ports.mqtt_ws}", **headers}
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, protocols=("mqtt",), headers=named, ssl=trust):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


@pytest.mark.parametrize("secured", [False, True])
async def test_only_programs_and_pages_of_this_machine_are_let_in(
    secured: bool, request: pytest.FixtureRequest
) -> None:
    stack: LocalStack = request.getfixturevalue("secure_stack" if secured else "stack")
    assert await handshake(stack) == 101
    for origin in ("http://localhost:5173", "http://127.0.0.1:8000", "https://localhost", "http://[::1]:3000"):
        assert await handshake(stack, Origin=origin) == 101, origin
    for origin in ("https://evil.example", "null", "http://evil.localhost:8000", "http://localhost.evil.example"):
        assert await handshake(stack, Origin=origin) == 403, origin
    # A name that resolves to this machine by the will of the page: its own origin, and no preflight.
    assert await handshake(stack, host="evil.example", Origin="http://evil.example:1883") == 403
    assert await handshake(stack, host="localhost") == 101


async def test_bytes_go_through_however_they_are_cut_and_pings_are_answered(stack: LocalStack) -> None:
    for protocol in ("mqtt", "mqttv3.1"):
        async with opened(stack, protocol) as websocket:
            assert websocket.protocol == protocol
            for byte in _CONNECT:
                await websocket.send_bytes(bytes([byte]))
            assert (await websocket.receive_bytes()) == _CONNACK
            await websocket.ping(b"there?")
            answer = await websocket.receive()
            assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")
            await websocket.send_bytes(_PINGREQ * 100)
            came = b""
            while len(came) < 200:
                came += await websocket.receive_bytes()
            assert came == _PINGRESP * 100


async def test_a_message_in_fragments_is_one(stack: LocalStack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports.mqtt_ws)
    writer.write(
        b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    mask = bytes(4)
    writer.write(b"\x02\x85" + mask + _CONNECT[:5] + b"\x80" + bytes([0x80 | len(_CONNECT) - 5]) + mask + _CONNECT[5:])
    assert await reader.readexactly(6) == b"\x82\x04" + _CONNACK
    # What is no binary frame, and what is not masked, ends it.
    writer.write(b"\x81\x81" + mask + b"x")
    assert (await reader.read(100))[:1] in {b"\x88", b""}
    writer.close()
    await writer.wait_closed()


async def test_who_speaks_no_websocket_is_told_so(stack: LocalStack) -> None:
    async with aiohttp.ClientSession() as session:
        url = stack.addresses.mqtt_ws.replace("ws:", "http:")
        async with session.get(url) as answer:
            assert answer.status == 426
            assert "Access-Control-Allow-Origin" not in answer.headers
        async with session.post(url, data=_CONNECT) as answer:
            assert answer.status == 426
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(stack.addresses.mqtt_ws, protocols=("chat",))


async def test_a_browser_cannot_speak_to_the_port_behind_it(stack: LocalStack) -> None:
    """Mosquitto closes what begins with HTTP: neither a handshake nor the body of a request is taken for MQTT."""
    for path in (b"/", b"/mqtt"):
        reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports.mqtt_tcp)
        body = _CONNECT + _PINGREQ
        writer.write(
            b"POST %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Version: 13\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)
        )
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(100), 60) == b""
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_noise_ends_its_own_connection_and_no_other(stack: LocalStack) -> None:
    async with opened(stack) as websocket:
        await websocket.send_bytes(_CONNECT)
        assert await websocket.receive_bytes() == _CONNACK
        for size in (1, 2, 100, 3_000, 70_000):
            async with opened(stack) as other:
                await other.send_bytes(os.urandom(size))
            reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports.mqtt_ws)
            writer.write(os.urandom(size))
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            del reader
        async with opened(stack) as other:
            with contextlib.suppress(ConnectionError):
                await other.send_bytes(bytes(3_000_000))
            assert (await other.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        await websocket.send_bytes(_PINGREQ)
        assert await websocket.receive_bytes() == _PINGRESP


async def test_a_client_that_reads_nothing_costs_bounded_memory(stack: LocalStack, tmp_path: Path) -> None:
    """What it does not take waits in Mosquitto, within Mosquitto's bounds."""
    topic = f"slow/{tmp_path.name}"
    settings = MqttSettings(url=stack.addresses.mqtt_tcp)
    (pid,) = [running.identity.pid for name, running in stack_record(stack).items() if name == "websockets"]
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.ports.mqtt_ws)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    name = topic.encode()
    subscribe = b"\x82" + bytes([5 + len(name)]) + b"\x00\x01\x00" + bytes([len(name)]) + name + b"\x00"
    for packet in (_CONNECT, subscribe):
        writer.write(b"\x82" + bytes([0x80 | len(packet)]) + bytes(4) + packet)
    await reader.readuntil(_SUBACK)
    before = resident(pid)
    async with aiomqtt.Client(**mqtt_options(settings, session=False)) as client:
        for _ in range(100):
            await client.publish(topic, bytes(500_000), qos=1)
    assert resident(pid) - before < 30_000_000
    writer.transport.abort()


def stack_record(stack: LocalStack) -> dict[str, Running]:
    return RunState.read(stack.paths.record).servers


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - a file of the kernel
        return int(file.read().split()[1]) * 4096


async def test_where_the_broker_is_away_the_handshake_fails_and_where_this_server_is_killed_clients_come_back(
    tmp_path: Path,
) -> None:
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto"]) as stack:
        async with opened(stack) as websocket:
            await websocket.send_bytes(_CONNECT)
            assert await websocket.receive_bytes() == _CONNACK
            await asyncio.to_thread(stack.kill_server, "mosquitto")
            assert (await websocket.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        assert await handshake(stack) == 502
        await asyncio.to_thread(stack.start_server, "mosquitto")
        assert await handshake(stack) == 101
        await asyncio.to_thread(stack.kill_server, "websockets")
        with pytest.raises(OSError):
            await handshake(stack)
        await asyncio.to_thread(stack.start_server, "websockets")
        assert await handshake(stack) == 101


async def test_a_broker_that_had_to_move_is_found(tmp_path: Path) -> None:
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto"]) as stack:
        first = stack.ports
        await asyncio.to_thread(stack.stop_server, "mosquitto")
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", first.mqtt_tcp):
            await asyncio.to_thread(stack.start)
        assert stack.ports.mqtt_tcp != first.mqtt_tcp
        assert stack.ports.mqtt_ws == first.mqtt_ws
        assert await handshake(stack) == 101


async def test_mosquittos_own_websockets_are_there_for_who_asks_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto"], any_origin=True) as stack:
        assert await handshake(stack, Origin="https://evil.example") == 101
        show_status(stack.paths, as_json=False)
        said = capsys.readouterr().out
        assert "open to the pages of every site" in said
        assert not any(line.startswith("websockets") for line in said.splitlines())
    origins = ["https://shop.example.org"]
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto"], origins=origins) as stack:
        assert await handshake(stack, Origin="https://shop.example.org") == 101
        assert await handshake(stack, Origin="https://evil.example") == 403
        show_status(stack.paths, as_json=False)
        assert "(for pages of this machine, https://shop.example.org)" in capsys.readouterr().out
