"""Access rules of our HTTP servers, and the headers that keep pages of other sites away from their answers.

A web page that the user visits can send requests to 127.0.0.1 from the user's browser. The browser adds two things that
such a page can't forge: Host, the name that was typed or resolved, and Origin or Sec-Fetch-Site, the page that makes
the request.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SAFE_HEADERS", "HostRule", "host_name", "is_foreign"]

SAFE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        # For browsers that do not support frame-ancestors.
        "X-Frame-Options": "DENY",
    }
)
"""The headers of every answer: no frames, no use by other sites, no guessing of types. There is no CORS header."""

_HOST: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")
_LOCAL_ENDINGS: Final = (".local", ".localhost", ".internal", ".home.arpa")
"""Names with these endings are resolved on the local network only (RFC 6762, RFC 6761, ICANN's reservation, RFC 8375).
"""


def host_name(host: str) -> str | None:
    """The name in a Host header or an authority, in lower case and without its port; None if it is malformed."""
    found = _HOST.fullmatch(host)
    return found["name"].lower().rstrip(".") if found else None


@dataclass(frozen=True)
class HostRule:
    """The host names that requests to a server may use.

    A page of another site can make its own name resolve to the server's address (DNS rebinding) and would then read the
    answers as its own. That is not possible with addresses, or with names that no public DNS resolves.

    Attributes:
        loopback: whether the server listens on loopback only: then loopback's names and `names` are allowed, no others.
        names: further names, in lower case, from the settings.
    """

    loopback: bool
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, host: str, names: Iterable[str] = ()) -> HostRule:
        """Create the rule for a server that listens on an address or a name."""
        named = frozenset(name.lower().rstrip(".") for name in names)
        address = _address(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return cls(True, named)
        return cls(False, named if address is not None else named | {host.lower()})

    def allows(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_name(host)
        if name is None:
            return False
        address = _address(name.strip("[]"))
        if name == "localhost" or name in self.names or (address is not None and address.is_loopback):
            return True
        if self.loopback:
            return False
        return address is not None or "." not in name or name.endswith(_LOCAL_ENDINGS)


def is_foreign(host: str, headers: Mapping[str, str]) -> bool:
    """Whether the request comes from a page of another origin, not from this server's page, a person or a program.

    Args:
        host: the request's Host.
        headers: the other headers, by name in lower case.

    Returns:
        True for a request with another Origin, and for one that according to the browser comes from another site's
        page. Following a link to this server is allowed, as it opens a page of its own.
    """
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in {f"http://{host}".lower(), f"https://{host}".lower()}:
        return True
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    if site in {"none", "same-origin"}:
        return False
    return mode != "navigate" or headers.get("sec-fetch-dest", "document") != "document"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
