"""Values with a unit, shown in words and parsed as typed: `7 days`, `2 min`, `10,000 records`. *Pure*."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from bridge.settings.model import FOREVER
from tui.format import folded
from tui.language import figure, msgid, say, say_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.settings.entry import Entry

__all__ = ["allowed_in_words", "as_number", "in_words"]

_DAY: Final = 86_400

_TIMES: Final[tuple[tuple[int, Callable[[int], str]], ...]] = (
    (_DAY, lambda count: say_count("{count} day", "{count} days", count)),
    (3_600, lambda count: say_count("{count} hour", "{count} hours", count)),
    (60, lambda count: say_count("{count} minute", "{count} minutes", count)),
    (1, lambda count: say_count("{count} second", "{count} seconds", count)),
)
"""The units of time that are shown, in seconds, the largest first."""

_COUNTS: Final[dict[str, Callable[[int], str]]] = {
    "messages": lambda count: say_count("{count} message", "{count} messages", count),
    "movements": lambda count: say_count("{count} movement", "{count} movements", count),
    "requests": lambda count: say_count("{count} request", "{count} requests", count),
    "records": lambda count: say_count("{count} record", "{count} records", count),
    "times a second": lambda count: say_count("{count} time a second", "{count} times a second", count),
}

_SECONDS: Final[dict[str, Fraction]] = {
    name: seconds
    for seconds, names in (
        (Fraction(1, 1000), "ms millisecond milliseconds milliseconde millisecondes"),
        (Fraction(1), "s sec second seconds seconde secondes"),
        (Fraction(60), "m mn min minute minutes"),
        (Fraction(3_600), "h hour hours heure heures"),
        (Fraction(_DAY), "d day days j jour jours"),
        (Fraction(7 * _DAY), "w week weeks semaine semaines"),
    )
    for name in names.split()
}
"""The seconds of each unit that can be typed, in English and in French, without accents."""

_FOREVER: Final = msgid("forever")
_PART: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([a-z]+)")
_GROUPED: Final = re.compile(r"(?<!\d)(\d{1,3})((?:[,_ \u00a0\u202f]\d{3})+)(?!\d)")
_NUMBER: Final = re.compile(r"\s*([+-]?\d+)\s*(.*?)\s*")
_NO_GROUPS: Final = dict.fromkeys(map(ord, ",_ \u00a0\u202f"))


def in_words(entry: Entry, value: object) -> str:
    """Write a value with its unit.

    Args:
        entry: its setting.
        value: as TOML has it.

    Returns:
        A time in the largest unit that gives a whole number, else in seconds: `7 days`, `90 seconds`; a number with its
        noun; empty if the setting has no unit.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if entry.unit == "seconds":
        return _time(value)
    counted = _COUNTS.get(entry.unit)
    return counted(int(value)) if counted else ""


def _time(seconds: float) -> str:
    if seconds == FOREVER:
        return say(_FOREVER)
    fits = ((unit, words) for unit, words in _TIMES if seconds % unit == 0 and unit <= seconds < 1_000 * unit)
    if seconds == 0 or (found := next(fits, None)) is None:
        # Without groups of digits, which could be taken for decimals.
        return say("{count} seconds").format(count=figure(f"{seconds:.10g}"))
    unit, words = found
    return words(int(seconds) // unit)


def as_number(entry: Entry, typed: str) -> str:
    """Read a value that was typed with a unit, or with its digits in groups.

    Args:
        entry: its setting.
        typed: `7 days`, `1 h 30 min`, `0,5 s`, `10,000 records`; units in English or French, whatever the language.

    Returns:
        The number as in the settings file; the typed text itself if it has another form.
    """
    if entry.unit == "seconds":
        return _seconds(typed)
    if entry.unit in _COUNTS:
        plain = _GROUPED.sub(lambda one: one[0].translate(_NO_GROUPS), typed)
        read = _NUMBER.fullmatch(plain)
        if read and (not read[2] or folded(read[2]) in _nouns(entry.unit)):
            return read[1]
    return typed


def _nouns(unit: str) -> set[str]:
    words = _COUNTS[unit]
    return {unit, *(folded(words(count).removeprefix(str(count))).strip() for count in (1, 2))}


def _seconds(typed: str) -> str:
    text = folded(typed).strip()
    if text in {_FOREVER, folded(say(_FOREVER))}:
        return str(FOREVER)
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts).strip() != text:
        return text.replace(",", ".") if re.fullmatch(r"\d+,\d{1,2}", text) else typed
    total = Fraction(0)
    for part in parts:
        seconds = _SECONDS.get(part[2])
        if seconds is None or re.fullmatch(r"\d+,\d{3}", part[1]):
            # 1,000 is a thousand in English and one in French.
            return typed
        total += Fraction(part[1].replace(",", ".")) * seconds
    return str(int(total)) if total.denominator == 1 else f"{float(total):g}"


def allowed_in_words(entry: Entry) -> str:
    """Describe the values that a setting allows, and for times how to type them."""
    if entry.unit != "seconds" or entry.most is None:
        return say(entry.allowed)
    most = _time(entry.most)
    if not entry.least:
        return say("a time up to {most}, typed as 5 s, 2 min, 12 h or 7 days").format(most=most)
    return say("a time from {least} to {most}, typed as 5 s, 2 min, 12 h or 7 days").format(
        least=_time(entry.least), most=most
    )
