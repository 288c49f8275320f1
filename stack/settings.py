"""The addresses in use, as the settings file that `opsci-tui` and `opsci-bridge` read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomli_w

from bridge.settings.layers import GENERATED
from stack.addresses import Addresses
from stack.record import write_whole

if TYPE_CHECKING:
    from stack.places import Places
    from stack.ports import Ports

__all__ = ["write_settings"]


def write_settings(places: Places, ports: Ports) -> None:
    """Write the settings file of the servers that run."""
    addresses = Addresses.of(ports)
    document = {
        "mqtt": {"url": addresses.mqtt_ws},
        "kafka": {"brokers": [addresses.kafka]},
        "strapi": {"url": addresses.strapi, "token_file": str(places.bridge_token)},
        "screen": {"web": addresses.web},
    }
    head = (
        f"{GENERATED}: the local servers. Nothing that you write here stays: what counts above it is changes.toml\n"
        "# beside it, and the table [screen] of your own settings file counts under it.\n"
    )
    write_whole(places.settings, head + tomli_w.dumps(document), 0o644)
