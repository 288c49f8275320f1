"""How many objects are to send how fast, as a person types it. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from bridge.simulator import MOST_OBJECTS, RATES
from tui.language import say

__all__ = ["Wish", "read_wish"]

_OBJECTS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_RATE: Final = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,3})?", re.ASCII)


class Wish(NamedTuple):
    """What is to be simulated.

    Attributes:
        objects: how many objects.
        rate: messages a second of all together.
    """

    objects: int = 20
    rate: float = 10.0


def read_wish(objects: str, rate: str) -> Wish | str:
    """Read what was typed.

    Returns:
        The wish, or what has to be mended as a sentence.
    """
    if not _OBJECTS.fullmatch(objects.strip()) or not 1 <= int(objects) <= MOST_OBJECTS:
        return say("objects: type a whole number from 1 to {most:,}").format(most=MOST_OBJECTS)
    wanted = float(rate.replace(",", ".")) if _RATE.fullmatch(rate.strip()) else 0.0
    if not RATES[0] <= wanted <= RATES[1]:
        return say("rate: type messages a second from {least} to {most:,.0f}").format(least=RATES[0], most=RATES[1])
    return Wish(int(objects), wanted)
