"""The addresses in use, as the settings file that `opsci-tui` and `opsci-bridge` read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tomli_w

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
    head = "# Written by python3 -m stack at each start: the local servers. Your own settings belong in another file.\n"
    write_whole(places.settings, head + tomli_w.dumps(document), 0o644)
