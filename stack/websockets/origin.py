"""Which web pages may open a websocket, by headers of the browser that a page can't forge. Pure.

A browser lets every page open a websocket to every server, including loopback, and leaves it to the server to check the
origin (RFC 6455 section 10.2). Mosquitto 2.0 does not check it; Mosquitto 2.1 has a list of origins
(`websockets_origin`), each with its port.
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
    """Parse an origin as a browser writes it: scheme, host in lower case and port; None where invalid, like `null`."""
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
    """The pages that may open a websocket.

    Allowed are pages served by this machine, on every port: our own and those of frontends in development. So are pages
    whose host is the one in the websocket's request, if `HostRule` allows that name: then it is not a name that another
    site can resolve to this server.

    Attributes:
        named: further origins, from the command line.
    """

    named: frozenset[tuple[str, str, int]] = frozenset()

    @classmethod
    def of(cls, named: Iterable[str]) -> OriginRule:
        """Create the rule with further origins.

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
        """Whether a handshake with these Origin headers is allowed.

        Args:
            headers: all of them: none for a program other than a browser, which could write any.
            host: the name or address in the request's Host, without port and brackets, in lower case.
        """
        if not headers:
            return True
        origin = read_origin(headers[0]) if len(headers) == 1 else None
        return origin is not None and (origin[1] in _LOOPBACK or origin[1] == host or origin in self.named)
