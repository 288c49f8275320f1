"""A publisher fast enough not to be the limit: prepared frames, sent in blocks at QoS 1, acknowledgements counted.

    python -m tests.bench.publisher PORT TOPIC FIRST COUNT

It prepares its frames, connects, prints `ready`, waits for a line and starts; then it prints when it began, when the
broker had acknowledged the last message, and the CPU seconds that took. mosquitto_pub costs twenty times that on the
contenders' cores, and ends early beyond 65,535 lines.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PRODUCTS", "connect_frame", "movement", "publish", "publish_frame"]

PRODUCTS: Final = 200
"""The movements are of that many products, as the course's are."""

_BLOCK: Final = 250
_WINDOW: Final = 2000
"""The most messages without acknowledgement: fewer than there are packet ids, and enough to keep a broker busy."""


def movement(number: int) -> bytes:
    """Return the payload of a movement, 33 to 36 bytes, distinct for numbers 0 to 999,999."""
    return b'{"id":%d,"amount":%d,"type":"IN"}' % (number % PRODUCTS + 1, number // PRODUCTS + 1)


def connect_frame(client_id: str) -> bytes:
    """Encode MQTT 3.1.1's CONNECT with a clean session and no keep-alive (section 3.1)."""
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name
    return b"\x10" + _length(len(body)) + body


def publish_frame(topic: str, packet_id: int, payload: bytes) -> bytes:
    """Encode MQTT 3.1.1's PUBLISH at QoS 1 (section 3.3)."""
    name = topic.encode()
    size = 4 + len(name) + len(payload)
    return b"\x32" + _length(size) + len(name).to_bytes(2, "big") + name + packet_id.to_bytes(2, "big") + payload


def publish(port: int, topic: str, payloads: Iterable[bytes], wait: bool = False) -> tuple[float, float]:
    """Publish payloads at QoS 1 and wait until the broker has acknowledged each.

    Args:
        port: of MQTT over TCP on this machine.
        topic: the MQTT topic.
        payloads: any number.
        wait: print `ready` and wait for a line before the first is sent.

    Returns:
        Seconds since the epoch before the first was sent and after the last was acknowledged.

    Raises:
        ConnectionError: the broker closed the connection.
    """
    frames = [publish_frame(topic, place % 65_535 + 1, payload) for place, payload in enumerate(payloads)]
    blocks = [b"".join(frames[start : start + _BLOCK]) for start in range(0, len(frames), _BLOCK)]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_frame(f"bench-{time.time_ns():x}"))
        _read(connection, 4)
        if wait:
            print("ready", flush=True)  # noqa: T201 - to the process that started this one
            sys.stdin.readline()
        began = time.time()
        acknowledged = _send(connection, blocks, len(frames))
        connection.sendall(b"\xe0\x00")
    return began, acknowledged


def _send(connection: socket.socket, blocks: Sequence[bytes], count: int) -> float:
    sent = received = place = 0
    while received < count * 4:
        while place < len(blocks) and sent - received // 4 < _WINDOW:
            connection.sendall(blocks[place])
            sent += _BLOCK
            place += 1
        data = connection.recv(65_536)
        if not data:
            raise ConnectionError("the broker closed the publisher's connection")
        received += len(data)
    return time.time()


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the broker closed the publisher's connection")
        data += more
    return data


def _length(size: int) -> bytes:
    found = b""
    while True:
        size, low = divmod(size, 128)
        found += bytes([low | (128 if size else 0)])
        if not size:
            return found


def main(arguments: Sequence[str]) -> None:
    port, topic, first, count = int(arguments[0]), arguments[1], int(arguments[2]), int(arguments[3])
    before = time.process_time()
    began, acknowledged = publish(port, topic, (movement(number) for number in range(first, first + count)), wait=True)
    said = json.dumps({"began": began, "acknowledged": acknowledged, "cpu": time.process_time() - before})
    print(said)  # noqa: T201 - to the process that started this one


if __name__ == "__main__":
    main(sys.argv[1:])
