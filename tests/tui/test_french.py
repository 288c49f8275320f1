"""The screen in French, in a separate process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tui.looking import SIZES
from tests.tui.translations import in_french, texts

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import OpsciApp

ROOT = Path(__file__).parents[2]

SAID = (
    "MQTT ●",
    "Kafka  ARRÊTÉ",
    "Kafka ne répond p",
    "la connexion à kafka:9092 a été fermée",
    "1\u00a0204 reçus",
    "Kafka p3@",
    "Envoyer",
    "suivre",
    "filtre",
    "aide",
    "Touches et signes",
    "Aller aux messages",
)
"""Some of what stands on the main screen and in the help: names, states, figures, the engine's words, keys."""


async def test_every_command_of_the_palette_has_french(app: OpsciApp, pilot: Pilot[None]) -> None:
    french = texts(in_french())
    await pilot.press("3")
    for command in app.get_system_commands(app.screen):
        assert command.title in french
        # Behind what has a key stands the key, and in one of the others the web client's address.
        does = command.help.rpartition(" · ")[0] or command.help
        assert does in french or app.engine.settings.screen.web in does


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_speaks_french_at_every_size(size: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "tests.tui.french_screen", *map(str, size)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    missing = [text for text in SAID if text not in said]
    assert not missing, said
