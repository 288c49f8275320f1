"""Formatting of numbers, durations and times for narrow columns, in the user's language."""

from __future__ import annotations

import re
import time
import unicodedata
from typing import Final

from tui.language import figure, say

__all__ = [
    "age",
    "clock",
    "clock_milliseconds",
    "count",
    "duration",
    "folded",
    "rate",
    "shorter",
    "signed",
    "unaccented",
    "waited",
]


_LARGE: Final = (
    (1_000_000_000_000_000, "P"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1_000, "k"),
)
"""The units of large numbers (SI prefixes, the same in every language), largest first."""

_SHORT: Final = 4
"""Characters that fit into every column of numbers."""


_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
"""What stands above and below letters, once `normalize` has parted it from them."""


def unaccented(text: str) -> str:
    """Write a text without accents: `Ecran` for `Écran`."""
    return text if text.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFD", text))


def folded(text: str) -> str:
    """Bring a text into the form in which it is looked for: without regard to case and accents."""
    return unaccented(text.casefold())


def count(number: int) -> str:
    """Format a count with thousands separators: `1,204`."""
    return figure(f"{number:,}")


def signed(number: int) -> str:
    """Format a change of stock with its sign: `+5`, `-1,204`, `0`."""
    return figure(f"{number:+,}") if number else "0"


def shorter(text: str, number: int) -> tuple[str, ...]:
    """Return ever shorter forms of a number that doesn't fit: `1234567`, `1.23M`, `1M`.

    Args:
        text: the full form.
        number: the number; its sign is kept if the text has one.

    Returns:
        Nothing if the text is short already. The last forms are rounded, which their unit shows.
    """
    if len(text) <= _SHORT:
        return ()
    sign = "-" if number < 0 else "+" if text.startswith("+") else ""
    forms = [f"{sign}{abs(number)}"]
    forms += [figure(f"{sign}{_rounded(abs(number), digits)}") for digits in (2, 1, 0)]
    return tuple(form for form in forms if len(form) < len(text))


def _rounded(number: int, digits: int) -> str:
    """Round a number of at least 1,000 to its unit with so many digits; what rounds to 1,000 gets the next unit."""
    for unit, letter in reversed(_LARGE):
        share = f"{number / unit:.{digits}f}"
        if float(share) < 1_000 or unit == _LARGE[0][0]:
            return f"{share}{letter}"
    return str(number)


def rate(per_second: float) -> str:
    """Format a rate: `1,204/s`, below ten with one digit after the point."""
    return figure(f"{per_second:,.0f}/s" if per_second >= 9.95 or per_second == 0 else f"{per_second:.1f}/s")


def percent(share: float) -> str:
    """Format a share of 0 to 1: `5 %`, `0.5 %`."""
    return figure(f"{share * 100:.3g} %")


def duration(seconds: float | None) -> str:
    """Format a duration in at most seven characters: `0.4 ms`, `12 ms`, `1.2 s`, `3 min`.

    Args:
        seconds: the duration; unknown (None) or negative (a clock stepped) shows as `-`.
    """
    if seconds is None or seconds < 0:
        return "-"
    if seconds < 0.009_95:
        return figure(f"{seconds * 1_000:.1f} ms")
    if seconds < 0.999_5:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 99.95:
        return figure(f"{seconds:.1f} s")
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    return figure(f"{seconds / 3_600:,.0f} h")


def waited(seconds: float) -> str:
    """Format the time passed so far in whole units: `18 s`, `4 min`, `2 h`."""
    passed = max(0, int(seconds))
    if passed < 100:
        return f"{passed} s"
    return f"{passed // 60} min" if passed < 6_000 else f"{passed // 3_600} h"


def clock(moment: float | None) -> str:
    """Format seconds since the epoch as local time: `12:03:11`; `-` where unknown."""
    return time.strftime("%H:%M:%S", time.localtime(moment)) if moment else "-"


def clock_milliseconds(moment: float | None) -> str:
    """Format seconds since the epoch as local time with milliseconds: `12:03:11.042`; `-` if unknown."""
    return f"{clock(moment)}.{int(moment % 1 * 1_000):03d}" if moment else "-"


def age(moment: float, now: float) -> str:
    """Format an age in at most four characters: `now`, `12s`, `5m`, `3h`, `8d`, `2y`; `-` if unknown.

    Args:
        moment: seconds since the epoch, 0 where unknown.
        now: seconds since the epoch.
    """
    if not moment:
        return "-"
    passed = max(0, int(now - moment))
    if passed >= 31_557_600:
        return say("{count}y").format(count=passed // 31_557_600)
    if passed >= 86_400:
        return say("{count}d").format(count=passed // 86_400)
    if passed >= 3_600:
        return f"{passed // 3_600}h"
    if passed >= 60:
        return f"{passed // 60}m"
    return f"{passed}s" if passed else say("now")
