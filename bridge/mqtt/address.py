"""An MQTT server's address as a person writes it: `ws://`, `wss://`, `mqtt://` or `mqtts://`, host, port, path."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from bridge.errors import SettingsError

__all__ = ["Address", "read_address"]

_PORTS = {"ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883}


class Address(NamedTuple):
    """Where an MQTT server is, and how to speak to it."""

    host: str
    port: int
    transport: Literal["tcp", "websockets"]
    tls: bool
    path: str


def read_address(url: str) -> Address:
    """Read an address; the ports are those that the schemes are registered with.

    Raises:
        SettingsError: it is no address of an MQTT server.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        msg = f"mqtt.url: {url!r} is no address: {error}"
        raise SettingsError(msg) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        msg = f"mqtt.url: {url!r} is no address; write ws://host:1883, wss://, mqtt:// or mqtts://"
        raise SettingsError(msg)
    websockets = parts.scheme in {"ws", "wss"}
    return Address(
        parts.hostname,
        port or _PORTS[parts.scheme],
        "websockets" if websockets else "tcp",
        parts.scheme in {"wss", "mqtts"},
        (parts.path or "/") if websockets else "",
    )
