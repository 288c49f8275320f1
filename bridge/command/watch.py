"""Health and metrics over HTTP: /healthz, /readyz and /metrics, on a thread of their own."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import socket
import threading
from http import HTTPStatus
from socketserver import ThreadingMixIn
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from bridge.command.metrics import registry_of
from bridge.errors import SettingsError
from bridge.journal import Server, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIEnvironment

    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["Watch", "needed", "readiness"]

_log = logging.getLogger(__name__)

_POLL: Final = 0.1
"""Seconds between two looks whether to stop."""

_STUCK: Final = 10.0
"""Seconds without a sign of life from the engine's event loop after which it does not count as healthy."""


def needed(settings: Settings) -> list[Server]:
    """The servers without which this engine does not do what it is for."""
    wanted = {
        Server.MQTT: settings.ingest.enabled,
        Server.KAFKA: settings.ingest.enabled or settings.apply.enabled,
        Server.STRAPI: settings.apply.enabled or not settings.ingest.enabled,
    }
    return [server for server, is_needed in wanted.items() if is_needed]


def readiness(settings: Settings, journal: Journal) -> tuple[bool, dict[str, object]]:
    """Whether all needed connections are up, and how each stands, as JSON has it."""
    connections = journal.connections.copy()
    wanted = needed(settings)
    ready = all(connections[server].state is State.UP for server in wanted)
    standing = {
        server.value: {**connection._asdict(), "needed": server in wanted} for server, connection in connections.items()
    }
    return ready, {"ready": ready, "connections": standing, "notes": journal.notes.copy()}


class Watch:
    """Answers from entering to leaving it.

    Args:
        settings: where to listen, and what is needed.
        journal: what is shown.

    Attributes:
        url: where it answers.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._metrics = make_wsgi_app(registry_of(journal))
        self._beat = monotonic()
        self._server = self._listen()
        host = self._server.server_name
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="opsci-watch", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def beat(self) -> None:
        """A sign of life from the engine's event loop; without one for ten seconds /healthz answers 503."""
        self._beat = monotonic()

    def _listen(self) -> WSGIServer:
        watch = self._settings.watch
        try:
            return _server(watch.host, watch.port, self._answer)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                msg = f"watch.host: nothing can listen on {watch.host} port {watch.port}: {error.strerror or error}"
                raise SettingsError(msg) from None
        server = _server(watch.host, 0, self._answer)
        _log.warning("port %d is taken: health and metrics are on port %d", watch.port, server.server_port)
        return server

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _say(start, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET"})
        match environ["PATH_INFO"]:
            case "/metrics":
                body: Iterable[bytes] = self._metrics(environ, start)
                return body
            case "/healthz":
                silent = monotonic() - self._beat
                healthy = silent < _STUCK
                status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
                return _say(start, status, {"healthy": healthy, "seconds_since_sign_of_life": round(silent, 1)})
            case "/readyz":
                ready, standing = readiness(self._settings, self._journal)
                return _say(start, HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, standing)
            case _:
                return _say(start, HTTPStatus.NOT_FOUND, {"error": "known are /healthz, /readyz and /metrics"})


class _Handler(WSGIRequestHandler):
    timeout = 5

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        _log.debug(format, *args)

    def handle(self) -> None:
        # Who asks may leave before the answer.
        with contextlib.suppress(ConnectionError, TimeoutError):
            super().handle()


class _HttpServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # Not the base class's, which asks the name service for the host's full name: that can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a request from %s failed", client_address, exc_info=True)


def _server(host: str, port: int, answer: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> WSGIServer:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]

    class Here(_HttpServer):
        address_family = family

    server = Here((str(address[0]), port), _Handler)
    server.set_app(answer)
    return server


def _say(start: StartResponse, status: HTTPStatus, document: dict[str, object]) -> list[bytes]:
    body = json.dumps(document).encode() + b"\n"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(f"{status.value} {status.phrase}", headers)
    return [body]
