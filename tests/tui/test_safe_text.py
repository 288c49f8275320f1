"""Nothing from outside can control the terminal: property tests over the lines that reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.style import Style
from textual.content import Content
from textual.events import Paste

from bridge.journal import Journal, Journey, Product, State, Verdict
from bridge.journal.connection import Connection, Server
from bridge.movement import Reason, Rejection
from bridge.simulator import SimulatorStatus
from bridge.text import readable
from tests.tui.looking import main_screen, screen_text, until
from tests.tui.marks import TOASTS
from tui.app import OpsciApp
from tui.outcome import Tone
from tui.screens.product import MOVEMENT_COLUMNS, product_facts
from tui.screens.record import journey_details
from tui.timeline import dots, marks, result, timeline, timeline_row
from tui.widgets.column_layout import Column, lay_out
from tui.widgets.columns import KAFKA_COLUMNS, MQTT_COLUMNS, STOCK_COLUMNS
from tui.widgets.status import banner_lines, state_label, status_line, trouble_lines
from tui.widgets.strips import record_line

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
hostile = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202e\r\n\t\x7f\ud800"
widths = st.integers(1, 220)
TONES = dict.fromkeys(Tone, Style())


def assert_safe(text: str) -> None:
    for line in text.split("\n"):
        assert readable(line) == line, ascii(line)


def journey_of(text: str, payload: bytes) -> Journey:
    journey = Journey(
        text,
        payload,
        mqtt_topic=text,
        properties=((text, text),),
        received_at=1_700_000_000.0,
        kafka_topic=text,
        key=text,
        rejection=Rejection(Reason.NOT_JSON, text),
    )
    journey.product_name = text
    journey.verdict, journey.decided_at = Verdict.REJECTED, 1_700_000_001.0
    return journey


@given(any_text, st.binary(max_size=80), widths)
@example(hostile, hostile.encode("utf-8", "surrogatepass"), 200)
@example("日本語の商品", "日本語".encode(), 41)
def test_a_record_of_any_text_is_one_printable_line_of_its_width(text: str, payload: bytes, width: int) -> None:
    journey = journey_of(text, payload)
    for columns in (MQTT_COLUMNS, KAFKA_COLUMNS, MOVEMENT_COLUMNS):
        strip = record_line(lay_out(columns, width), journey, 0.0, tones=TONES, width=width)
        assert_safe(strip.text)
        assert sum(segment.cell_length for segment in strip) == width
    assert_safe(timeline_row(marks(journey, 2.0), width).plain)
    assert_safe(timeline(marks(journey, 2.0), [0, 9, 30, 60], 90).plain.replace("\n", " "))
    assert_safe(dots(journey).plain + result(journey)[0])
    assert_safe(journey_details(journey).plain)


@given(any_text, widths)
@example(hostile, 80)
def test_a_product_of_any_text_is_one_printable_line_of_its_width(text: str, width: int) -> None:
    product = Product(1, text, text, 5, text, text)
    columns: tuple[Column[Product], ...] = STOCK_COLUMNS
    strip = record_line(lay_out(columns, width), product, 0.0, tones=TONES, width=width)
    assert_safe(strip.text)
    assert sum(segment.cell_length for segment in strip) == width
    assert_safe(product_facts(product, ()).plain)


@given(any_text)
@example(hostile)
def test_the_status_of_any_text_is_printable(text: str) -> None:
    journal = Journal(10)
    journal.notes["note"] = text
    for state in State:
        connection = Connection(state, text, 1.0, text, text)
        journal.connections[Server.MQTT] = connection
        for content in (
            state_label(connection, 2.0),
            banner_lines(journal, 2.0),
            trouble_lines({Server.MQTT: connection}, journal.notes),
            status_line(journal, SimulatorStatus(trouble=text), 120),
        ):
            assert isinstance(content, Content)
            assert_safe(content.plain)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
@TOASTS
async def test_no_control_character_reaches_the_terminal(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    journey = journey_of(hostile, hostile.encode("utf-8", "surrogatepass"))
    journey.partition, journey.offset, journey.acknowledged_at = 0, 1, 1_700_000_000.5
    engine.journal.arrived([journey])
    engine.journal.acknowledged([journey])
    engine.journal.stock.read([Product(1, hostile, f"[bold]{hostile}", 5, hostile, hostile)], complete=True)
    engine.connect(Server.MQTT, State.DOWN, hostile, hostile)
    engine.journal.notes["note"] = hostile
    await until(pilot, lambda: screen.mqtt.rows == 1)
    for key in ("1", "k", "2", "k", "3", "k", "enter"):
        await pilot.press(key)
        assert_safe(screen_text(app))
    await pilot.press("escape", "1", "k", "enter")
    assert_safe(screen_text(app))
    await pilot.press("escape", "ctrl+f", *"owned", "enter")
    assert_safe(screen_text(app))
    await pilot.press("escape", "1", "slash", *"owned")
    app.post_message(Paste(hostile))
    await pilot.press("space", "enter", "c", "C", "t", "l")
    await until(pilot, lambda: "p95" in screen_text(app))
    assert_safe(screen_text(app))
    await pilot.press("escape", "slash", "escape")
    await pilot.press("4", *"bo")
    await until(pilot, lambda: "[bold]" in screen_text(app))
    assert_safe(screen_text(app))
    app.post_message(Paste(hostile))
    await until(pilot, lambda: "owned" in screen.form.product.value)
    assert_safe(screen.form.product.value)
    assert_safe(screen_text(app))
