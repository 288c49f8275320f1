"""Every setting of the engine and the screen: its name, type, default, unit, limits and description.

The docstring of a setting is its only description: its first paragraph is in the README's table, all of it in the
commented configs/opsci.toml and on the settings screen. After a change run `python -m bridge.settings.reference`, which
regenerates the first two.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, field

from bridge.movement import MAX_AMOUNT
from bridge.route import Route, RouteKind

__all__ = [
    "LONGEST_NAME",
    "ApplySettings",
    "IngestSettings",
    "KafkaSettings",
    "LogSettings",
    "MqttSettings",
    "Preset",
    "ScreenSettings",
    "Settings",
    "StrapiSettings",
    "WatchSettings",
]


LONGEST_NAME: Final = 60
"""The most characters of a preset's name."""

SECONDS: Final = {"unit": "seconds"}
"""Marks a type as a time, as in `Meta(extra=SECONDS)`."""

MESSAGES: Final = {"unit": "messages"}
MOVEMENTS: Final = {"unit": "movements"}
REQUESTS: Final = {"unit": "requests"}
RECORDS: Final = {"unit": "records"}
TIMES_A_SECOND: Final = {"unit": "times a second"}

FOREVER: Final = 4_294_967_295
"""The session expiry interval that never ends (MQTT 5, section 3.1.2.11.2)."""

Seconds = Annotated[float, Meta(gt=0, le=86_400, extra=SECONDS)]

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

HostName = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,253}\Z", description="a host's name without a port, as metrics.example.org")
]


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A movement that can be sent by name, or an amount for the rows chosen when it is used.

    Attributes:
        name: 1 to 60 printable characters; unique among the presets.
        amount: the signed change of the stock, -MAX_AMOUNT to MAX_AMOUNT and not 0.
        product: an id, a documentId or a barcode; empty for the selected or marked rows.
    """

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    amount: Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
    product: str = ""


class MqttSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker that the objects publish to."""

    url: MqttUrl = "ws://127.0.0.1:1883"
    """Where the broker is: `ws://`, `wss://`, `mqtt://` or `mqtts://`, host and port.

    Only websockets take a path. User and password have settings of their own.
    """

    version: Literal["5", "3.1.1"] = "5"
    """The protocol version. "3.1.1" carries no id from the publisher, so a movement sent twice counts twice."""

    client_id: Annotated[str, Meta(max_length=128)] = ""
    """The client id under which the broker keeps the queue; empty uses the one in `mqtt.client_id_file`.

    Each engine needs its own. Anyone who connects with it takes over the queue and can delete it, so an id that others
    can guess is safe only if the broker reserves ids for users (Mosquitto does not).
    """

    client_id_file: str = ""
    """A file with the client id, readable by its owner only; if it does not exist, it is made with a random id.

    If it is lost, so is the queue: in a container, keep it on a volume. Empty means
    ~/.local/state/opsci/mqtt-client-id. On its first start with such an id an engine also takes in what waits under
    "opsci-bridge", the client id used before these files existed.
    """

    session_expiry: Annotated[int, Meta(ge=0, le=FOREVER, extra=SECONDS)] = 604_800
    """How long the broker keeps the queue while the engine is away; a week by default. The largest value is forever."""

    keepalive: Annotated[int, Meta(ge=1, le=65_535, extra=SECONDS)] = 60
    """The keep-alive interval: how often the engine shows the broker that it is alive."""

    in_flight: Annotated[int, Meta(ge=1, le=65_535, extra=MESSAGES)] = 500
    """How many unacknowledged messages the broker may send at most; 4000 is faster if its configuration is ours.

    This is MQTT 5's Receive Maximum. Keep it below the broker's own queue: over websockets, a Mosquitto without
    max_queued_messages in its file sends 1,000 and does not send the rest until the engine reconnects. Our file
    (configs/mosquitto.conf) allows 4000, which the local runner and the compose file set.
    """

    reader: Literal["chunks", "packets"] = "chunks"
    """How the socket is read: "chunks" takes everything that has arrived at once, "packets" is the library's reader.

    The second is much slower; it is there for a broker that the first does not understand.
    """

    username: str = ""
    """The user name; empty if the broker asks for none."""

    password_file: str = ""
    """A file that contains the password and nothing else."""

    ca_file: str = ""
    """A PEM file with the authority that signed the broker's certificate; empty trusts the system's authorities."""

    publish_topic: Text = "topic"
    """Where the form and `opsci-bridge send` publish movements; no wildcards."""

    presence: str = "opsci/engines"
    """Below which topic engines say that they run, so that others know of them; empty says and hears nothing.

    Each keeps a retained message at PRESENCE/GROUP/ENGINE, which ends with it (its last will). Nothing is said where a
    route's filter takes that topic.
    """

    publish_username: str = ""
    """The user name for publishing, if `mqtt.username` may only receive; empty uses `mqtt.username`."""

    publish_password_file: str = ""
    """A file that contains that user's password and nothing else."""

    outbox: str = ""
    """A folder where what the form and the simulator publish is kept until the stock shows it.

    So nothing is lost when a program or the broker is killed. Empty uses a folder in ~/.local/state/opsci, one for each
    pair of broker and Strapi.
    """


class KafkaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cluster between the objects and Strapi."""

    brokers: Annotated[list[Broker], Meta(min_length=1)] = field(default_factory=lambda: ["127.0.0.1:9092"])
    """One or more brokers of the cluster."""

    client_id: Text = "opsci"
    """The engine's name in the brokers' logs."""

    group: Text = "stock-creator"
    """The consumer group that applies movements; engines of one group share the partitions.

    If they have different MQTT client ids, one takes in what is published and the others only apply, unless all use
    $share/NAME/FILTER in their routes.
    """

    errors_topic: TopicName = "errors"
    """The topic for what cannot be applied, with the reason and the original bytes."""

    beginning: bool = True
    """Where a group without a committed position starts: true at the first record in Kafka, false at the next one."""

    timeout: Seconds = 15
    """How long to wait for the answer to a request."""

    session_timeout: Seconds = 10
    """How long an engine may be silent before its partitions go to another one."""

    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How to connect: in clear text or over TLS ("ssl"), and without a user or with `kafka.username` ("sasl_")."""

    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How the user logs in; "PLAIN" sends the password to whoever answers, so it is for TLS only."""

    username: str = ""
    """The user name; empty if the brokers ask for none."""

    password_file: str = ""
    """A file that contains the password and nothing else."""

    ca_file: str = ""
    """A PEM file with the authority that signed the brokers' certificates; empty trusts the system's authorities."""

    known_file: str = ""
    """A file that records which cluster answers at which address; any other cluster there is refused.

    Empty means known-servers.json in the user's state folder.
    """

    accept_new: bool = False
    """Whether to accept the cluster that answers at the start, even if it is not the recorded one.

    Set it once, to move to a new cluster.
    """


class StrapiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Strapi that has the stock."""

    url: HttpUrl = "http://127.0.0.1:1337"
    """Where Strapi is: `http://` or `https://`, host and port."""

    token: str = ""
    """The API token itself. A file, or STRAPI_TOKEN in the environment, is a better place for it."""

    token_file: str = ""
    """A file that contains the API token and nothing else. It is read again when Strapi refuses the token."""

    ca_file: str = ""
    """A PEM file with the authority that signed Strapi's certificate, for https://; empty trusts the system's."""

    mode: Literal["auto", "ledger", "rest5", "rest4"] = "auto"
    """How movements are applied: "auto" finds out whether Strapi has the ledger or is a plain Strapi 5 or 4.

    "ledger" uses our batch route; "rest5" and "rest4" use the plain REST API of Strapi 5 and 4. With plain REST, a
    crash at the wrong moment can count a movement twice.
    """

    products: Text = "products"
    """The plural name of the products' API: /api/products."""

    stock_field: Text = "stock_available"
    """The product's attribute that holds the stock."""

    position_field: str = "movement_position"
    """The product's attribute, if the schema has it, where plain REST keeps the last position that it applied."""

    timeout: Seconds = 15
    """How long one request may take."""

    refresh: Seconds = 2
    """How often the stock pane reads the products."""


class IngestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From MQTT to Kafka."""

    enabled: bool = True
    """Whether this engine takes in MQTT messages; `--only apply` sets it to false."""

    pending: Annotated[int, Meta(ge=1, le=1_000_000, extra=MESSAGES)] = 4_000
    """How many messages may wait for Kafka before the engine stops reading from the broker.

    It also stops while 16 MB of them wait. The broker keeps the rest.
    """

    take_over: bool = False
    """Whether this engine takes over at its start from one that is gone for good (not seen for 150 s).

    One engine of a group takes in what is published, or several that share a subscription ($share/NAME/FILTER in
    their routes): if each had its own subscription, movements without an id would count once for each. The others stand
    by and only apply. What waits at the broker for the engine that is gone stays there.
    """


class ApplySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From Kafka to Strapi."""

    enabled: bool = True
    """Whether this engine applies movements; `--only ingest` sets it to false."""

    batch: Annotated[int, Meta(ge=1, le=1_000, extra=MOVEMENTS)] = 1_000
    """How many movements one request to the ledger carries at most; fewer, down to 64, if Strapi takes over 0.1 s."""

    requests: Annotated[int, Meta(ge=1, le=16, extra=REQUESTS)] = 2
    """How many requests to the ledger may run at once in a backlog; each is for different Kafka partitions."""

    first_pause: Seconds = 0.5
    """The pause before the first retry when Strapi does not answer; it doubles each time."""

    longest_pause: Seconds = 30
    """The longest pause between two retries; no shorter than `apply.first_pause`."""


class ScreenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """opsci-tui."""

    theme: Text = "opsci-dark"
    """opsci-dark, opsci-light, or one of Textual's themes: textual-dark, textual-light, nord, gruvbox, dracula ..."""

    keep: Annotated[int, Meta(ge=100, le=1_000_000, extra=RECORDS)] = 10_000
    """How many records each pane keeps; fewer if they are larger than 1 KB on average.

    The first 4,096 bytes of each payload are kept; Kafka has all of it.
    """

    frames: Annotated[int, Meta(ge=1, le=30, extra=TIMES_A_SECOND)] = 30
    """How many times a second the panes are updated at most; fewer if drawing takes long."""

    web: Annotated[str, Meta(max_length=1024)] = ""
    """The address of the web client, to show on the screen; empty if there is none.

    The local runner sets it.
    """

    serve_password_file: str = ""
    """A file that contains the password for `opsci-tui --serve` on an address other than loopback, and nothing else.

    At least 8 characters. It is read at the start. If empty, each start makes a password and prints it.
    """

    language: Literal["auto", "en", "fr"] = "auto"
    """The language of the screen; "auto" follows the locale."""

    presets: list[Preset] = field(default_factory=list)
    """Movements that can be sent by name.

    Each has a unique name of 1 to 60 characters, a product (an id, a documentId or a barcode; empty for the selected or
    marked rows) and an amount from -2,147,483,647 to 2,147,483,647, but not 0. Write them as [[screen.presets]] tables,
    or on one line:

        presets = [{ name = "a case", product = "", amount = 24 }, { name = "one sold", product = 12, amount = -1 }]
    """

    keys: dict[str, str] = field(default_factory=dict)
    """Other keys for the screen's actions, by the id that the settings screen shows, as in `"focus.form" = "f4"`.

    Separate several keys with commas:

        keys = { "focus.form" = "f4", "pane.zoom" = "f11,ctrl+z" }
    """


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Health and metrics of opsci-bridge: /healthz, /readyz, /metrics."""

    host: Text = "127.0.0.1"
    """The address to listen on. On loopback only this machine can connect; in a container use 0.0.0.0."""

    port: Port = 9464
    """The port; 0 picks a free one and reports it."""

    names: list[HostName] = field(default_factory=list)
    """Host names that requests may use, because a web page could make any other name point here (DNS rebinding).

    Names of the loopback address are always allowed. If `watch.host` is another address, so are all addresses, names
    without a dot and names under .local, .internal, .home.arpa and .localhost.
    """

    enabled: bool = True
    """Whether to serve health and metrics."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of opsci-bridge on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe messages to log."""

    format: Literal["text", "json"] = "text"
    """Text for people, or JSON with one object per line."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    mqtt: MqttSettings = field(default_factory=MqttSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    strapi: StrapiSettings = field(default_factory=StrapiSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    apply: ApplySettings = field(default_factory=ApplySettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    log: LogSettings = field(default_factory=LogSettings)

    drain: Seconds = 10
    """How long the engine may take to finish its work when it is stopped."""

    loop: Literal["asyncio", "uvloop"] = "asyncio"
    """The engine's event loop; "uvloop" must be installed (pip install 'opsci[uvloop]')."""

    routes: Annotated[list[Route], Meta(min_length=1)] = field(
        default_factory=lambda: [
            Route("topic", "stock", RouteKind.MOVEMENT),
            Route("product", "product", RouteKind.PRODUCT),
            Route("event", "event", RouteKind.EVENT),
        ]
    )
    """The routes: an MQTT topic filter, a Kafka topic, and what happens to the records there.

    The filter may contain + and #; an empty one takes nothing from MQTT. "movement" changes the stock, "product"
    writes a product (updates the one with that barcode, or creates it), "event" writes an event, "reading" writes what
    a sensor measured, "carry" leaves the records in Kafka. No MQTT topic may match the filters of two routes: the
    broker would deliver it twice. Each Kafka topic has one purpose, and none may be the errors topic.
    """
