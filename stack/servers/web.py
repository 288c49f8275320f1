"""The servers of our own: for the web client, and for MQTT over websockets in front of Mosquitto."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.child_environment import server_environment
from stack.paths import ROOT, Paths
from stack.ports import Addresses
from stack.secure.credentials import Credentials
from stack.servers.health import ask_web, ask_websockets
from stack.servers.server import Launch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stack.install import Programs
    from stack.ports import Ports

__all__ = ["launch_web", "launch_websockets"]


_NETWORK: Final = "0.0.0.0"  # noqa: S104 - for whoever asks for it with --lan


def launch_websockets(paths: Paths, ports: Ports, origins: Sequence[str], *, lan: bool = False) -> Launch:
    """Return how to start the server for MQTT over websockets.

    Args:
        paths: with the state.
        ports: the ports in use.
        origins: pages that may use the broker besides those of this machine.
        lan: listen on the network too.
    """
    credentials = Credentials.of(paths)
    options: list[str | Path] = ["--port", str(ports.mqtt_ws), "--broker-port", str(ports.mqtt_tcp)]
    if credentials:
        for option in credentials.websockets_options().items():
            options += option
    if lan:
        options += ["--host", _NETWORK]
    for origin in origins:
        options += ["--origin", origin]
    return Launch(
        name="websockets",
        argv=[sys.executable, "-m", "stack.websockets", *options],
        cwd=ROOT,
        environment=server_environment(os.environ),
        checks={
            f"MQTT over websockets on port {ports.mqtt_ws}": partial(
                ask_websockets, ports.mqtt_ws, credentials.trust() if credentials else None
            )
        },
        start_timeout=20,
        stop_timeout=5,
    )


def launch_web(paths: Paths, programs: Programs, ports: Ports, *, lan: bool = False) -> Launch:
    """Return how to start the web client's server.

    Args:
        paths: with the state.
        programs: with MQTT.js.
        ports: the ports in use.
        lan: listen on the network too, and name the broker by the address that the browser asked for.
    """
    credentials = Credentials.of(paths)
    addresses = Addresses.of(ports, secure=paths.is_secure)
    options: dict[str, str | Path] = {
        "--port": str(ports.web),
        "--mqtt": addresses.mqtt_ws,
        "--strapi": addresses.strapi,
        "--token-file": paths.read_token,
        "--script": programs.web_modules / "mqtt" / "dist" / "mqtt.esm.js",
    }
    if lan:
        options |= {"--host": _NETWORK, "--mqtt": f"ws://{{host}}:{ports.mqtt_ws}"}
    if credentials:
        options |= credentials.web_options()
    argv: list[str | Path] = [sys.executable, "-P", "-m", "stack.webserver"]
    for option in options.items():
        argv += option
    return Launch(
        name="web",
        argv=argv,
        cwd=ROOT,
        environment=server_environment(os.environ),
        checks={
            f"the web page on port {ports.web}": partial(
                ask_web, ports.web, credentials.trust() if credentials else None
            )
        },
        start_timeout=20,
        stop_timeout=5,
    )
