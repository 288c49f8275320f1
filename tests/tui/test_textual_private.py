"""Where a private name of Textual is missing, its public way is used, and the screen works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from textual._compositor import Compositor
from textual.drivers.linux_driver import LinuxDriver

from tests.tui.looking import screen_text, until
from tui._keyboard import KeyboardDriver
from tui._textual import PartCompositor
from tui.app import OpsciApp
from tui.recording.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.tui.scripted import ScriptedEngine


async def test_a_screen_is_drawn_by_textual_s_own_compositor(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)):
        assert type(app.screen._compositor) is PartCompositor
    monkeypatch.setitem(sys.modules, "tui._textual", None)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        assert type(app.screen._compositor) is Compositor
        await until(pilot, lambda: "1 MQTT" in screen_text(app))


def test_keys_are_read_by_textual_s_own_driver(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.app.App.get_driver_class", lambda _: LinuxDriver)
    assert OpsciApp(engine).get_driver_class() is KeyboardDriver
    monkeypatch.setitem(sys.modules, "tui._keyboard", None)
    assert OpsciApp(engine).get_driver_class() is LinuxDriver


def test_a_tour_is_not_filmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tui._textual", "tui.recording.film"):
        monkeypatch.setitem(sys.modules, name, None)
    tour = tmp_path / "tour.py"
    tour.write_text("async def tour(t):\n    pass\n")
    assert main(["--tour", str(tour), "--out", str(tmp_path / "out.cast"), "--stepped"]) == 1
    assert "no tour can be filmed here" in capsys.readouterr().err
