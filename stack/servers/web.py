"""The server of the web client: a process of our own, stack/webserver."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from stack.addresses import Addresses
from stack.places import ROOT, Places
from stack.secure.door import Door
from stack.servers.health import ask_web
from stack.servers.server import Launch

if TYPE_CHECKING:
    from pathlib import Path

    from stack.ports import Ports
    from stack.programs import Programs

__all__ = ["launch_web"]


def launch_web(places: Places, programs: Programs, ports: Ports) -> Launch:
    """Say how to start the server of the web client."""
    door = Door.of(places)
    addresses = Addresses.of(ports, secure=places.is_secure)
    options: dict[str, str | Path] = {
        "--port": str(ports.web),
        "--mqtt": addresses.mqtt_ws,
        "--strapi": addresses.strapi,
        "--token-file": places.read_token,
        "--script": programs.web_modules / "mqtt" / "dist" / "mqtt.esm.js",
    }
    if door:
        options |= door.web_options()
    argv: list[str | Path] = [sys.executable, "-m", "stack.webserver"]
    for option in options.items():
        argv += option
    return Launch(
        name="web",
        argv=argv,
        cwd=ROOT,
        environment=os.environ,
        checks={f"the web page on port {ports.web}": partial(ask_web, ports.web, door.trust() if door else None)},
        start_patience=20,
        stop_patience=5,
    )
