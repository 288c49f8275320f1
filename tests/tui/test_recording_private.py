"""The private names of Textual that recording uses: these tests fail when they change."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from textual import _time, events
from textual.app import App
from textual.driver import Driver
from textual.widgets import Input

from tests.tui.looking import until
from tui._textual import strips, timers_on
from tui.recording.driver import Camera, StudioDriver, filmed
from tui.recording.film import GivenClock, LeapingLoop, given_time
from tui.recording.tour import key_event

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import OpsciApp


async def test_the_whole_screen_is_drawn_with_what_lies_under_a_window(app: OpsciApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: "Licensed" in "\n".join(strip.text for strip in strips(app)))
    await pilot.press("ctrl+p")
    await until(pilot, lambda: "Search for commands" in "\n".join(strip.text for strip in strips(app)))
    rows = strips(app)
    assert [strip.cell_length for strip in rows] == [120] * 40
    assert "stock chain" in rows[0].text, "the main screen shows around the window"


@pytest.mark.parametrize(
    ("key", "name", "character"),
    [("5", "5", "5"), ("+", "plus", "+"), ("é", "é", "é"), ("enter", "enter", None), ("ctrl+f", "ctrl+f", None)],
)
def test_a_key_is_one_as_textual_makes_it(key: str, name: str, character: str | None) -> None:
    event = key_event(key)
    assert isinstance(event, events.Key)
    assert (event.key, event.character) == (name, character)


def test_timers_go_by_a_given_clock() -> None:
    """A minute of an application's timers in far less, by the clock that is given."""
    clock = GivenClock()
    seen: list[float] = []
    began = time.perf_counter()

    class Ticking(App[None]):
        def on_mount(self) -> None:
            self.set_interval(15, lambda: seen.append(round(time.monotonic() - 1_000)))
            self.set_timer(61, self.exit)

    with given_time(clock), asyncio.Runner(loop_factory=lambda: LeapingLoop(clock)) as runner:
        app = Ticking()
        app.driver_class = StudioDriver.of(Camera())
        runner.run(app.run_async(size=(80, 24)))
    assert seen == [15, 30, 45, 60]
    assert time.perf_counter() - began < 30
    assert _time.get_time is time.monotonic


def test_the_clock_is_given_back() -> None:
    clock = GivenClock()
    before = (time.time, time.monotonic, time.perf_counter, time.tzname)
    with given_time(clock):
        assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time())) == "2026-01-15 10:00:00"
        clock.leap(2.5)
        assert time.monotonic() == 1_002.5
    assert (time.time, time.monotonic, time.perf_counter, time.tzname) == before
    with timers_on(clock.ticks):
        assert _time.get_time() == 1_002.5


def test_a_driver_is_filmed_without_changing_what_it_writes() -> None:
    written: list[str] = []
    seen: list[str] = []

    class Plain(Driver):
        def __init__(self) -> None:
            """No application."""

        def write(self, data: str) -> None:
            written.append(data)

        def start_application_mode(self) -> None: ...

        def disable_input(self) -> None: ...

        def stop_application_mode(self) -> None:
            written.append("stopped")

    camera = Camera()
    driver = filmed(Plain, camera)()  # type: ignore[call-arg]
    assert camera.driver is driver
    driver.write("before")
    camera.output = seen.append
    camera.left = lambda: seen.append("left")
    driver.write("text")
    camera.badge = "[REC]"
    driver.write("longer text")
    driver.stop_application_mode()
    assert written == ["before", "text", "longer text", "[REC]", "stopped"]
    assert seen == ["text", "longer text", "left"]


async def test_what_is_typed_comes_through_the_driver() -> None:
    camera = Camera()

    class Field(App[None]):
        def compose(self) -> list[Input]:
            return [Input()]

    app = Field()
    app.driver_class = StudioDriver.of(camera)

    async def play(pilot: Pilot[object]) -> None:
        assert camera.driver is not None
        for character in "a+é ":
            camera.driver.process_message(key_event(character))
        await pilot.pause(0.2)
        assert app.query_one(Input).value == "a+é "
        app.exit()

    await app.run_async(size=(80, 24), auto_pilot=play)
