"""The address of an MQTT broker in the settings: `ws://`, `wss://`, `mqtt://` or `mqtts://`, host, port, path."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from bridge.errors import SettingsError
from bridge.phrase import Phrase

__all__ = ["Address", "read_address"]

_PORTS = {"ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883}


class Address(NamedTuple):
    """Where an MQTT broker is, and which transport it uses."""

    host: str
    port: int
    transport: Literal["tcp", "websockets"]
    tls: bool
    path: str


def read_address(url: str) -> Address:
    """Parse an address; the default ports are those registered for the schemes.

    Raises:
        SettingsError: it is not the address of an MQTT broker; the text does not name the setting.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(
            Phrase(
                "write ws://host:1883, wss://, mqtt:// or mqtts://: {url} is no address: {error}",
                url=repr(url),
                error=str(error),
            )
        ) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise SettingsError(
            Phrase("write ws://host:1883, wss://, mqtt:// or mqtts://: {url} is no address", url=repr(url))
        )
    websockets = parts.scheme in {"ws", "wss"}
    return Address(
        parts.hostname,
        port or _PORTS[parts.scheme],
        "websockets" if websockets else "tcp",
        parts.scheme in {"wss", "mqtts"},
        (parts.path or "/") if websockets else "",
    )
