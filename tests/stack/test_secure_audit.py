"""The query for the locked dependencies, and the report of the answer."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from stack.audit import audit
from stack.dependencies import locked
from stack.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def database() -> Iterator[Callable[[Callable[[list[dict[str, Any]]], tuple[int, bytes]]], str]]:
    """A database with prepared answers, as a real one changes every day."""
    servers: list[HTTPServer] = []

    def start(answer: Callable[[list[dict[str, Any]]], tuple[int, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/querybatch"
                status, body = answer(asked["queries"])
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_every_line_of_every_lock_is_asked_about() -> None:
    found = {(one.ecosystem, one.name): one.version for one in locked()}
    for lock in ("run", "dev"):
        text = (ROOT / "stack" / "locks" / f"{lock}.txt").read_text()
        names = re.findall(r"^([^\s#]+)==", text, re.MULTILINE)
        assert len(names) > 20
        assert {("PyPI", re.sub(r"\[.*", "", name).lower()) for name in names} <= found.keys()
    assert found["npm", "@strapi/strapi"] == "5.54.0"
    assert ("npm", "mqtt") in found
    assert re.fullmatch(r"4\.\d+\.\d+", found["Maven", "org.apache.kafka:kafka_2.13"])
    assert not [version for version in found.values() if "$" in version or not version]


def test_what_is_known_is_named(
    database: Callable[[Callable[[list[dict[str, Any]]], tuple[int, bytes]]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(queries: list[dict[str, Any]]) -> tuple[int, bytes]:
        results = [{"vulns": [{"id": "GHSA-1"}]} if query["package"]["name"] == "httpx" else {} for query in queries]
        return 200, json.dumps({"results": results}).encode()

    assert audit(database(answer)) == 1
    said = capsys.readouterr().out
    assert re.search(r"PyPI +httpx \S+ \(.*stack/locks/run\.txt\): GHSA-1", said)
    assert "1 packages" in said


def test_nothing_known_is_said_so(
    database: Callable[[Callable[[list[dict[str, Any]]], tuple[int, bytes]]], str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(database(lambda queries: (200, json.dumps({"results": [{} for _ in queries]}).encode()))) == 0
    assert "no known vulnerabilities" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b"", "answers 503"),
        (200, b"<html>", "no OSV database"),
        (200, b"[]", "no OSV database"),
        (200, b'{"results": []}', "left something out"),
    ],
)
def test_a_database_that_does_not_say_is_not_taken_for_good_news(
    database: Callable[[Callable[[list[dict[str, Any]]], tuple[int, bytes]]], str],
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: bytes,
    why: str,
) -> None:
    assert audit(database(lambda _: (status, body))) == 2
    said = capsys.readouterr().out
    assert "NOT CHECKED" in said
    assert why in said
    assert "no known" not in said


def test_a_database_that_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("http://127.0.0.1:1") == 2
    assert "can't be reached" in capsys.readouterr().out
