"""The target of the attacks: a profile's servers, the engine, the served screen, and what a stranger knows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
import uuid
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from stack.paths import ROOT
from stack.run_state import RunState
from tests.faults.attacks.wire import Door, Login, doors_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from stack.local import LocalStack

__all__ = ["Program", "Target", "descendants", "free_ports", "listening", "listens", "resident", "until"]

_START: Final = 90.0
"""Seconds that a program may take until it is ready, on a machine that is busy."""


class Program:
    """One of our programs, as its users run it.

    Args:
        name: for its log.
        folder: the folder of the log.
        arguments: of Python: `-m bridge run ...`.
    """

    def __init__(self, name: str, folder: Path, arguments: Iterable[str]) -> None:
        self.log = folder / f"{name}.log"
        self._arguments = [*arguments]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def start(self) -> None:
        """Start it if it does not run."""
        if self.pid:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.log.parent)},
                start_new_session=True,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Target:
    """The chain of one profile.

    Args:
        profile: `plain` or `secured`.
        stack: its servers, running.
        folder: the folder of the programs' logs.
    """

    def __init__(self, profile: str, stack: LocalStack, folder: Path) -> None:
        self.profile = profile
        self.stack = stack
        self.folder = folder
        self.loot: dict[str, str] = {}
        """What one attack got hold of and another one uses."""
        first = free_ports(2)
        self.metrics_port, self.screen_port = first
        self.config = ("--config", str(stack.settings_file))
        """What a program of ours is told of these servers."""
        self.engine = Program(
            "engine", folder, ("-m", "bridge", "run", *self.config, "--set", f"watch.port={self.metrics_port}")
        )
        self.screen = Program("screen", folder, ("-m", "tui", "--serve", str(self.screen_port), *self.config))

    @property
    def is_secure(self) -> bool:
        """Whether it is the secured profile."""
        return self.profile == "secured"

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS context that trusts the servers' certificates; None without TLS."""
        return self.stack.credentials.trust() if self.is_secure else None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings file that the runner wrote."""
        return tomllib.loads(self.stack.settings_file.read_text())

    @property
    def client_id(self) -> str:
        """The engine's MQTT client id: from its settings file, from the file named there, or the default."""
        mqtt = self.settings["mqtt"]
        if mqtt.get("client_id"):
            return str(mqtt["client_id"])
        file = Path(mqtt.get("client_id_file", "")).expanduser()
        if file.is_file():
            return file.read_text().strip()
        from bridge.settings.load import load_settings

        return load_settings(self.stack.settings_file, {}).mqtt.client_id

    @property
    def strangers(self) -> list[Login]:
        """The logins at the broker besides the engine's: anonymous, or those of the objects and of the page."""
        if not self.is_secure:
            return [Login("anonymous")]
        return [Login("anonymous"), self.login("object"), self.login("publisher")]

    def login(self, user: str) -> Login:
        """Return the login of a user of the secured broker."""
        return Login(user, user, self.stack.credentials.password_file(f"mqtt-{user}").read_text().strip())

    @property
    def owner(self) -> Login:
        """The login of an object, which may publish movements."""
        return self.login("object") if self.is_secure else Login("anonymous")

    def secrets(self) -> dict[str, str]:
        """Return all secrets, by a name for each."""
        state = self.stack.paths.state
        found: dict[str, str] = {}
        if self.is_secure:
            folder = self.stack.paths.credentials
            for file in sorted((folder / "passwords").iterdir()):
                found[f"password {file.name}"] = file.read_text().strip()
            for key in (folder / "certs").glob("*.key"):
                found[f"key {key.name}"] = key.read_text().splitlines()[1]
        for file in (*state.rglob("*.token"), *state.rglob("*password")):
            if file.is_file() and "node_modules" not in file.parts:
                found[file.name] = file.read_text().strip()
        kept = state / "strapi" / "secrets.json"
        if kept.exists():
            for name, value in re.findall(r'"(\w+)": "([^"]+)"', kept.read_text()):
                found[f"Strapi's {name}"] = value
        return {name: value for name, value in found.items() if len(value) > 11}

    def pid_of(self, server: str) -> int:
        """Return the process id of a server."""
        return RunState.read(self.stack.paths.record).servers[server].identity.pid

    def processes(self, *servers: str) -> set[int]:
        """Return the processes of some servers, or of all, with their descendants."""
        record = RunState.read(self.stack.paths.record)
        names = servers or tuple(record.servers)
        roots = {record.servers[name].identity.pid for name in names if name in record.servers}
        if not servers:
            roots |= {program.pid for program in (self.engine, self.screen) if program.pid}
        return descendants(roots)

    async def doors(self) -> list[Door]:
        """Return every listener of these processes that speaks MQTT."""
        return await doors_of(sorted({port for _, port in listening(self.processes())}), self.tls)

    @property
    def tcp(self) -> Door:
        """The MQTT listener for objects."""
        return Door(self.stack.ports.mqtt_tcp, websockets=False, tls=self.tls)

    @property
    def strapi(self) -> Door:
        """Strapi's listener, for handwritten requests."""
        return Door(self.stack.ports.strapi, websockets=False, tls=self.tls)

    def http(self, base: str = "", **headers: str) -> httpx.AsyncClient:
        """Return a client of Strapi, or of another address."""
        verify: ssl.SSLContext | bool = self.tls if self.tls is not None else True
        return httpx.AsyncClient(
            base_url=base or self.stack.addresses.strapi, headers=headers, verify=verify, timeout=30, trust_env=False
        )

    def bridge(self) -> httpx.AsyncClient:
        """Return a client of Strapi with the bridge's token, to prepare attacks."""
        return self.http(Authorization=f"Bearer {self.stack.bridge_token}")

    async def make_product(self, stock: int, name: str = "") -> dict[str, Any]:
        """Create a product, and return Strapi's answer: `id`, `documentId` ..."""
        data = {"name": name or f"attacked {uuid.uuid4().hex[:10]}", "stock_available": stock}
        async with self.bridge() as client:
            answer = await client.post("/api/products", json={"data": data})
        answer.raise_for_status()
        product: dict[str, Any] = answer.json()["data"]
        return product

    def rows(self, query: str) -> list[Any]:
        """Query Strapi's database directly."""
        file = self.stack.paths.state / "strapi" / "data.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchall()

    def stock_of(self, product: int) -> int | None:
        """Return the stock of a row, None if the row is gone."""
        found = self.rows(f"SELECT stock_available FROM products WHERE id = {int(product)}")  # noqa: S608 - an integer
        return int(found[0][0]) if found else None

    async def start_engine(self) -> None:
        """Start the engine, and wait until it has subscribed and is ready."""
        self.engine.start()
        async with httpx.AsyncClient(trust_env=False) as client:
            await until(lambda: _ready(client, self.metrics_port), _START, "the engine is not ready", 0.2)

    async def start_screen(self) -> None:
        """Serve the screen, and wait until it answers."""
        self.screen.start()
        await until(lambda: listens(self.screen_port), _START, "the screen is not served", 0.2)

    async def move(self, product: int, count: int, amount: int = 1) -> int:
        """Publish movements as an object does; return the number acknowledged by the broker."""
        from tests.faults.attacks.wire import Client

        payload = b'{"id":%d,"amount":%d,"type":"IN"}' % (product, amount)
        async with Client(self.tcp, f"object-{uuid.uuid4().hex[:8]}", self.owner) as client:
            return await client.flood("topic", payload, count)

    async def shows(self, product: int, stock: int, seconds: float = 60.0) -> int | None:
        """Wait until a product has a stock; return its final stock."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: self.stock_of(product) == stock, seconds, "", 0.2)
        return self.stock_of(product)

    def stop(self) -> None:
        """End the engine and the screen."""
        self.engine.end()
        self.screen.end()


async def until(reached: Callable[[], Any], seconds: float, what: str, pause: float = 0.1) -> None:
    """Wait until a condition, or the awaitable that it returns, is true.

    Raises:
        TimeoutError: it is not in time; the message is `what`.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = reached()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {seconds:.0f} s")
        await asyncio.sleep(pause)


def resident(pids: Iterable[int]) -> float:
    """Return the total resident memory of some processes, in MB (10⁶ bytes)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            total += int(found[1]) * 1024 if found else 0
    return total / 1e6


def descendants(roots: Iterable[int]) -> set[int]:
    """Return some processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [pid for pid in roots if pid]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def listening(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Return the addresses and ports that some processes listen on (proc(5), /proc/net/tcp)."""
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(str(link.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].partition(":")
                found.add((_address(address), int(port, 16)))
    return found


def _address(text: str) -> str:
    words = [bytes.fromhex(text[place : place + 8])[::-1] for place in range(0, len(text), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, b"".join(words))


async def _ready(client: httpx.AsyncClient, port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    return False


def listens(port: int) -> bool:
    """Return whether something listens on a port of loopback."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Return so many distinct ports that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
