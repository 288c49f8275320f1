"""The course's names for topics, put where they belong: into the route that does movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.route import Does
from bridge.settings.model import TopicName
from bridge.settings.possible import topic_problem
from bridge.settings.values import check_as

if TYPE_CHECKING:
    from bridge.settings.environment import CourseTopics
    from bridge.settings.model import Settings

__all__ = ["with_topics"]


def with_topics(settings: Settings, topics: CourseTopics, places: dict[str, str]) -> tuple[Settings, list[str]]:
    """Give the movement route the topics of the course's names, and the form the topic that the route listens on.

    Args:
        settings: what everything else says.
        topics: what the course's names say.
        places: where each setting was given; what changes is noted in it.

    Returns:
        The settings with the topics, and what is wrong with them: then the settings are as they were.
    """
    given = next((name for name in topics if name is not None), None)
    if given is None:
        return settings, []
    number = next((place for place, route in enumerate(settings.routes) if route.does is Does.MOVEMENT), None)
    if number is None:
        return settings, [f"{given.where}: no route does movement, so there is none whose topic it could name"]
    route, mqtt = settings.routes[number], settings.mqtt
    if topics.kafka is not None:
        _, problems = check_as("routes", topics.kafka.where, topics.kafka.value, TopicName)
        if problems:
            return settings, problems
        route = replace(route, kafka=str(topics.kafka.value))
        places[f"routes[{number}].kafka"] = topics.kafka.where
    if topics.mqtt is not None:
        topic = str(topics.mqtt.value)
        route = replace(route, mqtt=topic)
        places[f"routes[{number}].mqtt"] = topics.mqtt.where
        if "mqtt.publish_topic" not in places and not topic_problem(topic):
            mqtt = replace(mqtt, publish_topic=topic)
    routes = [*settings.routes[:number], route, *settings.routes[number + 1 :]]
    return replace(settings, routes=routes, mqtt=mqtt), []
