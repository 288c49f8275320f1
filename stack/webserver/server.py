"""The HTTP side: GET and HEAD, a thread for each connection."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stack.webserver.site import Site

__all__ = ["WebServer"]


class WebServer(ThreadingHTTPServer):
    """Serves one site.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        site: what can be asked for.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, site: Site) -> None:
        self.site: Final = site
        super().__init__((host, port), _Handler)


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
        answer = self.server.site.answer(self.path, self.headers.get("Host", ""), self.headers.get("If-None-Match", ""))
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
