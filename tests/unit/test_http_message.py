"""HTTP requests, and which of them are allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.http.guard import HostRule, is_foreign
from bridge.http.message import BadRequestError, Response, json_response, read_head

LOOPBACK = HostRule.of("127.0.0.1", ["metrics.example.org"])
ANYWHERE = HostRule.of("0.0.0.0", ["Metrics.example.org."])  # noqa: S104 - as a container listens


def test_a_request_is_read() -> None:
    request = read_head(b"\r\nGET /a?b=c HTTP/1.1\r\nHost: h:1\r\nAccept:\t*/* \r\nX-Empty:\r\n\r\n")
    assert (request.method, request.target, request.path, request.host) == ("GET", "/a?b=c", "/a", "h:1")
    assert request.headers == {"host": "h:1", "accept": "*/*", "x-empty": ""}
    assert request.keep_alive
    assert not read_head(b"GET / HTTP/1.0\r\nHost: h\r\n\r\n").keep_alive
    assert not read_head(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n").keep_alive


def test_the_host_of_an_absolute_target_counts() -> None:
    request = read_head(b"GET http://evil.example/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (request.host, request.target) == ("evil.example", "/metrics")
    assert not LOOPBACK.allows(request.host)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a", 400),
        (b"GET  / HTTP/1.1\r\nHost: a", 400),
        (b"get / HTTP/1.1\r\nHost: a", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: a", 400),
        (b"GET * HTTP/1.1\r\nHost: a", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a", 400),
        (b"GET / HTTP/1.1\nHost: a", 400),
        (b"GET / HTTP/1.1\r\nHost : a", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01", 400),
        (b"PRI * HTTP/2.0", 505),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", 413),
        (b"GET / HTTP/1.1\r\nHost: a" + b"\r\nX: y" * 100, 431),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a", 400),
    ],
)
def test_what_is_no_request_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        read_head(head)
    assert refused.value.status == status


@given(st.binary(max_size=300) | st.from_regex(rb"GET /[ -~]* HTTP/1.1\r\nHost:[ -~]*\r\n[\x00-\xff]*"))
def test_any_bytes_are_read_or_refused(head: bytes) -> None:
    try:
        request = read_head(head)
    except BadRequestError:
        return
    assert request.target.startswith("/")
    LOOPBACK.allows(request.host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9464", "localhost:1", "LOCALHOST", "[::1]:9", "127.9.9.9"])
def test_loopbacks_names_are_allowed_everywhere(host: str) -> None:
    assert LOOPBACK.allows(host)
    assert ANYWHERE.allows(host)


@pytest.mark.parametrize(
    "host", ["192.168.1.7", "192.168.1.7:8000", "[fe80::1]", "pi.local", "bridge:9464", "a.home.arpa"]
)
def test_elsewhere_so_are_addresses_and_names_that_no_public_dns_has(host: str) -> None:
    assert not LOOPBACK.allows(host)
    assert ANYWHERE.allows(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_a_name_that_was_made_to_lead_here_is_not(host: str) -> None:
    assert not LOOPBACK.allows(host)
    assert not ANYWHERE.allows(host)


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1:8000:1", "a b", "127.0.0.1; script-src *", "user@127.0.0.1", "é", "[", "a/b"]
)
def test_what_is_no_host_is_not(host: str) -> None:
    assert not LOOPBACK.allows(host)
    assert not ANYWHERE.allows(host)


def test_names_that_a_person_set_are_allowed() -> None:
    for rule in (LOOPBACK, ANYWHERE, HostRule.of("metrics.example.org")):
        assert rule.allows("metrics.example.org:9464")
        assert not rule.allows("other.example.org")


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"origin": "http://127.0.0.1:8000"}, False),
        ({"origin": "https://127.0.0.1:8000"}, False),
        ({"origin": "http://127.0.0.1:9000"}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, False),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, True),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, True),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, True),
    ],
)
def test_pages_of_other_origins_are_told_apart(headers: dict[str, str], foreign: bool) -> None:
    assert is_foreign("127.0.0.1:8000", headers) is foreign


def test_every_answer_says_who_may_use_it() -> None:
    head = json_response({}).head(keep_alive=True).decode()
    assert "frame-ancestors 'none'" in head
    for line in ("X-Frame-Options: DENY", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"):
        assert f"\r\n{line}\r\n" in head
    assert "access-control" not in head.lower()
    assert "Content-Length" not in Response(304).head(keep_alive=True).decode()
