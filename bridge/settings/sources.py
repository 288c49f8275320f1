"""Where values come from: the settings file with the line of each key, and the environment.

A variable of our own gives each setting, `OPSCI_<SECTION>_<KEY>`: OPSCI_MQTT_URL, OPSCI_KAFKA_BROKERS (with commas
between them), OPSCI_DRAIN; OPSCI_ROUTES, OPSCI_SCREEN_PRESETS and OPSCI_SCREEN_KEYS are JSON. The names that the
course's images take are those of its MQTT to Kafka connector and its stock consumer, so that `opsci-bridge` can
replace either.
"""

from __future__ import annotations

import logging
import re
import tomllib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import platformdirs

from bridge.errors import SettingsError
from bridge.settings.files import damage_of_generated, own_file
from bridge.settings.names import SECTIONS, SETTINGS, did_you_mean, found

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CourseTopics",
    "SourcedValue",
    "find_lines",
    "find_settings_file",
    "read_course_names",
    "read_course_topics",
    "read_environment",
    "read_settings_file",
]

_TABLE = re.compile(r"\s*\[([A-Za-z0-9_.\s-]+)\]\s*(?:#.*)?")

_ARRAY = re.compile(r"\s*\[\[([A-Za-z0-9_.\s-]+)\]\]\s*(?:#.*)?")

_KEY = re.compile(r"\s*([A-Za-z0-9_.\s-]+?|\"[^\"]*\"|'[^']*')\s*=")

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


class SourcedValue(NamedTuple):
    """One value as it stands in a file, the environment or on the command line; not checked yet.

    Attributes:
        key: the setting's dotted name.
        value: what stands there.
        where: how a message names the place: the file with its line, the variable, the flag.
        text: whether it is text to be read as the setting's type: the environment has nothing else.
        inside: how a message names the places inside of it, by what follows the key: `[0].kafka`.
        file: the file it stands in; None for the environment and the command line.
    """

    key: str
    value: object
    where: str
    text: bool = False
    inside: Mapping[str, str] = MappingProxyType({})
    file: Path | None = None

    def at(self, part: str) -> str:
        """How a message names a place inside of it."""
        return self.inside.get(part, f"{self.where}{part}")


def find_lines(text: str) -> dict[str, int]:
    """Find the lines of tables and keys written in the usual way, one a line.

    Args:
        text: a TOML document.

    Returns:
        The line, from 1 on, of each dotted name: `mqtt`, `mqtt.url`, `routes[0].kafka`. What is written in a less
        usual way (a key inside an inline table) is not in it.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _ARRAY.fullmatch(line):
            name = _dotted(match[1])
            table = f"{name}[{counts.get(name, 0)}]"
            counts[name] = counts.get(name, 0) + 1
            lines.setdefault(name, number)
            lines.setdefault(table, number)
        elif match := _TABLE.fullmatch(line):
            table = _dotted(match[1])
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            key = _dotted(match[1])
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines


def _dotted(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def find_settings_file(
    environ: Mapping[str, str], cwd: Path | None = None, *, config: Path | None = None
) -> Path | None:
    """Choose the settings file.

    Args:
        environ: the environment.
        cwd: what a relative path is relative to; None takes the folder that the program runs in.
        config: the file that the command line names.

    Returns:
        The first that there is of: the file that the command line names, the one that OPSCI_CONFIG names, the one
        that the local servers' runner wrote (`settings.toml` in OPSCI_STATE, else in the user's data folder),
        `opsci.toml` in the user's configuration folder. A file that someone names is returned whether it exists or
        not. None where there is none: then the defaults count.
    """
    here = cwd or Path()
    if config is not None:
        return here / config
    if named := environ.get("OPSCI_CONFIG"):
        return here / Path(named).expanduser()
    state = environ.get("OPSCI_STATE")
    places = (
        (here / Path(state).expanduser() if state else platformdirs.user_data_path("opsci")) / "settings.toml",
        own_file(),
    )
    return next((place for place in places if place.is_file()), None)


def read_settings_file(path: Path, text: str | None = None, *, only: str = "") -> tuple[list[SourcedValue], list[str]]:
    """Read a settings file; the values are not checked against their types.

    Args:
        path: a TOML file.
        text: what it says, None to read it.
        only: the one table that counts; empty for all.

    Returns:
        What it gives, and what is wrong with it: a sentence for each unknown table or key.

    Raises:
        SettingsError: it can't be read, or is no TOML.
    """
    try:
        text = _text_of(path) if text is None else text
        document = tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: the settings file can't be read: {error.strerror or error}"
        raise SettingsError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path}: the settings file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise SettingsError(msg) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        msg = f"{path}: the settings file is no TOML: {error}"
        raise SettingsError(msg) from None
    lines = find_lines(text)
    given: list[SourcedValue] = []
    problems: list[str] = []

    def where(key: str) -> str:
        line = lines.get(key)
        return f"{path}, line {line}: {key}" if line else f"{path}: {key}"

    def inside(name: str) -> dict[str, str]:
        return {key.removeprefix(name): where(key) for key in lines if key.startswith((f"{name}[", f"{name}."))}

    for name, value in document.items():
        if only and name != only:
            continue
        if name in SECTIONS:
            if not isinstance(value, dict):
                problems.append(f"{where(name)}: found {found(name, value)}; it is a table: write [{name}]")
                continue
            for key, inner in value.items():
                dotted = f"{name}.{key}"
                if dotted in SETTINGS:
                    given.append(SourcedValue(dotted, inner, where(dotted), inside=inside(dotted), file=path))
                else:
                    known = [setting.name for setting in SETTINGS.values() if setting.section == name]
                    problems.append(f"{where(dotted)}: there is no such setting; {did_you_mean(key, known)}")
        elif name in SETTINGS:
            given.append(SourcedValue(name, value, where(name), inside=inside(name), file=path))
        else:
            known = [*SECTIONS, *(setting.key for setting in SETTINGS.values() if not setting.section)]
            problems.append(f"{where(name)}: there is no such setting; {did_you_mean(name, known)}")
    return given, problems


def _text_of(path: Path) -> str:
    content = path.read_bytes()
    if why := damage_of_generated(path, content):
        msg = f"{path} {why}: `python3 -m stack up` writes it again"
        raise SettingsError(msg)
    return content.decode().replace("\r\n", "\n")


class CourseTopics(NamedTuple):
    """The topics of the movement route by the course's names, None where none is given."""

    mqtt: SourcedValue | None
    kafka: SourcedValue | None


