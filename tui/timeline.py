"""The timeline of one movement: sent, at MQTT, in Kafka p3@128, 41 → 46 in Strapi or why not, each with its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from bridge.journal import Elsewhere, Stage, Verdict
from bridge.text import readable
from tui.format import clock, count, duration, signed, waited
from tui.language import say
from tui.outcome import GLYPHS, PENDING, STYLES, WAITS, Tone, outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journey

__all__ = ["HopTime", "Mark", "dot_tones", "dots", "hop_times", "marks", "result", "timeline", "timeline_row"]


class HopTime(NamedTuple):
    """One hop of a journey.

    Attributes:
        words: where the movement is then.
        at: when it arrived there, in seconds since the epoch; None if it has not or if unknown.
        took: seconds since the previous station; None if either time is unknown, or if the consumer had the record
            before the producer got its acknowledgement.
        tone: how it is shown.
    """

    words: str
    at: float | None
    took: float | None
    tone: Tone


def hop_times(journey: Journey) -> list[HopTime]:
    """Return the hops that a journey passed, with their times, and the one that it waits for.

    A movement published elsewhere was not sent by this program, and a record that another program wrote into Kafka did
    not come over MQTT: those hops are left out.
    """
    foreign = journey.mqtt_topic is None
    open_yet = journey.stage is not Stage.DECIDED
    in_kafka, consumed = say("in Kafka"), say("consumed")
    places = (
        (say("sent"), journey.published_at, False),
        (say("in MQTT"), journey.received_at, open_yet and not foreign),
        (f"{in_kafka} {journey.position}".rstrip(), journey.acknowledged_at, open_yet and not foreign),
        (f"{consumed} {journey.position}".rstrip() if foreign else consumed, journey.consumed_at, False),
    )
    found: list[HopTime] = []
    before: float | None = None
    for words, at, awaited in places:
        if at is not None:
            found.append(HopTime(words, at, _between(before, at), Tone.PLAIN))
            before = at
        elif awaited and not waits(found):
            found.append(HopTime(f"{words} {PENDING}", None, None, Tone.PENDING))
    if journey.decided_at is not None:
        # If another engine settled it, only the time when this one noticed is known.
        took = _between(before, journey.decided_at) if journey.elsewhere is None else None
        at = None if journey.earlier and journey.elsewhere is not None else journey.decided_at
        found.append(HopTime(decision(journey), at, took, outcome(journey).tone))
    elif not waits(found):
        found.append(HopTime(say("in Strapi") + f" {PENDING}", None, None, Tone.PENDING))
    return found


def decision(journey: Journey) -> str:
    """Describe the outcome of a decided movement: the stock before and after, or why it was rejected."""
    stock = ""
    if journey.stock_before is not None and journey.stock_after is not None:
        stock = f" {count(journey.stock_before)} → {count(journey.stock_after)}"
    if journey.verdict is Verdict.APPLIED:
        return f"{GLYPHS[Verdict.APPLIED]} " + say("in Strapi") + stock
    if journey.verdict is Verdict.DUPLICATE:
        return f"{GLYPHS[Verdict.DUPLICATE]} " + say("duplicate, counted once") + stock
    if journey.verdict is Verdict.CARRIED:
        return f"{GLYPHS[Verdict.CARRIED]} " + say("written")
    if journey.verdict is None and journey.elsewhere is not None:
        glyph = outcome(journey).glyph
        if journey.elsewhere is Elsewhere.UNKNOWN:
            return f"{glyph} " + say("passed over by another engine: the ledger does not have it")
        return f"{glyph} " + (
            say("settled earlier") if journey.earlier else say("applied or refused by another engine")
        )
    why = readable(say(journey.rejection.text)) if journey.rejection is not None else say("rejected")
    return f"{GLYPHS[Verdict.REJECTED]} {why}"


def waits(found: list[HopTime]) -> bool:
    """Return whether the movement has not reached the last station yet."""
    return bool(found) and found[-1].at is None


def _between(before: float | None, at: float) -> float | None:
    return None if before is None or at < before else at - before


class Mark(NamedTuple):
    """One of the four hops of a drawn timeline: sent, MQTT, Kafka, Strapi.

    Attributes:
        sign: a dot if the movement was there, else a ring.
        words: the station, or the outcome.
        style: of both.
        under: the text below: the duration of the hop.
        line: the style of the line that leads to it; empty for none.
        broken: whether the movement did not come along that line.
    """

    sign: str
    words: str
    style: str
    under: str = ""
    line: str = ""
    broken: bool = True


_LINE: Final = "━"
_LEAST_LINE: Final = 4
"""Cells of the shortest line between two stations, with the blanks around it."""
_BROKEN: Final = "╌"
_BEEN: Final = "●"
_NOT_YET: Final = "○"
_MUTED: Final = STYLES[Tone.MUTED]
_SIGN_TONES: Final = {
    _NOT_YET: Tone.MUTED,
    WAITS: Tone.PENDING,
    GLYPHS[Verdict.REJECTED]: Tone.REJECTED,
    GLYPHS[Verdict.DUPLICATE]: Tone.DUPLICATE,
}
"""The tone of each sign of a station but the dot, which has its system's colour."""


