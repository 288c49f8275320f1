"""A test's own Mosquitto with given configuration lines, for other set-ups than ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Self

from stack.install import install
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.servers.health import ask_mqtt_tcp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from types import TracebackType

__all__ = ["Between", "Broker", "running"]

_START = 30.0


class Broker:
    """One Mosquitto.

    Args:
        folder: for its configuration, log and persistence file.
        lines: of its configuration, before its listeners; those that begin with `listener:` belong to the listener for
            TCP.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        programs = install(Paths.of(), Report(quiet=True), ("mosquitto",))
        self._argv = [str(programs.mosquitto), "-c", str(folder / "mosquitto.conf")]
        self._environment = {**os.environ, **programs.library_path}
        self._ports = random_ports()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "mosquitto.log"
        own = [line.partition(":")[2] for line in lines if line.startswith("listener:")]
        text = [
            "allow_anonymous true",
            f"log_dest file {self.log}",
            "log_type all",
            f"persistence_location {folder}/",
            *(["user root"] if os.geteuid() == 0 else []),
            *(line for line in lines if not line.startswith("listener:")),
            f"listener {self._ports.mqtt_ws} 127.0.0.1",
            "protocol websockets",
            "socket_domain ipv4",
            f"listener {self._ports.mqtt_tcp} 127.0.0.1",
            *own,
        ]
        (folder / "mosquitto.conf").write_text("\n".join(text) + "\n")

    @property
    def tcp(self) -> str:
        """Its address over TCP."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def websockets(self) -> str:
        """Its address over its own websockets."""
        return f"ws://127.0.0.1:{self._ports.mqtt_ws}"

    @property
    def port(self) -> int:
        """The port of its TCP listener."""
        return self._ports.mqtt_tcp

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        process = self._process = await asyncio.to_thread(self._begin)
        async with asyncio.timeout(_START):
            while True:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(ask_mqtt_tcp, self.port)
                    return
                assert process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    def _begin(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._argv, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def stop(self, *, killed: bool = False) -> None:
        """Stop it, so that it saves its state, or kill it."""
        process, self._process = self._process, None
        if process is not None:
            (process.kill if killed else process.terminate)()
            await asyncio.to_thread(process.wait, _START)

    async def forget(self, between: Callable[[], None] | None = None) -> None:
        """Kill it and start it with an empty state."""
        await self.stop(killed=True)
        (self._folder / "mosquitto.db").unlink(missing_ok=True)
        if between is not None:
            between()
        await self.start()


@contextlib.asynccontextmanager
async def running(folder: Path, *lines: str) -> AsyncIterator[Broker]:
    """A running broker; see `Broker`."""
    broker = Broker(folder, *lines)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop(killed=True)


class Between:
    """A proxy between a client and a broker over TCP that sees each packet, and may change the broker's answers.

    Args:
        port: the broker's.
        change: called with the first byte and the body of each packet from the broker; returns the body to send.
    """

    def __init__(self, port: int, change: Callable[[int, bytes], bytes] = lambda _, body: body) -> None:
        self._to = port
        self._change = change
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self.asked: list[int] = []
        """The kinds of the packets that clients sent: 1 CONNECT, 8 SUBSCRIBE ..."""
        self.port = 0

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        while self._serving:
            self.cut()
            await asyncio.wait(self._serving, timeout=0.1)

    def cut(self) -> None:
        """Break every connection; new ones are accepted."""
        for writer in self._open:
            writer.transport.abort()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, back, self._note))
                tasks.create_task(self._pass(there, writer, self._change))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open -= {writer, back}
            for one in (writer, back):
                one.transport.abort()
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    def _note(self, first: int, body: bytes) -> bytes:
        self.asked.append(first >> 4)
        return body

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, change: Callable[[int, bytes], bytes]
    ) -> None:
        while True:
            first = (await source.readexactly(1))[0]
            length = shift = 0
            while True:
                byte = (await source.readexactly(1))[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = change(first, await source.readexactly(length))
            target.write(bytes([first]) + _length(len(body)) + body)
            await target.drain()


def _length(size: int) -> bytes:
    """A Remaining Length (MQTT 5 section 2.1.4)."""
    coded = bytearray()
    while True:
        size, low = divmod(size, 128)
        coded.append(low | (128 if size else 0))
        if not size:
            return bytes(coded)
