"""The settings that are tables: presets and keys, their mistakes reported with line, found and allowed value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import SettingsError
from bridge.movement import MAX_AMOUNT
from bridge.settings import Preset
from bridge.settings.load import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import ScreenSettings


def screen(tmp_path: Path, text: str) -> ScreenSettings:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, {}).screen


def problem(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        screen(tmp_path, text)
    return str(caught.value).replace(str(tmp_path), "").removeprefix("/mine.toml, ")


def test_presets_are_read_with_products_of_every_kind(tmp_path: Path) -> None:
    text = (
        '[[screen.presets]]\nname = " a case "\namount = 24\n'
        '[[screen.presets]]\nname = "one sold"\nproduct = 12\namount = -1\n'
        f'[[screen.presets]]\nname = "all"\nproduct = "0417620608"\namount = {MAX_AMOUNT}\n'
    )
    presets = [Preset("a case", 24), Preset("one sold", -1, "12"), Preset("all", MAX_AMOUNT, "0417620608")]
    assert screen(tmp_path, text).presets == presets
    assert screen(tmp_path, '[screen]\npresets = [{ name = "x", amount = 1 }]').presets == [Preset("x", 1)]
    given = {"OPSCI_SCREEN_PRESETS": '[{"name": "x", "amount": 1}]'}
    assert load_settings(None, given).screen.presets == [Preset("x", 1)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('name = "x"', "line 1: screen.presets[0]: amount is missing"),
        ("amount = 1", "line 1: screen.presets[0]: name is missing"),
        (
            'name = ""\namount = 1',
            'line 2: screen.presets[0].name: found ""; allowed: a text of 1 to 60 characters',
        ),
        ('name = "  "\namount = 1', 'line 2: screen.presets[0].name: found "  "; allowed: a text that can be read'),
        (
            'name = "\\u001b"\namount = 1',
            'line 2: screen.presets[0].name: found "\\u001b"; allowed: a text that can be read',
        ),
        (
            'name = "x"\namount = 0',
            "line 3: screen.presets[0].amount: found 0, which moves nothing; allowed: a number but 0",
        ),
        (
            'name = "x"\namount = 2147483648',
            "line 3: screen.presets[0].amount: found 2147483648; allowed: a whole number from -2,147,483,647 to "
            "2,147,483,647",
        ),
        (
            'name = "x"\namount = 1\nproduct = true',
            "line 4: screen.presets[0].product: found true; allowed: an id, a documentId or a barcode, as text or "
            "number; empty for the chosen rows",
        ),
        (
            'name = "x"\namount = 1\nproduct = -3',
            "line 4: screen.presets[0].product: found -3; allowed: a number from 1 on, or up to 255 characters that "
            "can be read",
        ),
        (
            'name = "x"\namount = 1\n[[screen.presets]]\nname = "x "\namount = 2',
            'line 5: screen.presets[1].name: found "x", which screen.presets[0] is called already; allowed: a name of '
            "its own",
        ),
        (
            'name = "x"\namount = 1\nproduce = 3',
            "line 4: screen.presets[0].produce: there is no such setting; did you mean product?",
        ),
    ],
)
def test_wrong_presets(tmp_path: Path, rows: str, said: str) -> None:
    assert problem(tmp_path, f"[[screen.presets]]\n{rows}") == said


def test_what_is_no_list_of_presets(tmp_path: Path) -> None:
    said = problem(tmp_path, "[screen]\npresets = 3")
    assert said == "line 2: screen.presets: found 3; allowed: a list of [[screen.presets]] tables"
    said = problem(tmp_path, "[screen]\npresets = [3]")
    assert said == "line 2: screen.presets[0]: found 3; allowed: a table with name, product and amount"
    with pytest.raises(SettingsError, match="OPSCI_SCREEN_PRESETS: it is a JSON list of presets, and this is no JSON"):
        load_settings(None, {"OPSCI_SCREEN_PRESETS": "x"})
    assert screen(tmp_path, "[screen]\npresets = []").presets == []


@pytest.mark.parametrize(
    "text",
    [
        '[screen.keys]\n"focus.form" = "f4"\nhelp = ["f1", "?"]',
        '[screen.keys]\nfocus.form = "f4"\nhelp = " f1 , ?"',
        '[screen]\nkeys = { "focus.form" = "f4", help = "f1,?" }',
    ],
)
def test_keys_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    assert screen(tmp_path, text).keys == {"focus.form": "f4", "help": "f1,?"}


def test_wrong_keys(tmp_path: Path) -> None:
    said = problem(tmp_path, '[screen.keys]\n"focus.form" = 4')
    assert said == (
        'line 2: screen.keys.focus.form: found 4; allowed: a key as "f4", or several with commas between them'
    )
    assert "line 2: screen.keys.help: found" in problem(tmp_path, '[screen.keys]\nhelp = "f1,,"')
    assert 'allowed: a table as { "focus.form" = "f4" }' in problem(tmp_path, '[screen]\nkeys = "f4"')
    with pytest.raises(SettingsError, match="OPSCI_SCREEN_KEYS: it is a JSON object of keys, and this is no JSON"):
        load_settings(None, {"OPSCI_SCREEN_KEYS": "{"})


def test_the_language_is_one_of_three(tmp_path: Path) -> None:
    assert screen(tmp_path, '[screen]\nlanguage = "fr"').language == "fr"
    assert 'found "de"; allowed: "auto", "en" or "fr"' in problem(tmp_path, '[screen]\nlanguage = "de"')
