"""A route: which MQTT topics go to which Kafka topic, and what becomes of the records there."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Does", "Route", "filter_matches"]


class Does(StrEnum):
    """What a route does with its records."""

    MOVEMENT = "movement"
    """Judged as stock movements and applied to the stock."""
    PRODUCT = "product"
    """Written to Strapi's products: a barcode that is known changes its product, another makes one."""
    EVENT = "event"
    """Written to Strapi's events."""
    CARRY = "carry"
    """Carried into Kafka as they come, and left there."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way through the engine.

    Attributes:
        mqtt: the MQTT topic filter, with `+` and `#` as MQTT 5 section 4.7 has them; empty takes nothing from MQTT.
        kafka: the Kafka topic.
        does: what becomes of the records.
    """

    mqtt: str
    kafka: str
    does: Does = Does.MOVEMENT


def filter_matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic matches a filter, by MQTT 5 section 4.7: `$` topics match no leading wildcard."""
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.removeprefix("$share/").partition("/")[2]
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(wanted) == len(levels)
