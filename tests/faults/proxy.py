"""A TCP proxy between a client and a server that cuts, refuses, delays, throttles and falls silent.

It imitates what the two ends see of a network. A silent network holds the bytes and delivers them when it works again,
as TCP retransmits unacknowledged data; it never drops bytes from the middle of a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

__all__ = ["Network", "Proxy", "Tap", "Tls"]

_CHUNK: Final = 16_384
_GOODBYE: Final = 1.0
_PIPE: Final = 64
"""How many chunks are under way in one direction at most; beyond it the sender feels it."""


@dataclass(frozen=True)
class Network:
    """The state of the network between two ends.

    Attributes:
        refused: whether new connections are refused.
        delay: delay of each byte in each direction, in seconds.
        rate: bytes per second in each direction, 0 for unlimited.
        silent_up: whether the client's data is held back.
        silent_down: whether the server's data is held back.
    """

    refused: bool = False
    delay: float = 0.0
    rate: int = 0
    silent_up: bool = False
    silent_down: bool = False


class Tls:
    """TLS at both ends of a proxy that reads the traffic: it has the server's certificate, and trusts the server.

    Args:
        certificate: the server's, PEM.
        key: its private key.
        authority: the CA certificate.
    """

    def __init__(self, certificate: Path, key: Path, authority: Path) -> None:
        self.shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.shown.load_cert_chain(certificate, key)
        self.believed = ssl.create_default_context(cafile=str(authority))


class Tap(Protocol):
    """Listens to one connection."""

    def up(self, data: bytes) -> None:
        """Called with the client's data, before it is forwarded."""

    def down(self, data: bytes) -> None:
        """Called with the server's data, before it is forwarded."""


class Proxy:
    """A proxy for a server, or for several behind one address.

    Args:
        target: the server's port on 127.0.0.1; for several servers, which get connections in turn, their ports. One
            that refuses a connection is skipped.
        tap: creates a listener for each connection.
        answer: takes new connections instead of the server while `answering` is true.
        relabel: for Kafka, whose answers contain the brokers' own ports: a mapping from a broker's port to its proxy,
            shared by the proxies of a cluster. Each adds its own when it starts.
        tls: for a TLS server whose traffic has to be read; otherwise TLS passes through.
    """

    def __init__(
        self,
        target: int | Sequence[int],
        tap: Callable[[], Tap] | None = None,
        *,
        relabel: dict[int, int] | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.port = 0
        self.network = Network()
        self.disguise: tuple[bytes, bytes] | None = None
        """For Kafka: bytes in its answers, and as many that stand in their place, on open connections too."""
        self.answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None
        self._targets = [target] if isinstance(target, int) else list(target)
        self._turn = 0
        self._tap = tap
        self._relabel = relabel
        self._tls = tls
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, on the previous port if it listened before."""
        shown = self._tls.shown if self._tls else None
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, reuse_address=True, ssl=shown)
        self.port = self._server.sockets[0].getsockname()[1]
        self._enter()

    def lead_to(self, target: int) -> None:
        """Connect every connection to another port from now on, like a tunnel that was recreated."""
        self._targets = [target]
        self._enter()
        self.cut()

    def _enter(self) -> None:
        if self._relabel is not None:
            self._relabel.update(dict.fromkeys(self._targets, self.port))

    async def stop(self) -> None:
        """Refuse and cut all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def set(self, **changes: float | bool) -> None:
        """Change the network; open connections are affected at once."""
        self.network = replace(self.network, **changes)  # type: ignore[arg-type]
        if self.network.refused and self._server is not None:
            self._server.close()
            self._server = None
        elif not self.network.refused and self._server is None:
            await self.start()
        if not (self.network.silent_up or self.network.silent_down):
            self._whole.set()
        else:
            self._whole.clear()

    async def mend(self) -> None:
        """Restore the network."""
        self.answer = self.disguise = None
        await self.set(refused=False, delay=0.0, rate=0, silent_up=False, silent_down=False)

    def cut(self) -> None:
        """Reset every open connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._kept(writer):
            if self.answer is not None:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await self.answer(reader, writer)
                return
            to_server = await self._connected()
            if to_server is None:
                # The client must feel what it would have felt without us: nobody is there.
                writer.transport.abort()
                return
            async with self._kept(to_server[1]):
                await self._join(reader, writer, *to_server)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to the next server in turn that accepts; return None if none does."""
        believed = self._tls.believed if self._tls else None
        for _ in self._targets:
            self._turn = (self._turn + 1) % len(self._targets)
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self._targets[self._turn], ssl=believed)
        return None

    @contextlib.asynccontextmanager
    async def _kept(self, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()
            if self._tls:
                # TLS says goodbye and waits for the other end's, which a server that is killed or paused never says.
                with contextlib.suppress(OSError, TimeoutError):
                    await asyncio.wait_for(writer.wait_closed(), _GOODBYE)
                writer.transport.abort()

    async def _join(
        self,
        client_reader: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
    ) -> None:
        tap = self._tap() if self._tap else None
        labels = None
        if self._relabel is not None:
            labels = [(_label(port), _label(ours)) for port, ours in self._relabel.items()]
        up = asyncio.create_task(self._pump(client_reader, server, tap.up if tap else None, None, up=True))
        down = asyncio.create_task(self._pump(server_reader, client, tap.down if tap else None, labels, up=False))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        listen: Callable[[bytes], None] | None,
        labels: Sequence[tuple[bytes, bytes]] | None,
        *,
        up: bool,
    ) -> None:
        pipe: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIPE)
        delivering = asyncio.create_task(self._deliver(pipe, writer, up=up))
        clock = asyncio.get_running_loop().time
        try:
            while data := await _read(reader, labels):
                if self.disguise is not None and labels is not None:
                    data = data.replace(*self.disguise)
                if listen is not None:
                    listen(data)
                await pipe.put((clock() + self.network.delay, data))
                if delivering.done():
                    return
            # What was sent before the end still arrives.
            await pipe.put((0.0, b""))
            await delivering
        except (ConnectionError, asyncio.IncompleteReadError):
            await pipe.put((0.0, b""))
            await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(
        self, pipe: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(ConnectionError):
            while True:
                due, data = await pipe.get()
                while self.network.silent_up if up else self.network.silent_down:
                    await self._whole.wait()
                if not data:
                    return
                if (left := due - clock()) > 0:
                    await asyncio.sleep(left)
                writer.write(data)
                await writer.drain()
                if self.network.rate:
                    await asyncio.sleep(len(data) / self.network.rate)


def _label(port: int) -> bytes:
    """Encode the address of a broker on this machine as Kafka does."""
    return b"127.0.0.1" + port.to_bytes(4, "big")


async def _read(reader: asyncio.StreamReader, labels: Sequence[tuple[bytes, bytes]] | None) -> bytes:
    if labels is None:
        return await reader.read(_CHUNK)
    # Whole answers of Kafka (a length of four bytes before each), so that a label is never cut in two.
    head = await reader.readexactly(4)
    body = await reader.readexactly(int.from_bytes(head, "big"))
    for theirs, ours in labels:
        body = body.replace(theirs, ours)
    return head + body
