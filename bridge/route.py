"""A route: which MQTT topics go to which Kafka topic, and what becomes of the records there."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Does", "Route", "carries_movements", "filter_matches", "filters_overlap"]


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
    topic_filter = _unshared(topic_filter)
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
    """Whether what is published on an MQTT topic is judged as a movement."""
    return any(route.does is Does.MOVEMENT and route.mqtt and filter_matches(route.mqtt, topic) for route in routes)


def filters_overlap(one: str, other: str) -> bool:
    """Whether some topic matches both MQTT filters: then a broker may deliver a message of it twice (MQTT 5, 3.3.4)."""
    one, other = _unshared(one), _unshared(other)
    if any(a.startswith("$") and b[:1] in {"+", "#"} for a, b in ((one, other), (other, one))):
        return False
    levels, others = one.split("/"), other.split("/")
    for level, against in zip(levels, others, strict=False):
        if "#" in {level, against}:
            return True
        if level != against and "+" not in {level, against}:
            return False
    longer = max(levels, others, key=len)
    # `a/#` takes `a` as well.
    return len(levels) == len(others) or longer[min(len(levels), len(others)) :] == ["#"]


def _unshared(topic_filter: str) -> str:
    """The filter of a shared subscription (MQTT 5 section 4.8.2), or of any other."""
    return (
        topic_filter.removeprefix("$share/").partition("/")[2] if topic_filter.startswith("$share/") else topic_filter
    )
