"""The web client over HTTP or HTTPS: its paths, its files, and who may see them.

The files are a fixed set, read once, so that no request can name others. Access can be limited to one user, by HTTP's
Basic scheme (RFC 7617), over TLS only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from bridge.http.guard import host_name
from bridge.http.message import Response, complaint, json_response
from bridge.http.server import HttpServer
from stack.install import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bridge.http.guard import HostRule
    from bridge.http.message import Request
    from stack.webserver.stock import Stock

__all__ = ["Login", "Site", "page_files", "web_server"]

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Login:
    """The one user with access, as which the page publishes.

    Attributes:
        user: the name.
        password_file: a file with the password, read at each request, so that a new one counts at once.
    """

    user: str
    password_file: Path

    def password(self) -> str:
        """The password; empty if there is none, and then nobody has access."""
        try:
            return self.password_file.read_text().strip()
        except OSError:
            return ""

    def lets_in(self, authorization: str) -> bool:
        """Whether a request's Authorization header contains the user and the password."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        password = self.password()
        wanted = f"{self.user}:{password}".encode()
        return scheme.lower() == "basic" and bool(password) and hmac.compare_digest(given, wanted)

    def refusal(self) -> Response:
        """The answer to anyone else."""
        said = complaint(401, f"log in as {self.user}")
        challenge = f'Basic realm="opsci: the MQTT user {self.user}", charset="UTF-8"'
        return Response(said.status, said.kind, said.body, {**said.headers, "WWW-Authenticate": challenge})


def _answer(file: Path) -> Response:
    body = file.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # The browser caches it but revalidates each time, so that page and scripts are always of one version.
    return Response(200, _KINDS[file.suffix], body, {"Cache-Control": "no-cache", "ETag": tag})


def page_files(script: Path) -> Mapping[str, Response]:
    """Read the files of the page.

    Args:
        script: MQTT.js as one ES module: `dist/mqtt.esm.js` of its npm package.

    Returns:
        The answers by path; `/` is the page itself, `/live` the one for a whole class.
    """
    files = {f"/{file.name}": _answer(file) for file in sorted(PAGE.iterdir()) if file.suffix in _KINDS}
    files["/mqtt.js"] = replace(_answer(script), kind=_KINDS[".js"])
    files["/"] = files.pop("/index.html")
    files["/live"] = files.pop("/live.html")
    return files


def web_server(
    host: str,
    port: int,
    site: Site,
    *,
    names: HostRule | None = None,
    certificate: tuple[Path, Path] | None = None,
) -> HttpServer:
    """Create the server of a site, a context manager.

    Args:
        host: the address to listen on.
        port: the port; 0 chooses a free one.
        site: answers the requests.
        names: the host names that requests may use; those of `host` by default.
        certificate: the files of a certificate and its key, for HTTPS; None serves HTTP.

    Raises:
        OSError: it can't listen there, or the certificate can't be read.
    """
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
    return HttpServer(host, port, site.answer, names=names, tls=tls)


@dataclass(frozen=True)
class Site:
    """Answers the requests to the web client's server.

    Attributes:
        files: the answers by path.
        stock: reads from Strapi.
        mqtt: the broker's websocket URL for the browser, in which `{host}` is replaced by the host of the request.
        topic: where the page publishes movements.
        login: who has access; None for everyone.
    """

    files: Mapping[str, Response]
    stock: Stock
    mqtt: str
    topic: str
    login: Login | None = None

    def answer(self, request: Request) -> Response:
        """Answer a GET, or a HEAD, whose body is then not sent."""
        mqtt = self.mqtt.replace("{host}", host_name(request.host) or "")
        if self.login and not self.login.lets_in(request.headers.get("authorization", "")):
            return self.login.refusal()
        found = self._find(request.target, mqtt)
        tag = found.headers.get("ETag")
        if tag and tag in request.headers.get("if-none-match", ""):
            found = replace(found, status=304, body=b"")
        return self._guarded(found, mqtt)

    def _find(self, target: str, mqtt: str) -> Response:
        try:
            path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        except ValueError:
            return complaint(400, "this is no address")
        match path:
            case "/config.json":
                user = {"username": self.login.user, "password": self.login.password()} if self.login else {}
                return json_response({"mqtt": mqtt, "topic": self.topic, **user})
            case "/products":
                return self.stock.products(_one(query, "after", "0"), _one(query, "order", "id"))
            case "/verdicts":
                return self.stock.verdicts(_one(query, "ids", "").split(","))
            case "/movements":
                return self.stock.movements(_one(query, "after", ""))
            case _:
                return self.files.get(path) or complaint(404, "there is nothing here")

    def _guarded(self, answer: Response, mqtt: str) -> Response:
        """Add headers that restrict the page to its own files, this server and the broker."""
        broker = "{0.scheme}://{0.netloc}".format(urlsplit(mqtt))
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {broker}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return replace(answer, headers={**answer.headers, "Content-Security-Policy": policy})


def _one(query: Mapping[str, list[str]], name: str, usual: str) -> str:
    return query.get(name, [usual])[0]
