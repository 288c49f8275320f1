"""Access to the served screen beyond loopback: the password, by HTTP's Basic scheme (RFC 7617).

The right password also gets a cookie, valid for this run, that lets in the page's websocket: not every browser sends
the password with one. An address that sends wrong passwords is refused for longer and longer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING, Final

from bridge.bounded import Recent
from bridge.errors import SettingsError
from bridge.phrase import Phrase, placed
from bridge.secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SETTING", "Login", "WaitError", "new_password", "read_password"]

SETTING: Final = "screen.serve_password_file"
"""The setting that names a file with the password."""

_SHORTEST: Final = 8
"""Minimum length of a user's own password; attempts are slowed down, not forbidden."""

_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters that don't look alike on a projector."""

_FREE: Final = 5
"""Wrong passwords in a row before attempts are refused for a while."""

_LONGEST: Final = 60.0
"""Seconds for which attempts are refused at most."""

_FORGET: Final = 900.0
"""Seconds after which wrong passwords are forgotten."""

_ADDRESSES: Final = 4_096
"""Addresses that are remembered at least; an IPv6 network counts as one."""


class WaitError(Exception):
    """Too many wrong passwords came from this address.

    Args:
        seconds: how long no password from there is checked.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


def new_password() -> str:
    """Create a password that can be typed off a screen: 60 bits in three groups."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def read_password(file: str) -> str:
    """Read the password from the file that the setting names.

    Raises:
        SettingsError: the file can't be read, or the password in it is too short.
    """
    found = read_secret(file, SETTING)
    if len(found) < _SHORTEST:
        said = Phrase(
            "the password in {file} is too short: it needs {least} characters or more", file=file, least=_SHORTEST
        )
        raise SettingsError(placed(SETTING, said))
    return found


class Login:
    """Checks passwords and cookies.

    Args:
        password: as it is typed.
        now: returns the time in seconds, monotonic.

    Attributes:
        cookie: the cookie value that is accepted instead of the password; a new one in each run.
    """

    def __init__(self, password: str, now: Callable[[], float]) -> None:
        self._wanted = _digest(password.encode())
        self._now = now
        self._wrong: Recent[str, tuple[int, float]] = Recent(_ADDRESSES)
        """By address, the number of wrong passwords in a row and the time of the last one."""
        self.cookie = secrets.token_urlsafe(32)

    def has_cookie(self, given: str) -> bool:
        """Return whether this is the cookie of this run."""
        return hmac.compare_digest(_digest(given.encode(errors="replace")), _digest(self.cookie.encode()))

    def lets_in(self, authorization: str, address: str) -> bool:
        """Return whether a request has the password; any user name is accepted.

        Args:
            authorization: the request's header, empty if it has none.
            address: where the request comes from.

        Raises:
            WaitError: too many wrong passwords came from there; this one was not checked.
        """
        if not authorization:
            return False
        network = _network(address)
        count, last = self._wrong.get(network) or (0, 0.0)
        now = self._now()
        if now - last > _FORGET:
            count = 0
        left = last + _pause(count) - now
        if left > 0:
            raise WaitError(left)
        if hmac.compare_digest(_digest(_password_of(authorization)), self._wanted):
            self._wrong[network] = 0, now
            return True
        self._wrong[network] = count + 1, now
        return False


def _pause(count: int) -> float:
    return min(_LONGEST, 2.0 ** min(count - _FREE, 10)) if count >= _FREE else 0.0


def _password_of(authorization: str) -> bytes:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return given.partition(b":")[2]


def _digest(text: bytes) -> bytes:
    # Of equal length, so that the comparison takes the same time for every guess.
    return hashlib.sha256(text).digest()


def _network(address: str) -> str:
    """Return the unit in which addresses are counted: one IPv4 address, or an IPv6 network of 64 bits."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
