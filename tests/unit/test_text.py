"""Text from outside, made safe to show."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text import UNSAFE, escaped_json, readable, readable_bytes

DRIVES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories that can move a cursor, turn a line around, end it, or can't be written at all."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello mqtt0", "Hello mqtt0"),
        ("Détecteur 5\u202f€ 温度", "Détecteur 5\u202f€ 温度"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x7f\x9b31m", r"\x7f\x9b31m"),
        ("abc\u202edcba\u2066", r"abc\u202edcba\u2066"),
        ("\ud83d", r"\ud83d"),
        ("", ""),
    ],
)
def test_what_can_drive_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert readable(text) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    shown = readable(text)
    assert not DRIVES & {unicodedata.category(character) for character in shown}
    assert readable(shown) == shown
    shown.encode()


@given(st.binary(max_size=80), st.integers(1, 100))
def test_any_bytes_are_one_printable_line(payload: bytes, limit: int) -> None:
    shown = readable_bytes(payload, limit)
    assert not DRIVES & {unicodedata.category(character) for character in shown}


@given(st.text(max_size=40), st.integers(4, 40))
def test_a_cut_keeps_the_character_whole(text: str, limit: int) -> None:
    payload = text.encode()
    shown = readable_bytes(payload, limit)
    if len(payload) <= limit:
        assert shown == readable(text)
        return
    kept, _, rest = shown.rpartition("… +")
    assert readable(text).startswith(kept)
    missing = int(rest.removesuffix(" bytes"))
    assert len(payload) - limit <= missing <= len(payload) - limit + 3


def test_what_is_no_utf8_is_shown_as_bytes() -> None:
    assert readable_bytes(b"\xff\xfe ok") == r"\xff\xfe ok"
    assert readable_bytes(b"\x80" * 8, 4) == r"\x80… +7 bytes"


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_escaped_json_says_the_same_without_unsafe_characters(text: str) -> None:
    written = escaped_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(written) == text
    assert not UNSAFE.search(written)


def test_unsafe_is_what_moves_a_cursor_or_turns_a_line() -> None:
    unsafe = {chr(code) for code in range(0x110000) if UNSAFE.match(chr(code))}
    controls = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in {"Cc", "Cs", "Zl", "Zp"}}
    turning = {chr(code) for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in _TURNING}
    assert controls - unsafe == {"\t", "\n", "\r"}
    assert turning <= unsafe
    assert unsafe - controls - turning == {"\u200e", "\u200f", "\u061c", "\ufeff"}


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
