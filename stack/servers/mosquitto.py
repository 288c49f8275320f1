"""Mosquitto: the subject's configuration with this machine's ports and folders in it."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING

from stack.places import ROOT, Places
from stack.ports import LOOPBACK, Ports
from stack.secure.door import Door
from stack.servers.health import ask_mqtt_tcp, ask_mqtt_ws
from stack.servers.server import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stack.programs import Programs

__all__ = ["launch_mosquitto", "render_mosquitto"]


def render_mosquitto(
    committed: str, ports: Ports, data: Path, log: Path, *, user: str = "", files: Mapping[str, Path] | None = None
) -> str:
    """Put local ports, folders and the loopback address into the committed configuration.

    Args:
        committed: the text of configs/mosquitto.conf: listener 1883 for websockets, 1884 for TCP.
        ports: the ports to listen on.
        data: the folder of the persistence file.
        log: the log file.
        user: whom Mosquitto is to run as, where it is started by root and would change to a user of its own.
        files: what else is elsewhere here, by the option that names it: `certfile`, `password_file` ...

    Returns:
        The text to run with.
    """
    listeners = {"1883": ports.mqtt_ws, "1884": ports.mqtt_tcp}
    lines = []
    for line in committed.splitlines():
        listener = re.fullmatch(r"listener (\d+)(?: \S+)?", line)
        if listener:
            lines.append(f"listener {listeners[listener[1]]} {LOOPBACK}")
        elif line.startswith("persistence_location "):
            lines.append(f"persistence_location {data}/")
        elif (option := line.partition(" ")[0]) in (files or {}):
            lines.append(f"{option} {(files or {})[option]}")
        elif line.startswith("log_dest file "):
            lines.append(f"log_dest file {log}")
        else:
            lines.append(line)
    if user:
        lines.append(f"user {user}")
    return "\n".join(lines) + "\n"


def launch_mosquitto(places: Places, programs: Programs, ports: Ports) -> Launch:
    """Write Mosquitto's configuration and say how to start it."""
    folder = places.state / "mosquitto"
    folder.mkdir(exist_ok=True)
    config = folder / "mosquitto.conf"
    door = Door.of(places)
    committed = (ROOT / "configs" / ("secure" if door else ".") / "mosquitto.conf").read_text()
    user = "root" if os.geteuid() == 0 else ""
    files = door.mosquitto_files() if door else {}
    config.write_text(render_mosquitto(committed, ports, folder, places.log("mosquitto"), user=user, files=files))
    trust = door.trust() if door else None
    return Launch(
        name="mosquitto",
        argv=[programs.mosquitto, "-c", config],
        cwd=folder,
        environment={**os.environ, **programs.library_path},
        checks={
            f"MQTT on port {ports.mqtt_tcp}": partial(ask_mqtt_tcp, ports.mqtt_tcp, trust),
            f"MQTT over websockets on port {ports.mqtt_ws}": partial(ask_mqtt_ws, ports.mqtt_ws, trust),
        },
        start_patience=20,
    )
