"""A scripted engine for each test, and the real chain on the real servers for those that need it."""

from __future__ import annotations

import pytest

from tests.tui.scripted import ScriptedEngine


@pytest.fixture
def engine() -> ScriptedEngine:
    """An engine with three products whose three connections are up."""
    from bridge.journal import Server, State

    scripted = ScriptedEngine()
    scripted.stock_up()
    for server in Server:
        scripted.connect(server, State.UP)
    return scripted