def marks(journey: Journey | None, now: float, name: str = "") -> list[Mark]:
    """Return the four hops of a movement's drawn timeline.

    Args:
        journey: the movement; None for an empty timeline.
        now: seconds since the epoch.
        name: the product's name in the stock table.
    """
    if journey is None:
        return [Mark(_NOT_YET, words, _MUTED, line=_MUTED) for words in (say("sent"), "MQTT", "Kafka", "Strapi")]
    moved = f"{signed(journey.delta)} " if journey.movement is not None else ""
    called = readable(journey.product_name or name or journey.product)
    found = [Mark(_BEEN, say("sent"), "$foreground", f"{moved}{called}")]
    if journey.received_at is None:
        open_yet = journey.mqtt_topic is not None and journey.stage is Stage.PUBLISHED
        words, style = (say("to MQTT"), _WAITING) if open_yet else ("MQTT", _MUTED)
        under = "" if open_yet or journey.mqtt_topic is not None else say("not over MQTT")
        found.append(Mark(WAITS if open_yet else _NOT_YET, words, style, under, style))
    else:
        took = _between(journey.published_at, journey.received_at)
        under = clock(journey.received_at) if took is None else say("after {time}").format(time=duration(took))
        found.append(Mark(_BEEN, "MQTT", "bold $mqtt", under, "$mqtt", broken=False))
    return [*found, _kafka_mark(journey), _strapi_mark(journey, now)]


_WAITING: Final = "bold $text-warning"


def _kafka_mark(journey: Journey) -> Mark:
    at = journey.acknowledged_at or journey.consumed_at
    if at is None:
        waits_for_it = journey.received_at is not None and journey.stage is not Stage.DECIDED
        if waits_for_it:
            return Mark(WAITS, say("waits for Kafka"), _WAITING, "", "$text-warning")
        return Mark(_NOT_YET, "Kafka", _MUTED, line=_MUTED)
    took = _between(journey.received_at, at)
    words = f"Kafka {journey.position}".rstrip()
    return Mark(_BEEN, words, "bold $kafka", "" if took is None else f"+ {duration(took)}", "$kafka", broken=False)


def _strapi_mark(journey: Journey, now: float) -> Mark:
    said, style = result(journey)
    before = journey.acknowledged_at or journey.consumed_at
    if journey.stage is not Stage.DECIDED and journey.elsewhere is None:
        if before is None:
            return Mark(_NOT_YET, "Strapi", _MUTED, line=_MUTED)
        under = say("{time} by now; kept in Kafka").format(time=waited(now - before))
        return Mark(WAITS, say("waits for Strapi"), _WAITING, under, "$text-warning")
    if journey.verdict is Verdict.REJECTED:
        why = readable(say(journey.rejection.text)) if journey.rejection is not None else ""
        return Mark("✗", said, style, why, "$text-error", broken=before is None)
    if journey.verdict is not Verdict.APPLIED:
        return Mark(outcome(journey).glyph, said, style, "", "$strapi", broken=before is None)
    under = "" if journey.elsewhere is not None else _took_in_all(journey, before)
    words = say("{result} in Strapi").format(result=said) if journey.stock_after is not None else said
    return Mark(_BEEN, words, "bold $strapi", under, "$strapi", broken=False)


def _took_in_all(journey: Journey, before: float | None) -> str:
    """Format the duration of the last hop, and of the whole path."""
    decided = journey.decided_at
    hop = None if decided is None else _between(before, decided)
    whole = None if decided is None else _between(journey.published_at or journey.received_at, decided)
    if hop is None or whole is None:
        return ""
    return say("+ {time} = {whole} in all").format(time=duration(hop), whole=duration(whole))