def read_environment(environ: Mapping[str, str]) -> tuple[list[SourcedValue], list[str]]:
    """Read our own variables.

    Args:
        environ: the environment.

    Returns:
        What they give, and a sentence for each variable with a section's name that no setting has. One that begins
        with OPSCI_ and names no section is another program's: it is logged and nothing more.
    """
    variables = {setting.variable: setting for setting in SETTINGS.values()}
    given: list[SourcedValue] = []
    problems: list[str] = []
    for name, value in environ.items():
        if not name.startswith(_PREFIX) or name in _OTHERS or name.startswith("OPSCI_TEST_"):
            continue
        if setting := variables.get(name):
            given.append(SourcedValue(setting.key, value, f"environment: {name}", text=True))
        elif name.startswith(tuple(f"{_PREFIX}{section.upper()}_" for section in SECTIONS)):
            problems.append(f"environment: {name}: there is no such setting; {did_you_mean(name, variables)}")
        else:
            _log.warning("the environment variable %s is none of opsci-bridge's and changes nothing", name)
    return given, problems


def read_course_names(environ: Mapping[str, str]) -> list[SourcedValue]:
    """Read the course's names, but for the topics; an empty variable counts as none, as its images have it.

    Args:
        environ: the environment.
    """
    given = [
        SourcedValue(key, environ[name], f"environment: {name}", text=True)
        for name, key in _COURSE.items()
        if environ.get(name, "").strip()
    ]
    brokers = {name: environ[name].strip() for name in _BROKERS if environ.get(name, "").strip()}
    if brokers:
        where = ", ".join(brokers)
        given.append(SourcedValue("kafka.brokers", list(dict.fromkeys(brokers.values())), f"environment: {where}"))
    return given


def read_course_topics(environ: Mapping[str, str], *, ingest_alone: bool) -> CourseTopics:
    """Read KAFKA_TOPIC, MQTT_TOPIC and TOPIC.

    The consumer's TOPIC is its Kafka topic. The connector documents KAFKA_TOPIC and MQTT_TOPIC, and in truth reads
    TOPIC for both; so an engine in its place takes TOPIC for both where nobody names them.

    Args:
        environ: the environment.
        ingest_alone: whether this engine stands in the connector's place: it ingests and does not apply.
    """

    def given(name: str) -> SourcedValue | None:
        value = environ.get(name, "").strip()
        return SourcedValue(name, value, f"environment: {name}") if value else None

    mqtt, kafka, both = given("MQTT_TOPIC"), given("KAFKA_TOPIC"), given("TOPIC")
    if both is not None and ingest_alone and mqtt is None and kafka is None:
        return CourseTopics(both, both)
    return CourseTopics(mqtt, kafka or both)
