"""What the command lines of several programs share: types of arguments for argparse, and an exit code.

Standard library only.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LEAVE_SERVERS", "key_and_value", "utf8_text"]

LEAVE_SERVERS: Final = 10
"""The exit code by which the screen asks the runner that opened it to leave its servers running."""


def key_and_value(example: str) -> Callable[[str], tuple[str, str]]:
    """What reads KEY=VALUE into the two, the key without spaces around it.

    Args:
        example: what a wrong one is shown, as `screen.theme=nord`.
    """

    def read(text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise argparse.ArgumentTypeError(f"{key!r} is no KEY=VALUE, as in {example}")
        return key.strip(), value

    return read


def utf8_text(text: str) -> str:
    """An argument that is a text, and no path, whose bytes may be any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8") from None
    return text
