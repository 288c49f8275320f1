"""What the server says to a request, apart from how it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JSON", "Answer", "complaint", "json_answer"]

JSON: Final = "application/json; charset=utf-8"
"""The media type of everything but the page's files."""


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        status: HTTP's.
        kind: the media type of the body.
        body: the whole of it.
        headers: what else is to be said.
    """

    status: int
    kind: str = JSON
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})


def json_answer(document: object) -> Answer:
    """An object that the page reads, and no one keeps."""
    return Answer(200, body=json.dumps(document).encode())


def complaint(status: int, text: str) -> Answer:
    """Why there is nothing better to say.

    Args:
        status: HTTP's, from 400 on.
        text: for a person; no address and no token of anything behind this server.
    """
    return Answer(status, body=json.dumps({"error": text}).encode())
