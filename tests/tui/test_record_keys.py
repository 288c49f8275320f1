"""The actions on a record, in its pane and in its window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.looking import SIZES, main_screen, screen_text, until
from tests.tui.marks import TOASTS
from tui.app import OpsciApp
from tui.screens.record import RecordScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine


@pytest.mark.parametrize("opened", [False, True])
async def test_copy_the_payload_and_the_command(engine: ScriptedEngine, *, opened: bool) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = main_screen(app)
        engine.flow()
        await until(pilot, lambda: screen.mqtt.rows == 1)
        await pilot.press("1", "k", *(["enter"] if opened else []))
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == '{"id":12,"amount":5,"type":"IN"}')
        await until(pilot, lambda: "the payload, 32 bytes" in screen_text(app))
        await pilot.press("C")
        await until(pilot, lambda: "\nmosquitto_pub -h 127.0.0.1" in app.clipboard)
        await pilot.press(*(["escape"] if opened else []), "2", "k", "C")
        await until(pilot, lambda: "kcat -P -b 127.0.0.1:9092 -t stock -k 12" in app.clipboard)
        await pilot.press("3", "g", "c")
        await until(pilot, lambda: '"stock": 46' in app.clipboard)


async def test_bytes_that_are_no_text_are_copied_as_hexadecimal(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.journal.arrived([engine.journey(b"\xff\x00\x1b")])
    await until(pilot, lambda: main_screen(app).mqtt.rows == 1)
    await pilot.press("1", "c")
    await until(pilot, lambda: app.clipboard == "ff001b")


@pytest.mark.parametrize(
    ("payload", "copied"),
    [
        ('{\n\t"id": 12}', '{\n\t"id": 12}'),
        ('{"id":"\x9b31m\u202e\u2028\x7f"}', r'{"id":"\u009b31m\u202e\u2028\u007f"}'),
        ("rm\x1b[201~\u202e é", r'"rm\u001b[201~\u202e \u00e9"'),
    ],
)
async def test_what_is_copied_drives_no_terminal(
    engine: ScriptedEngine, payload: str, copied: str, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.journal.arrived([engine.journey(payload.encode())])
    await until(pilot, lambda: main_screen(app).mqtt.rows == 1)
    await pilot.press("1", "c")
    await until(pilot, lambda: app.clipboard == copied)


async def test_export_one_and_all_that_the_pane_shows(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = main_screen(app)
        engine.flow(2, product="12")
        engine.flow(1, product="13")
        await until(pilot, lambda: screen.mqtt.rows == 3)

        def written(pattern: str) -> list[dict[str, object]]:
            return [json.loads(line) for path in tmp_path.glob(pattern) for line in path.read_text().splitlines()]

        await pilot.press("1", "k", "e")
        await until(pilot, lambda: [line["product"] for line in written("opsci-mqtt-record-*.jsonl")] == ["13"])
        await pilot.press("slash", *"product=12", "enter", "E")
        await until(pilot, lambda: [line["product"] for line in written("opsci-mqtt-2*.jsonl")] == ["12", "12"])
        await until(pilot, lambda: "2 records in" in screen_text(app))
        await pilot.press("3", "E")
        await until(pilot, lambda: len(written("opsci-stock-2*.jsonl")) == 3)


@TOASTS
async def test_a_folder_that_cannot_be_written_is_said(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.flow()
    await until(pilot, lambda: main_screen(app).mqtt.rows == 1)
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
    await pilot.press("1", "e")
    await until(pilot, lambda: "Not exported" in screen_text(app))


@pytest.mark.parametrize("opened", [False, True])
async def test_r_puts_the_movement_into_the_form(engine: ScriptedEngine, *, opened: bool) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        engine.receive(product="13", amount=7)
        await until(pilot, lambda: screen.mqtt.rows == 1)
        await pilot.press("1", "k", *(["enter"] if opened else []), "r")
        await until(pilot, lambda: screen.form.amount.has_focus)
        assert (screen.form.product.value, screen.form.amount.value) == ("13", "+7")
        assert len(app.screen_stack) == 1


@TOASTS
async def test_r_on_what_is_no_movement_says_so(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    engine.journal.arrived([engine.journey(b"Hello mqtt0")])
    await until(pilot, lambda: main_screen(app).mqtt.rows == 1)
    await pilot.press("1", "r")
    await until(pilot, lambda: "names no product" in screen_text(app))
    assert not main_screen(app).form.product.value


@pytest.mark.parametrize("size", SIZES)
async def test_left_and_right_step_through_the_pane(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    journeys = engine.receive(3)
    await until(pilot, lambda: screen.mqtt.rows == 3)
    await pilot.press("1", "g", "enter")
    assert isinstance(app.screen, RecordScreen)
    for key, shown in (("right", 1), ("right", 2), ("right", 2), ("left", 1), ("left", 0), ("left", 0)):
        await pilot.press(key)
        await until(pilot, lambda: journeys[shown].movement_id in screen_text(app))  # noqa: B023
        assert screen.mqtt.cursor == shown
