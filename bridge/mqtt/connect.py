"""Connection options for MQTT clients, and how a failed connection is explained to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiomqtt import MqttCodeError, MqttError, ProtocolVersion
from aiomqtt.exceptions import MqttConnectError
from msgspec.structs import replace
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from bridge.errors import RefusedError, ServerError, SettingsError, TakenError, UnreachableError, cause_of
from bridge.mqtt.address import read_address
from bridge.mqtt.client_id import shown
from bridge.phrase import Phrase
from bridge.secret import read_secret
from bridge.tls import certificate_refusal, trust

if TYPE_CHECKING:
    from bridge.settings import MqttSettings

__all__ = ["check_files", "mqtt_options", "publishing", "server_error", "session_taken", "user_properties"]

_CREDENTIALS = {4, 5, 134, 135}
"""CONNACK: bad user name or password, not authorized, in MQTT 3.1.1 (section 3.2.2.3) and MQTT 5 (3.2.2.2)."""

_TAKEN_OVER = 142
"""DISCONNECT: session taken over (MQTT 5 section 3.14.2.1)."""


def mqtt_options(settings: MqttSettings, *, session: bool) -> dict[str, Any]:
    """Build the options of aiomqtt's client from the settings, without the client id.

    Args:
        settings: the broker's.
        session: whether the broker is to keep the session; a publisher needs none.

    Raises:
        RefusedError: the password file or the CA file can't be read. They are read at each call, so that a corrected
            file counts at the next attempt.
    """
    try:
        return _options(settings, session=session)
    except SettingsError as error:
        advice = Phrase("correct the setting or the file; it is read again by itself")
        raise RefusedError("mqtt", error.text, advice) from error


def check_files(settings: MqttSettings) -> None:
    """Read the password file and the CA file once.

    Raises:
        SettingsError: one can't be read.
    """
    for one in (settings, publishing(settings)):
        _options(one, session=False)


def publishing(settings: MqttSettings) -> MqttSettings:
    """The settings for publishing: with the user for publishing, if there is a separate one."""
    if not settings.publish_username:
        return settings
    return replace(settings, username=settings.publish_username, password_file=settings.publish_password_file)


def _options(settings: MqttSettings, *, session: bool) -> dict[str, Any]:
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
        "password": read_secret(settings.password_file, "mqtt.password_file") if settings.password_file else None,
    }
    if address.transport == "websockets":
        options["websocket_path"] = address.path
    if address.tls:
        options["tls_context"] = trust(settings.ca_file, "mqtt.ca_file")
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
    """The properties of a PUBLISH with these user properties."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = list(pairs)
    return properties


def server_error(error: MqttError, settings: MqttSettings) -> ServerError:
    """Translate an error of aiomqtt into one that explains it to the user; the text contains no credentials."""
    if refusal := certificate_refusal("mqtt", settings.url, "mqtt.ca_file", error):
        return refusal
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
            Phrase("check mqtt.username and mqtt.password_file; the file is read again by itself")
            if settings.username
            else Phrase("set mqtt.username and mqtt.password_file"),
        )
    if value == _TAKEN_OVER:
        return session_taken(settings)
    what = cause_of(error)
    return UnreachableError(
        "mqtt",
        Phrase("no MQTT connection to {url}: {what}", url=settings.url, what=what),
        Phrase("is the broker running there, and does that port speak websockets?")
        if settings.url.startswith("ws")
        else Phrase("is the broker running there, and does that port speak MQTT without websockets?"),
    )


def session_taken(settings: MqttSettings) -> TakenError:
    """The error for another client that uses our client id."""
    return TakenError(
        "mqtt",
        Phrase(
            "another engine connects to {url} as {client_id!r} and takes the session",
            url=settings.url,
            client_id=shown(settings.client_id),
        ),
        Phrase("stop it, or give each engine an mqtt.client_id of its own"),
    )
