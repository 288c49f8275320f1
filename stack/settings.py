"""The settings file for `opsci-tui` and `opsci-bridge`, with the addresses in use."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from bridge.settings.files import GENERATED_END, GENERATED_HEAD, changes_file, damage_of_generated
from stack.ports import Addresses
from stack.run_state import write_whole
from stack.secure.credentials import Credentials

if TYPE_CHECKING:
    from stack.paths import Paths
    from stack.ports import Ports
    from stack.run_state import Damage

__all__ = ["repair_settings", "saved_addresses", "write_settings"]

_ADDRESSES: Final = (("mqtt", "url"), ("kafka", "brokers"), ("strapi", "url"))


def write_settings(paths: Paths, ports: Ports) -> None:
    """Write the settings file for the running servers."""
    credentials = Credentials.of(paths)
    addresses = Addresses.of(ports, secure=paths.is_secure, brokers=paths.brokers)
    document: dict[str, dict[str, object]] = {
        # Over TCP, which is faster than websockets, and with a client id that is only in this state.
        "mqtt": {
            "url": addresses.mqtt_tcp,
            "client_id_file": str(paths.mqtt_client_id),
            "outbox": str(paths.outbox),
            # Our Mosquitto's configuration allows that many; brokers with their defaults do not.
            "in_flight": 4000,
        },
        "kafka": {"brokers": addresses.kafka.split(","), "known_file": str(paths.known_servers)},
        "strapi": {"url": addresses.strapi, "token_file": str(paths.bridge_token)},
        "screen": {"web": addresses.web},
    }
    for table, settings in (credentials.engine_settings() if credentials else {}).items():
        document[table] |= settings
    head = (
        f"{GENERATED_HEAD} Nothing that you write here stays: what counts\n"
        "# above it is changes.toml beside it, and the table [screen] of your own settings file counts under it.\n"
    )
    write_whole(paths.settings, f"{head}{tomli_w.dumps(document)}{GENERATED_END}\n")


def saved_addresses(paths: Paths) -> list[str]:
    """List the saved addresses that override those of the running servers, and how to undo that.

    Returns:
        A sentence for each; empty where a file is missing or can't be read, which its other readers report.
    """
    try:
        ours, saved = (
            tomllib.loads(path.read_text(encoding="utf-8")) for path in (paths.settings, changes_file(paths.settings))
        )
    except (OSError, ValueError):
        return []
    sentences = []
    for table, name in _ADDRESSES:
        here, there = _of(ours, table, name), _of(saved, table, name)
        if there is not None and there != here:
            sentences.append(
                f"{table}.{name} was saved as {_shown(there)} in {changes_file(paths.settings)}: opsci-tui goes there "
                f"and not to {_shown(here)}. In opsci-tui s, then x and ctrl+s take it back"
            )
    return sentences


def _of(document: dict[str, Any], table: str, name: str) -> object:
    found = document.get(table)
    return found.get(name) if isinstance(found, dict) else None


def _shown(address: object) -> str:
    return ", ".join(map(str, address)) if isinstance(address, list) else str(address)


def repair_settings(paths: Paths, ports: Ports, damage: Damage) -> None:
    """Replace a damaged settings file of running servers."""
    if not paths.settings.exists():
        write_settings(paths, ports)
    elif why := damage_of_generated(paths.settings, paths.settings.read_bytes()):
        damage.move(paths.settings, why, "It is written again: nothing is lost")
        write_settings(paths, ports)
