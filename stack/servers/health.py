"""Health checks of the servers over their own protocols, with the standard library only.

Each check takes well under a second on a healthy server, else raises OSError or a subclass, and needs no package, so
that `status` works where nothing is installed. A check of a secured server trusts its certificate, has no password, and
expects to be rejected.

A port may belong to another program by now. So each check gets the process that must answer, and looks up in the
kernel's tables which process listens there.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from stack.ports import LOOPBACK
from stack.servers.process import prove_listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from stack.servers.process import Identity

__all__ = ["ask_kafka", "ask_mqtt_tcp", "ask_mqtt_ws", "ask_strapi", "ask_web", "ask_websockets"]

_SECONDS: Final = 2.0

# MQTT 3.1.1, section 3.1: protocol MQTT level 4, clean session, keepalive 10 s, empty client id.
_CONNECT: Final = bytes.fromhex("100c 0004 4d515454 04 02 000a 0000")
_DISCONNECT: Final = bytes.fromhex("e000")
# Section 3.2: CONNACK, no session, return code 0.
_CONNACK: Final = bytes.fromhex("20020000")
# Return code 5, not authorized: the answer of a secured broker to an anonymous client.
_NO_ENTRY: Final = bytes.fromhex("20020005")

# Kafka's ApiVersions request: key 18, version 0, correlation 1, client id "opsci", after its length.
_API_VERSIONS: Final = bytes.fromhex("0000 000f 0012 0000 00000001 0005") + b"opsci"


def ask_mqtt_tcp(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Connect as an MQTT client and expect to be accepted."""
    with _connection(port, trust, server) as broker:
        broker.sendall(_CONNECT)
        answer = _read(broker, len(_CONNACK))
        if answer != (_NO_ENTRY if trust else _CONNACK):
            raise ConnectionError(f"answered {answer.hex()} to an MQTT CONNECT")
        if not trust:
            broker.sendall(_DISCONNECT)


def ask_mqtt_ws(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Open a websocket with subprotocol mqtt (RFC 6455, section 4) and connect as an MQTT client in it."""
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET / HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    with _connection(port, trust, server) as broker:
        broker.sendall(request.encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += _read(broker, 1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"answered {head.splitlines()[0].decode(errors='replace')} to a websocket handshake")
        broker.sendall(_masked(_CONNECT))
        answer = _read(broker, 2 + len(_CONNACK))
        if answer[2:] != (_NO_ENTRY if trust else _CONNACK):
            raise ConnectionError(f"answered {answer.hex()} to an MQTT CONNECT over a websocket")
        if not trust:
            broker.sendall(_masked(_DISCONNECT))


def ask_websockets(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Request a page from the server for MQTT over websockets, which refuses it, whether the broker answers or not."""
    _ask_http(port, "/", 426, trust, server)


def ask_kafka(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Request the broker's API versions, which it answers without authentication."""
    with _connection(port, trust, server) as broker:
        broker.sendall(_API_VERSIONS)
        length, correlation, error = struct.unpack(">iih", _read(broker, 10))
        if correlation != 1 or error or length < 10:
            raise ConnectionError(f"answered error {error} to ApiVersions")


def ask_strapi(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Request Strapi's own health route, which answers 204."""
    _ask_http(port, "/_health", 204, trust, server)


def ask_web(port: int, trust: ssl.SSLContext | None = None, server: Identity | None = None) -> None:
    """Make the first request of the web page to its server."""
    _ask_http(port, "/config.json", 401 if trust else 200, trust, server)


@contextmanager
def _connection(port: int, trust: ssl.SSLContext | None, server: Identity | None) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, port), _SECONDS) as plain:
        if trust is None:
            yield plain
        else:
            with trust.wrap_socket(plain, server_hostname=LOOPBACK) as secured:
                yield secured
    prove_listener(port, server)


def _ask_http(port: int, path: str, expected: int, trust: ssl.SSLContext | None, server: Identity | None) -> None:
    connection = (
        http.client.HTTPSConnection(LOOPBACK, port, timeout=_SECONDS, context=trust)
        if trust
        else http.client.HTTPConnection(LOOPBACK, port, timeout=_SECONDS)
    )
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise ConnectionError(f"does not speak HTTP: {error!r}") from error
    finally:
        connection.close()
    prove_listener(port, server)
    if status != expected:
        raise ConnectionError(f"answered {status} to GET {path}")


def _masked(payload: bytes) -> bytes:
    """One binary websocket frame of a client, whose bytes are masked (RFC 6455, section 5.3), here with zeros."""
    return bytes([0x82, 0x80 | len(payload)]) + bytes(4) + payload


def _read(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            raise ConnectionError("closed the connection")
        found += part
    return found
