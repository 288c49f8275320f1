"""Who may see the page, where it is not for everyone: one user, by HTTP's Basic scheme (RFC 7617), inside TLS only."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.webserver.answer import Answer, complaint

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Login"]


@dataclass(frozen=True)
class Login:
    """One user, who is the one that the page publishes as.

    Attributes:
        user: the name.
        password_file: a file with the password, read at each request, so that a new one counts at once.
    """

    user: str
    password_file: Path

    def password(self) -> str:
        """The password; empty where there is none, and then no one gets in."""
        try:
            return self.password_file.read_text().strip()
        except OSError:
            return ""

    def lets_in(self, authorization: str) -> bool:
        """Whether a request's Authorization header has the user and the password."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        password = self.password()
        wanted = f"{self.user}:{password}".encode()
        return scheme.lower() == "basic" and bool(password) and hmac.compare_digest(given, wanted)

    def refusal(self) -> Answer:
        """What to say to anyone else."""
        said = complaint(401, f"log in as {self.user}")
        challenge = f'Basic realm="opsci: the MQTT user {self.user}", charset="UTF-8"'
        return Answer(said.status, said.kind, said.body, {**said.headers, "WWW-Authenticate": challenge})
