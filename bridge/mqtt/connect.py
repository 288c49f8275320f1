"""What a session and a publisher share: how to connect by the settings, and what a failure means for a person."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiomqtt import MqttCodeError, MqttError, ProtocolVersion
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bridge.errors import RefusedError, ServerError, SettingsError, UnreachableError
from bridge.mqtt.address import read_address
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from bridge.settings import MqttSettings

__all__ = ["connect_options", "server_error", "session_taken", "user_properties"]

_CREDENTIALS = {4, 5, 134, 135}
"""CONNACK: bad user name or password, not authorized, in MQTT 3.1.1 (section 3.2.2.3) and MQTT 5 (3.2.2.2)."""

_TAKEN_OVER = 142
"""DISCONNECT: session taken over (MQTT 5 section 3.14.2.1)."""


def connect_options(settings: MqttSettings, *, session: bool) -> dict[str, Any]:
    """The arguments of aiomqtt's client for these settings, without the client id.

    Args:
        settings: the broker's.
        session: whether the broker shall keep the session; a publisher has none to keep.

    Raises:
        SettingsError: the password or the authority's file can't be read.
    """
    address = read_address(settings.url)
    version_5 = settings.version == "5"
    options: dict[str, Any] = {
        "hostname": address.host,
        "port": address.port,
        "protocol": ProtocolVersion.V5 if version_5 else ProtocolVersion.V311,
        "keepalive": settings.keepalive,
        "transport": address.transport,
        "timeout": 10,
        "username": settings.username or None,
        "password": _password(settings),
    }
    if address.transport == "websockets":
        options["websocket_path"] = address.path
    if address.tls:
        options["tls_context"] = _trust(settings)
    if version_5:
        options["clean_start"] = not session
        if session:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = settings.session_expiry
            properties.ReceiveMaximum = settings.in_flight
            options["properties"] = properties
    else:
        options["clean_session"] = not session
    return options


def user_properties(*pairs: tuple[str, str]) -> Properties:
    """A PUBLISH's properties with these user properties."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = list(pairs)
    return properties


def server_error(error: MqttError, settings: MqttSettings) -> ServerError:
    """Say what an error of aiomqtt means for a person; no credential is in the text."""
    code = error.rc if isinstance(error, MqttCodeError) else None
    value = code.value if isinstance(code, ReasonCode) else code
    if isinstance(error, MqttConnectError) and value in _CREDENTIALS:
        who = (
            Phrase("user {user!r}", user=settings.username)
            if settings.username
            else Phrase("a client without user name")
        )
        return RefusedError(
            "mqtt",
            Phrase("the broker at {url} refuses {who}", url=settings.url, who=who),
            Phrase("set mqtt.username and mqtt.password_file"),
        )
    if value == _TAKEN_OVER:
        return session_taken(settings)
    what = str(error).strip() or type(error).__name__
    return UnreachableError(
        "mqtt",
        Phrase("no MQTT connection to {url}: {what}", url=settings.url, what=what),
        Phrase("is the broker running there, and does that port speak websockets?")
        if settings.url.startswith("ws")
        else Phrase("is the broker running there, and does that port speak MQTT without websockets?"),
    )


def session_taken(settings: MqttSettings) -> RefusedError:
    """What to say where another client has our client id."""
    return RefusedError(
        "mqtt",
        Phrase(
            "another engine connects to {url} as {client_id!r} and takes the session",
            url=settings.url,
            client_id=settings.client_id,
        ),
        Phrase("stop it, or give each engine an mqtt.client_id of its own"),
    )


def _password(settings: MqttSettings) -> str | None:
    if not settings.password_file:
        return None
    try:
        return Path(settings.password_file).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        msg = f"mqtt.password_file: {settings.password_file}: {error.strerror}"
        raise SettingsError(msg) from None


def _trust(settings: MqttSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(Path(settings.ca_file).expanduser()) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        msg = f"mqtt.ca_file: {settings.ca_file}: {error}"
        raise SettingsError(msg) from None
