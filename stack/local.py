"""The chain's servers on this machine as an object, used by the command line and the tests.

from stack.local import LocalStack

with LocalStack(Path("/tmp/somewhere"), ports=random_ports()) as stack:
    stack.addresses.mqtt_ws        # "ws://127.0.0.1:23450"
    stack.addresses.kafka          # "127.0.0.1:23452"
    stack.settings_file            # for opsci-bridge and opsci-tui --config
    stack.bridge_token             # Strapi's API token for the bridge, as text
    stack.kill_server("kafka")     # SIGKILL
    stack.start_server("kafka")    # the same ports, the same data; returns once it answers
    stack.pause_server("strapi")   # SIGSTOP, and resume_server() for SIGCONT
    stack.stop_server("mosquitto") # SIGTERM, and its data are written
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from stack.errors import NotRunningError, StackError
from stack.install import install
from stack.lifecycle import Starter, stop_servers
from stack.paths import Paths
from stack.ports import Addresses, Ports, chosen_ports
from stack.report import Report
from stack.run_state import Damage, RunState, hold, repair_run_state
from stack.secure.credentials import Credentials
from stack.servers.kafka import launch_kafka
from stack.servers.mosquitto import launch_mosquitto
from stack.servers.process import Identity, wait_gone, wait_paused
from stack.servers.server import BROKERS, SERVERS, Launch, servers_of
from stack.servers.strapi import admin_panel, launch_strapi
from stack.servers.web import launch_web, launch_websockets
from stack.settings import repair_settings, saved_addresses, write_settings
from stack.watchdog import start_watchdog

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path
    from types import TracebackType

    from bridge.start_lines import Phase
    from stack.install import Programs

__all__ = ["LocalStack"]

_LISTENERS: Final = {
    "websockets": ("mqtt_ws",),
    "mosquitto": ("mqtt_tcp",),
    "kafka": ("kafka", "kafka_controller"),
    "kafka-2": ("kafka_2", "kafka_2_controller"),
    "kafka-3": ("kafka_3", "kafka_3_controller"),
    "strapi": ("strapi",),
    "web": ("web",),
}


_OPENED: Final = ("websockets", "web")
"""What `lan` opens to the network."""


class LocalStack:
    """The servers of one state folder; use it as a context manager, or call `start` and `stop`.

    Args:
        state: the state folder; new, empty or one of ours.
        cache: the cache of downloads; the user's own by default.
        ports: the ports to try first; taken ones are replaced by the next free ones.
        servers: which of the servers; all by default.
        stay: let them keep running after this process; by default they end with it, however it ends.
        admin: build and serve Strapi's admin panel.
        report: shows the progress; nothing is shown by default.
        programs: the servers' programs; found, or installed, by default.
        secure: with TLS, users and access rights; a secured state folder stays so.
        any_origin: let Mosquitto itself accept MQTT over websockets, from pages of every origin, as in its committed
            configuration; by default our own server does, from pages of this machine.
        origins: further pages that it accepts.
        brokers: how many Kafka brokers, 1 or 3; a state folder with three keeps them.
        lan: open the web page, and MQTT over websockets for it, to the network, which may then move stock; running
            ones are started again for it. Nothing else is opened.
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
        any_origin: bool = False,
        origins: Sequence[str] = (),
        brokers: int = 1,
        lan: bool = False,
    ) -> None:
        self._lan = lan
        self.paths = Paths.of(state, cache)
        self._secure = secure
        self._brokers = brokers
        self.settings_file = self.paths.settings
        self._wanted = ports or Ports()
        wanted = set(servers) - {"websockets"} if any_origin else set(servers)
        if "mosquitto" in wanted and not any_origin:
            wanted.add("websockets")
        self._wanted_names = wanted
        self._any_origin = any_origin
        self._origins = list(origins)
        self._admin = admin
        self._report = report or Report(quiet=True)
        self._programs = programs
        self._owner = None if stay else Identity.of(os.getpid())
        self._damage = Damage(self.paths, self._report)
        self._starter = Starter(self.paths, self._report, self._owner)
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
        return RunState.read(self.paths.record).ports

    @property
    def addresses(self) -> Addresses:
        """The servers' addresses for clients."""
        return Addresses.of(self.ports, secure=self.paths.is_secure, brokers=self.paths.brokers)

    @property
    def credentials(self) -> Credentials:
        """The certificates and passwords of secured servers.

        Raises:
            NotRunningError: these are not secured.
        """
        credentials = Credentials.of(self.paths)
        if credentials is None:
            raise NotRunningError(f"the servers in {self.paths.state} are not secured")
        return credentials

    @property
    def bridge_token(self) -> str:
        """Strapi's API token for the bridge."""
        return self.paths.bridge_token.read_text().strip()

    @property
    def read_token(self) -> str:
        """Strapi's read-only API token."""
        return self.paths.read_token.read_text().strip()

    def provide(self) -> None:
        """Find or install the programs of the servers that do not run; `start` does this too if needed.

        Raises:
            StackError: something is missing, or can't be installed.
        """
        self.paths.claim(secure=self._secure, brokers=self._brokers)
        alive = RunState.read(self.paths.record).alive()
        if any(name not in alive for name in self._names):
            self._build_panel(self._found_programs())

    def start(
        self,
        settled: Callable[[Ports], None] = lambda ports: None,
        tell: Callable[[str, Phase], None] = lambda name, phase: None,
        /,
    ) -> bool:
        """Start the servers that do not run yet, in parallel, and wait until each answers.

        Args:
            settled: called with the ports once they are chosen and written to the record and the settings file, before
                any server is started; not called if all servers run already.
            tell: called from several threads with a server's name and the progress of its start.

        Returns:
            Whether anything was started; False if the servers of another call are used.

        Raises:
            StackError: something is missing, or a server did not start; what this call started is stopped again.
            CancelledError: `cancel_start` was called; what this call started is stopped again.
        """
        self.paths.claim(secure=self._secure, brokers=self._brokers)
        with hold(self.paths.lock, self._say("another opsci starts or stops these servers: waiting for it")):
            repair_run_state(self.paths.record, self._damage)
            record = RunState.read(self.paths.record)
            alive = record.alive()
            missing = [name for name in self._names if name not in alive]
            if self._lan and (self.paths.is_secure or record.any_origin):
                raise StackError(
                    "--lan opens the page of the plain chain: its certificates are for this machine (--secure), and "
                    "Mosquitto's own websockets listen here alone (--any-origin)"
                )
            opened = [name for name in _OPENED if self._lan and not record.lan and name in alive]
            if self._admin and "strapi" in alive and not record.admin:
                self._report.note("Strapi runs without its panel: stop it with `down`, then start with --admin")
            if self.paths.settings.exists() or not missing:
                repair_settings(self.paths, record.ports, self._damage)
            if not missing and not opened:
                return False
            programs = self._found_programs()
            if credentials := Credentials.of(self.paths):
                credentials.prepare(self._damage)
            # Before the ports are chosen, as they stay claimed until the servers listen, and this may take minutes.
            self._build_panel(programs)
            before = record.ports
            self._decide_origins(record, alive, missing)
            keep = [
                *(listener for name in self._keeping(alive) for listener in _LISTENERS[name]),
                *(("mqtt_ws",) if record.any_origin and "mosquitto" in alive else ()),
            ]
            with chosen_ports(record.ports if alive else self._wanted, keep) as (record.ports, moved):
                if "strapi" in missing:
                    record.admin = self._admin
                for sentence in moved:
                    self._report.note(f"  {sentence}")
                write_settings(self.paths, record.ports)
                for sentence in saved_addresses(self.paths):
                    self._report.note(f"  {sentence}")
                # They stay open while one of them runs, so that `start web` finds it as it was.
                record.lan = self._lan or (record.lan and any(name in alive for name in _OPENED))
                told = {"websockets": ("mqtt_tcp",), "web": ("mqtt_ws", "strapi")}
                for name, ports in told.items():
                    moved_on = any(getattr(before, port) != getattr(record.ports, port) for port in ports)
                    if name in alive and (moved_on or name in opened):
                        # It got these ports, and where it listens, at its start.
                        stop_servers(self.paths, self._report, names=[name])
                        record.servers.pop(name)
                        missing.append(name)
                if self._owner and self._watchdog is None:
                    self._watchdog = start_watchdog(self.paths, self._owner)
                launches = {name: partial(self._launch, name, record, programs) for name in missing}
                record.write(self.paths.record)
                settled(record.ports)
                self._starter.tell = tell
                self._starter.start(launches, record)
        return True

    def cancel_start(self) -> None:
        """Cancel `start` from another thread: it stops what it started."""
        self._starter.cancel()

    def stop(self) -> None:
        """Stop what this object started; servers that were running before are left alone. It may be called twice."""
        started = self._starter.started
        if started:
            with hold(self.paths.lock, self._say("another opsci starts or stops these servers: waiting for it")):
                stop_servers(self.paths, self._report, names=started)
            for name in started:
                self._starter.reap(name)
        self._end_watchdog()

    def leave(self) -> None:
        """Let what this object started keep running after this process, as with `stay`."""
        started = set(self._starter.started)
        with hold(self.paths.lock, self._say("another opsci starts or stops these servers: waiting for it")):
            record = RunState.read(self.paths.record)
            for name in started & record.servers.keys():
                record.servers[name] = replace(record.servers[name], owner=None)
            record.write(self.paths.record)
        self._starter.forget()
        self._end_watchdog()

    def start_server(self, *names: str) -> None:
        """Start servers again, on the same ports and data, and wait until each answers; running ones are left alone.

        Args:
            names: which. Of three brokers each answers only once another one runs, so two stopped ones must start
                together.

        Raises:
            ServerStartError: one died or did not answer.
        """
        with hold(self.paths.lock, self._say("waiting")):
            repair_run_state(self.paths.record, self._damage)
            record = RunState.read(self.paths.record)
            if missing := [name for name in names if name not in record.alive()]:
                programs = self._found_programs()
                self._starter.start({name: partial(self._launch, name, record, programs) for name in missing}, record)

    def stop_server(self, name: str) -> None:
        """Stop one server by SIGTERM, and wait until its data are written and it has ended."""
        with hold(self.paths.lock, self._say("waiting")):
            stop_servers(self.paths, self._report, names=[name])
        self._starter.reap(name)

    def kill_server(self, name: str) -> None:
        """Kill one server's process group by SIGKILL, and wait until it has ended."""
        identity = self._identity(name)
        identity.signal_group(signal.SIGKILL)
        wait_gone(identity, 10)
        self._starter.reap(name)

    def pause_server(self, name: str) -> None:
        """Suspend one server: its connections stay open, but it does not answer."""
        identity = self._identity(name)
        identity.signal_group(signal.SIGSTOP)
        wait_paused(identity, 10)

    def resume_server(self, name: str) -> None:
        """Resume a suspended server."""
        self._identity(name).signal_group(signal.SIGCONT)

    def is_alive(self, name: str) -> bool:
        """Whether the process of one server exists, even if suspended."""
        return name in RunState.read(self.paths.record).alive()

    def _end_watchdog(self) -> None:
        if self._watchdog:
            self._watchdog.terminate()
            self._watchdog.wait()
            self._watchdog = None

    def _identity(self, name: str) -> Identity:
        running = RunState.read(self.paths.record).servers.get(name)
        if running is None:
            raise NotRunningError(f"{name} does not run in {self.paths.state}")
        return running.identity

    def _say(self, text: str) -> Callable[[], None]:
        return partial(self._report.note, text)

    @property
    def _names(self) -> list[str]:
        """The servers that this starts, in their order."""
        return [
            name
            for name in servers_of(self.paths.brokers)
            if name in self._wanted_names or (name in BROKERS and BROKERS[0] in self._wanted_names)
        ]

    def _keeping(self, alive: Collection[str]) -> Collection[str]:
        """The servers whose ports are kept: running ones, all brokers if one of them runs, and unwanted ones."""
        brokers = BROKERS[: self.paths.brokers]
        those = brokers if set(brokers) & set(alive) else ()
        return {*alive, *those, *BROKERS[self.paths.brokers :]}

    def _found_programs(self) -> Programs:
        if self._programs is None:
            self._programs = install(self.paths, self._report, self._names)
        return self._programs

    def _decide_origins(self, record: RunState, alive: Collection[str], missing: list[str]) -> None:
        """Set in the record which pages may use the broker; running servers stay as they were started."""
        if "mosquitto" not in alive:
            record.any_origin = self._any_origin
        elif record.any_origin != self._any_origin:
            self._report.note("Mosquitto runs already and stays open to the pages that it was started for")
            if record.any_origin and "websockets" in missing:
                missing.remove("websockets")
        if "websockets" not in alive:
            record.origins = self._origins

    def _launch(self, name: str, record: RunState, programs: Programs) -> Launch:
        ports = record.ports
        if name == "websockets":
            return launch_websockets(self.paths, ports, record.origins, lan=record.lan)
        if name == "mosquitto":
            return launch_mosquitto(self.paths, programs, ports, self._damage, websockets=record.any_origin)
        if name in BROKERS:
            return launch_kafka(self.paths, programs, ports, self._damage, name)
        if name == "strapi":
            return launch_strapi(self.paths, programs, ports, self._damage, panel=self._build_panel(programs))
        return launch_web(self.paths, programs, ports, lan=record.lan)

    def _build_panel(self, programs: Programs) -> Path | None:
        return admin_panel(self.paths, programs, self._report) if self._admin else None
