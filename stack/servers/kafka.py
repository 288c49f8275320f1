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
from stack.record import write_whole
from stack.secure.door import Door
from stack.secure.rights import give_rights
from stack.servers.health import ask_kafka
from stack.servers.server import Launch
from stack.servers.topics import make_topics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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


def _render(ports: Ports, data: Path, door: Door | None) -> str:
    client = f"{'SASL_SSL' if door else 'PLAINTEXT'}://{LOOPBACK}:{ports.kafka}"
    return render_properties(
        (ROOT / "configs" / ("secure" if door else ".") / "kafka.properties").read_text(),
        {
            **(door.kafka_properties() if door else {}),
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
    door = Door.of(places)
    # For its owner alone: a secured broker's own password stands in it.
    write_whole(config, _render(ports, folder / "data", door))
    java: list[str | Path] = [
        programs.java,
        "-cp",
        f"{programs.kafka_libs}/*",
        f"-Dlog4j2.configurationFile=file:{ROOT / 'stack' / 'kafka' / 'log4j2.properties'}",
        "-Djava.awt.headless=true",
    ]
    if not (folder / "data" / "meta.properties").exists():
        _format(java, config, places.log("kafka"), door.scram_arguments() if door else [])
    address = f"{LOOPBACK}:{ports.kafka}"
    trust = door.trust() if door else None
    return Launch(
        name="kafka",
        argv=[*java, "-Xms128m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", config],
        cwd=folder,
        environment=os.environ,
        checks={f"Kafka on port {ports.kafka}": partial(ask_kafka, ports.kafka, trust)},
        finish=partial(_set_up, address, door),
    )


def _set_up(address: str, door: Door | None) -> None:
    if door is None:
        make_topics(address)
    else:
        make_topics(address, door.kafka_options("admin"))
        give_rights(address, door.kafka_options("admin"))


def _format(java: list[str | Path], config: Path, log: Path, users: Sequence[str]) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One argument: an identity may begin with a dash, which a separate one would make an option.
    identity = f"--cluster-id={cluster}"
    argv = [*java[1:], "-Xmx128m", "kafka.tools.StorageTool", "format", identity, "-c", config, "--ignore-formatted"]
    for user in users:
        argv += ["--add-scram", user]
    # In a file that only we read: passwords stand in it, and every user of the machine sees a process's arguments.
    arguments = config.with_name(".format.arguments")
    write_whole(arguments, "\n".join(_quoted(str(part)) for part in argv))
    try:
        done = subprocess.run([java[0], f"@{arguments}"], capture_output=True, text=True, check=False, timeout=60)
    finally:
        arguments.unlink()
    if done.returncode:
        raise ServerStartError("kafka", "its storage could not be formatted", str(log), done.stdout + done.stderr)


def _quoted(argument: str) -> str:
    """One argument as the files of the program java have it."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'
