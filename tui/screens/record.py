"""The window that shows one record in full, and is kept up to date while the record is in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from bridge.journal import Journey
from bridge.text import readable
from tui.actions import bindings
from tui.format import clock_milliseconds, count, duration, signed
from tui.json_colours import json_in_colour
from tui.language import say, say_count
from tui.outcome import EARLIER, STYLES, Tone, outcome
from tui.timeline import hop_times
from tui.widgets.cached_static import CachedStatic
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from tui.actions import What
    from tui.widgets.cursor import AnyView

__all__ = ["RecordScreen", "hexdump", "journey_details", "payload_lines"]


SHOWN = 4_096

WIDTH = 15


def payload_lines(payload: bytes, more: int = 0) -> list[Content]:
    """Lay a payload out in printable lines, JSON in colour; bytes after the first 4,096 are only counted.

    Args:
        payload: any bytes.
        more: number of further bytes that aren't in `payload`.
    """
    if not payload:
        return [Content(say("(empty)"))]
    hidden = max(0, len(payload) - SHOWN) + more
    cut = ["… " + say_count("+{count} byte", "+{count} bytes", hidden)] if hidden else []
    try:
        if not cut:
            lines = msgspec.json.format(payload, indent=2).decode().split("\n")
            return [json_in_colour(readable(line)) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    head = payload[:SHOWN]
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return list(map(Content, hexdump(head) + cut))
    return [Content(readable(line)) for line in text.splitlines()] + list(map(Content, cut))


def hexdump(payload: bytes) -> list[str]:
    """Write bytes sixteen to a line: offset, hexadecimal, and printable ASCII."""
    lines = []
    for start in range(0, len(payload), 16):
        chunk = payload[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
        lines.append(f"{start:06x}  {chunk[:8].hex(' '):23}  {chunk[8:].hex(' '):23}  {text}")
    return lines


def journey_details(journey: Journey) -> Content:
    """Lay out a journey: its path with the time of each hop, its fields, headers and payload."""
    found = outcome(journey)
    lines = [
        Content.styled(f"{found.glyph} {found.words}", f"bold {STYLES[found.tone]}"),
        *([_field(say("why"), say(journey.rejection.text))] if journey.rejection else []),
        _heading(say("Way")),
        *_way(journey),
        _heading(say_count("Payload, {count} byte", "Payload, {count} bytes", journey.size)),
        *payload_lines(journey.payload, journey.cut),
        _heading(say("Movement")),
        _field("movement-id", journey.movement_id),
    ]
    movement = journey.movement
    if journey.product:
        lines.append(_field(say("product"), f"{journey.product}  {journey.product_name}".strip()))
    if movement is not None:
        lines.append(_field(say("amount"), f"{signed(movement.delta)} ({movement.type})"))
    if journey.stock_after is not None and journey.stock_before is not None:
        lines.append(_field(say("stock"), f"{count(journey.stock_before)} → {count(journey.stock_after)}"))
    lines += [_heading("MQTT"), *_mqtt(journey), _heading("Kafka"), *_kafka(journey)]
    return Content("\n").join(lines)


def _way(journey: Journey) -> Iterable[Content]:
    if journey.earlier:
        told = say("read back from Kafka at the start, and counted in no figure")
        yield Content.styled(f"{EARLIER} {told}", STYLES[Tone.MUTED])
    for hop in hop_times(journey):
        took = f"+{duration(hop.took)}" if hop.took is not None else ""
        yield Content.assemble(
            (f"{clock_milliseconds(hop.at):{WIDTH}} ", STYLES[Tone.MUTED]),
            (f"{took:>9}  ", STYLES[Tone.MUTED]),
            (hop.words, STYLES[hop.tone]),
        )


def _mqtt(journey: Journey) -> Iterable[Content]:
    if journey.mqtt_topic is None:
        yield Content.styled(say("written into Kafka by another program"), STYLES[Tone.MUTED])
        return
    yield _field(say("topic"), journey.mqtt_topic)
    yield _field(say("QoS"), str(journey.qos))
    yield _field(say("retained"), say("yes") if journey.retained else say("no"))
    yield _field(say("duplicate (DUP)"), say("yes") if journey.redelivered else say("no"))
    for name, value in journey.properties:
        yield _field(name, value)


def _kafka(journey: Journey) -> Iterable[Content]:
    yield _field(say("topic"), journey.kafka_topic or "-")
    yield _field(say("partition"), str(journey.partition) if journey.partition >= 0 else "-")
    yield _field(say("offset"), count(journey.offset) if journey.offset >= 0 else "-")
    yield _field(say("key"), say("none") if journey.key is None else journey.key)
    if journey.acknowledged_at is not None and journey.received_at is not None:
        yield _field(
            say("acknowledged"),
            say("after {time}").format(time=duration(journey.acknowledged_at - journey.received_at)),
        )


def _field(name: str, value: str) -> Content:
    return Content.assemble((f"{readable(name):{WIDTH}} ", STYLES[Tone.MUTED]), readable(value))


def _heading(text: str) -> Content:
    return Content.assemble("\n", (text, STYLES[Tone.HEADING]))


class RecordScreen(ModalScreen[None], TranslatedKeys[None]):
    """One journey.

    Args:
        view: the pane that it is from, in whose order left and right step.
        item: the journey.
        frames: refreshes per second.
    """

    BINDINGS = bindings("record")

    def __init__(self, view: AnyView, item: Journey, frames: int) -> None:
        super().__init__()
        self._view = view
        self._item = item
        self._frames = frames

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="record") as box:
            box.border_title = Content(say("Record"))
            yield CachedStatic(id="record-text", markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Show the record and start refreshing."""
        self.pull()
        self.set_interval(1 / self._frames, self.pull)

    def pull(self) -> None:
        """Show changes."""
        self.query_one("#record-text", CachedStatic).update(journey_details(self._item))

    def action_step(self, step: int) -> None:
        """Show the previous or next record of the pane."""
        item = self._view.neighbour(step)
        if not isinstance(item, Journey):
            self.notify(say("this is the last record") if step > 0 else say("this is the first record"))
            return
        self._item = item
        self.query_one("#record", VerticalScroll).scroll_home(animate=False)
        self.pull()

    def action_want(self, what: What) -> None:
        """Do something with the record; filling the form also closes the window."""
        self._view.post_message(self._view.Wanted(self._view, what, self._item))
        if what == "fill":
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#record", VerticalScroll).scroll_relative(y=lines, animate=False)