def result(journey: Journey) -> tuple[str, str]:
    """Return a movement's outcome and its style: `28 → 33`, `refused: only 1 in stock`, `waits for Strapi`."""
    if journey.verdict is None and journey.elsewhere is None:
        if journey.acknowledged_at or journey.consumed_at:
            return say("waits for Strapi, in Kafka {place}").format(place=journey.position), _WAITING
        return (say("waits for Kafka") if journey.received_at is not None else say("sending")), _WAITING
    found = outcome(journey)
    if journey.verdict is Verdict.REJECTED:
        return say("refused: {why}").format(why=found.words), "bold $text-error"
    stock = ""
    if journey.stock_before is not None and journey.stock_after is not None:
        stock = f"{count(journey.stock_before)} → {count(journey.stock_after)}"
    if journey.verdict is Verdict.APPLIED and stock:
        return stock, "bold $text-success"
    return f"{found.words} {stock}".rstrip(), f"bold {STYLES[found.tone]}"


def dots(journey: Journey | None) -> Content:
    """Draw a movement's path as three dots in the systems' colours, joined where it came through: `●━●━●`."""
    return Content.assemble(*((text, STYLES[tone]) for text, tone in dot_tones(journey)))


def dot_tones(journey: Journey | None) -> list[tuple[str, Tone]]:
    """Return the parts of a movement's path as three dots, each with its tone."""
    parts: list[tuple[str, Tone]] = []
    for system, mark in zip((Tone.MQTT, Tone.KAFKA, Tone.STRAPI), marks(journey, 0.0)[1:], strict=True):
        tone = system if mark.sign == _BEEN else _SIGN_TONES.get(mark.sign, Tone.CARRIED)
        if parts:
            parts.append((_BROKEN if mark.broken else _LINE, tone))
        parts.append((mark.sign, tone))
    if journey is not None and journey.verdict is Verdict.APPLIED:
        parts[-1] = (_BEEN, Tone.APPLIED)
    return parts


def timeline(found: Sequence[Mark], places: Sequence[int], width: int, hint: str = "") -> Content:
    """Draw a timeline on two lines, each station at its column.

    Args:
        found: the four hops.
        places: the column in which each begins, increasing; the last begins earlier where it would be cut.
        width: the available cells.
        hint: shown in the second line instead of times.
    """
    places = [*places[:-1], _last_place(found, places, width)]
    above: list[tuple[str, str]] = [(" " * places[0], "")]
    below: list[tuple[str, str]] = [(" " * places[0], "")]
    for at, mark in enumerate(found):
        last = at + 1 == len(found)
        room = (width if last else places[at + 1]) - places[at]
        text = _cut(f"{mark.sign} {mark.words}", room - (0 if last else 2))
        above.append((text, mark.style))
        if not last:
            after = found[at + 1]
            line = (_BROKEN if after.broken else _LINE) * max(0, room - cell_len(text) - 2)
            above.append((f" {line} ", after.line))
        under = _cut(mark.under, room - (0 if last else 1))
        below.append((under + " " * (room - cell_len(under)), _MUTED))
    return Content.assemble(*above, "\n", *([*below[:1], (hint, _MUTED)] if hint else below))


def _last_place(found: Sequence[Mark], places: Sequence[int], width: int) -> int:
    """Where the last station begins, so that neither it nor the one before is cut if there is room for both."""
    last, before = found[-1], found[-2]
    needed = max(_length(last), cell_len(last.under))
    earliest = places[-2] + max(_length(before), cell_len(before.under)) + _LEAST_LINE
    return min(places[-1], max(earliest, width - needed))


def _length(mark: Mark) -> int:
    return cell_len(f"{mark.sign} {mark.words}")


def timeline_row(found: Sequence[Mark], width: int) -> Content:
    """Draw a timeline on one line; if it does not fit, drop the times first and then the earliest hops.

    Args:
        found: the four hops.
        width: the available cells.
    """
    line = _row(found, times=True)
    for start in range(len(found)):
        if line.cell_length <= width:
            return line
        line = _row(found[start:], times=False)
    return line.truncate(width, ellipsis=True)


def _row(found: Sequence[Mark], *, times: bool) -> Content:
    parts: list[tuple[str, str]] = []
    for at, mark in enumerate(found):
        if at:
            parts.append((f" {(_BROKEN if mark.broken else _LINE) * 2} ", mark.line))
        parts.append((f"{mark.sign} {mark.words}", mark.style))
        if times and mark.under:
            parts.append((f" {mark.under}", _MUTED))
    return Content.assemble(*parts)


def _cut(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""
