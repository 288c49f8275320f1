"""The gain from paho's private names: `python -m tests.bench.private_ways` alternates between them and the public API.

The messages come from a thread of this process that answers like a broker, so that only the client is measured: the CPU
of its thread per message, from the connection to the last acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import struct
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import aiomqtt

from bridge.mqtt._private import ChunkClient, abandon, session_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.frames import Inbound

_MESSAGES: Final = 20_000
_ROUNDS: Final = 5
_CONNACK: Final = b"\x20\x03\x00\x00\x00"


class _PublicAcknowledgement(ChunkClient):
    """Reads in chunks, and acknowledges each message through paho's public method."""

    def __init__(self, hostname: str, port: int, *, on_chunk: Callable[[list[Inbound]], None]) -> None:
        super().__init__(hostname, port, version_5=True, on_chunk=on_chunk, protocol=aiomqtt.ProtocolVersion.V5)
        self._client.manual_ack_set(True)

    def acknowledge(self, packet_ids: list[int]) -> None:
        for packet_id in packet_ids:
            self._client.ack(packet_id, 1)


def _client(way: str, port: int, on_chunk: Callable[[list[Inbound]], None]) -> ChunkClient:
    if way == "ack()":
        return _PublicAcknowledgement("127.0.0.1", port, on_chunk=on_chunk)
    options = {"version_5": True, "on_chunk": on_chunk, "protocol": aiomqtt.ProtocolVersion.V5}
    return session_client(way, "127.0.0.1", port, **options)


def _publish(packet_id: int) -> bytes:
    topic, payload = b"topic", b'{"id":12,"amount":5,"type":"IN"}'
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", packet_id) + b"\0" + payload
    return bytes([0x32, len(body)]) + body


def _serve(listener: socket.socket) -> None:
    messages = b"".join(_publish(number % 65_535 + 1) for number in range(_MESSAGES))
    while True:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(_CONNACK)
        threading.Thread(target=_drain, args=(connection,), daemon=True).start()
        with contextlib.suppress(OSError):
            connection.sendall(messages)


def _drain(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(65_536):
            pass


async def _seconds(way: str, port: int) -> float:
    done, came = asyncio.Event(), 0

    def take(chunk: list[Inbound]) -> None:
        nonlocal came
        client.acknowledge([message.packet_id for message in chunk])
        came += len(chunk)
        if came == _MESSAGES:
            done.set()

    client = _client(way, port, take)
    began = time.thread_time()
    await client.__aenter__()
    await done.wait()
    took = time.thread_time() - began
    abandon(client)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    return took


def main() -> None:
    """Print the median of each variant."""
    ways = ("chunks", "packets", "ack()")
    found: dict[str, list[float]] = {way: [] for way in ways}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        for _ in range(_ROUNDS):
            for way in ways:
                found[way].append(asyncio.run(_seconds(way, listener.getsockname()[1])))
    first = statistics.median(found["chunks"])
    for way, seconds in found.items():
        middle = statistics.median(seconds)
        sys.stdout.write(f"{way:8} {middle / _MESSAGES * 1e6:6.1f} us of CPU a message, {middle / first:5.1f} times\n")


if __name__ == "__main__":
    main()
