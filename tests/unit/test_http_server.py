"""The HTTP server with clients that are slow, numerous or silent."""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.http.message import Request, Response, complaint
from bridge.http.server import HttpServer, Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW = 300
BIG = b"x" * 8_000_000


def answer(request: Request) -> Response:
    match request.path:
        case "/big":
            return Response(200, body=BIG)
        case "/fails":
            raise RuntimeError("on purpose")
        case "/":
            return Response(200, body=b"here")
        case _:
            return complaint(404, "nothing")


@contextlib.contextmanager
def slow_clients(port: int, said: bytes, count: int = SLOW) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as opened:
        clients = []
        for _ in range(count):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            with contextlib.suppress(OSError):
                client.sendall(said)
            clients.append(client)
        yield clients


def asked(port: int, path: str = "/", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        found = connection.getresponse()
        return found.status, found.read()
    finally:
        connection.close()


def exchanged(port: int, sent: bytes) -> bytes:
    """Send bytes, and return everything received until the server closes."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(sent)
        found = b""
        while part := client.recv(65_536):
            found += part
        return found


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: 127", b"GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
def test_slow_clients_stop_no_other_and_hold_no_threads_and_little_memory(said: bytes) -> None:
    threads, memory = threading.active_count(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with HttpServer("127.0.0.1", 0, answer) as server, slow_clients(server.port, said):
        for _ in range(3):
            assert asked(server.port) == (200, b"here")
        assert threading.active_count() - threads <= 1 + Limits().workers
        # In kB: the answer that they do not read is 8 MB, and there are 128 of them at most.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 60_000


def test_the_connection_that_let_the_server_wait_longest_gives_way() -> None:
    with (
        HttpServer("127.0.0.1", 0, answer, limits=Limits(connections=3)) as server,
        slow_clients(server.port, b"", 4) as clients,
    ):
        assert clients[0].recv(1) == b""
        clients[3].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert clients[3].recv(20).startswith(b"HTTP/1.1 200 OK")


def test_where_all_wait_for_an_answer_the_next_one_is_told_503() -> None:
    proceed, inside = threading.Event(), threading.Semaphore(0)

    def wait(_: Request) -> Response:
        inside.release()
        proceed.wait(20)
        return Response(200, body=b"at last")

    limits = Limits(connections=2, workers=2)
    with (
        HttpServer("127.0.0.1", 0, wait, limits=limits) as server,
        slow_clients(server.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 2) as clients,
    ):
        for _ in clients:
            assert inside.acquire(timeout=20)
        status, said = asked(server.port)
        assert (status, b"too many connections" in said) == (503, True)
        proceed.set()
        assert b"at last" in b"".join(iter(lambda: clients[0].recv(65_536), b""))


def test_clients_that_do_not_get_on_are_cut_off() -> None:
    limits = Limits(first=0.3, next=0.3, sending=0.3)
    whole = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with HttpServer("127.0.0.1", 0, answer, limits=limits) as server:
        assert exchanged(server.port, b"") == b""
        assert exchanged(server.port, b"GET / HTTP/1.1\r\n") == b""
        assert exchanged(server.port, whole + b"GET /").endswith(b"here")
        with socket.create_connection(("127.0.0.1", server.port), 20) as deaf:
            deaf.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(1)
            received = 0
            with contextlib.suppress(ConnectionError):
                while part := deaf.recv(1_000_000):
                    received += len(part)
            assert received < len(BIG)


def test_connections_are_kept_and_requests_may_follow_at_once() -> None:
    with HttpServer("127.0.0.1", 0, answer) as server:
        first = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        said = exchanged(server.port, first + b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert [said.count(status) for status in (b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found", b"here")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 20_000, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 100_000, b"413"),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", b"421"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"421"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n", b"403"),
    ],
)
def test_what_is_refused_is_said_and_has_the_headers_of_every_answer(sent: bytes, status: bytes) -> None:
    with HttpServer("127.0.0.1", 0, answer) as server:
        said = exchanged(server.port, sent)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"frame-ancestors 'none'" in said
    assert b"Access-Control" not in said


def test_an_answer_that_fails_is_500_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with HttpServer("127.0.0.1", 0, answer) as server:
        assert asked(server.port, "/fails")[0] == 500
        assert asked(server.port)[0] == 200
    assert "on purpose" in caplog.text
