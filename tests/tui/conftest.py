"""A scripted engine for each test, and the real chain on real servers for tests that need it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from textual.pilot import Pilot

from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def user_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, new for each test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def _presses_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `Pilot.press` return only once the last key was handled, even on a slow machine."""
    press = Pilot.press

    async def answered(self: Pilot[None], *keys: str) -> None:
        await press(self, *keys)
        deadline = time.monotonic() + 30
        while isinstance(self.app, OpsciApp) and not self.app.type_ahead.is_idle and time.monotonic() < deadline:
            await self.pause(0)

    monkeypatch.setattr(Pilot, "press", answered)


@pytest.fixture(autouse=True)
def _toasts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a notification until a slow machine has looked for it."""
    monkeypatch.setattr(OpsciApp, "NOTIFICATION_TIMEOUT", 120)


@pytest.fixture
def engine() -> ScriptedEngine:
    """An engine with three products and three open connections."""
    return ScriptedEngine.ready()


@pytest.fixture
def size() -> tuple[int, int]:
    """The columns and rows of the terminal; override it with a parameter of this name."""
    return 120, 40


@pytest.fixture
def toasts() -> bool:
    """Whether notifications are shown."""
    return False


@pytest.fixture
def app(engine: ScriptedEngine) -> OpsciApp:
    """The application with the scripted engine, not yet open."""
    return OpsciApp(engine)


@pytest.fixture
async def pilot(app: OpsciApp, size: tuple[int, int], toasts: bool) -> AsyncIterator[Pilot[None]]:
    """The pilot of the application, which is open while the test runs."""
    async with app.run_test(size=size, notifications=toasts) as opened:
        yield opened
