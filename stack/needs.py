"""What some servers need of this machine, given what the cache holds already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import digest
from stack.errors import MissingProgramsError
from stack.places import ROOT, Places

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "APPLICATION",
    "BROWSER",
    "DATABASE",
    "FONTS",
    "PAGE",
    "POM",
    "kafka_libs",
    "needed_programs",
    "strapi_modules",
    "web_modules",
]

POM: Final = ROOT / "stack" / "kafka" / "pom.xml"
"""What pins Kafka's jars."""

APPLICATION: Final = ROOT / "stack" / "strapi"
"""The committed Strapi application, whose package-lock.json pins its packages."""

PAGE: Final = ROOT / "stack" / "web"
"""The committed web client, whose package-lock.json pins MQTT.js."""

BROWSER: Final = frozenset({"chromium", "chromedriver"})
"""What the tests drive the web client with: keys of `stack.machine.NEEDS`."""

DATABASE: Final = frozenset({"postgres"})
"""What the tests run the ledger on beside SQLite: keys of `stack.machine.NEEDS`."""

FONTS: Final = frozenset({"DejaVuSansMono.ttf"})
"""What films are drawn with: keys of `stack.machine.NEEDS`."""


def kafka_libs(places: Places) -> Path:
    """The folder of Kafka's jars: of the environment's KAFKA_HOME, or in the cache, where it may not be yet.

    Raises:
        MissingProgramsError: KAFKA_HOME names a folder without a Kafka 4 in it.
    """
    home = os.environ.get("KAFKA_HOME", "")
    if not home:
        return places.cache / "kafka" / digest(POM) / "libs"
    libs = Path(home).expanduser().absolute() / "libs"
    if not any(libs.glob("kafka_2.13-4.*.jar")):
        raise MissingProgramsError(
            f"KAFKA_HOME is {home}, and there is no {libs}/kafka_2.13-4.*.jar: name the folder of an Apache Kafka 4, "
            "or unset KAFKA_HOME to have it downloaded"
        )
    return libs


def strapi_modules(places: Places) -> Path:
    """The `node_modules` folder of the Strapi application in the cache, where it may not be yet."""
    return places.cache / "strapi" / digest(APPLICATION / "package-lock.json") / "node_modules"


def web_modules(places: Places) -> Path:
    """The `node_modules` folder of the web client in the cache, where it may not be yet."""
    return places.cache / "web" / digest(PAGE / "package-lock.json") / "node_modules"


def needed_programs(places: Places, servers: Collection[str]) -> set[str]:
    """Name the programs that some servers are started and installed with.

    Args:
        places: whose cache: what is downloaded already needs no downloader.
        servers: the servers' names.

    Returns:
        Keys of `stack.machine.NEEDS`.

    Raises:
        MissingProgramsError: KAFKA_HOME names a folder without a Kafka 4 in it.
    """
    needs: set[str] = set()
    if "mosquitto" in servers:
        needs |= {"mosquitto"}
    if "kafka" in servers:
        needs |= {"java"} if kafka_libs(places).is_dir() else {"java", "mvn"}
    if "strapi" in servers:
        needs |= {"node"} if strapi_modules(places).is_dir() else {"node", "npm"}
    if servers and places.is_secure:
        needs |= {"openssl"}
    if "web" in servers and not web_modules(places).is_dir():
        needs |= {"node", "npm"}
    return needs
