"""A proxy to the real Kafka that changes the broker's advertised address, as behind Docker or a tunnel."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

__all__ = ["Advertising"]


class Advertising:
    """Forwards to Kafka, and rewrites the broker's advertised name and port.

    Args:
        kafka: Kafka's port on 127.0.0.1.
        name: the advertised name; empty for this proxy's.
        port: the advertised port; 0 for this proxy's.
        second: host and port of another broker to add to the cluster's list.
        listen: the address to listen on.
    """

    def __init__(
        self,
        kafka: int,
        name: str = "",
        port: int = 0,
        *,
        second: tuple[str, int] | None = None,
        listen: str = "127.0.0.1",
    ) -> None:
        self.name = name
        self.port = port
        self.second = second
        self.connections = 0
        self._kafka = kafka
        self._listen = listen
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.own = 0

    @property
    def address(self) -> str:
        """Its own address, for `kafka.brokers`."""
        return f"{self._listen}:{self.own}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, self._listen, 0)
        self.own = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop accepting connections, and cut open ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [*self._tasks]
        self.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut the open connections."""
        for task in self._tasks:
            task.cancel()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_kafka, to_kafka = await asyncio.open_connection("127.0.0.1", self._kafka)
        up = asyncio.create_task(self._up(reader, to_kafka))
        down = asyncio.create_task(self._down(from_kafka, writer))
        try:
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, to_kafka):
                end.transport.abort()
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(16_384):
                writer.write(data)
                await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                # Kafka's answers are whole behind a length of four bytes.
                size = int.from_bytes(await reader.readexactly(4), "big")
                body = self._renamed(await reader.readexactly(size))
                writer.write(len(body).to_bytes(4, "big") + body)
                await writer.drain()

    def _renamed(self, body: bytes) -> bytes:
        real = _endpoint("127.0.0.1", self._kafka)
        ours = _endpoint(self.name or self._listen, self.port or self.own)
        if self.second is not None:
            # The list of brokers: one, number 1, in no rack.
            other = (2).to_bytes(4, "big") + _endpoint(*self.second) + b"\xff\xff"
            one = (1).to_bytes(4, "big")
            body = body.replace(
                one + one + real + b"\xff\xff", (2).to_bytes(4, "big") + one + real + b"\xff\xff" + other
            )
        return body.replace(real, ours)


def _endpoint(host: str, port: int) -> bytes:
    return len(host).to_bytes(2, "big") + host.encode() + port.to_bytes(4, "big")
