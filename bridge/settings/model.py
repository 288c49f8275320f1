"""Every setting of the engine and the screen: its name, type, default, unit, limits and what it is for.

The text under a setting is what everything else says of it: its first paragraph stands in the README's table, all
of it in the commented configs/opsci.toml and on the settings screen. After a change run
`python -m bridge.settings.reference`, which writes the first two again.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, field

from bridge.movement import MAX_AMOUNT
from bridge.route import Does, Route

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
"""Says of a type that it is a time, as `Meta(extra=SECONDS)`."""

Seconds = Annotated[float, Meta(gt=0, le=86_400, extra=SECONDS)]

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

HostName = Annotated[
    str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,253}\Z", description="a host's name without a port, as metrics.example.org")
]


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One movement, or one amount for the rows that are chosen when it is used.

    Attributes:
        name: what it is called, 1 to 60 printable characters; no two presets share one.
        amount: the signed change of the stock, -MAX_AMOUNT to MAX_AMOUNT and not 0.
        product: an id, a documentId or a barcode; empty stands for the rows that are selected or marked.
    """

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    amount: Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
    product: str = ""


class MqttSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker that the objects publish to."""

    url: MqttUrl = "ws://127.0.0.1:1883"
    """Where the broker is: `ws://`, `wss://`, `mqtt://` or `mqtts://`, host and port.

    A path only for websockets. User and password stand below.
    """

    version: Literal["5", "3.1.1"] = "5"
    """The protocol. "3.1.1" carries no identity from the publisher, so that a movement sent twice counts twice."""

    client_id: Annotated[str, Meta(max_length=128)] = ""
    """The name under which the broker keeps the queue; empty takes the one in `mqtt.client_id_file`.

    Each engine has one of its own. Whoever connects under it takes the queue and can end it, so one that others can
    guess is safe only at a broker that gives each user names of its own (Mosquitto does not).
    """

    client_id_file: str = ""
    """A file with that name, for its owner alone: a random one is made where there is no such file.

    Whoever loses it loses the queue: in a container it belongs on a volume. Empty is
    ~/.local/state/opsci/mqtt-client-id. At its first start with such a name an engine takes in what waits under
    "opsci-bridge", the name before there were such files.
    """

    session_expiry: Annotated[int, Meta(ge=0, le=4_294_967_295, extra=SECONDS)] = 604_800
    """How long the broker keeps the queue while the engine is away; a week unless said. The most is for ever."""

    keepalive: Annotated[int, Meta(ge=1, le=65_535, extra=SECONDS)] = 60
    """The time between two signs of life."""

    in_flight: Annotated[int, Meta(ge=1, le=65_535)] = 500
    """The most messages that the broker may send before they are acknowledged; 4000 is quicker at one with our files.

    It is MQTT 5's Receive Maximum. Keep it below the broker's own queue: a Mosquitto whose file does not say
    max_queued_messages sends 1,000 at a time over websockets, and forgets to send what is beyond them until the engine
    connects again. Our files (configs/mosquitto.conf) allow 4000, and the local runner and the compose file say so.
    """

    reader: Literal["chunks", "packets"] = "chunks"
    """What reads the socket: "chunks" takes all that came at once, "packets" is the library's own reader.

    The second is slower by far, and there for a broker that the first does not understand.
    """

    username: str = ""
    """Who connects; empty where the broker asks for no user."""

    password_file: str = ""
    """A file that has the password, and nothing else."""

    ca_file: str = ""
    """A file (PEM) with the authority that signed the broker's certificate; empty trusts the system's authorities."""

    publish_topic: Text = "topic"
    """Where the form and `opsci-bridge send` publish movements; no wildcards."""

    publish_username: str = ""
    """Who publishes, where the broker lets the user above receive only; empty takes the user above."""

    publish_password_file: str = ""
    """A file that has that user's password, and nothing else."""

    outbox: str = ""
    """A folder that keeps what the form and the simulator published until the stock shows it.

    So a program or a broker that is killed loses none of it. Empty takes one in ~/.local/state/opsci, for this
    broker and this Strapi.
    """


class KafkaSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cluster between the objects and Strapi."""

    brokers: Annotated[list[Broker], Meta(min_length=1)] = field(default_factory=lambda: ["127.0.0.1:9092"])
    """One or more brokers of the cluster."""

    client_id: Text = "opsci"
    """How the engine calls itself in the brokers' logs."""

    group: Text = "stock-creator"
    """The consumer group that applies movements; engines of one group share the partitions.

    Of those with other MQTT client ids one takes what is published and the others only apply, unless all have
    $share/NAME/FILTER in their routes.
    """

    errors_topic: TopicName = "errors"
    """The topic that gets what can't be applied, with the reason and the original bytes."""

    beginning: bool = True
    """Where a group that never committed starts: true at the first record in Kafka, false at the next that comes."""

    timeout: Seconds = 15
    """After how long a request counts as unanswered."""

    session_timeout: Seconds = 10
    """After how long a silent engine's partitions go to another one."""

    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How to connect: in clear or over TLS ("ssl"), and without a user or with the one below ("sasl_")."""

    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How the user proves who it is; "PLAIN", which shows the password to whoever answers, is for TLS only."""

    username: str = ""
    """Who connects; empty where the brokers ask for no user."""

    password_file: str = ""
    """A file that has the password, and nothing else."""

    ca_file: str = ""
    """A file (PEM) with the authority that signed the brokers' certificates; empty trusts the system's authorities."""

    known_file: str = ""
    """A file with which cluster answered at which address: another one there is refused.

    Empty is known-servers.json in the user's state folder.
    """

    accept_new: bool = False
    """Whether the cluster that answers at the start is this engine's from then on, whatever was known.

    For a move, once.
    """


class StrapiSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Strapi that has the stock."""

    url: HttpUrl = "http://127.0.0.1:1337"
    """Where Strapi is: `http://` or `https://`, host and port."""

    token: str = ""
    """The API token itself. A file, or STRAPI_TOKEN in the environment, is the better place for it."""

    token_file: str = ""
    """A file that has the API token, and nothing else. It is read again when Strapi refuses the token."""

    ca_file: str = ""
    """A file (PEM) with the authority that signed Strapi's certificate, for https://; empty trusts the system's."""

    mode: Literal["auto", "ledger", "rest5", "rest4"] = "auto"
    """How movements are applied: "auto" finds out whether Strapi has the ledger or is a plain Strapi 5 or 4.

    "ledger" is our batch route; "rest5" and "rest4" are plain REST of Strapi 5 and 4. With plain REST a crash at
    the wrong moment can count a movement twice.
    """

    products: Text = "products"
    """The plural name of the products' API: /api/products."""

    stock_field: Text = "stock_available"
    """The product's attribute that has the stock."""

    position_field: str = "movement_position"
    """The product's attribute in which plain REST keeps the position that it applied last, where the schema has it."""

    timeout: Seconds = 15
    """How long one request may take."""

    refresh: Seconds = 2
    """The time between two looks at the products for the stock pane."""


class IngestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From MQTT to Kafka."""

    enabled: bool = True
    """Whether this engine does it: `--only apply` says false."""

    pending: Count = 4_000
    """How many messages may wait for Kafka before the socket is no longer read.

    Nor is it read while 16 MB of them wait. The broker keeps the rest.
    """

    take_over: bool = False
    """Whether at its start this engine takes over from one that is gone for good (not seen for 150 s).

    One engine of a group takes what is published, or several that share a subscription ($share/NAME/FILTER in their
    routes): with a subscription of its own each would count movements without an id once more. Another one stands
    by and only applies. What waits at the broker for the engine that is gone stays there.
    """


class ApplySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From Kafka to Strapi."""

    enabled: bool = True
    """Whether this engine does it: `--only ingest` says false."""

    batch: Annotated[int, Meta(ge=1, le=1_000)] = 1_000
    """The most movements in one request to the ledger; down to 64 where Strapi takes longer than 0.1 s for them."""

    requests: Annotated[int, Meta(ge=1, le=16)] = 2
    """How many requests to the ledger may be under way at once in a backlog: each has other partitions of Kafka."""

    first_pause: Seconds = 0.5
    """The pause before the first try again when Strapi does not answer; then it doubles."""

    longest_pause: Seconds = 30
    """The pause at which it stops growing; no shorter than first_pause."""


class ScreenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """opsci-tui."""

    theme: Text = "opsci-dark"
    """opsci-dark, opsci-light, or one of Textual's themes: textual-dark, textual-light, nord, gruvbox, dracula ..."""

    keep: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    """How many records each pane keeps; fewer where they have more than 1 KB on average.

    Of a payload the first 4,096 bytes are kept; Kafka has the whole.
    """

    frames: Annotated[int, Meta(ge=1, le=30)] = 30
    """How often a second the panes show news at most; fewer where drawing takes long."""

    web: Annotated[str, Meta(max_length=1024)] = ""
    """The address of the web client, which the screen shows; empty where none is served.

    The local runner fills it in.
    """

    language: Literal["auto", "en", "fr"] = "auto"
    """What the screen speaks; "auto" takes the language of the locale."""

    presets: list[Preset] = field(default_factory=list)
    """Amounts under a name.

    Each has a name of its own of 1 to 60 characters, a product (an id, a documentId or a barcode; empty for the
    rows that are selected or marked) and an amount, -2,147,483,647 to 2,147,483,647 and not 0. As
    [[screen.presets]] tables, or on one line:

        presets = [{ name = "a case", product = "", amount = 24 }, { name = "one sold", product = 12, amount = -1 }]
    """

    keys: dict[str, str] = field(default_factory=dict)
    """Other keys for what the screen does, by the id that the settings screen (s) names, as in `"focus.form" = "f4"`.

    Several have commas between them:

        keys = { "focus.form" = "f4", "pane.zoom" = "f11,ctrl+z" }
    """


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Health and metrics of opsci-bridge: /healthz, /readyz, /metrics."""

    host: Text = "127.0.0.1"
    """The address to listen on. Loopback: only this machine sees it. In a container say 0.0.0.0."""

    port: Port = 9464
    """The port; 0 takes a free one and says which."""

    names: list[HostName] = field(default_factory=list)
    """Names under which it may be asked, because a web page could make any other name lead here (DNS rebinding).

    Loopback's own names always may; where host is another address, so may every address, names without a dot and names
    below .local, .internal, .home.arpa and .localhost.
    """

    enabled: bool = True
    """Whether to listen at all."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of opsci-bridge on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is said."""

    format: Literal["text", "json"] = "text"
    """Text for people, or JSON with one object a line."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    mqtt: MqttSettings = field(default_factory=MqttSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    strapi: StrapiSettings = field(default_factory=StrapiSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    apply: ApplySettings = field(default_factory=ApplySettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    log: LogSettings = field(default_factory=LogSettings)

    drain: Seconds = 10
    """How long a stop may take to finish what is under way."""

    loop: Literal["asyncio", "uvloop"] = "asyncio"
    """The event loop of the engine; "uvloop" where it is installed (pip install 'opsci[uvloop]')."""

    routes: Annotated[list[Route], Meta(min_length=1)] = field(
        default_factory=lambda: [
            Route("topic", "stock", Does.MOVEMENT),
            Route("product", "product", Does.PRODUCT),
            Route("event", "event", Does.EVENT),
        ]
    )
    """The ways through the engine: an MQTT topic filter, a Kafka topic, and what becomes of the records there.

    The filter may have + and #; an empty one takes nothing from MQTT. "movement" changes the stock, "product"
    writes a product (a known barcode changes its product, another makes one), "event" writes an event, "carry"
    leaves them in Kafka. No topic may match the filters of two routes: the broker would deliver it twice. A Kafka
    topic does one thing, and none is the errors topic.
    """
