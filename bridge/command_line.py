"""Shared parts of our command lines: argument types for argparse, and an exit code.

Standard library only.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LEAVE_SERVERS", "key_and_value", "utf8_text"]

LEAVE_SERVERS: Final = 10
"""The exit code by which the screen tells the runner that opened it to leave its servers running."""


def key_and_value(example: str) -> Callable[[str], tuple[str, str]]:
    """Return a parser of KEY=VALUE, which strips spaces around the key.

    Args:
        example: shown for an invalid argument, for example `screen.theme=nord`.
    """

    def read(text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise argparse.ArgumentTypeError(f"{key!r} is no KEY=VALUE, as in {example}")
        return key.strip(), value

    return read


def utf8_text(text: str) -> str:
    """Check that an argument is UTF-8; use it for texts, not for paths."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8") from None
    return text
