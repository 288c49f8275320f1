"""Constraints between settings, and the course's topic variables applied to the movement route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from bridge.errors import SettingsError
from bridge.mqtt.address import read_address
from bridge.phrase import Phrase, placed
from bridge.route import RouteKind, filters_overlap
from bridge.runtime import is_available
from bridge.settings.model import TopicName
from bridge.settings.types import check_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.settings.model import Settings
    from bridge.settings.sources import CourseTopics

__all__ = ["filter_problem", "impossible", "topic_problem", "with_topics"]


_LONGEST_TOPIC: Final = 65_535


def impossible(settings: Settings, places: Mapping[str, str]) -> list[str]:
    """List the contradictions in settings whose values have the right types.

    Args:
        settings: all of them.
        places: where each setting was given, for messages, by its dotted name; none for a default.

    Returns:
        A sentence for each contradiction.
    """

    def at(*keys: str) -> str:
        return next((places[key] for key in keys if key in places), keys[0])

    problems: list[str] = [placed(at(key), text) for key, text in _addresses(settings)]
    mqtt, apply = settings.mqtt, settings.apply
    if text := topic_problem(mqtt.publish_topic):
        said = Phrase("{topic} is no topic to publish on: {why}", topic=repr(mqtt.publish_topic), why=text)
        problems.append(placed(at("mqtt.publish_topic"), said))
    if mqtt.presence and (text := topic_problem(f"{mqtt.presence}/group")):
        said = Phrase("{topic} is no topic: {why}", topic=repr(mqtt.presence), why=text)
        problems.append(placed(at("mqtt.presence"), said))
    if apply.first_pause > apply.longest_pause:
        said = Phrase(
            "make apply.first_pause no longer than apply.longest_pause: {first} s is longer than {longest} s",
            first=f"{apply.first_pause:g}",
            longest=f"{apply.longest_pause:g}",
        )
        problems.append(placed(at("apply.first_pause", "apply.longest_pause"), said))
    if not is_available(settings.loop):
        said = Phrase("{loop} is not installed: pip install 'opsci[uvloop]', or take asyncio", loop=settings.loop)
        problems.append(placed(at("loop"), said))
    return [*problems, *(placed(at(*keys), text) for keys, text in (*_users(settings), *_routes(settings)))]


def filter_problem(topic_filter: str) -> str:
    """Why a text is no MQTT topic filter (MQTT 5 sections 4.7.1 and 4.8.2), empty if it is one."""
    if problem := _text_problem(topic_filter):
        return problem
    levels = topic_filter.split("/")
    if levels[0] == "$share":
        if len(levels) < 3 or not levels[1] or "/".join(levels[2:]) == "":
            return Phrase("a shared subscription is $share/group/filter")
        if "+" in levels[1] or "#" in levels[1]:
            return Phrase("the group of a shared subscription has no + and no #")
        levels = levels[2:]
    if "#" in levels[:-1] or any("#" in level and level != "#" for level in levels):
        return Phrase("# stands alone and at the end, as in a/#")
    if any("+" in level and level != "+" for level in levels):
        return Phrase("+ stands alone between two /, as in a/+/b")
    return ""


def topic_problem(topic: str) -> str:
    """Why a text is no MQTT topic to publish on (MQTT 5 section 4.7), empty if it is one."""
    if "+" in topic or "#" in topic:
        return Phrase("the wildcards + and # are for filters")
    return _text_problem(topic)


def _text_problem(text: str) -> str:
    if not text:
        return Phrase("it is empty")
    if "\x00" in text:
        return Phrase("it has a NUL in it")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return Phrase("it is not UTF-8")
    if size <= _LONGEST_TOPIC:
        return ""
    return Phrase("it has {size} bytes, and {most} is the most", size=f"{size:,}", most=f"{_LONGEST_TOPIC:,}")


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        read_address(settings.mqtt.url)
    except SettingsError as error:
        yield "mqtt.url", error.text
    for broker in dict.fromkeys(settings.kafka.brokers):
        if not 0 < int(broker.rsplit(":", 1)[1]) <= 65_535:
            yield "kafka.brokers", Phrase("write a port from 1 to 65535: {broker} has another", broker=broker)
    try:
        host, _ = urlsplit(settings.strapi.url).hostname, urlsplit(settings.strapi.url).port
    except ValueError as error:
        yield (
            "strapi.url",
            Phrase(
                "write http://host:1337 or https://host:1337: {url} is no address: {error}",
                url=settings.strapi.url,
                error=str(error),
            ),
        )
    else:
        if not host:
            said = Phrase("write http://host:1337 or https://host:1337: {url} names no host", url=settings.strapi.url)
            yield "strapi.url", said


def _users(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    mqtt, kafka = settings.mqtt, settings.kafka
    for names, username, file in (
        (("mqtt.password_file", "mqtt.username"), mqtt.username, mqtt.password_file),
        (("mqtt.publish_password_file", "mqtt.publish_username"), mqtt.publish_username, mqtt.publish_password_file),
        (("kafka.password_file", "kafka.username"), kafka.username, kafka.password_file),
    ):
        if file and not username:
            yield names, Phrase("set {name}: there is a password and no user for it", name=names[1])
    if kafka.security.startswith("sasl_"):
        if not kafka.username:
            said = Phrase("set kafka.username: {security} asks for a user", security=kafka.security)
            yield ("kafka.security", "kafka.username"), said
        elif not kafka.password_file:
            said = Phrase("set kafka.password_file: the user needs a password")
            yield ("kafka.username", "kafka.password_file"), said
        elif kafka.security == "sasl_plaintext" and kafka.mechanism == "PLAIN":
            said = Phrase("set kafka.security to sasl_ssl: PLAIN without TLS sends the password in clear")
            yield ("kafka.mechanism",), said
    elif kafka.username:
        said = Phrase("set kafka.security to sasl_ssl: with {security} nobody asks for a user", security=kafka.security)
        yield ("kafka.username",), said


def _routes(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    filters: dict[int, str] = {}
    topics: dict[str, int] = {}
    for number, route in enumerate(settings.routes):
        key = f"routes[{number}]"
        if route.mqtt:
            if problem := filter_problem(route.mqtt):
                said = Phrase("{filter} is no MQTT filter: {why}", filter=repr(route.mqtt), why=problem)
                yield (f"{key}.mqtt", "routes"), said
            elif (first := next((n for n, one in filters.items() if filters_overlap(one, route.mqtt)), None)) is None:
                filters[number] = route.mqtt
            elif filters[first] == route.mqtt:
                said = Phrase(
                    "routes[{number}] has the filter {filter} already and takes all",
                    number=first,
                    filter=repr(route.mqtt),
                )
                yield (f"{key}.mqtt", "routes"), said
            else:
                said = Phrase(
                    "{filter} overlaps {other} of routes[{number}]: the broker would deliver what matches both of them "
                    "twice, and it would count twice; write filters that have no topic in common",
                    filter=repr(route.mqtt),
                    other=repr(filters[first]),
                    number=first,
                )
                yield (f"{key}.mqtt", "routes"), said
        if route.kafka in {".", ".."}:
            yield (f"{key}.kafka", "routes"), Phrase("Kafka allows no topic named {topic}", topic=repr(route.kafka))
        if route.kafka == settings.kafka.errors_topic:
            said = Phrase(
                "the dead letters' topic {topic} is {key}'s too: kafka.errors_topic needs one of its own",
                topic=repr(route.kafka),
                key=key,
            )
            yield (f"{key}.kafka", "kafka.errors_topic", "routes"), said
        first = topics.setdefault(route.kafka, number)
        if route.does is not settings.routes[first].does:
            said = Phrase(
                "the Kafka topic {topic} is that of routes[{number}], which does {first}, and {key} does {second}: a "
                "topic does one thing",
                topic=repr(route.kafka),
                number=first,
                first=settings.routes[first].does.value,
                key=key,
                second=route.does.value,
            )
            yield (f"{key}.kafka", "routes"), said


def with_topics(settings: Settings, topics: CourseTopics, places: dict[str, str]) -> tuple[Settings, list[str]]:
    """Apply the course's topic variables to the movement route, and its topic to the form.

    Args:
        settings: all other settings.
        topics: the values of the course's variables.
        places: where each setting was given; changed settings are noted in it.

    Returns:
        The settings with the topics, and the problems; with problems, the settings are unchanged.
    """
    given = next((name for name in topics if name is not None), None)
    if given is None:
        return settings, []
    number = next((place for place, route in enumerate(settings.routes) if route.does is RouteKind.MOVEMENT), None)
    if number is None:
        said = Phrase("no route does movement, so there is none whose topic it could name")
        return settings, [placed(given.where, said)]
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
