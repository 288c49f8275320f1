"""Every setting of the engine and the screen with its type, its default and what is allowed."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from bridge.route import Does, Route
from bridge.settings.preset import Preset

__all__ = [
    "ApplySettings",
    "IngestSettings",
    "KafkaSettings",
    "LogSettings",
    "MqttSettings",
    "ScreenSettings",
    "Settings",
    "StrapiSettings",
    "WatchSettings",
]

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Text = Annotated[str, Meta(min_length=1, max_length=1024)]
TopicName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9._-]{1,249}\Z", description="1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'"
    ),
]
MqttUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(ws|wss|mqtt|mqtts)://[^\s@/]+(/\S*)?\Z",
        description="ws://host:port, wss://, mqtt:// or mqtts://, with no user or password in it",
    ),
]
HttpUrl = Annotated[
    str,
    Meta(
        pattern=r"\Ahttps?://[^\s@/]+(/\S*)?\Z",
        description="http://host:port or https://, with no user or password in it",
    ),
]
Broker = Annotated[str, Meta(pattern=r"\A(\[[0-9A-Fa-f:.]+\]|[^\s:@/]+):\d{1,5}\Z", description="host:port")]


class MqttSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker that the objects publish to.

    Attributes:
        url: `ws://`, `wss://`, `mqtt://` or `mqtts://`, host and port; a path only for websockets.
        version: the protocol; 3.1.1 has no user properties and so no identity from the publisher.
        client_id: stable, as the broker keeps the session under it; one engine has one of its own.
        session_expiry: for how many seconds the broker keeps the session and its queue while the engine is away.
        keepalive: seconds between two signs of life.
        in_flight: how many unacknowledged messages the broker may send (MQTT 5 Receive Maximum, 1 to 65,535).
        reader: what reads the socket: our reader, which takes all that came at once, or paho's, a packet at a time.
        username: empty where the broker asks for none.
        password_file: a file with the password.
        ca_file: a file with the authority that signed the broker's certificate; empty trusts the system's.
        publish_topic: where the form publishes.
        publish_username: who publishes, where that is another user than the one that receives; empty where not.
        publish_password_file: a file with that user's password.
    """

    url: MqttUrl = "ws://127.0.0.1:1883"
    version: Literal["5", "3.1.1"] = "5"
    client_id: Annotated[str, Meta(min_length=1, max_length=128)] = "opsci-bridge"
    session_expiry: Annotated[int, Meta(ge=0, le=4_294_967_295)] = 604_800
    keepalive: Annotated[int, Meta(ge=1, le=65_535)] = 60
    in_flight: Annotated[int, Meta(ge=1, le=65_535)] = 4_000
    reader: Literal["chunks", "packets"] = "chunks"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    publish_topic: Text = "topic"
    publish_username: str = ""
    publish_password_file: str = ""


class KafkaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cluster between the objects and Strapi.

    Attributes:
        brokers: `host:port` of one or more brokers; one may stand there several times.
        client_id: how the engine calls itself.
        group: the consumer group that applies movements.
        errors_topic: where what can't be applied goes.
        beginning: where a group that never committed starts: true at the first record, false at the next one.
        timeout: seconds after which a request counts as unanswered.
        session_timeout: seconds after which a silent consumer loses its partitions.
        security: how to connect: in clear or over TLS (`ssl`), and with a user (`sasl_`) or without.
        mechanism: how a user proves who it is; `PLAIN` shows the password to whoever answers.
        username: needed where `security` is with a user.
        password_file: a file with the password.
        ca_file: a file with the authority that signed the brokers' certificates; empty trusts the system's.
    """

    brokers: Annotated[list[Broker], Meta(min_length=1)] = field(default_factory=lambda: ["127.0.0.1:9092"])
    client_id: Text = "opsci"
    group: Text = "stock-creator"
    errors_topic: TopicName = "errors"
    beginning: bool = True
    timeout: Seconds = 15
    session_timeout: Seconds = 10
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""


class StrapiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Strapi that has the stock.

    Attributes:
        url: `http://` or `https://`, host and port.
        token: the API token; a file or the environment is the better place for it.
        token_file: a file with the API token.
        ca_file: a file with the authority that signed Strapi's certificate; empty trusts the system's.
        mode: `auto` finds out; `ledger` asks for our batch route; `rest5` and `rest4` are plain REST.
        products: the plural name of the products' API.
        stock_field: the attribute that holds the stock.
        position_field: the attribute in which plain REST keeps the position last applied, where the schema has it.
        timeout: seconds for one request.
        refresh: seconds between two looks at the products for the stock pane.
    """

    url: HttpUrl = "http://127.0.0.1:1337"
    token: str = ""
    token_file: str = ""
    ca_file: str = ""
    mode: Literal["auto", "ledger", "rest5", "rest4"] = "auto"
    products: Text = "products"
    stock_field: Text = "stock_available"
    position_field: str = "movement_position"
    timeout: Seconds = 15
    refresh: Seconds = 2


class IngestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From MQTT to Kafka.

    Attributes:
        enabled: whether this engine does it.
        pending: how many messages may wait for Kafka's acknowledgement before the socket is no longer read.
    """

    enabled: bool = True
    pending: Count = 4_000


class ApplySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From Kafka to Strapi.

    Attributes:
        enabled: whether this engine does it.
        batch: the most movements in one request to the ledger, 1 to 1,000; less where Strapi takes longer than 0.1 s.
        requests: how many requests to the ledger may be under way at once in a backlog, 1 to 16; each of
            other partitions.
        first_pause: seconds before the first try again when Strapi does not answer.
        longest_pause: the seconds to which that pause grows.
    """

    enabled: bool = True
    batch: Annotated[int, Meta(ge=1, le=1_000)] = 1_000
    requests: Annotated[int, Meta(ge=1, le=16)] = 2
    first_pause: Seconds = 0.5
    longest_pause: Seconds = 30


class ScreenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terminal interface.

    Attributes:
        theme: one of Textual's themes.
        keep: how many records each pane keeps.
        frames: how often a second the panes show news at most, 1 to 30; fewer where drawing takes long.
        web: the address of the web client, which the screen shows; empty where none is served.
        language: what the screen speaks; `auto` is the language of the locale.
        presets: amounts under a name.
        keys: another key for a binding, by the binding's id; several have commas between them.
    """

    theme: Text = "textual-dark"
    keep: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    frames: Annotated[int, Meta(ge=1, le=30)] = 30
    web: Annotated[str, Meta(max_length=1024)] = ""
    language: Literal["auto", "en", "fr"] = "auto"
    presets: list[Preset] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Health and metrics of the headless engine.

    Attributes:
        host: the address to listen on; loopback unless said.
        port: the port; 0 takes a free one and says which.
        enabled: whether to listen at all.
    """

    host: Text = "127.0.0.1"
    port: Port = 9464
    enabled: bool = True


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The headless engine's log on standard error.

    Attributes:
        level: the least that is said.
        format: `text` for people, `json` for one object a line.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it.

    Attributes:
        drain: seconds that a stop may take to finish what is under way.
        loop: the event loop that the engine runs on.
        routes: the ways through the engine; each Kafka topic stands in one of them only.
    """

    mqtt: MqttSettings = field(default_factory=MqttSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    strapi: StrapiSettings = field(default_factory=StrapiSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    apply: ApplySettings = field(default_factory=ApplySettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    log: LogSettings = field(default_factory=LogSettings)
    drain: Seconds = 10
    loop: Literal["asyncio", "uvloop"] = "asyncio"
    routes: Annotated[list[Route], Meta(min_length=1)] = field(
        default_factory=lambda: [
            Route("topic", "stock", Does.MOVEMENT),
            Route("product", "product", Does.PRODUCT),
            Route("event", "event", Does.EVENT),
        ]
    )
