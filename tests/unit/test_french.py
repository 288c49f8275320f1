"""The French of the screen: complete, up to date, and with the same placeholders as the English."""

from __future__ import annotations

import ast
import gettext
import re
from typing import TYPE_CHECKING, Final

import pytest

import bridge.errors
from bridge.errors import SettingsError
from bridge.phrase import Phrase
from bridge.settings.load import load_settings
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
from tui.actions import KEY_SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS: Final = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")
_NO_TEXT: Final = re.compile(r"python3 -m|docker compose|\[\w|^bold |= \.\.\.|^# ")
"""A command to type, a type, a style, or what stands in a settings file."""
_NOT_SHOWN: Final = frozenset(
    {"print", "add_argument", "add_argument_group", "ArgumentParser", "ArgumentTypeError", "ImportError"}
)
"""What takes English: a command line's help and errors, the console of a served screen, Python's own errors."""

_ERRORS: Final = frozenset({*bridge.errors.__all__} - {"cause_of"})
_ENGLISH: Final = frozenset(
    {
        # Of a protocol, or of a person's own file.
        "sent again",
        "retained messages/count",
        "set up",
        "width and height are whole numbers",
        "a page sends text",
        "only this machine's own page may connect here",
        "a request is handled in a task",
        "there are ",
        " windows already: close one",
        'Basic realm="opsci: any user name, and the password that opsci-tui --serve gave", charset="UTF-8"',
    }
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


def test_every_text_of_the_screen_is_translated_where_it_stands() -> None:
    """Two words in a row are a text, unless they are a command to type, a style, or an example of a file."""
    left = [
        f"{file.relative_to(ROOT)}:{text.lineno}: {text.value!r}"
        for file in (ROOT / "tui").rglob("*.py")
        if file.parent.name != "recording" and file.name not in {"units.py", "help.py"}
        for text in _untranslated_texts(ast.parse(file.read_text()))
        if _WORDS.search(str(text.value)) and text.value not in _ENGLISH and not _NO_TEXT.search(str(text.value))
    ]
    assert left == []


def _untranslated_texts(tree: ast.Module) -> Iterator[ast.Constant]:
    inside = {
        id(part)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and _name(node.func) in {*KEYWORDS, *_NOT_SHOWN})
        # A docstring.
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node


def test_every_error_that_the_screen_shows_can_be_translated() -> None:
    """An error of the engine or the screen is made of a `Phrase`; those of command lines are English."""
    english = [
        f"{file.relative_to(ROOT)}:{line}"
        for room in ("bridge", "tui")
        for file in (ROOT / room).rglob("*.py")
        if file.parent.name not in {"command", "recording"}
        for line in _english_errors(file)
    ]
    assert english == []


def _english_errors(file: Path) -> Iterator[int]:
    tree = ast.parse(file.read_text())
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        texts = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and _is_english(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _name(call.func) in _ERRORS:
                said = [one.id in texts if isinstance(one, ast.Name) else _is_english(one) for one in call.args]
                if any(said):
                    yield call.lineno


def _is_english(node: ast.expr) -> bool:
    """Whether this is a text with a space in it, formatted or not; the name of a server has none."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return any(isinstance(one, ast.Constant) and " " in str(one.value) for one in parts)


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


@pytest.mark.parametrize(
    ("flags", "environ", "said"),
    [
        (
            {"mqtt.url": "localhost"},
            {"OPSCI_MQTT_KEEPALIVE": "x"},
            'environnement : OPSCI_MQTT_KEEPALIVE : reçu "x" ; permis : un nombre entier de 1 à 65 535\n'
            'ligne de commande : mqtt.url : reçu "localhost" ; permis : ws://hôte:port, wss://, mqtt:// ou mqtts://, '
            "sans utilisateur ni mot de passe",
        ),
        ({"mqtt.tpic": "a"}, {}, "ligne de commande : mqtt.tpic : ce réglage n'existe pas ; vouliez-vous dire"),
        (
            {"mqtt.publish_topic": "a/+"},
            {},
            "mqtt.publish_topic : 'a/+' n'est pas un topic où publier : les jokers + et #",
        ),
        ({"screen.presets": "[3]"}, {}, "screen.presets[0] : reçu 3 ; permis : une table avec name, product et amount"),
        ({"loop": "x"}, {}, '"asyncio" ou "uvloop"'),
    ],
)
def test_what_is_wrong_with_settings_is_said_in_french(
    flags: dict[str, str], environ: dict[str, str], said: str
) -> None:
    with MO.open("rb") as file:
        french = gettext.GNUTranslations(file).gettext
    with pytest.raises(SettingsError) as refused:
        load_settings(None, environ, flags)
    text = refused.value.text
    assert isinstance(text, Phrase)
    assert said in text.said(french).translate({0xA0: " ", 0x202F: " "})
    assert text == str(refused.value)


def test_no_text_names_a_key_of_its_own() -> None:
    """`screen.keys` can give an action other keys, so a text takes them from `tui.actions.key_of`."""
    keys = re.compile(
        r"\b(Esc|Enter|Tab|F\d+)\b|\b[Cc]trl[+-]\w"
        # A letter, but not after a number or a value, as in `5 s`, and not `A file`.
        r"|(?<![\w'.{}/+*-])(?<![}\d] )[b-zB-Z](?![\w'.}/+*-])"
    )
    of_keys = {*KEY_SIGNS.values(), "a key as f4, ctrl+g, space or +", "the screen is at {address}; Ctrl-C ends it"}
    said = {text for one in texts(in_code()) for text in ([one] if isinstance(one, str) else one)}
    assert [text for text in said - of_keys if keys.search(text) and "keys = {" not in text] == []
