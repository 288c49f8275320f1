"""One chain as a stranger finds it: the commands of the README, addresses by `status --json`, and plain clients."""

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
    """What a web server answered.

    Attributes:
        status: the HTTP status, 0 where the connection was refused or closed.
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
    """One `opsci-bridge` of ours."""

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
        """Whether `/readyz` answers 200."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the engine ended by itself with {self.process.returncode}: {self._log.name}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def memory(self) -> float:
        """The most memory that it ever had, in MB."""
        return peak_memory(self.process.pid)

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(60)
        self._log.close()


class Chain:
    """Servers of one state folder and the engines on them.

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
            What it printed on standard output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        argv = [sys.executable, "-m", "stack", *arguments, "--state", str(self.state)]
        return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True, timeout=900).stdout

    def look(self) -> None:
        """Ask `status --json` again."""
        self.info = json.loads(self.command("status", "--json"))

    def pid(self, server: str) -> int:
        """The process of a server."""
        return int(self.info["servers"][server]["pid"])

    def kill(self, server: str) -> None:
        """SIGKILL to a server."""
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
        """The engine's settings, as a file."""
        return tomllib.loads(Path(self.info["settings_file"]).read_text())

    def trust(self) -> ssl.SSLContext | None:
        """What believes the secured servers' certificates; None in the plain profile."""
        return ssl.create_default_context(cafile=self.info["authority_file"]) if self.secure else None

    def ask(self, url: str, method: str = "GET", body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """One HTTP request; an error status is an answer too."""
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
        """Ask Strapi with the engine's token."""
        token = Path(self.info["strapi_token_file"]).read_text().strip()
        answer = self.ask(self.info["strapi"] + path, method, body, {"Authorization": f"Bearer {token}"})
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"Strapi answers {answer.status} to {method} {path}: {answer.body[:200]!r}")
        return json.loads(answer.body)

    def product(self, stock: int) -> int:
        """Make a product; its id."""
        made = self.strapi(
            "/api/products", "POST", {"data": {"name": f"outside {time.time_ns()}", "stock_available": stock}}
        )
        return int(made["data"]["id"])

    def stock(self, product: int) -> int:
        """The stock of a product."""
        (row,) = self.strapi(f"/api/products?filters[id][$eq]={product}")["data"]
        return int(row["stock_available"])

    def settles(self, product: int, stock: int, seconds: float = 90) -> str:
        """Wait for a stock, and then whether it stays.

        Returns:
            An empty text, or what is there instead.
        """
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.stock(product) == stock, seconds, "the stock")
        time.sleep(4)
        found = self.stock(product)
        return "" if found == stock else f"stock {found:,} instead of {stock:,}"

    def client(self, client_id: str = "", *, user: str = "object", websockets: bool = False) -> mqtt.Client:
        """A connected MQTT 5 client with a loop of its own, clean start."""
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
            How many the broker acknowledged.
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
    """The most memory that a process ever had, in MB."""
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
