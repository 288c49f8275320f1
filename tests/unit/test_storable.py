"""One rule for storable texts on both sides of the ledger's route: in the engine and, in Node, in the ledger."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.identity import is_identity
from bridge.movement import Movement, encode_movement, read_movement
from bridge.text import LONGEST_TEXT, can_be_stored, is_storable, length_of
from stack.paths import ROOT

_NODE: Final = shutil.which("node") or ""
_RULES: Final = ROOT / "stack" / "strapi" / "src" / "ledger" / "texts.js"
_SCRIPT: Final = f"""
const {{ isStorable, LONGEST_TEXT }} = require({json.dumps(str(_RULES))});
const texts = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify([LONGEST_TEXT, texts.map((text) => text !== '' && isStorable(text))]));
"""

LENGTHS: Final = (1, 126, 127, 128, 129, 254, 255, 256, 510, 511)


def of_every_plane() -> list[str]:
    """Texts with characters of each plane and of several, of each length at which a rule could change."""
    characters = [chr(plane * 0x10000 + low) for plane in range(17) for low in (0x21, 0xE9, 0x3FF, 0xFFFF)]
    characters += ["\x00", "\x01", "\x7f", "\ud800", "\udbff", "\udc00", "\udfff", "\ufffd", "\u202e"]
    texts = [character * length for character in characters for length in LENGTHS]
    # What a reader sees as one character: a letter with its accent, a family, a flag.
    for cluster in ("e\u0301", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "\ud83d\ude00"):
        texts += [(cluster * 255)[:length] for length in LENGTHS]
    chance = random.Random(7)  # noqa: S311
    everything = [*characters, *map(chr, range(0x20, 0x7F))]
    return [*texts, *("".join(chance.choices(everything, k=chance.choice(LENGTHS))) for _ in range(300)), ""]


@pytest.mark.skipif(not _NODE, reason="Node.js is what the ledger runs in")
def test_the_ledger_and_the_engine_take_the_same_texts() -> None:
    texts = of_every_plane()
    done = subprocess.run([_NODE, "-e", _SCRIPT], input=json.dumps(texts), capture_output=True, text=True, check=True)
    longest, taken = json.loads(done.stdout)
    assert longest == LONGEST_TEXT
    # A pair of surrogates is one character to JSON, and Python keeps two apart that were never put together.
    mine = [is_storable(json.loads(json.dumps(text))) for text in texts]
    differ = [ascii(text)[:80] for text, ours, its in zip(texts, mine, taken, strict=True) if ours is not its]
    assert differ == []
    assert any(taken)
    assert not all(taken)


@given(st.text(st.characters(), max_size=300))
def test_what_is_read_as_a_product_can_be_stored(text: str) -> None:
    judged = read_movement(json.dumps({"id": text, "amount": 1, "type": "IN"}).encode())
    if isinstance(judged, Movement):
        assert is_storable(judged.product)
        judged.product.encode()
        assert read_movement(encode_movement(judged)) == judged
    else:
        assert not is_storable(text.strip())


@given(st.text(st.characters(), max_size=300))
def test_an_identity_can_be_stored(text: str) -> None:
    assert not is_identity(text) or is_storable(text)
    assert is_storable(text, 600) == (text != "" and can_be_stored(text))


@pytest.mark.parametrize("character", ["\U0001f4a1", "\U0010fffd", "e", "\u00e9", "\u4e00"])
def test_characters_are_counted_as_strapi_counts_them(character: str) -> None:
    most = 255 // length_of(character)
    assert length_of(character) == (2 if character > "\uffff" else 1)
    assert is_storable(character * most)
    assert not is_storable(character * (most + 1))
