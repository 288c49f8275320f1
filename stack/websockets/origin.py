"""Which web pages may open a websocket here, by what a browser says of them and a page can't forge. Pure.

A browser lets every page open a websocket to every server, loopback too, and leaves it to the server to look at who
asks (RFC 6455 section 10.2). Mosquitto 2.0 does not look; Mosquitto 2.1 takes a list of origins (`websockets_origin`),
each with its port.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["OriginRule", "read_origin"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"http": 80, "https": 443}


def read_origin(text: str) -> tuple[str, str, int] | None:
    """An origin as a browser writes it: scheme, host in lower case and port; None where it is none, as `null`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in _PORTS
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or text != text.strip()
    ):
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


@dataclass(frozen=True)
class OriginRule:
    """The pages that may.

    Pages that this machine serves may, on every port: our own and those of the frontends that a person works on. So may
    pages of the very name or address that the websocket is asked for by, where `HostRule` lets that name in: it then is
    no name that another site can let resolve to this server.

    Attributes:
        named: further origins, as a person names them.
    """

    named: frozenset[tuple[str, str, int]] = frozenset()

    @classmethod
    def of(cls, named: Iterable[str]) -> OriginRule:
        """The rule with further origins.

        Raises:
            ValueError: one of them is no origin.
        """
        read = {one: read_origin(one.removesuffix("/")) for one in named}
        for one, origin in read.items():
            if origin is None:
                msg = f"{one!r} is no origin; write http://host:port or https://host:port"
                raise ValueError(msg)
        return cls(frozenset(origin for origin in read.values() if origin is not None))

    def allows(self, headers: Sequence[str], host: str = "") -> bool:
        """Whether a handshake with these Origin headers may go on.

        Args:
            headers: all that it has: none is a program that is no browser, which could write any.
            host: the name or address in the request's Host, without port and brackets, in lower case.
        """
        if not headers:
            return True
        origin = read_origin(headers[0]) if len(headers) == 1 else None
        return origin is not None and (origin[1] in _LOOPBACK or origin[1] == host or origin in self.named)
