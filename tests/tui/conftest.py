"""A scripted engine for each test, and the real chain on the real servers for those that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.scripted import ScriptedEngine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def user_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder for state, fresh for each test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def engine() -> ScriptedEngine:
    """An engine with three products whose three connections are up."""
    from bridge.journal import Server, State

    scripted = ScriptedEngine()
    scripted.stock_up()
    for server in Server:
        scripted.connect(server, State.UP)
    return scripted
