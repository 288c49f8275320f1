"""The programs and packages that the servers are started from, wherever they were found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Programs"]


@dataclass(frozen=True)
class Programs:
    """What the servers need on disk.

    Attributes:
        mosquitto: the broker's program.
        java: Java 17 or newer.
        kafka_libs: the folder of Kafka's jars.
        node: Node.js 20 or newer.
        strapi_modules: the `node_modules` folder of the Strapi application.
        web_modules: the `node_modules` folder of the web client.
        library_path: LD_LIBRARY_PATH where programs were unpacked without being installed, else nothing.
    """

    mosquitto: Path
    java: Path
    kafka_libs: Path
    node: Path
    strapi_modules: Path
    web_modules: Path
    library_path: Mapping[str, str] = field(default_factory=dict)
