"""The addresses in use, as the settings file that `opsci-tui` and `opsci-bridge` read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomli_w

from bridge.settings.layers import GENERATED
from stack.addresses import Addresses
from stack.record import write_whole
from stack.secure.door import Door

if TYPE_CHECKING:
    from stack.places import Places
    from stack.ports import Ports

__all__ = ["write_settings"]


def write_settings(places: Places, ports: Ports) -> None:
    """Write the settings file of the servers that run."""
    door = Door.of(places)
    addresses = Addresses.of(ports, secure=places.is_secure)
    document: dict[str, dict[str, object]] = {
        "mqtt": {"url": addresses.mqtt_ws},
        "kafka": {"brokers": [addresses.kafka]},
        "strapi": {"url": addresses.strapi, "token_file": str(places.bridge_token)},
        "screen": {"web": addresses.web},
    }
    for table, settings in (door.engine_settings() if door else {}).items():
        document[table] |= settings
    head = (
        f"{GENERATED}: the local servers. Nothing that you write here stays: what counts above it is changes.toml\n"
        "# beside it, and the table [screen] of your own settings file counts under it.\n"
    )
    write_whole(places.settings, head + tomli_w.dumps(document), 0o644)
