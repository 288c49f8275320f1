"""The French fits where the English does: every window of the program, at 80 and at 120 columns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import msgspec
import pytest

from bridge.settings import Settings
from tests.tui.windows import MARKED, WINDOWS, Seen, cut, latin
from tui.recording.staged import staged_products
from tui.settings.catalogue import catalogue

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_no_text_is_cut_in_one_language_only(size: tuple[int, int]) -> None:
    with ThreadPoolExecutor() as both:
        english, french = both.map(partial(looked, size), ("en", "fr"))
    assert english.keys() == french.keys() == WINDOWS.keys()
    differ = {name: (english[name], french[name]) for name in WINDOWS if english[name] != french[name]}
    assert not differ, "cut in English, and cut in French"


@pytest.mark.timeout(500)
def test_every_word_of_every_window_is_translated() -> None:
    """Each text is shown in Greek letters here, so what is still Latin was never asked to be translated."""
    found = looked((120, 40), MARKED)
    # Its words are in its tour file, in both languages.
    del found["guided tour"]
    left = {name: {word for word in words if not is_data(word)} for name, words in found.items()}
    assert not {name: words for name, words in left.items() if words}


def is_data(word: str) -> bool:
    """Whether a word is a name, an identifier or a path of what is shown, or is cut from one."""
    return any(known.startswith(word) for known in known_words())


@cache
def known_words() -> set[str]:
    texts = [product.name for product in staged_products(0)]
    texts += [f"{entry.key} {entry.variable}" for entry in catalogue()]
    texts.append(str(msgspec.to_builtins(Settings())))
    return latin(" ".join([*texts, NAMES, *PATHS]))


NAMES = """
MQTT Kafka KAFKA Strapi STRAPI Mosquitto SYS opsci opsci.toml opsci-bridge ms id movement-id documentId abc http ws
pid java IN OUT Hello errors engines safe danger empty staged Stable kafka.example mqtt.example strapi.example xyzzy
carton vendu retour prêt un capteur classroom at mqtt kafka.log. stock event product amount type topic
"""
"""Systems, states that they give, and what the scripted contents are made of."""

PATHS = ("/home/me/.local/share/opsci/logs", "screen presets name a box of gloves", tempfile.gettempdir())


def looked(size: tuple[int, int], language: str) -> dict[str, list[str]]:
    """What `tests.tui.windows` prints in a process, as each has one language."""
    command = [sys.executable, "-m", "tests.tui.windows", *map(str, size), language]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=420).stdout
    found: dict[str, list[str]] = json.loads(printed)
    return found


@pytest.mark.parametrize(
    ("lines", "is_cut"),
    [
        (["rien que le filtre laisse passer  "], False),
        (["rien que le filtre laisse pas…    "], True),
        (["rien que le filtre laisse pass"], True),
        (["rien que le filtre", "laisse passer"], False),
        (["d refus  v vue    …  q quitter  "], False),
    ],
)
def test_what_is_cut_is_told_from_what_goes_on_in_the_next_line(lines: list[str], is_cut: bool) -> None:
    english = "nothing that the filter lets through"
    assert cut(Seen(lines), {english: "rien que le filtre laisse passer"}) == ({english} if is_cut else set())
