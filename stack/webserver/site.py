"""The paths of the web client, and the headers that hold its browser to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from stack.webserver.answer import Answer, complaint, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.webserver.login import Login
    from stack.webserver.stock import Stock

__all__ = ["Site"]

_HOST: Final = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")
_LOOPBACK: Final = {"127.0.0.1", "localhost", "[::1]"}


@dataclass(frozen=True)
class Site:
    """Everything that can be asked for.

    Attributes:
        files: the answers by path.
        stock: what reads Strapi.
        mqtt: the broker's websocket URL for the browser; `{host}` in it is the host by which the browser came here.
        topic: where the page publishes movements.
        local: listens on loopback alone, and so answers to loopback's names only: a page elsewhere that has its own
            name resolve to 127.0.0.1 (DNS rebinding) reads nothing here.
        login: who gets in; None lets everyone in.
    """

    files: Mapping[str, Answer]
    stock: Stock
    mqtt: str
    topic: str
    local: bool = True
    login: Login | None = None

    def answer(self, target: str, host: str, known: str = "", authorization: str = "") -> Answer:
        """Answer a GET, or a HEAD, whose body is then not sent.

        Args:
            target: the request's target: path and query.
            host: its Host header.
            known: its If-None-Match header: the version that the browser has.
            authorization: its Authorization header.
        """
        named = _HOST.fullmatch(host)
        if not named:
            return self._guarded(complaint(400, "the Host header is missing or malformed"), self.mqtt)
        if self.local and named["name"].lower() not in _LOOPBACK:
            return self._guarded(complaint(421, "this server answers to 127.0.0.1 and localhost only"), self.mqtt)
        mqtt = self.mqtt.replace("{host}", named["name"])
        if self.login and not self.login.lets_in(authorization):
            return self._guarded(self.login.refusal(), mqtt)
        found = self._find(target, mqtt)
        tag = found.headers.get("ETag")
        if tag and tag in known:
            found = replace(found, status=304, body=b"")
        return self._guarded(found, mqtt)

    def _find(self, target: str, mqtt: str) -> Answer:
        try:
            path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        except ValueError:
            return complaint(400, "this is no address")
        match path:
            case "/config.json":
                user = {"username": self.login.user, "password": self.login.password()} if self.login else {}
                return json_answer({"mqtt": mqtt, "topic": self.topic, **user})
            case "/products":
                return self.stock.products(_one(query, "after", "0"), _one(query, "order", "id"))
            case "/verdicts":
                return self.stock.verdicts(_one(query, "ids", "").split(","))
            case _:
                return self.files.get(path) or complaint(404, "there is nothing here")

    def _guarded(self, answer: Answer, mqtt: str) -> Answer:
        """Add what keeps the page to its own files, this server and the broker."""
        broker = "{0.scheme}://{0.netloc}".format(urlsplit(mqtt))
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {broker}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return replace(answer, headers={**answer.headers, **headers})


def _one(query: Mapping[str, list[str]], name: str, usual: str) -> str:
    return query.get(name, [usual])[0]
