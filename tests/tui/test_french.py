"""The screen in French, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui.looking import SIZES

ROOT = Path(__file__).parents[2]

SAID = (
    "MQTT connecté",
    "Kafka coupé",
    "la connexion à kafka:9092 a été fermée",
    "1 MQTT reçu",
    "1\u00a0204",
    "dans Kafka p3@",
    "4 Mouvement",
    "Suivre",
    "Filtre",
    "Aide",
    "Touches et signes",
    "Aller aux messages",
)
"""Some of what stands on the main screen and in the help: names, states, figures, the engine's words, keys."""


@pytest.mark.parametrize("size", SIZES)
def test_the_screen_speaks_french_at_every_size(size: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "tests.tui.french_screen", *map(str, size)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    missing = [text for text in SAID if text not in said]
    assert not missing, said
