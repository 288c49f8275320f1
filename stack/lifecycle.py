"""Starting and stopping servers, in parallel or singly, and removing their state.

Each is started, recorded, checked until it answers, and its failure explained; processes that are not in the record are
left alone. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.known_servers import KnownServers
from bridge.phrase import Phrase
from bridge.start_lines import Phase
from stack.errors import ServerStartError, StateError
from stack.run_state import Damage, Running, RunState, hold, repair_run_state
from stack.servers.process import AnotherAnswersError, Identity, spawn, stop_group
from stack.servers.server import Launch, cause_of_death, tail

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Mapping

    from stack.paths import Paths
    from stack.report import Report, Step

__all__ = ["WAITING", "Starter", "reset", "stop_one", "stop_servers", "take_down"]

_ASK_AGAIN: Final = 0.1

_MOST_REPAIRS: Final = 5
"""How many times one start is repeated after moving damaged files aside."""

_WHOLE_LOG: Final = 2_000_000
"""Lines, and bytes, of a log that are searched for the damage."""

WAITING = "another opsci starts or stops these servers: waiting for it"


def stop_servers(
    paths: Paths, report: Report, *, names: Collection[str] | None = None, owner: Identity | None = None
) -> list[str]:
    """Stop servers in parallel and remove them from the record. The caller must hold the state's lock.

    Args:
        paths: with the state.
        report: shows the progress.
        names: which servers; all in the record by default.
        owner: only those that this runner started; any by default.

    Returns:
        The names of those that were running.
    """
    repair_run_state(paths.record, Damage(paths, report))
    record = RunState.read(paths.record)
    chosen = [
        name
        for name, running in record.servers.items()
        if (names is None or name in names) and (owner is None or running.owner == owner)
    ]
    alive = [name for name in chosen if record.servers[name].identity.is_alive]

    def stop(name: str) -> None:
        running = record.servers[name]
        with report.step(f"stop {name}"):
            if stop_group(running.identity, timeout=running.stop_timeout):
                report.note(f"  {name} did not stop within {running.stop_timeout:.0f} s and was killed")

    if alive:
        with ThreadPoolExecutor(len(alive), "stop") as pool:
            list(pool.map(stop, alive))
    for name in chosen:
        del record.servers[name]
    if chosen:
        record.write(paths.record)
    return alive


class _DiedError(ServerStartError):
    """A server ended before it answered; `said` is all its output since its start."""

    def __init__(self, server: str, log: Path, log_start: int, cause: Phrase | None) -> None:
        self.said = tail(log, lines=_WHOLE_LOG, since=log_start, most=_WHOLE_LOG)
        end = tail(log, since=log_start)
        # From its whole output: after the cause there may be a lot about its shutdown.
        super().__init__(server, cause or cause_of_death(self.said), str(log), end)


class Starter:
    """Starts servers and keeps the handles of their processes.

    Args:
        paths: with the state.
        report: shows the progress.
        owner: the runner with which the servers end, or None for servers that keep running.

    Attributes:
        tell: called with a server's name and the progress of its start, from the thread that starts it.
    """

    def __init__(self, paths: Paths, report: Report, owner: Identity | None) -> None:
        self.tell: Callable[[str, Phase], None] = lambda name, phase: None
        self._paths = paths
        self._report = report
        self._owner = owner
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._cancel = threading.Event()
        self._mutex = threading.Lock()

    @property
    def started(self) -> list[str]:
        """The names of the servers whose processes are this one's children."""
        return list(self._children)

    def start(self, launches: Mapping[str, Callable[[], Launch]], record: RunState) -> None:
        """Start servers and wait until each answers; if one does not, stop all of them.

        Args:
            launches: by server, a function that prepares it and returns how to start it; called in parallel.
            record: each server is added and the record written as soon as the process exists.

        Raises:
            ServerStartError: a server died or did not answer.
            StackError: raised by a preparation.
        """
        pool = ThreadPoolExecutor(len(launches), "start")
        try:
            tasks = [pool.submit(self._start_one, name, launch, record) for name, launch in launches.items()]
            for task in wait(tasks, return_when=FIRST_EXCEPTION).done:
                task.result()
        except BaseException:
            self._cancel.set()
            pool.shutdown()
            stop_servers(self._paths, self._report, names=launches.keys())
            for name in launches:
                self.reap(name)
            raise
        finally:
            pool.shutdown()
            self._cancel.clear()

    def cancel(self) -> None:
        """Make `start`, also a later one, stop what it started and raise CancelledError; call it from any thread."""
        self._cancel.set()

    def reap(self, name: str) -> None:
        """Wait for a child that has ended, so that it does not remain a zombie."""
        child = self._children.pop(name, None)
        if child:
            child.wait()

    def forget(self) -> None:
        """Let the processes keep running without this one: they no longer count as started by it."""
        for child in self._children.values():
            # It keeps running on purpose; otherwise, Popen warns of a child that was not waited for.
            child.returncode = 0
        self._children.clear()

    def _start_one(self, name: str, prepare: Callable[[], Launch], record: RunState) -> None:
        with self._report.step(f"start {name}") as step:
            for repairs in range(_MOST_REPAIRS + 1):
                self.reap(name)
                step.waits_for = "its configuration"
                self.tell(name, Phase.PREPARES)
                launch = prepare()
                try:
                    self._start_launched(launch, record, step)
                except _DiedError as error:
                    if repairs == _MOST_REPAIRS or launch.repair is None or not launch.repair(error.said):
                        raise
                else:
                    self.tell(name, Phase.STARTED)
                    return

    def _start_launched(self, launch: Launch, record: RunState, step: Step) -> None:
        name = launch.name
        log = self._paths.log(name)
        with self._mutex:
            # After a cancellation nothing may be started: the stop that follows reads the record once.
            if self._cancel.is_set():
                raise CancelledError
            log_start = log.stat().st_size if log.exists() else 0
            running = Running(Identity.of(os.getpid()), self._owner, log_start, launch.stop_timeout)
            environment = {**launch.environment, **record.entry(name, running, self._paths.state)}
            identity, child = spawn(launch.argv, log=log, cwd=launch.cwd, environment=environment)
            self._children[name] = child
            record.servers[name] = replace(running, identity=identity)
            record.write(self._paths.record)
        self._wait_well(launch, identity, log_start, step)

    def _wait_well(self, launch: Launch, identity: Identity, log_start: int, step: Step) -> None:
        log = self._paths.log(launch.name)
        deadline = time.monotonic() + launch.start_timeout
        todo: list[tuple[str, Callable[[], None]]] = [
            (name, partial(check, identity)) for name, check in launch.checks.items()
        ]
        if launch.finish:
            todo.append(("its set-up", launch.finish))
        taken: Phrase | None = None
        while todo:
            if self._cancel.is_set():
                raise CancelledError
            step.waits_for, check = todo[0]
            self.tell(launch.name, Phase.SET_UP if check is launch.finish else Phase.ANSWER)
            try:
                check()
                todo.pop(0)
            except OSError as error:
                if isinstance(error, AnotherAnswersError):
                    taken = error.why
                if not identity.is_alive:
                    raise _DiedError(launch.name, log, log_start, taken) from None
                if time.monotonic() > deadline:
                    end = tail(log, since=log_start)
                    silence = Phrase(
                        "{what} did not work within {seconds} s: {error}",
                        what=step.waits_for,
                        seconds=round(launch.start_timeout),
                        error=str(error),
                    )
                    raise ServerStartError(launch.name, silence, str(log), end) from None
                self._cancel.wait(_ASK_AGAIN)


