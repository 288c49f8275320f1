"""Movements published to a project's two listeners by `opsci-bridge send`, and their results in the database."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.paths import ROOT
from stack.seed import read_catalogue
from stack.tool import end_with_runner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.project import Project

__all__ = ["Account", "Traffic", "account"]

_PSQL = ("psql", "-h", "127.0.0.1", "-U", "strapi", "-d", "strapi", "-At", "-c")


@dataclass(frozen=True)
class Account:
    """What PostgreSQL has, and what it should have.

    Attributes:
        applied: the ledger's movements that changed a stock.
        ids: the number of their distinct ids.
        others: the ledger's movements that changed none.
        wrong: products whose stock is not the catalogue's plus all of their movements, by barcode.
    """

    applied: int
    ids: int
    others: int
    wrong: dict[str, tuple[int, int]]


def query(project: Project, sql: str) -> list[list[str]]:
    """Query PostgreSQL in its container, where its own user needs no password."""
    script = 'PGPASSWORD="$(cat /secrets/database/password)" exec "$@"'
    said = project.within("postgres", "sh", "-c", script, "sh", *_PSQL, sql)
    return [line.split("|") for line in said.splitlines()]


def account(project: Project, sent: dict[str, int]) -> Account:
    """Count what the database has.

    Args:
        project: whose database.
        sent: the sum of all movements of a product, by its barcode.
    """
    rows = query(
        project, "select verdict = 'applied', count(*), count(distinct movement_id) from stock_movements group by 1"
    )
    counts = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    applied, ids = counts.get("t", (0, 0))
    seeded = {str(product["barcode"]): int(product["stock_available"]) for product in read_catalogue()}
    stock = {row[0]: int(row[1]) for row in query(project, "select barcode, stock_available from products")}
    wrong = {
        barcode: (stock.get(barcode, -1), begun + sent.get(barcode, 0))
        for barcode, begun in seeded.items()
        if stock.get(barcode, -1) != begun + sent.get(barcode, 0)
    }
    return Account(applied, ids, counts.get("f", (0, 0))[0], wrong)


class Traffic:
    """Publishers, one for each listener, that resend lost movements until the ledger has all verdicts.

    Args:
        project: whose listeners.
        folder: for the rows and the token.
    """

    def __init__(self, project: Project, folder: Path) -> None:
        self._project = project
        self._folder = folder
        self._senders: list[subprocess.Popen[str]] = []
        self._round = 0
        self.sent: dict[str, int] = {}
        self.count = 0

    def start(self, rows: int, rate: float) -> None:
        """Start publishing.

        Args:
            rows: how many movements each publisher sends.
            rate: movements a second of each.
        """
        project = self._project
        token = self._folder / "bridge.token"
        token.touch(mode=0o600)
        token.write_text(project.within("strapi", "cat", "/tokens/bridge.token"))
        barcodes = [str(product["barcode"]) for product in read_catalogue()]
        s = "s" if project.secure else ""
        known = self._credentials() if project.secure else []
        for way, url in (
            ("websockets", f"ws{s}://127.0.0.1:{project.ports.mqtt_ws}"),
            ("tcp", f"mqtt{s}://127.0.0.1:{project.ports.mqtt_tcp}"),
        ):
            self._round += 1
            file = self._folder / f"{way}-{self._round}.csv"
            lines = ["id,amount,type"]
            for row in range(rows):
                barcode = barcodes[(row * 7 + self._round) % len(barcodes)]
                amount = 1 + row % 3
                self.sent[barcode] = self.sent.get(barcode, 0) + amount
                lines.append(f"{barcode},{amount},IN")
            file.write_text("\n".join(lines) + "\n")
            self.count += rows
            argv = [
                *(sys.executable, "-P", "-m", "bridge", "send", str(file), "--rate", str(rate), "--wait", "90"),
                *("--mqtt-url", url, "--strapi-url", f"http{s}://127.0.0.1:{project.ports.strapi}"),
                *("--set", f"strapi.token_file={token}", "--set", f"mqtt.client_id=opsci-containers-{way}"),
                *(word for setting in known for word in ("--set", setting)),
            ]
            self._senders.append(
                subprocess.Popen(
                    end_with_runner(argv),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                )
            )

    def _credentials(self) -> list[str]:
        """The settings with a publisher's login for a secured project."""
        password = self._folder / "publisher"
        password.touch(mode=0o600)
        password.write_text(self._project.within("web", "cat", "/secure/mqtt-publisher"))
        authority = self._project.authority
        return [
            *(f"{server}.ca_file={authority}" for server in ("mqtt", "strapi")),
            # `send` reads nothing from the broker.
            "mqtt.username=publisher",
            f"mqtt.password_file={password}",
        ]

    @property
    def is_running(self) -> bool:
        """Whether a publisher still sends or waits for a verdict."""
        return any(sender.poll() is None for sender in self._senders)

    def finish(self, limit: float) -> None:
        """Wait until all movements have a verdict.

        Raises:
            AssertionError: one is unknown to a publisher.
        """
        for sender in self._senders:
            try:
                said, _ = sender.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                self.stop()
                raise AssertionError(f"a publisher waits for verdicts after {limit:.0f} s") from None
            assert sender.returncode == 0, f"a publisher ended with {sender.returncode}: {said[-800:]}"
        self._senders.clear()

    def stop(self) -> None:
        """Stop the publishers."""
        for sender in self._senders:
            sender.kill()
            sender.communicate()
        self._senders.clear()

    def verify(self) -> None:
        """Compare the database with what was sent.

        Raises:
            AssertionError: a movement is lost or counts twice.
        """
        found = account(self._project, self.sent)
        assert found == Account(self.count, self.count, 0, {}), f"{self.count} were sent: {found}"
