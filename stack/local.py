"""The servers of the chain on this machine, as an object: what the command line and the tests stand on.

from stack.local import LocalStack

with LocalStack(Path("/tmp/somewhere"), ports=random_ports()) as stack:
    stack.addresses.mqtt_ws        # "ws://127.0.0.1:23450"
    stack.addresses.kafka          # "127.0.0.1:23452"
    stack.settings_file            # what opsci-bridge and opsci-tui take with --config
    stack.bridge_token             # Strapi's API token for the bridge, a text
    stack.kill_server("kafka")     # SIGKILL
    stack.start_server("kafka")    # the same ports, the same data; returns once it answers
    stack.pause_server("strapi")   # SIGSTOP, and resume_server() for SIGCONT
    stack.stop_server("mosquitto") # SIGTERM, and its data are written
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from stack.addresses import Addresses
from stack.errors import NotRunningError
from stack.places import Places
from stack.ports import Ports, choose_ports
from stack.provide import provide
from stack.record import Record, hold
from stack.report import Report
from stack.secure.door import Door
from stack.servers.admin import admin_panel
from stack.servers.kafka import launch_kafka
from stack.servers.mosquitto import launch_mosquitto
from stack.servers.process import Identity, wait_gone, wait_paused
from stack.servers.server import SERVERS, Launch
from stack.servers.strapi import launch_strapi
from stack.servers.web import launch_web
from stack.settings import write_settings
from stack.starting import Starter
from stack.stopping import stop_servers
from stack.watchdog import start_watchdog

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection
    from pathlib import Path
    from types import TracebackType

    from stack.programs import Programs

__all__ = ["LocalStack"]

_LISTENERS: Final = {
    "mosquitto": ("mqtt_ws", "mqtt_tcp"),
    "kafka": ("kafka", "kafka_controller"),
    "strapi": ("strapi",),
    "web": ("web",),
}


class LocalStack:
    """The servers of one state folder.

    Args:
        state: the state folder; new, empty or one of ours.
        cache: the cache of downloads; the user's own by default.
        ports: the ports to try first; those that are taken move to the next free ones.
        servers: which of the servers; all by default.
        stay: let them run on after this process; by default they end with it, however it ends.
        admin: build and serve Strapi's admin panel.
        report: what tells the progress; nothing is told by default.
        programs: where the servers' programs are; found, or installed, by default.
        secure: with TLS, users and rights; a state folder that was secured once stays so.
    """

    def __init__(
        self,
        state: Path,
        *,
        cache: Path | None = None,
        ports: Ports | None = None,
        servers: Collection[str] = SERVERS,
        stay: bool = False,
        admin: bool = False,
        report: Report | None = None,
        programs: Programs | None = None,
        secure: bool = False,
    ) -> None:
        self.places = Places.of(state, cache)
        self._secure = secure
        self.settings_file = self.places.settings
        self._wanted = ports or Ports()
        self._names = [name for name in SERVERS if name in servers]
        self._admin = admin
        self._report = report or Report(quiet=True)
        self._programs = programs
        self._owner = None if stay else Identity.of(os.getpid())
        self._starter = Starter(self.places, self._report, self._owner)
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ports(self) -> Ports:
        """The ports in use."""
        return Record.read(self.places.record).ports

    @property
    def addresses(self) -> Addresses:
        """The servers' addresses as clients take them."""
        return Addresses.of(self.ports, secure=self.places.is_secure)

    @property
    def door(self) -> Door:
        """The certificates and passwords of secured servers.

        Raises:
            NotRunningError: these are not secured.
        """
        door = Door.of(self.places)
        if door is None:
            raise NotRunningError(f"the servers in {self.places.state} are not secured")
        return door

    @property
    def bridge_token(self) -> str:
        """Strapi's API token for the bridge."""
        return self.places.bridge_token.read_text().strip()

    @property
    def read_token(self) -> str:
        """Strapi's read-only API token."""
        return self.places.read_token.read_text().strip()

    def start(self) -> bool:
        """Start the servers that do not run yet, side by side, and wait until each answers.

        Returns:
            Whether anything was started; False says that the servers of another call are used as they are.

        Raises:
            StackError: something is missing, or a server did not start; what this call started is stopped again.
        """
        self.places.claim(secure=self._secure)
        with hold(self.places.lock, self._say("another opsci starts or stops these servers: waiting for it")):
            record = Record.read(self.places.record)
            alive = record.alive()
            missing = [name for name in self._names if name not in alive]
            if not missing:
                return False
            programs = self._found_programs()
            if door := Door.of(self.places):
                door.prepare()
            # Before the ports are chosen: another start must not wait for minutes of building.
            self._build_panel(programs)
            # A port looks free until its server listens, so one start has to end before another chooses.
            with hold(self.places.cache / "ports.lock", self._say("another opsci is starting: waiting for it")):
                before = record.ports
                record.ports, moved = choose_ports(
                    record.ports if alive else self._wanted,
                    keep=[listener for name in alive for listener in _LISTENERS[name]],
                )
                record.admin = self._admin
                for sentence in moved:
                    self._report.note(f"  {sentence}")
                write_settings(self.places, record.ports)
                if "web" in alive and (before.mqtt_ws, before.strapi) != (record.ports.mqtt_ws, record.ports.strapi):
                    # It was told at its start where the broker and Strapi are.
                    stop_servers(self.places, self._report, names=["web"])
                    record.servers.pop("web")
                    missing.append("web")
                if self._owner and self._watchdog is None:
                    self._watchdog = start_watchdog(self.places, self._owner)
                launches = {name: partial(self._launch, name, record.ports, programs) for name in missing}
                self._starter.start(launches, record)
        return True

    def stop(self) -> None:
        """Stop what this object started; servers that it found running stay. It may be called twice."""
        started = self._starter.started
        if started:
            with hold(self.places.lock, self._say("another opsci starts or stops these servers: waiting for it")):
                stop_servers(self.places, self._report, names=started)
            for name in started:
                self._starter.reap(name)
        if self._watchdog:
            self._watchdog.terminate()
            self._watchdog.wait()
            self._watchdog = None

    def start_server(self, name: str) -> None:
        """Start one server again, on the same ports and data, and wait until it answers.

        Raises:
            ServerStartError: it died or stayed silent.
        """
        with hold(self.places.lock, self._say("waiting")):
            record = Record.read(self.places.record)
            if name not in record.alive():
                launch = partial(self._launch, name, record.ports, self._found_programs())
                self._starter.start({name: launch}, record)

    def stop_server(self, name: str) -> None:
        """Stop one server as a person would: SIGTERM, and wait until its data are written and it is gone."""
        with hold(self.places.lock, self._say("waiting")):
            stop_servers(self.places, self._report, names=[name])
        self._starter.reap(name)

    def kill_server(self, name: str) -> None:
        """Kill one server as a power cut would: SIGKILL to its process group, and wait until it is gone."""
        identity = self._identity(name)
        identity.signal_group(signal.SIGKILL)
        wait_gone(identity, 10)
        self._starter.reap(name)

    def pause_server(self, name: str) -> None:
        """Freeze one server: its connections stay open and nothing is answered."""
        identity = self._identity(name)
        identity.signal_group(signal.SIGSTOP)
        wait_paused(identity, 10)

    def resume_server(self, name: str) -> None:
        """Let a frozen server go on."""
        self._identity(name).signal_group(signal.SIGCONT)

    def is_alive(self, name: str) -> bool:
        """Whether the process of one server runs (a paused one does)."""
        return name in Record.read(self.places.record).alive()

    def _identity(self, name: str) -> Identity:
        running = Record.read(self.places.record).servers.get(name)
        if running is None:
            raise NotRunningError(f"{name} does not run in {self.places.state}")
        return running.identity

    def _say(self, text: str) -> Callable[[], None]:
        return partial(self._report.note, text)

    def _found_programs(self) -> Programs:
        if self._programs is None:
            self._programs = provide(self.places, self._report, self._names)
        return self._programs

    def _launch(self, name: str, ports: Ports, programs: Programs) -> Launch:
        if name == "mosquitto":
            return launch_mosquitto(self.places, programs, ports)
        if name == "kafka":
            return launch_kafka(self.places, programs, ports)
        if name == "strapi":
            return launch_strapi(self.places, programs, ports, panel=self._build_panel(programs))
        return launch_web(self.places, programs, ports)

    def _build_panel(self, programs: Programs) -> Path | None:
        return admin_panel(self.places, programs, self._report) if self._admin else None