def take_down(paths: Paths, report: Report) -> int:
    """Stop every server that was started in this state folder, and nothing else."""
    if not paths.is_ours:
        print("nothing runs")
        return 0
    with hold(paths.lock, partial(report.note, WAITING)):
        stopped = stop_servers(paths, report)
    print(f"stopped {', '.join(stopped)}" if stopped else "nothing runs")
    return 0


def reset(paths: Paths, report: Report) -> int:
    """Stop the servers and remove their state; the cache of downloads is kept.

    Raises:
        StateError: the folder was not created by this program.
    """
    if not paths.state.exists():
        print(f"nothing to remove: there is no {paths.state}")
        return 0
    if not paths.is_ours:
        raise StateError(f"{paths.state} was not made by this program (it has no .opsci-state): it is left alone")
    with hold(paths.lock, partial(report.note, WAITING)):
        stopped = stop_servers(paths, report)
        if stopped:
            print(f"stopped {', '.join(stopped)}")
        _forget(paths)
        removed = sorted(entry.name for entry in paths.state.iterdir() if not entry.name.startswith("."))
        shutil.rmtree(paths.state)
    print(f"removed {paths.state}: {', '.join(removed)}")
    return 0


def _forget(paths: Paths) -> None:
    """Make engines with the user's own settings forget this Kafka cluster, which is gone for good.

    Engines with the settings of this state store it in the state, which is removed anyway.
    """
    with contextlib.suppress(OSError, ValueError):
        written = (paths.state / "kafka" / "data" / "meta.properties").read_text()
        if cluster := re.search(r"^cluster\.id=(\S+)$", written, re.MULTILINE):
            named = os.environ.get("XDG_STATE_HOME", "").strip()
            folder = (Path(named) if named else Path.home() / ".local" / "state") / "opsci"
            KnownServers(folder / "known-servers.json").forget(cluster[1])


def stop_one(paths: Paths, report: Report, name: str) -> int:
    """Stop one server; the others keep running."""
    if not paths.is_ours:
        print(f"{name} does not run")
        return 0
    with hold(paths.lock, partial(report.note, WAITING)):
        stopped = stop_servers(paths, report, names=[name])
    print(f"stopped {name}" if stopped else f"{name} does not run")
    return 0
