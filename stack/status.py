"""`status` and `logs`: what runs and where, who has access to Strapi, and the ends of the servers' logs.

Standard library only.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from bridge.http.own_address import own_address
from stack.ports import Addresses
from stack.run_state import RunState, damaged_files
from stack.secure.credentials import Credentials
from stack.servers.health import ask_kafka, ask_mqtt_tcp, ask_mqtt_ws, ask_strapi, ask_web, ask_websockets
from stack.servers.process import AnotherAnswersError
from stack.servers.server import BROKERS, servers_of, tail

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from stack.paths import Paths

__all__ = [
    "USER",
    "ServerStatus",
    "Stranger",
    "log_in",
    "look",
    "open_to",
    "pages_that_may",
    "read_strangers",
    "show_logs",
    "show_status",
    "status_object",
    "warnings",
]


USER: Final = "admin@opsci.invalid"
"""The same as in stack/strapi/src/access/administrator.js."""

_KINDS: Final = {"administrators": "administrator", "tokens": "API token"}
_SHOWN: Final = 80

_POLL: Final = 0.2


@dataclass(frozen=True)
class Stranger:
    """An administrator or an API token of Strapi that the application did not create.

    Attributes:
        kind: `administrator` or `API token`.
        name: the administrator's mail address or the token's name, chosen by its creator.
        since: when it was created, as Strapi writes it.
    """

    kind: str
    name: str
    since: str

    def __str__(self) -> str:
        # Its creator chose the name, which might move the cursor.
        return f"the {self.kind} {self.name[:_SHOWN]!a} since {ascii(self.since[:_SHOWN])[1:-1]}"


def read_strangers(file: Path) -> list[Stranger]:
    """Read Strapi's list from its latest start; empty if it never started, or the list can't be read."""
    try:
        found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())
        return [
            Stranger(kind, str(entry["name"]), str(entry["since"]))
            for key, kind in _KINDS.items()
            for entry in found[key]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def log_in(paths: Paths, strapi: str) -> str:
    """How to log in to the panel: the address, the user and the file with the password.

    Args:
        paths: with the state.
        strapi: Strapi's address.
    """
    return f"{strapi}/admin as {USER}, with the password in {paths.admin_password}"


def warnings(paths: Paths) -> list[str]:
    """One sentence for each foreign account or token in Strapi, and what to do about them."""
    found = read_strangers(paths.strangers)
    if not found:
        return []
    return [
        *(f"Strapi lets in {stranger}: this program did not make it" for stranger in found),
        "If you did not make them either, someone did who came before you: remove them in the panel (`run --admin`), "
        "or begin again with `reset`",
    ]


@dataclass(frozen=True)
class ServerStatus:
    """The status of one server.

    Attributes:
        state: `running` (it answers), `silent` (its process runs and does not answer), `taken` (its process runs, and
            another program answers on its port), `paused`, `died` (it ended without being stopped) or `stopped`.
        pid: its process, where it runs.
        log: the path of its log.
    """

    state: str
    pid: int | None
    log: str


def _state(name: str, record: RunState, trust: ssl.SSLContext | None) -> str:
    ports, server = record.ports, record.servers[name].identity
    try:
        if name == "websockets":
            ask_websockets(ports.mqtt_ws, trust, server)
        elif name == "mosquitto":
            ask_mqtt_tcp(ports.mqtt_tcp, trust, server)
            if record.any_origin:
                ask_mqtt_ws(ports.mqtt_ws, trust, server)
        elif name in BROKERS:
            ask_kafka(ports.of_brokers(len(BROKERS))[BROKERS.index(name)][0], trust, server)
        elif name == "strapi":
            ask_strapi(ports.strapi, trust, server)
        else:
            ask_web(ports.web, trust, server)
    except AnotherAnswersError:
        return "taken"
    except OSError:
        return "silent"
    return "running"


def look(paths: Paths, record: RunState) -> dict[str, ServerStatus]:
    """Check each server in the record, in parallel; takes at most about four seconds."""
    credentials = Credentials.of(paths)
    # If creating the credentials was interrupted, no server was started.
    trust = credentials.trust() if credentials and credentials.authority.is_file() else None

    def one(name: str) -> ServerStatus:
        log = str(paths.log(name))
        running = record.servers.get(name)
        if running is None:
            return ServerStatus("stopped", None, log)
        if not running.identity.is_alive:
            return ServerStatus("died", None, log)
        if running.identity.is_paused:
            return ServerStatus("paused", running.identity.pid, log)
        return ServerStatus(_state(name, record, trust), running.identity.pid, log)

    names = servers_of(paths.brokers)
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


def status_object(paths: Paths, record: RunState, servers: dict[str, ServerStatus]) -> dict[str, Any]:
    """Put the addresses, the files and the servers' states into one object.

    The addresses are those of the latest start, or the usual ones where there was none.
    """
    return {
        **asdict(Addresses.of(record.ports, secure=paths.is_secure, brokers=paths.brokers)),
        "strapi_token_file": str(paths.bridge_token),
        "strapi_read_token_file": str(paths.read_token),
        "strapi_admin_user": USER,
        "strapi_admin_password_file": str(paths.admin_password),
        "strapi_admin_panel": record.admin,
        "strapi_strangers": [asdict(stranger) for stranger in read_strangers(paths.strangers)],
        "settings_file": str(paths.settings),
        "web_open_to_network": record.lan,
        "web_origins": ["*"] if record.any_origin else ["loopback", *record.origins],
        "state": str(paths.state),
        "damaged": [*damaged_files(paths)],
        **({"authority_file": str(credentials.authority)} if (credentials := Credentials.of(paths)) else {}),
        "servers": {name: asdict(server) for name, server in servers.items()},
    }


def pages_that_may(record: RunState) -> str:
    """Describe which web pages may use the broker."""
    if record.any_origin:
        return "(Mosquitto's own: open to the pages of every site)"
    return f"(for pages of {', '.join(['this machine', *record.origins])})"


def open_to(record: RunState) -> str:
    """Describe who may open the web page; empty where only this machine may."""
    if not record.lan:
        return ""
    address = own_address()
    return f"(open to the network{f': http://{address}:{record.ports.web}' if address else ''})"


def show_status(paths: Paths, *, as_json: bool) -> int:
    """Print the status; the exit code is always 0."""
    record = RunState.read(paths.record)
    servers = look(paths, record)
    if as_json:
        print(json.dumps(status_object(paths, record, servers), indent=2))
        return 0
    addresses = Addresses.of(record.ports, secure=paths.is_secure, brokers=paths.brokers)
    where = {
        "websockets": f"{addresses.mqtt_ws}  {pages_that_may(record)}",
        "mosquitto": addresses.mqtt_tcp,
        **dict(zip(BROKERS, addresses.kafka.split(","), strict=False)),
        "strapi": addresses.strapi,
        "web": f"{addresses.web}  {open_to(record)}".rstrip(),
    }
    if record.any_origin:
        where["mosquitto"] += f"  {addresses.mqtt_ws}  {pages_that_may(record)}"
        del servers["websockets"]
    for name, server in servers.items():
        pid = f"pid {server.pid}" if server.pid else ""
        print(f"{name:<10} {server.state:<8} {pid:<12} {where[name] if server.pid else ''}".rstrip())
    if paths.admin_password.exists():
        here = record.admin and servers["strapi"].pid
        panel = log_in(paths, addresses.strapi)
        print(
            f"admin      {panel}"
            if here
            else f"admin      {USER}, password in {paths.admin_password} (the panel: --admin)"
        )
    if record.damage:
        print(f"warning    {paths.record} {record.damage}: these are the servers that run; `up` or `down` repairs it")
    for warning in warnings(paths):
        print(f"warning    {warning}")
    for damaged in damaged_files(paths):
        print(f"damaged    {damaged}")
    print(f"settings   {paths.settings}" if paths.settings.exists() else f"state      {paths.state} (none yet)")
    if any(server.state in {"died", "silent", "taken"} for server in servers.values()):
        print("`python3 -m stack logs SERVER` shows why")
    return 0


def show_logs(paths: Paths, server: str | None, *, lines: int, follow: bool) -> int:
    """Print the end of one server's log, or of all logs with the server's name before every line.

    Args:
        paths: with the state.
        server: one of this state's servers, or None for all.
        lines: how many lines of each.
        follow: continue until Ctrl-C, including logs that do not exist yet.
    """
    names = [server] if server else list(servers_of(paths.brokers))
    prefix = {name: "" if server else f"{name:<10}| " for name in names}
    # Where following starts, determined before the end is read: a line may be printed twice, but none is missed.
    position = {name: _size(paths.log(name)) for name in names}
    for name in names:
        if not paths.log(name).exists():
            print(f"{prefix[name]}no log yet: {paths.log(name)}")
        for line in tail(paths.log(name), lines).splitlines():
            print(prefix[name] + line)
    if follow:
        try:
            _follow(paths, position, prefix)
        except KeyboardInterrupt:
            return 0
    return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _follow(paths: Paths, position: dict[str, int], prefix: dict[str, str]) -> None:
    rest = dict.fromkeys(position, b"")
    while True:
        for name, before in list(position.items()):
            path = paths.log(name)
            size = _size(path)
            if size == before:
                continue
            with path.open("rb") as log:
                # A log that shrank was started again.
                rest[name] = _print_lines(log, before if before < size else 0, rest[name], prefix[name])
                position[name] = log.tell()
        time.sleep(_POLL)


def _print_lines(log: BinaryIO, start: int, rest: bytes, prefix: str) -> bytes:
    log.seek(start)
    *lines, rest = (rest + log.read()).split(b"\n")
    for line in lines:
        print(prefix + line.decode(errors="replace"), flush=True)
    return rest
