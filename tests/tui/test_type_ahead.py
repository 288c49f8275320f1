"""Keys typed in one burst have the same effect as keys typed slowly: in the form, in every line and window."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from textual.widgets import Input

from bridge.journal import Server, State
from bridge.settings import Preset, ScreenSettings, Settings
from bridge.settings.load import Sources
from tests.tui.looking import main_screen, until
from tests.tui.scripted import ScriptedEngine
from tests.tui.typing import type_at_once, type_slowly
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

PRESETS = [Preset("pallet", 40, "12"), Preset("one out", -1)]

SEQUENCES: dict[str, Sequence[str]] = {
    "form": ("4", "3", "tab", "4"),
    "form sent": ("4", "1", "2", "tab", "5", "enter"),
    "form with a suggestion": ("4", *"glo", "enter", "5", "enter", "escape", "3"),
    "form, the second one of two": ("4", *"tow", "down", "up", "tab", "-", "2", "enter", "escape", "1"),
    "form, back to a field": ("4", *"12", "tab", "5", "shift+tab", "1", "3", "enter"),
    "filter": ("/", *"ab", "enter", "3"),
    "filter and drop": ("3", "/", *"glo", "enter", "escape", "g", "+", "2", "enter"),
    "filter given up": ("2", "/", *"topic", "escape", "4", *"13", "tab", "1"),
    "amount on a row": ("3", "g", "+", *"12", "enter", "4", *"13"),
    "amount dropped": ("3", "g", "=", *"7", "escape", "j", "-", "enter"),
    "find": ("ctrl+f", *"gloves", "enter", "escape", "+", "3", "enter"),
    "find twice": ("1", "ctrl+f", *"12", "enter", "enter", "escape", "2"),
    "record": ("1", "k", "enter", "left", "escape", "2"),
    "a record into the form": ("1", "k", "r", "ctrl+u", *"9", "enter"),
    "dead letters": ("d", "g", "enter", "q", "escape", "4", *"13", "tab", "2"),
    "dead letter dropped": ("d", "g", "x", "enter", "escape", "3"),
    "preset": ("p", *"one", "enter", "enter", "4", "1"),
    "preset left": ("p", *"pal", "escape", "2"),
    "simulator": ("ctrl+g", "7", "tab", "2", "enter", "3"),
    "palette": ("ctrl+p", *"pause apply", "enter", "2"),
    "palette, then settings": ("ctrl+p", *"settings", "enter", "/", *"keepalive", "enter", "enter", "7", "enter"),
    "settings": ("s", "/", *"drain", "enter", "enter", "ctrl+a", "7", "enter", "escape", "escape", "n", "4"),
    "settings left": ("s", "j", "j", "enter", "escape", "q", "4", *"12"),
    "help": ("?", "escape", "l", "escape", "4", *"12", "tab", "3"),
}


class Came(NamedTuple):
    """The effect of some keys."""

    windows: list[str]
    focus: str
    fields: list[str]
    filters: list[str]
    cursors: list[object]
    published: list[bytes]
    calls: list[str]


def _came(app: OpsciApp, engine: ScriptedEngine) -> Came:
    screen = main_screen(app)
    focused = app.focused
    return Came(
        [type(each).__name__ for each in app.screen_stack],
        "" if focused is None else f"{type(focused).__name__} {focused.id}",
        [field.value for each in app.screen_stack for field in each.query(Input)],
        [pane.view.filter_text for pane in screen.panes],
        [pane.view.cursor for pane in screen.panes],
        [payload for payload, _ in engine.published],
        engine.calls,
    )


async def _after(
    type_keys: Callable[..., Awaitable[None]], keys: Sequence[str], sources: Sources, *, answers: bool
) -> Came:
    engine = ScriptedEngine(Settings(screen=ScreenSettings(frames=30, presets=PRESETS)))
    engine.stock_up()
    for server in Server:
        engine.connect(server, State.UP)
    engine.flow(3)
    engine.flow(2, "13", 2)
    engine.old_letters = engine.add_letters(2)
    app = OpsciApp(engine, sources)
    # The other run's filter must not count in this one; a slow machine saves it.
    app.kept = None
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: screen.stock.rows == 3 and screen.mqtt.rows == 5 and len(app.letters) == 2)
        if answers:
            engine.answers_at_once = True
        await type_keys(pilot, app, keys)
        screen.pull()
        await pilot.pause()
        return _came(app, engine)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "mine.toml"
    file.write_text("drain = 3\n[mqtt]\nkeepalive = 9\n")
    return Sources(file)


@pytest.mark.parametrize("name", SEQUENCES)
async def test_a_burst_does_what_the_same_keys_do_when_typed_slowly(name: str, sources: Sources) -> None:
    keys = SEQUENCES[name]
    slowly = await _after(type_slowly, keys, sources, answers=True)
    assert await _after(type_at_once, keys, sources, answers=True) == slowly


async def test_the_keys_of_the_issue_name_product_3_and_4_pieces(sources: Sources) -> None:
    came = await _after(type_at_once, ("4", "3", "tab", "4"), sources, answers=True)
    assert [field for field in came.fields if field] == ["3", "4"]


async def test_what_is_typed_before_the_broker_answers_is_the_next_amount(sources: Sources) -> None:
    keys = ("4", *"12", "tab", "5", "enter", "7", "enter", "8")
    came = await _after(type_at_once, keys, sources, answers=False)
    assert came.published == [b'{"id":12,"amount":5,"type":"IN"}', b'{"id":12,"amount":7,"type":"IN"}']
    assert "8" in came.fields
    assert "578" not in came.fields


async def test_enter_twice_sends_once(sources: Sources) -> None:
    for answers in (True, False):
        came = await _after(type_at_once, ("4", *"12", "tab", "5", "enter", "enter"), sources, answers=answers)
        assert came.published == [b'{"id":12,"amount":5,"type":"IN"}']


async def test_ctrl_q_ends_it_whatever_waits(sources: Sources) -> None:
    engine = ScriptedEngine()
    app = OpsciApp(engine, sources)
    async with app.run_test(size=(120, 40)) as pilot:
        await type_at_once(pilot, app, ("4", *"1234567", "ctrl+q"))
        await until(pilot, lambda: not app.is_running or app._exit)
