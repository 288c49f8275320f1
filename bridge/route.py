"""Routes: which MQTT topics go to which Kafka topic, and what is done with the records there."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Route", "RouteKind", "carries_movements", "filter_matches", "filters_overlap", "unshared"]


class RouteKind(StrEnum):
    """What a route does with its records."""

    MOVEMENT = "movement"
    """Check them as movements and apply them to the stock."""
    PRODUCT = "product"
    """Write them to Strapi's products: update the one with the barcode, or create it."""
    EVENT = "event"
    """Write them to Strapi's events."""
    READING = "reading"
    """Write them to Strapi's readings: what sensors measured."""
    CARRY = "carry"
    """Leave them in Kafka unchanged."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One route.

    Attributes:
        mqtt: the MQTT topic filter, with `+` and `#` as in MQTT 5 section 4.7; empty receives nothing from MQTT.
        kafka: the Kafka topic.
        does: what is done with the records.
    """

    mqtt: str
    kafka: str
    does: RouteKind = RouteKind.MOVEMENT


def filter_matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic matches a filter, by MQTT 5 section 4.7: `$` topics match no leading wildcard."""
    topic_filter = unshared(topic_filter)
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in {"+", levels[place]}:
            return False
    return len(wanted) == len(levels)


def carries_movements(routes: Iterable[Route], topic: str) -> bool:
    """Whether a message on an MQTT topic is treated as a movement."""
    return any(
        route.does is RouteKind.MOVEMENT and route.mqtt and filter_matches(route.mqtt, topic) for route in routes
    )


def filters_overlap(one: str, other: str) -> bool:
    """Whether some topic matches both MQTT filters: a broker may then deliver its messages twice (MQTT 5, 3.3.4)."""
    one, other = unshared(one), unshared(other)
    if any(a.startswith("$") and b[:1] in {"+", "#"} for a, b in ((one, other), (other, one))):
        return False
    levels, others = one.split("/"), other.split("/")
    for level, against in zip(levels, others, strict=False):
        if "#" in {level, against}:
            return True
        if level != against and "+" not in {level, against}:
            return False
    longer = max(levels, others, key=len)
    # `a/#` matches `a` too.
    return len(levels) == len(others) or longer[min(len(levels), len(others)) :] == ["#"]


def unshared(topic_filter: str) -> str:
    """Strip the prefix of a shared subscription (MQTT 5 section 4.8.2) from a filter."""
    levels = topic_filter.split("/", 2)
    return levels[2] if levels[0] == "$share" and len(levels) == 3 else topic_filter
