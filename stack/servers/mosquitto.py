"""Mosquitto: the course's configuration with local ports and folders, and checks of its persistence file.

A damaged persistence file makes the broker end, or start as if there were none, so it is checked before the start. The
format is that of Mosquitto 2.0, src/persist.h: 15 bytes of magic, a checksum that is always 0, a version, and chunks of
a type, a length and that many bytes. All numbers are in network byte order.
"""

from __future__ import annotations

import os
import re
import struct
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from bridge.child_environment import server_environment
from stack.paths import ROOT, Paths
from stack.ports import LOOPBACK, Ports
from stack.run_state import UNKNOWN, Damage, write_whole
from stack.secure.credentials import Credentials
from stack.servers.health import ask_mqtt_tcp, ask_mqtt_ws
from stack.servers.server import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stack.install import Programs

__all__ = ["Found", "inspect_database", "launch_mosquitto", "render_mosquitto"]


_MAGIC: Final = b"\x00\xb5\x00mosquitto db"
_HEAD: Final = struct.Struct(">15sII")
_CHUNK: Final = struct.Struct(">II")
# Before version 5 a chunk's head had a type of two bytes; such a file is left to Mosquitto itself.
_VERSIONS: Final = (5, 6)
_MESSAGE_OF_A_CLIENT: Final = 3
_TYPES: Final = range(1, 9)


class Found(NamedTuple):
    """The state of a persistence file.

    Attributes:
        why: what is wrong with it; empty where nothing is.
        waiting: how many messages for clients it contains, as far as it is readable.
    """

    why: str
    waiting: int


def inspect_database(path: Path) -> Found:
    """Check the chunks of a persistence file.

    Args:
        path: the file; a missing one is fine.

    Raises:
        OSError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return _inspect(file)
    except FileNotFoundError:
        return Found("", 0)


def _inspect(file: BinaryIO) -> Found:
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        return Found("is empty", 0)
    head = file.read(_HEAD.size)
    if not head.startswith(_MAGIC):
        return Found("is no database of Mosquitto's" if head.strip(b"\x00") else "holds NUL bytes", 0)
    if len(head) < _HEAD.size:
        return Found("is cut short", 0)
    if _HEAD.unpack(head)[2] not in _VERSIONS:
        return Found("", 0)
    waiting = 0
    while (place := file.tell()) < size:
        chunk = file.read(_CHUNK.size)
        kind, length = _CHUNK.unpack(chunk) if len(chunk) == _CHUNK.size else (_TYPES[0], size)
        if kind not in _TYPES:
            return Found(f"is damaged at byte {place}", waiting)
        if file.tell() + length > size:
            return Found("is cut short", waiting)
        waiting += kind == _MESSAGE_OF_A_CLIENT
        file.seek(length, 1)
    return Found("", waiting)


def render_mosquitto(
    committed: str,
    ports: Ports,
    data: Path,
    log: Path,
    *,
    user: str = "",
    files: Mapping[str, Path] | None = None,
    websockets: bool = True,
) -> str:
    """Put local ports, folders and the loopback address into the committed configuration.

    Args:
        committed: the text of configs/mosquitto.conf: listener 1883 for websockets, 1884 for TCP.
        ports: the ports to listen on.
        data: the folder of the persistence file.
        log: the log file.
        user: the user that Mosquitto is to run as, if root starts it and it would switch to its own.
        files: other local paths, by option: `certfile`, `password_file` ...
        websockets: whether Mosquitto itself accepts MQTT over websockets, from pages of every origin.

    Returns:
        The text to run with.
    """
    listeners = {"1883": ports.mqtt_ws, "1884": ports.mqtt_tcp}
    lines = []
    left_out = False
    for line in committed.splitlines():
        listener = re.fullmatch(r"listener (\d+)(?: \S+)?", line)
        if listener:
            left_out = listener[1] == "1883" and not websockets
        if left_out:
            # The options up to the next listener belong to this one.
            lines.append(line if line.startswith("#") or not line else f"# {line}")
        elif listener:
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


def launch_mosquitto(paths: Paths, programs: Programs, ports: Ports, damage: Damage, *, websockets: bool) -> Launch:
    """Write Mosquitto's configuration and return how to start it.

    Args:
        paths: with the state.
        programs: where Mosquitto is.
        ports: the ports to listen on.
        damage: moves its database aside where that is damaged.
        websockets: whether it accepts MQTT over websockets itself, from pages of every origin.
    """
    folder = paths.state / "mosquitto"
    folder.mkdir(exist_ok=True)
    database = folder / "mosquitto.db"
    found = inspect_database(database)
    if found.why:
        _move_database(database, damage, found.why, found.waiting)
    config = folder / "mosquitto.conf"
    credentials = Credentials.of(paths)
    committed = (ROOT / "configs" / ("secure" if credentials else ".") / "mosquitto.conf").read_text()
    user = "root" if os.geteuid() == 0 else ""
    files = credentials.mosquitto_files() if credentials else {}
    log = paths.log("mosquitto")
    write_whole(config, render_mosquitto(committed, ports, folder, log, user=user, files=files, websockets=websockets))
    trust = credentials.trust() if credentials else None
    checks = {f"MQTT on port {ports.mqtt_tcp}": partial(ask_mqtt_tcp, ports.mqtt_tcp, trust)}
    if websockets:
        checks[f"MQTT over websockets on port {ports.mqtt_ws}"] = partial(ask_mqtt_ws, ports.mqtt_ws, trust)
    return Launch(
        name="mosquitto",
        argv=[programs.mosquitto, "-c", config],
        cwd=folder,
        environment={**server_environment(os.environ), **programs.library_path},
        checks=checks,
        repair=partial(_repair, database, damage),
        start_timeout=20,
    )


def _repair(database: Path, damage: Damage, said: str) -> bool:
    """Move the database aside where it made Mosquitto end."""
    if not re.search(r"Error: (Couldn't open database|Unable to restore persistent database)", said):
        return False
    if not database.is_file():
        return False
    _move_database(database, damage, "can't be read by Mosquitto", 0)
    return True


def _move_database(database: Path, damage: Damage, why: str, waiting: int) -> None:
    count = f"at least {waiting}" if waiting else UNKNOWN
    damage.move(
        database,
        why,
        f"Mosquitto starts with an empty one: the sessions are lost, and with them the messages that waited ({count})",
    )
