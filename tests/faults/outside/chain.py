"""A chain as a stranger finds it: the README's commands, addresses from `status --json`, and plain clients."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["Answer", "Chain", "Engine", "wait_until"]

ROOT: Final = Path(__file__).resolve().parents[3]
_BRIDGE: Final = ROOT / ".venv" / "bin" / "opsci-bridge"


class Answer(NamedTuple):
    """An HTTP response.

    Attributes:
        status: the HTTP status, 0 if the connection was refused or closed.
        headers: by lower-case name.
        body: the bytes.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)


class Engine:
    """One `opsci-bridge` process."""

    def __init__(self, settings: Path, log: Path, more: Iterable[str] = ()) -> None:
        self.port = _free_port()
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [_BRIDGE, "--config", settings, "--set", f"watch.port={self.port}", *more],
            stdout=self._log,
            stderr=self._log,
            cwd=ROOT,
        )
        wait_until(self.is_ready, 60, "the engine is ready")

    def is_ready(self) -> bool:
        """Return whether `/readyz` answers 200."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the engine ended by itself with {self.process.returncode}: {self._log.name}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def memory(self) -> float:
        """Return its peak memory in MB."""
        return peak_memory(self.process.pid)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(60)
        self._log.close()


class Chain:
    """The servers of one state folder and the engines on them.

    Args:
        state: the state folder, new.
        secure: whether to start the secured profile.
    """

    def __init__(self, state: Path, *, secure: bool) -> None:
        self.state = state
        self.secure = secure
        self.engines: list[Engine] = []
        self.info: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.command("up", *(["--secure"] if self.secure else []))
        self.look()
        self.command("seed")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for engine in self.engines:
            engine.end(signal.SIGKILL)
        self.command("down")

    def command(self, *arguments: str) -> str:
        """Run `python3 -m stack ...`.

        Returns:
            Its standard output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        argv = [sys.executable, "-m", "stack", *arguments, "--state", str(self.state)]
        return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout

    def look(self) -> None:
        """Read `status --json` again."""
        self.info = json.loads(self.command("status", "--json"))

    def pid(self, server: str) -> int:
        """Return the process id of a server."""
        return int(self.info["servers"][server]["pid"])

    def kill(self, server: str) -> None:
        """Send SIGKILL to a server."""
        os.kill(self.pid(server), signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{self.pid(server)}/cmdline").read_bytes(), 20, f"{server} is gone")

    def start(self, server: str) -> None:
        """Start a server again."""
        self.command("start", server)
        self.look()

    def stop(self, server: str) -> None:
        """Stop a server as the README says."""
        self.command("stop", server)

    def engine(self, *more: str) -> Engine:
        """Start an engine with the settings that the servers' start wrote."""
        engine = Engine(Path(self.info["settings_file"]), self.state / f"engine-{len(self.engines)}.log", more)
        self.engines.append(engine)
        return engine

    @property
    def settings(self) -> dict[str, Any]:
        """Return the content of the engine's settings file."""
        return tomllib.loads(Path(self.info["settings_file"]).read_text())

    def trust(self) -> ssl.SSLContext | None:
        """Return the TLS context for the secured servers; None in the plain profile."""
        return ssl.create_default_context(cafile=self.info["authority_file"]) if self.secure else None

    def ask(self, url: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Send one HTTP request; an error status is returned too."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, dict(headers or {}), method=method)  # noqa: S310 - our own addresses
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trust()) as answer:  # noqa: S310
                return Answer(answer.status, _lower(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _lower(error.headers), error.read())
        except OSError:
            return Answer(0, {}, b"")

    def strapi(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Send Strapi a request with the engine's token."""
        token = Path(self.info["strapi_token_file"]).read_text().strip()
        answer = self.ask(self.info["strapi"] + path, method, body, {"Authorization": f"Bearer {token}"})
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"Strapi answers {answer.status} to {method} {path}: {answer.body[:200]!r}")
        return json.loads(answer.body)

    def product(self, stock: int) -> int:
        """Create a product and return its id."""
        made = self.strapi(
            "/api/products", "POST", {"data": {"name": f"outside {time.time_ns()}", "stock_available": stock}}
        )
        return int(made["data"]["id"])

    def stock(self, product: int) -> int:
        """Return the stock of a product."""
        (row,) = self.strapi(f"/api/products?filters[id][$eq]={product}")["data"]
        return int(row["stock_available"])

    def settles(self, product: int, stock: int, seconds: float = 90) -> str:
        """Wait for a stock, and then whether it stays.

        Returns:
            An empty text, or a description of the actual stock.
        """
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.stock(product) == stock, seconds, "the stock")
        time.sleep(4)
        found = self.stock(product)
        return "" if found == stock else f"stock {found:,} instead of {stock:,}"

    def client(self, client_id: str = "", *, user: str = "object", websockets: bool = False) -> mqtt.Client:
        """Return a connected MQTT 5 client with its own loop and a clean start."""
        address = urlsplit(self.info["mqtt_ws" if websockets else "mqtt_tcp"])
        made = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=mqtt.MQTTv5,
            transport="websockets" if websockets else "tcp",
        )
        if self.secure:
            made.tls_set_context(self.trust())
            password = self.state / "secure" / "passwords" / f"mqtt-{user}"
            made.username_pw_set(user, password.read_text().strip())
        connected = threading.Event()
        made.on_connect = lambda *_: connected.set()
        made.max_inflight_messages_set(1000)
        made.max_queued_messages_set(0)
        made.connect(address.hostname or "", address.port or 0, clean_start=True)
        made.loop_start()
        connected.wait(10)
        return made

    def publish(
        self, payloads: Iterable[bytes], *, ids: Iterable[str] = (), topic: str = "topic", seconds: float = 120
    ) -> int:
        """Publish at QoS 1 and wait for each PUBACK.

        Returns:
            The number acknowledged by the broker.
        """
        publisher = self.client()
        names = list(ids)
        acknowledged = 0
        try:
            sent = []
            for place, payload in enumerate(payloads):
                properties = None
                if names:
                    properties = Properties(PacketTypes.PUBLISH)
                    properties.UserProperty = ("movement-id", names[place])
                sent.append(publisher.publish(topic, payload, 1, properties=properties))
            deadline = time.monotonic() + seconds
            for one in sent:
                with contextlib.suppress(RuntimeError, ValueError):
                    one.wait_for_publish(max(0.01, deadline - time.monotonic()))
                acknowledged += one.is_published()
        finally:
            publisher.disconnect()
            publisher.loop_stop()
        return acknowledged


def peak_memory(pid: int) -> float:
    """Return the peak memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return 0.0


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
