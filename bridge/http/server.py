"""The HTTP server: one event loop on its own thread, so that a slow client takes up a socket but no thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from bridge.http.guard import HostRule, host_name, is_foreign
from bridge.http.message import MOST_HEAD, BadRequestError, Response, complaint, read_head

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from bridge.http.message import Request

__all__ = ["HttpServer", "Limits"]

_log = logging.getLogger(__name__)

_PART: Final = 65_536
"""Bytes of an answer that are written at once: a slow reader keeps no more than that in memory."""

_BUSY: Final = complaint(503, "too many connections: ask again in a moment")


class Limits(NamedTuple):
    """What clients may use.

    Attributes:
        connections: the most connections. Beyond that, the one whose client has been idle longest is closed; if all
            wait for an answer, the new one gets a 503.
        workers: how many answers are prepared at once, each on a thread.
        first: seconds for a new connection's TLS handshake, and then for its first request.
        next: seconds for each further request to arrive completely.
        sending: seconds for a client to receive an answer.
    """

    connections: int = 128
    workers: int = 4
    first: float = 10.0
    next: float = 30.0
    sending: float = 30.0


class HttpServer:
    """An HTTP server; use it as a context manager.

    Args:
        host: the address to listen on, or its name.
        port: the port; 0 chooses a free one.
        answer: returns the answer to a GET or a HEAD; called on several threads.
        names: the host names that requests may use, besides addresses and those that no public DNS resolves.
        tls: for HTTPS; None serves HTTP.
        limits: what clients may use.

    Attributes:
        url: its address.
        port: the port that it listens on.

    Raises:
        OSError: it can't listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        answer: Callable[[Request], Response],
        *,
        names: HostRule | None = None,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._answer = answer
        self._tls = tls
        self._limits = limits or Limits()
        self._listener = _listen(host, port)
        address, self.port = self._listener.getsockname()[:2]
        self._rule = names or HostRule.of(host)
        self.url = f"http{'s' if tls else ''}://{f'[{address}]' if ':' in address else address}:{self.port}"
        self._workers = ThreadPoolExecutor(self._limits.workers, "opsci-http-answer")
        # The connections that wait for their client, the longest waiting first.
        self._waiting: dict[asyncio.Task[None], None] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._began = threading.Event()
        self._accepting: asyncio.Task[None]
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="opsci-http", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._began.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._accepting.cancel)
        self._thread.join()
        self._workers.shutdown(cancel_futures=True)

    def _run(self) -> None:
        with self._listener, contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._accepting = self._loop.create_task(self._accept())
        self._began.set()
        await self._accepting

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                # No file descriptor is free, or the client has left already.
                _log.warning("a connection could not be taken: %s", error.strerror or error)
                self._close_longest_waiting()
                await asyncio.sleep(0.1)
                continue
            if len(self._connections) >= self._limits.connections and not self._close_longest_waiting():
                self._turn_away(connection)
                continue
            task = self._loop.create_task(self._serve(connection))
            self._connections.add(task)
            self._waiting[task] = None
            task.add_done_callback(partial(self._gone, connection))

    def _gone(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        # Nothing else closes the connection of a task that was cancelled before it began.
        connection.close()
        self._connections.discard(task)
        self._waiting.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection failed", exc_info=error)

    def _close_longest_waiting(self) -> bool:
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        self._waiting.pop(longest)
        self._connections.discard(longest)
        longest.cancel()
        return True

    def _turn_away(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self._tls is None:
                connection.send(_BUSY.head(keep_alive=False) + _BUSY.body)

    async def _serve(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(limit=MOST_HEAD, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._limits.first if self._tls else None,
                ssl_shutdown_timeout=1 if self._tls else None,
            )
        except (OSError, asyncio.CancelledError):
            # It does not use TLS, or does not trust our certificate, or took too long.
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        try:
            seconds = self._limits.first
            while await self._exchange(reader, writer, seconds):
                seconds = self._limits.next
            # Discard for a moment what the client still sends: closing with unread data would discard the answer too.
            async with asyncio.timeout(1):
                if transport.can_write_eof():
                    transport.write_eof()
                while await reader.read(_PART):
                    pass
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> bool:
        """Read a request and answer it.

        Returns:
            Whether another one may follow on this connection.
        """
        task = asyncio.current_task()
        assert task is not None, "a connection is a task"  # noqa: S101 - for the type checker
        request: Request | None = None
        try:
            async with asyncio.timeout(seconds):
                head = await reader.readuntil(b"\r\n\r\n")
            request = read_head(head)
        except asyncio.LimitOverrunError:
            response = complaint(431, f"a request may have {MOST_HEAD:,} bytes")
        except BadRequestError as error:
            response = complaint(error.status, error.text)
        else:
            self._waiting.pop(task, None)
            response = await self._loop.run_in_executor(self._workers, self._answered, request)
            self._waiting[task] = None
        keep_alive = request is not None and request.keep_alive and request.method in {"GET", "HEAD"}
        async with asyncio.timeout(self._limits.sending):
            writer.write(response.head(keep_alive=keep_alive))
            body = b"" if request is not None and request.method == "HEAD" else response.body
            for start in range(0, len(body), _PART):
                writer.write(body[start : start + _PART])
                await writer.drain()
        if task in self._waiting:
            # From here on it waits for its client again, as the last in line.
            self._waiting[task] = self._waiting.pop(task)
        return keep_alive

    def _answered(self, request: Request) -> Response:
        """The answer to a complete request, on a worker's thread."""
        try:
            return self._refusal(request) or self._answer(request)
        except Exception:
            _log.exception("%s was not answered", request.path)
            return complaint(HTTPStatus.INTERNAL_SERVER_ERROR, "this server failed: its log says why")

    def _refusal(self, request: Request) -> Response | None:
        if host_name(request.host) is None:
            return complaint(HTTPStatus.BAD_REQUEST, "the Host header is missing or malformed")
        if not self._rule.allows(request.host):
            return complaint(HTTPStatus.MISDIRECTED_REQUEST, "this server does not answer to that name")
        if is_foreign(request.host, request.headers):
            return complaint(HTTPStatus.FORBIDDEN, "a page of another site may not ask this server")
        if request.method not in {"GET", "HEAD"}:
            refused = complaint(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
            return Response(refused.status, body=refused.body, headers={**refused.headers, "Allow": "GET, HEAD"})
        return None


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
