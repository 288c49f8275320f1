"""Strapi's database, queried directly, unaffected by faults: SQLite's file, or PostgreSQL by psql."""

from __future__ import annotations

import csv
import os
import re
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.chain.postgres import Server

__all__ = ["Database", "Postgres", "Sqlite"]

_WHOLE: Final = re.compile(r"-?\d{1,18}")
_END: Final = "end of the answer"


class Database(Protocol):
    """A database that answers queries."""

    def rows(self, query: str) -> list[Any]:
        """Return all rows of a SELECT, each a sequence."""


class Sqlite:
    """Strapi's SQLite file.

    Args:
        file: the path.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def rows(self, query: str) -> list[Any]:
        """Return all rows of a SELECT."""
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchall()


class Postgres:
    """A PostgreSQL server, queried over one persistent connection.

    Args:
        psql: PostgreSQL's client program.
        server: the address and login.
        environment: the client's environment.
    """

    def __init__(self, psql: Path, server: Server, environment: Mapping[str, str]) -> None:
        self._child = subprocess.Popen(
            [psql, "-X", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "strapi", "-d", "postgres"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment, "PGPASSWORD": server.password},
            text=True,
        )

    def rows(self, query: str) -> list[Any]:
        """Return all rows of a SELECT; whole numbers as int, everything else as text.

        Raises:
            ConnectionError: the server is gone, or refused the query, with the reason on standard error.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"COPY ({query}) TO STDOUT WITH (FORMAT csv);\n\\echo {_END}\n")
        self._child.stdin.flush()
        lines: list[str] = []
        for line in self._child.stdout:
            if line == f"{_END}\n":
                return [[_read(cell) for cell in row] for row in csv.reader(lines)]
            lines.append(line)
        raise ConnectionError("psql ended")

    def close(self) -> None:
        """Close the connection."""
        with self._child:
            self._child.terminate()


def _read(cell: str) -> int | str | None:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return cell or None
