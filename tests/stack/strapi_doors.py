"""Strapi's routes, administrators and tokens, for the tests of access to Strapi."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stack.report import Report
from stack.run_state import Damage
from stack.servers.strapi import environment_of, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stack.install import Programs
    from stack.local import LocalStack
    from stack.paths import Paths

__all__ = ["METHODS", "Door", "api_token_names", "bearer", "database", "filled", "is_own", "routes_of_strapi"]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

OWN: Final = ("/_health", "/api/products", "/api/events", "/api/readings", "/api/stock-movements", "/uploads")
"""What is served: the application's own types, its health and the pictures of products."""


def routes_of_strapi(stack: LocalStack, programs: Programs, folder: Path) -> set[str]:
    """The path of each route that Strapi has with its panel, before our application removes any.

    Args:
        stack: whose ports are in the environment; nothing listens on them here.
        programs: Node.js and the packages.
        folder: an empty one, for another database.
    """
    application = lay_out(folder, programs.strapi_modules)
    (application / "src" / "index.js").write_text("module.exports = {};\n")
    environment = environment_of(stack.paths, stack.ports, Damage(stack.paths, Report(quiet=True)), admin=True) | {
        "DATABASE_FILENAME": str(folder / "routes.db"),
        "LOG_LEVEL": "error",
    }
    done = subprocess.run(
        [programs.node, Path(__file__).with_name("list_routes.cjs")],
        cwd=application,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return {path for _, path in found}


def filled(path: str) -> str:
    """A route's path with its parameters filled in."""
    path = re.sub(r"\(.*?\)", "x", re.sub(r":[A-Za-z]+(\([^)]*\))?[*?]?", "1", path))
    return path if path.startswith("/") else f"/{path}"


def is_own(path: str) -> bool:
    """Whether the application serves a path."""
    return any(path == own or path.startswith(f"{own}/") for own in OWN)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        # By a short path: a socket's has 107 bytes at most.
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)


class Door:
    """A connection to one Strapi that sends paths unchanged.

    Args:
        connection: to Strapi, plain, over TLS or to its Unix socket.
    """

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    @classmethod
    def of(cls, stack: LocalStack, *, unix: bool = False, source: str = "127.0.0.1") -> Door:
        """Connect to the Strapi of these servers.

        Args:
            stack: the servers.
            unix: use the socket where a secured one speaks plain HTTP.
            source: the client's address.
        """
        if unix:
            return cls(_UnixConnection(stack.paths.state / "strapi" / "http.sock"))
        port, came = stack.ports.strapi, (source, 0)
        if stack.paths.is_secure:
            context = stack.credentials.trust()
            return cls(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context, source_address=came))
        return cls(http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=came))

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Send one request.

        Returns:
            The status, the headers with their names in lower case, and the body parsed as JSON, None where it is none.
        """
        sent = {"Content-Type": "application/json", **(headers or {})}
        self._connection.request(method, path, json.dumps(body or {}) if method not in {"GET", "HEAD"} else None, sent)
        try:
            answer = self._connection.getresponse()
            text = answer.read()
        finally:
            # Strapi closes one that rests, whenever this machine is busy.
            self._connection.close()
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, found


def bearer(token: str) -> dict[str, str]:
    """The header with a token."""
    return {"Authorization": f"Bearer {token}"}


@contextlib.contextmanager
def database(paths: Paths) -> Iterator[sqlite3.Connection]:
    """Strapi's database, while Strapi is stopped."""
    with contextlib.closing(sqlite3.connect(paths.state / "strapi" / "data.db")) as connection, connection:
        yield connection


def api_token_names(paths: Paths) -> set[str]:
    """The names of the API tokens."""
    with database(paths) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM strapi_api_tokens")}
