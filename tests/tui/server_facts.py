"""What three servers in good order say of themselves, for windows that a script fills."""

from __future__ import annotations

from bridge.command.check import Finding
from bridge.infrastructure.facts import (
    Facts,
    KafkaFacts,
    MqttFacts,
    PartitionFacts,
    RetainedMessage,
    StrapiFacts,
    TopicFacts,
)
from bridge.journal import Server
from bridge.kafka.group import Group, Member
from bridge.phrase import Phrase
from bridge.strapi.gateway import ApiKind
from tests.tui.scripted import NOON

STOCK = TopicFacts(
    "stock",
    tuple(
        PartitionFacts(number, 1_204 + number, 1_204 + number - (number == 3) * 928, 1, (1,), (1,))
        for number in range(6)
    ),
)

MEMBER = Member(
    "opsci-bridge",
    "127.0.0.1",
    frozenset({"stock", "product", "event"}),
    8,
    is_engine=True,
    places=(("event", 0), ("product", 0), *(("stock", number) for number in range(6))),
)

KAFKA = KafkaFacts(
    NOON,
    {1: "127.0.0.1:9092"},
    1,
    (
        STOCK,
        TopicFacts("product", (PartitionFacts(0, 24, 24, 1, (1,), (1,)),)),
        TopicFacts("event", (PartitionFacts(0, 3, 3, 1, (1,), (1,)),)),
        TopicFacts("errors", (PartitionFacts(0, 17, None, 1, (1,), (1,)),), is_read=False),
    ),
    "opsci",
    Group("opsci", "Stable", "consumer", "roundrobin", (MEMBER,)),
)

MQTT = MqttFacts(
    NOON,
    {
        "version": "mosquitto version 2.0.18",
        "uptime": "11520 seconds",
        "clients/connected": "7",
        "clients/disconnected": "1",
        "store/messages/count": "58",
        "retained messages/count": "52",
        "publish/messages/dropped": "0",
        "subscriptions/count": "9",
    },
    retained=(RetainedMessage("opsci/engines/opsci/5d41402abc4b2a76b9719d911017c592", 412),),
)

STRAPI = StrapiFacts(
    NOON,
    ApiKind.LEDGER,
    (
        Finding(
            Server.STRAPI,
            True,
            Phrase("{url} knows the token and shows {count} products", url="http://127.0.0.1:1337", count="24"),
        ),
        Finding(Server.STRAPI, True, Phrase("it has the ledger: each movement counts once")),
        Finding(Server.STRAPI, True, Phrase("the token may {what}", what=Phrase("change products"))),
        Finding(Server.STRAPI, True, Phrase("the token may {what}", what=Phrase("make products"))),
        Finding(Server.STRAPI, True, Phrase("the token may {what}", what=Phrase("make events"))),
    ),
)


def server_facts() -> dict[Server, Facts]:
    """One answer for each server."""
    return {Server.MQTT: MQTT, Server.KAFKA: KAFKA, Server.STRAPI: STRAPI}
