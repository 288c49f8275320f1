"""Settings from the environment: a variable of our own for each, and the names that the course's images take.

Our own are `OPSCI_<SECTION>_<KEY>`: OPSCI_MQTT_URL, OPSCI_KAFKA_BROKERS (with commas between them), OPSCI_DRAIN;
OPSCI_ROUTES, OPSCI_SCREEN_PRESETS and OPSCI_SCREEN_KEYS are JSON. The course's are those of its MQTT to Kafka
connector and its stock consumer, so that `opsci-bridge` can stand in for either.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.settings.given import Given
from bridge.settings.names import SECTIONS, SETTINGS
from bridge.settings.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CourseTopics", "read_course_names", "read_course_topics", "read_environment"]

_log = logging.getLogger(__name__)

_PREFIX: Final = "OPSCI_"

_OTHERS: Final = frozenset(
    {
        "OPSCI_CONFIG",
        "OPSCI_STATE",
        "OPSCI_CACHE",
        # Those of the Strapi application, which may share our environment file.
        "OPSCI_BRIDGE_TOKEN_FILE",
        "OPSCI_READ_TOKEN_FILE",
        "OPSCI_SERVE_ADMIN",
    }
)

_BROKERS: Final = ("BROKER_1", "BROKER_2", "BROKER_3")

_COURSE: Final = {
    "MQTT_ENDPOINT": "mqtt.url",
    "STRAPI_URL": "strapi.url",
    "STRAPI_TOKEN": "strapi.token",
    "STRAPI_TOKEN_FILE": "strapi.token_file",
    "BEGINNING": "kafka.beginning",
    "ERROR_TOPIC": "kafka.errors_topic",
}


class CourseTopics(NamedTuple):
    """The topics of the movement route by the course's names, None where none is given."""

    mqtt: Given | None
    kafka: Given | None


def read_environment(environ: Mapping[str, str]) -> tuple[list[Given], list[str]]:
    """Read our own variables.

    Args:
        environ: the environment.

    Returns:
        What they give, and a sentence for each variable with a section's name that no setting has. One that begins
        with OPSCI_ and names no section is another program's: it is logged and nothing more.
    """
    variables = {setting.variable: setting for setting in SETTINGS.values()}
    given: list[Given] = []
    problems: list[str] = []
    for name, value in environ.items():
        if not name.startswith(_PREFIX) or name in _OTHERS or name.startswith("OPSCI_TEST_"):
            continue
        if setting := variables.get(name):
            given.append(Given(setting.key, value, f"environment: {name}", text=True))
        elif name.startswith(tuple(f"{_PREFIX}{section.upper()}_" for section in SECTIONS)):
            problems.append(f"environment: {name}: there is no such setting; {did_you_mean(name, variables)}")
        else:
            _log.warning("the environment variable %s is none of opsci-bridge's and changes nothing", name)
    return given, problems


def read_course_names(environ: Mapping[str, str]) -> list[Given]:
    """Read the course's names, but for the topics; an empty variable counts as none, as its images have it.

    Args:
        environ: the environment.
    """
    given = [
        Given(key, environ[name], f"environment: {name}", text=True)
        for name, key in _COURSE.items()
        if environ.get(name, "").strip()
    ]
    brokers = {name: environ[name].strip() for name in _BROKERS if environ.get(name, "").strip()}
    if brokers:
        where = ", ".join(brokers)
        given.append(Given("kafka.brokers", list(dict.fromkeys(brokers.values())), f"environment: {where}"))
    return given


def read_course_topics(environ: Mapping[str, str], *, ingest_alone: bool) -> CourseTopics:
    """Read KAFKA_TOPIC, MQTT_TOPIC and TOPIC.

    The consumer's TOPIC is its Kafka topic. The connector documents KAFKA_TOPIC and MQTT_TOPIC, and in truth reads
    TOPIC for both; so an engine in its place takes TOPIC for both where nobody names them.

    Args:
        environ: the environment.
        ingest_alone: whether this engine stands in the connector's place: it ingests and does not apply.
    """

    def given(name: str) -> Given | None:
        value = environ.get(name, "").strip()
        return Given(name, value, f"environment: {name}") if value else None

    mqtt, kafka, both = given("MQTT_TOPIC"), given("KAFKA_TOPIC"), given("TOPIC")
    if both is not None and ingest_alone and mqtt is None and kafka is None:
        return CourseTopics(both, both)
    return CourseTopics(mqtt, kafka or both)
