"""The HTTP side: GET and HEAD, a thread for each connection."""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from stack.webserver.site import Site

__all__ = ["WebServer"]


class WebServer(ThreadingHTTPServer):
    """Serves one site.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        site: what can be asked for.
        certificate: the files of a certificate and its key, to serve HTTPS; None serves HTTP.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, site: Site, certificate: tuple[Path, Path] | None = None) -> None:
        self.site: Final = site
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(*certificate)
        super().__init__((host, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection; its handshake is left to its own thread, as a silent client would stop all others."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave out clients that do not believe us or speak no TLS."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Seconds that a connection may stay silent: a browser keeps some open for later.
    timeout = 30
    server: WebServer

    def version_string(self) -> str:
        return "opsci"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            # A body is not read here, and must not be taken for the next request.
            self.close_connection = True
        asked = [self.headers.get(name, "") for name in ("Host", "If-None-Match", "Authorization")]
        answer = self.server.site.answer(self.path, *asked)
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            if answer.status != 304:
                self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(answer.body)
        except ConnectionError:
            # The browser went away meanwhile.
            self.close_connection = True

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Leave out connections that fell silent; an answer that complains is in the log by its status."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave out what went well: each open page asks every 2 seconds."""
        if int(code) >= 400:
            super().log_request(code, size)
