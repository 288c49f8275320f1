"""A program as its users run it, usually `opsci-bridge`, restarted by a supervisor whenever it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from stack.paths import ROOT
from stack.tool import end_with_runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Engine", "settings_of"]

_STEPPED: Final = ROOT / "tests" / "faults" / "stepped"


def settings_of(
    written: Mapping[str, Any], *, mqtt: str, kafka: Sequence[int], strapi: str, mode: str, shared: bool = False
) -> dict[str, Any]:
    """Return the runner's settings with shorter deadlines, so that a fault of seconds counts as a long one.

    Args:
        written: the runner's settings file: users, passwords, certificates, the client id and the token.
        mqtt: the address of Mosquitto's proxy.
        kafka: the ports of Kafka's.
        strapi: the address of Strapi's.
        mode: `strapi.mode`.
        shared: whether engines share one subscription, so that each gets a part of the messages.
    """
    own: dict[str, Any] = {
        "drain": 5.0,
        "mqtt": {"url": mqtt, "keepalive": 5, "in_flight": 1000},
        "kafka": {"brokers": [f"127.0.0.1:{port}" for port in kafka], "timeout": 6.0, "session_timeout": 6.0},
        "strapi": {"url": strapi, "mode": mode, "timeout": 5.0},
        "ingest": {"pending": 1500},
        "apply": {"longest_pause": 4.0},
        "watch": {"enabled": False},
    }
    tables = {name: value for name, value in written.items() if isinstance(value, dict) and name != "screen"}
    routes = [{"mqtt": "$share/engines/topic", "kafka": "stock", "does": "movement"}]
    return {
        **({"routes": routes} if shared else {}),
        **tables,
        **{name: _over(tables.get(name), value) for name, value in own.items()},
    }


def _over(written: Any, own: Any) -> Any:
    return {**written, **own} if isinstance(written, dict) else own


class Engine:
    """One program.

    Args:
        name: for its files.
        folder: the folder of its settings, log and clock.
        settings: the content of its settings file.
        arguments: more command-line arguments.
        program: the module and the command, as Python's `-m` takes them.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: dict[str, Any],
        *arguments: str,
        program: Sequence[str] = ("bridge", "run"),
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.starts = 0
        self.unasked: list[int] = []
        """Exit codes with which it ended although nobody had asked it to."""
        self._file = folder / f"{name}.toml"
        self._file.write_text(tomli_w.dumps(settings))
        self._clock = folder / f"{name}.clock"
        self._clock.write_bytes(bytes(8))
        self._arguments = arguments
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False
        self._watching: asyncio.Task[None] | None = None

    @property
    def clock(self) -> Path:
        """The file with the error of its wall clock in seconds."""
        return self._clock

    @property
    def pid(self) -> int:
        """Its process id, 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    @property
    def is_wanted(self) -> bool:
        """Whether it was started and neither killed nor stopped since."""
        return self._wanted

    async def start(self) -> None:
        """Start it, and restart it whenever it ends by itself."""
        self._wanted = True
        await self._spawn()
        self._watching = asyncio.create_task(self._watch())

    async def kill(self) -> None:
        """Send SIGKILL; it stays away until `start`."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Send SIGTERM, and SIGKILL if it does not end within its deadline plus ten seconds."""
        await self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def command(self, *words: str) -> int:
        """Run another of its commands with its settings, as a user does; the output goes into the log.

        Returns:
            The exit code.
        """
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bridge", *words, "--config", str(self._file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        return await process.wait()

    async def _end(self, number: signal.Signals) -> None:
        self._wanted = False
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _spawn(self) -> None:
        self.starts += 1
        environment = {**os.environ, "PYTHONPATH": f"{_STEPPED}:{ROOT}", "OPSCI_CLOCK": str(self._clock)}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *end_with_runner([sys.executable, "-m", *self._program, "--config", str(self._file), *self._arguments]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=ROOT,
            )

    async def _watch(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            if not self._wanted:
                return
            self.unasked.append(code)
            await asyncio.sleep(0.5)
            await self._spawn()
