"""The French of the screen: complete, up to date, and with the same placeholders as the English."""

from __future__ import annotations

import ast

from tests.tui.translations import (
    KEYWORDS,
    MO,
    ROOT,
    compiled,
    in_code,
    in_french,
    misplaced,
    spaced,
    texts,
    untranslated,
)


def test_every_text_of_the_code_has_french_and_no_other_has() -> None:
    french = in_french()
    assert texts(french) == texts(in_code()), "run python -m tests.tui.translations"
    assert untranslated(french) == []


def test_the_french_has_the_places_of_the_english() -> None:
    assert misplaced(in_french()) == []


def test_what_the_screen_reads_is_made_of_what_stands_there() -> None:
    assert compiled(in_french()) == MO.read_bytes(), "run python -m tests.tui.translations"


def test_no_line_begins_with_what_french_sets_a_space_before() -> None:
    for message in in_french():
        said = [message.string] if isinstance(message.string, str) else message.string or []
        assert [*map(spaced, said)] == [*said], "run python -m tests.tui.translations"


def test_no_text_stands_within_a_formatted_one_where_it_is_not_found() -> None:
    """Babel does not look into the braces of an f-string."""
    files = [file for room in ("bridge", "tui", "stack") for file in (ROOT / room).rglob("*.py")]
    hidden = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in files
        for formatted in ast.walk(ast.parse(file.read_text()))
        if isinstance(formatted, ast.JoinedStr)
        for call in ast.walk(formatted)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in KEYWORDS
        and any(isinstance(one, ast.Constant) for one in call.args)
    ]
    assert hidden == []
