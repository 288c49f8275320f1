"""The compose file as a separate project: on free ports, with its own names of images and volumes."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from stack.paths import ROOT
from stack.ports import random_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from stack.ports import Ports
    from tests.containers.bases import Bases
    from tests.containers.engine import Engine

__all__ = ["BRIDGE", "STRAPI", "Project", "read_compose"]

BRIDGE: Final = "opsci-test-bridge"
STRAPI: Final = "opsci-test-strapi"
_UP: Final = 240.0
_BUILD: Final = 1500.0


class _Loader(yaml.SafeLoader):
    """YAML with the tags by which an override file replaces a part of another file."""


def _replaced(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


_Loader.add_constructor("!override", _replaced)


def read_compose(file: Path) -> dict[str, Any]:
    """Parse a compose file."""
    found: dict[str, Any] = yaml.load(file.read_text(), _Loader)  # noqa: S506 - a SafeLoader with one more tag
    return found


@dataclass
class Project:
    """One project.

    Attributes:
        engine: where it runs.
        bases: the base images.
        folder: for the override file.
        name: of the project.
        root: the clone whose compose file it is.
        tag: of the two images that are built from it.
        panel: whether Strapi's admin panel is built as well.
        secure: whether to add compose.secure.yaml.
    """

    engine: Engine
    bases: Bases
    folder: Path
    name: str
    root: Path = ROOT
    tag: str = "now"
    panel: bool = False
    secure: bool = False
    ports: Ports = field(default_factory=random_ports)

    @property
    def bridge_image(self) -> str:
        """The image of the engine."""
        return f"{BRIDGE}:{self.tag}"

    @property
    def strapi_image(self) -> str:
        """The image of Strapi."""
        return f"{STRAPI}:{self.tag}"

    def services(self) -> dict[str, dict[str, Any]]:
        """The services of the compose file that start by default."""
        return {name: service for name, service in self._all().items() if "profiles" not in service}

    def compose(self, *arguments: str, limit: float = 120) -> str:
        """Run Docker Compose, and return its output.

        Raises:
            subprocess.CalledProcessError: it failed; `stderr` says how.
        """
        return subprocess.run(
            self.words(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=limit,
            stdin=subprocess.DEVNULL,
        ).stdout

    def words(self, *arguments: str) -> list[str]:
        """The command line of Docker Compose for this project."""
        return [*self.engine.compose, "--project-name", self.name, *self._files(), *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of that command line."""
        return {**self.engine.environment, **self._ports()}

    def build(self) -> None:
        """Build the two images."""
        self.compose("build", "secrets", "strapi", limit=_BUILD)

    def up(self) -> float:
        """Start everything; return after how many seconds all of it was healthy."""
        started = time.monotonic()
        self.compose("up", "--detach", "--wait", "--no-build", "--pull", "never", limit=_UP)
        return time.monotonic() - started

    def down(self, *, volumes: bool = False) -> None:
        """Stop and remove the containers and networks, and with `volumes` their data."""
        self.compose("--profile", "screen", "down", "--remove-orphans", *(["--volumes"] if volumes else []), limit=180)

    def container(self, service: str) -> str:
        """The id of a service's container, running or not."""
        found = self.compose("ps", "--all", "--quiet", service).split()
        if not found:
            raise LookupError(f"{service} has no container")
        return found[0]

    def inspect(self, service: str) -> dict[str, Any]:
        """The engine's description of a service's container."""
        found: list[dict[str, Any]] = json.loads(self.engine.run("inspect", self.container(service)))
        return found[0]

    def within(self, service: str, *command: str) -> str:
        """Run a command in a service's container, as the service's user."""
        return self.engine.run("exec", self.container(service), *command)

    def within_network(self, network: str, *command: str) -> str:
        """Run a command in a new container of the engine's image on one of the networks."""
        return self.engine.run(
            "run", "--rm", "--network", f"{self.name}_{network}", "--cap-drop", "ALL", self.bridge_image, *command
        )

    def kill(self, service: str) -> None:
        """Send SIGKILL to a service's container, and start it again."""
        container = self.container(service)
        self.engine.run("kill", container)
        self.engine.run("start", container)

    def wait_healthy(self, services: Sequence[str], limit: float) -> None:
        """Wait until services are healthy.

        Raises:
            TimeoutError: one is not within `limit` seconds.
        """
        deadline = time.monotonic() + limit
        for service in services:
            while (state := self.inspect(service)["State"]).get("Health", {}).get("Status") != "healthy":
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{service} is {state['Status']} and not healthy after {limit:.0f} s")
                time.sleep(1)

    def _ports(self) -> Mapping[str, str]:
        return {
            "OPSCI_PUBLISH": "127.0.0.1",
            "OPSCI_PORT_WEBSOCKETS": str(self.ports.mqtt_ws),
            "OPSCI_PORT_MQTT": str(self.ports.mqtt_tcp),
            "OPSCI_PORT_STRAPI": str(self.ports.strapi),
            "OPSCI_PORT_WEB": str(self.ports.web),
        }

    def _files(self) -> list[str]:
        given = [self.root / "stack" / name for name in self._given()]
        over = self.folder / f"{self.name}-{self.tag}.yaml"
        if not over.exists():
            over.write_text(yaml.dump({"services": self._over()}))
        return [word for file in (*given, over) for word in ("--file", str(file))]

    def _given(self) -> tuple[str, ...]:
        return ("compose.yaml", "compose.secure.yaml") if self.secure else ("compose.yaml",)

    def _all(self) -> dict[str, dict[str, Any]]:
        """The services, each from the first file that has it."""
        found: dict[str, dict[str, Any]] = {}
        for name in self._given():
            for service, said in read_compose(self.root / "stack" / name)["services"].items():
                found.setdefault(service, said)
        return found

    @property
    def authority(self) -> Path:
        """The certificate of a secured project's authority, copied to this machine."""
        file = self.folder / f"{self.name}.pem"
        if not file.exists():
            file.write_text(self.within("web", "cat", "/secure/ca.pem"))
        return file

    @property
    def trust(self) -> ssl.SSLContext | None:
        """A TLS context that trusts a secured project's certificates; None for one without TLS."""
        return ssl.create_default_context(cafile=str(self.authority)) if self.secure else None

    def _over(self) -> dict[str, dict[str, Any]]:
        """The override file: other image names, and how ours are built."""
        names = self.bases.names
        over: dict[str, dict[str, Any]] = {}
        for service, given in self._all().items():
            match given["image"]:
                case "opsci-bridge":
                    arguments = {"NODE_IMAGE": names["node"], "PYTHON_IMAGE": names["python"]}
                    over[service] = {"image": self.bridge_image, "build": {"args": arguments}}
                case "opsci-strapi":
                    arguments = {"NODE_IMAGE": names["node"], "PANEL": "build" if self.panel else "none"}
                    over[service] = {"image": self.strapi_image, "build": {"args": arguments}}
                case _ if service in names:
                    over[service] = {"image": names[service]}
        return over
