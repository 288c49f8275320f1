"""One movement's way through the chain on one line: sent, in MQTT, in Kafka p3@128, in Strapi 41 → 46, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from bridge.journal import Elsewhere, Stage, Verdict
from bridge.text import readable
from tui.format import count, duration
from tui.language import say
from tui.outcome import GLYPHS, PENDING, STYLES, Tone, outcome

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["Station", "stations", "way_line"]


class Station(NamedTuple):
    """One hop of a journey.

    Attributes:
        words: where the movement is then.
        at: seconds since the epoch when it came there, None where it has not, and where that is not known.
        took: seconds since the station before; None where either is unknown, and where the consumer had the record
            before the producer had its acknowledgement.
        tone: how it shows.
    """

    words: str
    at: float | None
    took: float | None
    tone: Tone


def stations(journey: Journey) -> list[Station]:
    """The stations that a journey came through, and the one that it waits for.

    A movement that was published elsewhere has not been sent by this program, and a record that another program
    wrote into Kafka has not come over MQTT: those stations are left out.
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
    found: list[Station] = []
    before: float | None = None
    for words, at, awaited in places:
        if at is not None:
            found.append(Station(words, at, _between(before, at), Tone.PLAIN))
            before = at
        elif awaited and not waits(found):
            found.append(Station(f"{words} {PENDING}", None, None, Tone.PENDING))
    if journey.decided_at is not None:
        # When another engine settled it is not known here, but when this one heard of it.
        took = _between(before, journey.decided_at) if journey.elsewhere is None else None
        at = None if journey.earlier and journey.elsewhere is not None else journey.decided_at
        found.append(Station(decision(journey), at, took, outcome(journey).tone))
    elif not waits(found):
        found.append(Station(say("in Strapi") + f" {PENDING}", None, None, Tone.PENDING))
    return found


def decision(journey: Journey) -> str:
    """Say what became of a decided movement: the stock before and after, or why not."""
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


def waits(found: list[Station]) -> bool:
    """Whether the last station is one that the movement has not reached."""
    return bool(found) and found[-1].at is None


def way_line(journey: Journey, width: int) -> Content:
    """Draw the way on one line.

    Args:
        journey: whose way.
        width: the cells there are; where they do not suffice the times of the hops go first, then the stations that
            it left long ago, for a `…`. Where the movement is now stays.

    Returns:
        The line, wider than the width only where the last station alone is.
    """
    found = stations(journey)
    line = _line(found, times=True, cut=False)
    if line.cell_length > width:
        line = _line(found, times=False, cut=False)
    for start in range(1, len(found)):
        if line.cell_length <= width:
            break
        line = _line(found[start:], times=False, cut=True)
    return line


def _between(before: float | None, at: float) -> float | None:
    return None if before is None or at < before else at - before


def _line(found: list[Station], *, times: bool, cut: bool) -> Content:
    parts: list[Content | tuple[str, str]] = [("… ─ ", "$foreground-disabled")] if cut else []
    for place, station in enumerate(found):
        if place:
            parts.append((" ─ ", "$foreground-disabled"))
        parts.append((station.words, STYLES[station.tone]))
        if times and station.took is not None:
            parts.append((f" {duration(station.took)}", "$foreground-muted"))
    return Content.assemble(*parts)
