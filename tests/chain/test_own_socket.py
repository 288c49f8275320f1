"""A connection to the broker that ends while its socket is about to be watched: no other socket is watched instead."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from bridge.mqtt._private import ChunkClient, OwnSocketClient, PublishingClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.local import LocalStack


def chunk_client(hostname: str, port: int) -> ChunkClient:
    return ChunkClient(hostname, port, version_5=False, on_chunk=lambda _chunk: None)


def reuse(number: int) -> tuple[socket.socket, socket.socket]:
    """A pair of connected sockets, the first with a file descriptor that was just freed."""
    one, other = socket.socketpair()
    if one.fileno() != number:
        os.dup2(one.fileno(), number)
        one.close()
        one = socket.socket(fileno=number)
    one.setblocking(False)
    return one, other


async def watched_after_the_end(client: aiomqtt.Client) -> bool:
    """Whether the event loop watches a foreign socket with the descriptor of one that broke with data to send."""
    loop = asyncio.get_running_loop()
    async with client:
        paho: Any = client._client
        number = paho.socket().fileno()
        paho.publish("own-socket", b"x", 1)
        paho._sock_close()
        one, other = reuse(number)
        try:
            await asyncio.sleep(0.05)
            return loop.remove_writer(number)
        finally:
            one.close()
            other.close()
            if not client._disconnected.done():
                client._disconnected.set_result(None)


@pytest.mark.parametrize("make", [OwnSocketClient, PublishingClient, chunk_client])
async def test_no_other_socket_is_watched_for_one_that_broke(
    stack: LocalStack, make: Callable[[str, int], aiomqtt.Client]
) -> None:
    assert not await watched_after_the_end(make("127.0.0.1", stack.ports.mqtt_tcp))


async def test_aiomqtt_alone_watches_another_socket(stack: LocalStack) -> None:
    """Why the client of our own is there; once this fails it may go."""
    assert await watched_after_the_end(aiomqtt.Client("127.0.0.1", stack.ports.mqtt_tcp))


async def test_no_other_socket_is_read_for_one_that_broke_before_it_was_watched(stack: LocalStack) -> None:
    client = PublishingClient("127.0.0.1", stack.ports.mqtt_tcp)
    loop = asyncio.get_running_loop()

    def connect_and_break() -> int:
        paho: Any = client._client
        paho.connect("127.0.0.1", stack.ports.mqtt_tcp)
        number: int = paho.socket().fileno()
        paho._sock_close()
        return number

    # As aiomqtt connects: from a thread, while the loop may not run.
    number = connect_and_break()
    one, other = reuse(number)
    try:
        await asyncio.sleep(0.05)
        assert not loop.remove_reader(number)
        assert not loop.remove_writer(number)
    finally:
        one.close()
        other.close()


async def test_messages_go_and_come_as_ever(stack: LocalStack) -> None:
    async with (
        OwnSocketClient("127.0.0.1", stack.ports.mqtt_tcp) as listener,
        OwnSocketClient("127.0.0.1", stack.ports.mqtt_ws, transport="websockets") as publisher,
    ):
        await listener.subscribe("own-socket/#", qos=1)
        for number in range(300):
            await publisher.publish(f"own-socket/{number}", b"x" * 20_000, qos=1)
        came = 0
        async for _message in listener.messages:
            came += 1
            if came == 300:
                break
