"""HTTP/1.1 requests and answers: the head is parsed strictly, a body is never accepted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from bridge.http.guard import SAFE_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JSON", "MOST_HEAD", "BadRequestError", "Request", "Response", "complaint", "json_response", "read_head"]

JSON: Final = "application/json; charset=utf-8"
"""The media type of all answers but files."""

MOST_HEAD: Final = 16_384
"""The most bytes of a request line with its headers."""

_MOST_HEADERS: Final = 100
_REQUEST_LINE: Final = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,8192}) HTTP/(\d)\.(\d)")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]+)(.*)", re.IGNORECASE)


class BadRequestError(Exception):
    """A request that is refused.

    Args:
        status: the HTTP status, from 400.
        text: the reason, for the user.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: `GET`, `HEAD` or another one.
        target: path and query.
        host: the host of the Host header or of an absolute target.
        headers: the headers by name in lower case; the last one where a name is repeated.
        keep_alive: whether the client wants to send further requests on the connection.
    """

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    keep_alive: bool = True

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Response:
    """One answer.

    Attributes:
        status: the HTTP status.
        kind: the media type of the body.
        body: the whole body.
        headers: further headers; they override those of every answer.
    """

    status: int
    kind: str = JSON
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})

    def head(self, *, keep_alive: bool) -> bytes:
        """The status line and the headers, with the empty line after them."""
        headers = {"Server": "opsci", "Date": formatdate(usegmt=True), **SAFE_HEADERS, "Content-Type": self.kind}
        if self.status != HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(len(self.body))
        headers |= self.headers
        headers["Connection"] = "keep-alive" if keep_alive else "close"
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        assert not any("\r" in line or "\n" in line for line in lines), "a header is one line"  # noqa: S101
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def json_response(document: object, status: int = HTTPStatus.OK) -> Response:
    """Answer with a JSON document that is not cached."""
    return Response(status, body=json.dumps(document).encode() + b"\n")


def complaint(status: int, text: str) -> Response:
    """Answer with an error.

    Args:
        status: the HTTP status, from 400.
        text: for the user; it must not contain an address or a token of anything behind this server.
    """
    return json_response({"error": text}, status)


def read_head(head: bytes) -> Request:
    """Parse a request without body.

    Args:
        head: the request line and the headers, with or without the empty line after them.

    Raises:
        BadRequestError: it is malformed, or not accepted by this server.
    """
    line, *lines = head.strip(b"\r\n").split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(line)
    if not found:
        raise BadRequestError(400, "the request line is malformed")
    if found[3] != b"1":
        raise BadRequestError(505, "only HTTP/1.1 is spoken here")
    headers, hosts = _headers(lines)
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        # Left unread, the body would be taken for the next request.
        raise BadRequestError(413, "no request with a body is taken here")
    if len(hosts) != 1:
        raise BadRequestError(400, "the Host header is missing or malformed")
    target, host = found[2].decode(), hosts[0]
    if absolute := _ABSOLUTE.fullmatch(target):
        # RFC 9112, section 3.2.2: the host in the target counts, and the header is ignored.
        host, target = absolute[1], absolute[2] or "/"
    if not target.startswith("/"):
        raise BadRequestError(400, "the target is no path")
    closes = "close" in headers.get("connection", "").lower()
    return Request(found[1].decode(), target, host, headers, keep_alive=found[4] == b"1" and not closes)


def _headers(lines: list[bytes]) -> tuple[dict[str, str], list[str]]:
    """The headers by name, and every value of Host."""
    if len(lines) > _MOST_HEADERS:
        raise BadRequestError(431, f"a request may have {_MOST_HEADERS} headers")
    headers: dict[str, str] = {}
    hosts: list[str] = []
    for line in lines:
        found = _HEADER.fullmatch(line)
        if not found:
            raise BadRequestError(400, "a header is malformed")
        name, value = found[1].decode().lower(), found[2].decode("latin-1").strip(" \t")
        if name == "host":
            hosts.append(value)
        headers[name] = value
    return headers, hosts
