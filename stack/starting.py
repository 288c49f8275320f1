"""Starting servers side by side: each is spawned, recorded, asked until it answers, and explained where it does not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final

from stack.errors import ServerStartError
from stack.record import Record, Running
from stack.servers.process import Identity, spawn
from stack.servers.server import Launch, cause_of_death, tail
from stack.stopping import stop_servers

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

    from stack.places import Places
    from stack.report import Report, Step

__all__ = ["Starter"]

_ASK_AGAIN: Final = 0.1


class Starter:
    """Starts servers and keeps the handles of their processes.

    Args:
        places: whose state.
        report: what tells the progress.
        owner: the runner that the servers are to end with, or nothing for servers that stay.
    """

    def __init__(self, places: Places, report: Report, owner: Identity | None) -> None:
        self._places = places
        self._report = report
        self._owner = owner
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._cancel = threading.Event()
        self._mutex = threading.Lock()

    @property
    def started(self) -> list[str]:
        """The names of the servers whose processes are this one's children."""
        return list(self._children)

    def start(self, launches: Mapping[str, Callable[[], Launch]], record: Record) -> None:
        """Start servers and wait until each answers; where one does not, stop all of them.

        Args:
            launches: by server, what prepares it and says how to start it; called side by side.
            record: the record that each is entered into, and written, as soon as its process exists.

        Raises:
            ServerStartError: a server died or stayed silent.
            StackError: what its preparation raised.
        """
        pool = ThreadPoolExecutor(len(launches), "start")
        try:
            tasks = [pool.submit(self._start_one, name, launch, record) for name, launch in launches.items()]
            for task in wait(tasks, return_when=FIRST_EXCEPTION).done:
                task.result()
        except BaseException:
            self._cancel.set()
            pool.shutdown()
            stop_servers(self._places, self._report, names=launches.keys())
            for name in launches:
                self.reap(name)
            raise
        finally:
            pool.shutdown()
            self._cancel.clear()

    def reap(self, name: str) -> None:
        """Take leave of a child that has ended, so that it does not stay as a zombie."""
        child = self._children.pop(name, None)
        if child:
            child.wait()

    def _start_one(self, name: str, prepare: Callable[[], Launch], record: Record) -> None:
        self.reap(name)
        log = self._places.log(name)
        with self._report.step(f"start {name}") as step:
            step.waits_for = "its configuration"
            launch = prepare()
            with self._mutex:
                # After a cancel nothing more may be spawned: the stop that follows reads the record once.
                if self._cancel.is_set():
                    raise CancelledError
                log_start = log.stat().st_size if log.exists() else 0
                identity, child = spawn(launch.argv, log=log, cwd=launch.cwd, environment=launch.environment)
                self._children[name] = child
                record.servers[name] = Running(identity, self._owner, log_start, launch.stop_patience)
                record.write(self._places.record)
            self._wait_well(launch, identity, log_start, step)

    def _wait_well(self, launch: Launch, identity: Identity, log_start: int, step: Step) -> None:
        log = self._places.log(launch.name)
        deadline = time.monotonic() + launch.start_patience
        todo = [*launch.checks.items(), *([("its set-up", launch.finish)] if launch.finish else [])]
        while todo:
            if self._cancel.is_set():
                raise CancelledError
            step.waits_for, check = todo[0]
            try:
                check()
                todo.pop(0)
            except OSError as error:
                end = tail(log, since=log_start)
                if not identity.is_alive:
                    raise ServerStartError(launch.name, cause_of_death(end), str(log), end) from None
                if time.monotonic() > deadline:
                    silence = f"{step.waits_for} did not work within {launch.start_patience:.0f} s: {error}"
                    raise ServerStartError(launch.name, silence, str(log), end) from None
                self._cancel.wait(_ASK_AGAIN)
