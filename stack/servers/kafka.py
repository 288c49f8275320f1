"""Apache Kafka: one KRaft node with this machine's ports and folder, formatted once."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import uuid
from functools import partial
from typing import TYPE_CHECKING

from stack.errors import ServerStartError
from stack.places import ROOT, Places
from stack.ports import LOOPBACK, Ports
from stack.servers.health import ask_kafka
from stack.servers.server import Launch
from stack.servers.topics import make_topics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stack.programs import Programs

__all__ = ["launch_kafka", "render_properties"]


def render_properties(committed: str, values: Mapping[str, str]) -> str:
    """Replace the values of some keys in a properties file.

    Args:
        committed: the text of the file.
        values: the new value a key; each key must stand in the file, so that the file still says all there is.

    Raises:
        KeyError: a key does not stand in the file.
    """
    text = committed
    for key, value in values.items():
        line = f"{key}={value}".replace("\\", r"\\")
        text, count = re.subn(rf"^{re.escape(key)}=.*$", line, text, flags=re.MULTILINE)
        if not count:
            raise KeyError(key)
    return text


def _render(ports: Ports, data: Path) -> str:
    client = f"PLAINTEXT://{LOOPBACK}:{ports.kafka}"
    return render_properties(
        (ROOT / "configs" / "kafka.properties").read_text(),
        {
            "listeners": f"{client},CONTROLLER://{LOOPBACK}:{ports.kafka_controller}",
            "advertised.listeners": client,
            "controller.quorum.voters": f"1@{LOOPBACK}:{ports.kafka_controller}",
            "log.dirs": str(data),
        },
    )


def launch_kafka(places: Places, programs: Programs, ports: Ports) -> Launch:
    """Write Kafka's configuration, format its storage where it is new, and say how to start it.

    Raises:
        ServerStartError: the storage cannot be formatted.
    """
    folder = places.state / "kafka"
    folder.mkdir(exist_ok=True)
    config = folder / "kafka.properties"
    config.write_text(_render(ports, folder / "data"))
    java: list[str | Path] = [
        programs.java,
        "-cp",
        f"{programs.kafka_libs}/*",
        f"-Dlog4j2.configurationFile=file:{ROOT / 'stack' / 'kafka' / 'log4j2.properties'}",
        "-Djava.awt.headless=true",
    ]
    if not (folder / "data" / "meta.properties").exists():
        _format(java, config, places.log("kafka"))
    return Launch(
        name="kafka",
        argv=[*java, "-Xms128m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", config],
        cwd=folder,
        environment=os.environ,
        checks={f"Kafka on port {ports.kafka}": partial(ask_kafka, ports.kafka)},
        finish=partial(make_topics, f"{LOOPBACK}:{ports.kafka}"),
    )


def _format(java: list[str | Path], config: Path, log: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One argument: an identity may begin with a dash, which a separate one would make an option.
    identity = f"--cluster-id={cluster}"
    argv = [*java, "-Xmx128m", "kafka.tools.StorageTool", "format", identity, "-c", config, "--ignore-formatted"]
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise ServerStartError("kafka", "its storage could not be formatted", str(log), done.stdout + done.stderr)
