"""What runs, and where: `status`, for a person and as one JSON object. Standard library only."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stack.addresses import Addresses
from stack.record import Record
from stack.secure.door import Door
from stack.servers.health import ask_kafka, ask_mqtt_tcp, ask_mqtt_ws, ask_strapi, ask_web
from stack.servers.server import SERVERS

if TYPE_CHECKING:
    import ssl

    from stack.places import Places
    from stack.ports import Ports

__all__ = ["ServerStatus", "look", "show_status", "status_object"]


@dataclass(frozen=True)
class ServerStatus:
    """One server.

    Attributes:
        state: `running` (it answers), `silent` (its process runs and does not answer), `paused`, `died` (it ended
            without being stopped) or `stopped`.
        pid: its process, where it runs.
        log: the path of its log.
    """

    state: str
    pid: int | None
    log: str


def _answers(name: str, ports: Ports, trust: ssl.SSLContext | None) -> bool:
    try:
        if name == "mosquitto":
            ask_mqtt_tcp(ports.mqtt_tcp, trust)
            ask_mqtt_ws(ports.mqtt_ws, trust)
        elif name == "kafka":
            ask_kafka(ports.kafka, trust)
        elif name == "strapi":
            ask_strapi(ports.strapi, trust)
        else:
            ask_web(ports.web, trust)
    except OSError:
        return False
    return True


def look(places: Places, record: Record) -> dict[str, ServerStatus]:
    """Ask each server on the record how it is, side by side; at most some four seconds."""
    door = Door.of(places)
    # Where its making was interrupted, nothing was started either.
    trust = door.trust() if door and door.authority.is_file() else None

    def one(name: str) -> ServerStatus:
        log = str(places.log(name))
        running = record.servers.get(name)
        if running is None:
            return ServerStatus("stopped", None, log)
        if not running.identity.is_alive:
            return ServerStatus("died", None, log)
        if running.identity.is_paused:
            return ServerStatus("paused", running.identity.pid, log)
        state = "running" if _answers(name, record.ports, trust) else "silent"
        return ServerStatus(state, running.identity.pid, log)

    with ThreadPoolExecutor(len(SERVERS)) as pool:
        return dict(zip(SERVERS, pool.map(one, SERVERS), strict=True))


def status_object(places: Places, record: Record, servers: dict[str, ServerStatus]) -> dict[str, Any]:
    """Put the addresses, the files and the servers' states into one object.

    The addresses are those of the latest start, or the usual ones where there was none.
    """
    return {
        **asdict(Addresses.of(record.ports, secure=places.is_secure)),
        "strapi_token_file": str(places.bridge_token),
        "strapi_read_token_file": str(places.read_token),
        "settings_file": str(places.settings),
        "state": str(places.state),
        **({"authority_file": str(door.authority)} if (door := Door.of(places)) else {}),
        "servers": {name: asdict(server) for name, server in servers.items()},
    }


def show_status(places: Places, *, as_json: bool) -> int:
    """Print the status; the exit code is 0 whatever it is."""
    record = Record.read(places.record)
    servers = look(places, record)
    if as_json:
        print(json.dumps(status_object(places, record, servers), indent=2))
        return 0
    addresses = Addresses.of(record.ports, secure=places.is_secure)
    where = {
        "mosquitto": f"{addresses.mqtt_ws}  {addresses.mqtt_tcp}",
        "kafka": addresses.kafka,
        "strapi": addresses.strapi,
        "web": addresses.web,
    }
    for name, server in servers.items():
        pid = f"pid {server.pid}" if server.pid else ""
        print(f"{name:<10} {server.state:<8} {pid:<12} {where[name] if server.pid else ''}".rstrip())
    print(f"settings   {places.settings}" if places.settings.exists() else f"state      {places.state} (none yet)")
    if any(server.state in {"died", "silent"} for server in servers.values()):
        print("`python3 -m stack logs SERVER` shows why")
    return 0
